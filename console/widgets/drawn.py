"""Widgets of a few lines that are drawn again whenever something may have changed, and repainted where something has.

A second that passes, or a poll that says what the last one said, repaints nothing; an age that goes on repaints its own
line. The terminal is written to, over a slow line perhaps, for what an eye could see.
"""

from collections.abc import Sequence

from textual.content import Content
from textual.geometry import Region, Size
from textual.widget import Widget
from textual.widgets import Static


def changed_rows(before: Sequence[Content], now: Sequence[Content], width: int) -> list[Region] | None:
    """Return where lines look different now; None when all must be painted: there are more lines, or less, or one that
    is broken because it does not fit moves those below it."""
    if len(before) != len(now) or any(line.cell_length > width for line in (*before, *now)):
        return None
    pairs = enumerate(zip(before, now, strict=True))
    return [Region(0, y, width, 1) for y, (was, line) in pairs if not line.is_same(was)]


class Drawn(Widget):
    """A widget that remembers its lines. Subclasses draw them, and call `redraw` when they might draw others."""

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self._drawn: Sequence[Content] | None = None
        self._drawn_size = Size()
        self._may_differ = False

    def draw(self) -> Sequence[Content]:
        """Return the lines for the size at hand."""
        raise NotImplementedError

    def redraw(self) -> None:
        """Repaint the lines that look different, once all is told that there is to tell."""
        self._may_differ = True
        self.check_idle()

    def on_idle(self) -> None:
        """Draw once after several changes."""
        if self._may_differ:
            self._may_differ = False
            self._repaint()

    def _repaint(self) -> None:
        before, size = self._drawn, self.content_size
        if before is None or size != self._drawn_size:
            self._drawn = None
            self.refresh()
            return
        self._drawn = self.draw()
        rows = changed_rows(before, self._drawn, size.width)
        if rows is None:
            self.refresh()
        elif rows:
            self.refresh(*rows)

    def render(self) -> Content:
        """Return the lines that were drawn last, for another size new ones."""
        if self._drawn is None or self._drawn_size != self.content_size:
            self._drawn, self._drawn_size = self.draw(), self.content_size
        return Content("\n").join(self._drawn)


class Sentence(Static):
    """Words that are laid out and painted when they are others than before."""

    def say(self, words: Content) -> None:
        """Take the words in."""
        said = self.content
        if not (isinstance(said, Content) and said.is_same(words)):
            self.update(words)
