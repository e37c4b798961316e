"""The dialog that asks for one value, before an action can be looked at."""

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Input, Static

from console.formats import Moment, safe_text
from console.screens.action_fields import Asked
from console.screens.dialogs import DialogBox


class AskDialog(DialogBox[object]):
    """Asks for a value. Dismisses with it, or None."""

    AUTO_FOCUS = "#value"

    def __init__(self, title: str, asked: Asked, moment: Moment) -> None:
        super().__init__()
        self._title = title
        self._asked = asked
        self._moment = moment

    def compose(self) -> ComposeResult:
        """Lay out the field and the buttons."""
        with Vertical(classes="box"):
            yield Static(Content(self._title), classes="title")
            yield Static(Content.styled(self._asked.label, "$muted"))
            yield Input(self._asked.start, id="value", max_length=60, placeholder=self._asked.blank)
            yield Static(id="value-error")
            yield from self.buttons("Look")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter goes on: what comes next only shows what would be done."""
        event.stop()
        self.accept()

    def accept(self) -> None:
        """Answer with the value; say what is wrong with it."""
        try:
            value = self._asked.read(self.query_one("#value", Input).value.strip(), self._moment)
        except ValueError as error:
            self.query_one("#value-error", Static).update(safe_text(error, limit=200).stylize("$error"))
            self.query_one("#value", Input).focus()
        else:
            self.dismiss(value)
