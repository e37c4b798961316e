"""The line at the bottom in which a place is written: `:queue email`, `:job 3f2a`, `:jobs err:Timeout`."""

from collections.abc import Callable, Mapping, Sequence

from textual import events
from textual.app import ComposeResult

from console import bindings
from console.completion import Completion
from console.places import COMMANDS, completed
from console.screens.modal import Modal
from console.widgets.filter_bar import FilterBar, Grammar, Words
from storage.history.query import FIELDS


class CommandLine(Modal[str | None]):
    """One line over the screen below. Dismisses with the text of a place, or None."""

    BINDINGS = bindings.of("command line")

    def __init__(self, check: Callable[[str], object], screens: Sequence[str]) -> None:
        super().__init__()
        self._screens = tuple(screens)
        self._grammar = Grammar(check, {**FIELDS, **COMMANDS}, "", self._completed, " : ", is_counted=False)
        self._is_left = False

    def compose(self) -> ComposeResult:
        """Lay out the line."""
        yield FilterBar("", self._grammar, 0)

    def on_mount(self) -> None:
        """Let it be written at once."""
        self.query_one(FilterBar).begin()

    def _completed(self, text: str, cursor: int, words: Words) -> Completion:
        return completed(text, cursor, self._screens, words)

    def know_words(self, words: Mapping[str, tuple[str, ...]]) -> None:
        """Take in real values, to complete what is written."""
        for bar in self.query(FilterBar):
            bar.know(words)

    def on_filter_bar_chosen(self, event: FilterBar.Chosen) -> None:
        """Answer with the place; without a text, with none."""
        event.stop()
        self._leave(event.criteria or None)

    def on_filter_bar_left(self, event: FilterBar.Left) -> None:
        """Stay where one was."""
        event.stop()
        self._leave(None)

    def on_click(self, event: events.Click) -> None:
        """A click beside the line leaves it."""
        if event.widget is self:
            self._leave(None)

    def action_leave(self) -> None:
        """Stay where one was."""
        self._leave(None)

    def _leave(self, text: str | None) -> None:
        if not self._is_left:
            self._is_left = True
            self.dismiss(text)
