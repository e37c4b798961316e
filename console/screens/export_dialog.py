"""The dialog that asks as what, and where to, something is exported."""

from datetime import datetime
from pathlib import Path

from msgspec import Struct
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Button, Input, OptionList, Static
from textual.widgets.option_list import Option

from console.exporting import FORMATS, Format, path_for
from console.formats import safe_text
from console.screens.dialogs import DialogBox
from storage.values import replace


class Ordered(Struct, frozen=True):
    """What was chosen. ``replaces``: a file that is there already is to be replaced."""

    form: Format
    path: Path
    replaces: bool = False


class ExportDialog(DialogBox[Ordered]):
    """Asks for the format and the path. Dismisses with them, or None."""

    AUTO_FOCUS = "#export-formats"

    def __init__(self, name: str, title: str, now: datetime) -> None:
        super().__init__()
        self._called = name
        self._title = title
        self._now = now
        self._form: Format = "json"
        self._proposed = str(path_for(name, "json", now))
        self._warned: Ordered | None = None

    def compose(self) -> ComposeResult:
        """Lay out the formats, the path and the buttons."""
        with Vertical(classes="box"):
            yield Static(Content(self._title), classes="title")
            options = [Option(Content(words), id=form) for form, words in FORMATS.items()]
            yield OptionList(*options, id="export-formats", compact=True, markup=False)
            yield Static(Content.styled("File", "$muted"), classes="reason-label")
            yield Input(self._proposed, id="export-path", max_length=1_000)
            yield Static(id="export-error")
            yield from self.buttons("Export")

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        """The name of the file follows the format, as long as nobody wrote another."""
        event.stop()
        self._form = next(form for form in FORMATS if form == event.option_id)
        field = self.query_one("#export-path", Input)
        if field.value == self._proposed:
            self._proposed = field.value = str(path_for(self._called, self._form, self._now))

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Enter on a format exports."""
        event.stop()
        self.accept()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter on the path exports."""
        event.stop()
        self.accept()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Another path is another question."""
        event.stop()
        self._say(Content(""))
        self._warned = None

    def accept(self) -> None:
        """Answer; a file that is there already is replaced only when it is said twice."""
        text = self.query_one("#export-path", Input).value.strip()
        if not text:
            self._say(Content.styled("A file needs a name.", "$error"))
            return
        try:
            ordered = Ordered(self._form, Path(text).expanduser().absolute())
            problem = _problem(ordered.path)
        except (RuntimeError, OSError, ValueError) as error:  # the home of a user that there is not
            problem = f"{text}: {error}"
        if problem:
            self._say(safe_text(problem, limit=300).stylize("$error"))
            self.query_one("#export-path", Input).focus()
        elif ordered == self._warned or not ordered.path.exists():
            self.dismiss(replace(ordered, replaces=ordered == self._warned))
        else:
            self._warned = ordered
            said = f"{ordered.path.name} is there already. Once more, and it is replaced."
            self._say(safe_text(said, limit=300).stylize("$warning"))

    def _say(self, sentence: Content) -> None:
        self.query_one("#export-error", Static).update(sentence)
        self.query_one("#do", Button).label = Content("Replace" if "replaced" in sentence.plain else "Export")


def _problem(path: Path) -> str:
    """Say why a path can not be a file; "" when it may."""
    try:
        if path.is_dir():
            return f"{path} is a directory: name a file in it."
        if not path.parent.is_dir():
            return f"There is no directory {path.parent}."
        path.exists()
    except (OSError, ValueError) as error:
        return f"{path}: {getattr(error, 'strerror', None) or error}."
    return ""
