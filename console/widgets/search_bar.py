"""The bar above the files: a text whose nearest passages are wanted."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, Static

from console.formats import safe_text
from console.widgets.drawn import Sentence

LONGEST = 1_000


class SearchBar(Horizontal):
    """Shows what is searched; `begin` lets it be written."""

    TYPED: ClassVar = (("enter", "search"), ("back", "cancel"))
    """Its keys while it is written in, for the key bar."""

    DEFAULT_CSS = """
    SearchBar { height: 1; background: $surface; }
    SearchBar #search-sign { width: 3; color: $accent; }
    SearchBar #search-input { border: none; height: 1; padding: 0; width: 1fr; background: $surface; display: none; }
    SearchBar #search-input:focus { border: none; background: $panel; }
    SearchBar #search-shown { width: 1fr; height: 1; text-wrap: nowrap; text-overflow: ellipsis; }
    SearchBar #search-note { width: auto; height: 1; padding: 0 1; color: $muted; }
    SearchBar.-editing #search-input { display: block; }
    SearchBar.-editing #search-shown { display: none; }
    """

    class Chosen(Message):
        """A text was entered; "" ends the search."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class Left(Message):
        """Editing ended."""

    def __init__(self) -> None:
        super().__init__()
        self.text = ""

    def compose(self) -> ComposeResult:
        """Lay out sign, text and note."""
        yield Static(Content(" / "), id="search-sign")
        yield Input(id="search-input", max_length=LONGEST, placeholder="the nearest passages to …", compact=True)
        yield Static(id="search-shown")
        yield Sentence(id="search-note")

    def on_mount(self) -> None:
        """Say that nothing is searched."""
        self.show("")

    def show(self, text: str) -> None:
        """Show what is searched."""
        self.text = text
        shown = safe_text(text, limit=200).stylize("$strong")
        self.query_one("#search-shown", Static).update(shown if text else Content.styled("every file", "$faint"))

    def tell(self, note: Content) -> None:
        """Say how many there are, or were found."""
        self.query_one("#search-note", Sentence).say(note)

    @property
    def editing(self) -> bool:
        """Whether the text is being written."""
        return self.has_class("-editing")

    def begin(self) -> None:
        """Let the text be written."""
        self.add_class("-editing")
        field = self.query_one("#search-input", Input)
        field.value = safe_text(self.text, limit=LONGEST).plain
        field.focus()

    def end(self) -> None:
        """Leave the search as it was."""
        self.remove_class("-editing")
        self.post_message(self.Left())

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Take the text."""
        event.stop()
        text = event.value.strip()
        self.show(text)
        self.post_message(self.Chosen(text))
        self.end()
