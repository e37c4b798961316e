"""The tabs of a screen in one line, with a note at its right end."""

from collections.abc import Sequence
from typing import Any

from textual import events
from textual.app import App
from textual.content import Content
from textual.message import Message

from console.widgets.drawn import Drawn
from storage.wording import plural


def tab_keys(app: App[Any]) -> Content:
    """Return the keys that go from tab to tab, an operator's own too."""
    key_of = getattr(app, "key_of", lambda name: "[" if name.endswith("previous") else "]")
    return Content.styled(f"{key_of('tab.previous')} {key_of('tab.next')}", "bold $primary") + Content(" ")


class TabLine(Drawn):
    """Draws the tabs; says when one is clicked."""

    DEFAULT_CSS = "TabLine { height: 1; background: $surface; color: $muted; }"

    class Chosen(Message):
        """A tab was clicked."""

        def __init__(self, tab: str) -> None:
            super().__init__()
            self.tab = tab

    def __init__(self, tabs: tuple[tuple[str, str], ...], active: str) -> None:
        super().__init__()
        self.tabs = tabs
        self.active = active
        self.counts: dict[str, int] = {}
        self.note = Content("")
        self._spots: list[tuple[int, int, str]] = []

    def tell(self, active: str, counts: dict[str, int], note: Content) -> None:
        """Take in which tab is shown, how much is in each, and the note."""
        if (active, counts, note.plain) != (self.active, self.counts, self.note.plain):
            self.active, self.counts, self.note = active, counts, note
            self.redraw()

    def draw(self) -> Sequence[Content]:
        """Put tabs and note into one line."""
        line = Content(" ")
        self._spots = []
        if len(self.tabs) == 1:  # what there is one of is no choice: only how many there are is said, once it is known
            ((only, title),) = self.tabs
            many = plural(self.counts[only], title.lower().removesuffix("s")) if only in self.counts else title
            line += Content.styled(many, "$muted")
        for tab, title in self.tabs if len(self.tabs) > 1 else ():
            number = f" {self.counts[tab]:,}" if self.counts.get(tab) else ""
            style = "bold $strong underline" if tab == self.active else "$muted"
            entry = Content.assemble((title, style), (number, "$faint"))
            self._spots.append((line.cell_length, line.cell_length + entry.cell_length, tab))
            line += entry + Content("   ")
        end = self.note + Content("  ") if self.note.plain else self.note
        end += tab_keys(self.app) if len(self.tabs) > 1 else Content("")
        gap = max(1, self.size.width - line.cell_length - end.cell_length)
        return ((line + Content(" " * gap) + end).truncate(self.size.width),)

    def on_click(self, event: events.Click) -> None:
        """Choose the tab under the mouse."""
        for start, end, tab in self._spots:
            if start <= event.x < end:
                self.post_message(self.Chosen(tab))
