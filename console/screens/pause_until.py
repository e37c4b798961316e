"""The dialog that asks until when something is paused, and why."""

from datetime import datetime
from typing import Final

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Button, Input, Static

from console.formats import Moment, safe_text
from console.instants import EXPECTED, coming
from console.screens.dialogs import Dialog, Preview

UNTIL: Final = f"Until when ({EXPECTED.removeprefix('say ')})"


class PauseUntilDialog(Dialog):
    """Asks for an instant and a reason. Dismisses with the reason; `until_at` is then the instant, or None."""

    AUTO_FOCUS = "#until"

    def __init__(self, preview: Preview, moment: Moment) -> None:
        super().__init__()
        self.preview = preview
        self.moment = moment
        self.until_at: datetime | None = None

    def compose(self) -> ComposeResult:
        """Lay out what, the two fields, and the buttons."""
        with Vertical(classes="box"):
            yield Static(Content(self.preview.title), classes="title")
            yield Static(self.preview.says)
            yield Static(
                Content.styled(f"Until when: {EXPECTED.removeprefix('say ')}", "$muted"), classes="reason-label"
            )
            yield Input(id="until", max_length=40, placeholder="until it is resumed")
            yield Static(id="until-means")
            yield Static(Content.styled("Reason, for those who find it so", "$muted"), classes="reason-label")
            yield Input(id="reason", max_length=200, placeholder="why?")
            yield Static(id="reason-error")
            yield from self.buttons(self.preview.does)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Say what the instant means, while it is typed."""
        event.stop()
        if event.input.id == "until":
            self._read()

    def _read(self) -> bool:
        """Take the instant in; False when it means none."""
        text, means = self.query_one("#until", Input).value.strip(), self.query_one("#until-means", Static)
        self.until_at = None
        if not text:
            means.update(Content(""))
            return True
        try:
            self.until_at = coming(text, self.moment)
        except ValueError as error:
            means.update(safe_text(error, limit=200).stylize("$error"))
            return False
        means.update(Content.styled(f"until {self.moment.full(self.until_at)}", "$accent"))
        return True

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Go on to the next field, then to the buttons: enter twice must not do anything."""
        event.stop()
        if event.input.id == "until":
            self.query_one("#reason", Input).focus()
        else:
            self.query_one("#cancel", Button).focus()

    def accept(self) -> None:
        """Answer with the reason; say what is missing or wrong."""
        reason = self.query_one("#reason", Input).value.strip()
        if not self._read():
            self.query_one("#until", Input).focus()
        elif not reason:
            self.query_one("#reason-error", Static).update(Content.styled("A reason is needed.", "$error"))
            self.query_one("#reason", Input).focus()
        else:
            self.dismiss(reason)
