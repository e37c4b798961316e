"""A page of lines that are laid out for the width at hand, and the scroller around it."""

from collections.abc import Sequence

from textual.containers import VerticalScroll
from textual.content import Content
from textual.geometry import Size
from textual.widget import Widget

from console import bindings
from console.widgets.drawn import changed_rows


class Page(Widget):
    """Draws lines; subclasses lay them out."""

    DEFAULT_CSS = "Page { height: auto; width: 1fr; }"

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self._laid_out: tuple[int, list[Content]] | None = None

    def lines(self, width: int) -> list[Content]:
        """Return the lines for so many cells."""
        raise NotImplementedError

    def changed(self) -> None:
        """Lay out again, and repaint the lines that look different now."""
        before, self._laid_out = self._laid_out, None
        rows = None
        if before is not None and self.size:
            width, lines = before
            rows = changed_rows(lines, self._lines(width), width)
        if rows is None:
            self.refresh(layout=True)
        elif rows:
            self.refresh(*rows)

    def _lines(self, width: int) -> list[Content]:
        if self._laid_out is None or self._laid_out[0] != width:
            self._laid_out = (width, self.lines(width))
        return self._laid_out[1]

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """Return how many lines there are."""
        del container, viewport
        return max(1, len(self._lines(width)))

    def render(self) -> Content:
        """Draw the lines."""
        return Content("\n").join(self._lines(self.content_size.width))


class Scroller(VerticalScroll, inherit_bindings=False):
    """Scrolls a page with the keys of every list."""

    DEFAULT_CSS = """
    Scroller { background: $background; scrollbar-size-vertical: 1; height: 1fr; }
    Scroller.-stale { opacity: 55%; }
    """
    BINDINGS = bindings.of("log view")

    def action_scroll_lines(self, lines: int) -> None:
        """Scroll by lines."""
        self.scroll_to(y=self.scroll_offset.y + lines, animate=False)

    def action_pages(self, pages: int) -> None:
        """Scroll by screenfuls."""
        self.scroll_to(y=self.scroll_offset.y + pages * max(1, self.size.height - 1), animate=False)

    def action_top(self) -> None:
        """Go to the first line."""
        self.scroll_to(y=0, animate=False)

    def action_bottom(self) -> None:
        """Go to the last line."""
        self.scroll_to(y=self.max_scroll_y, animate=False)

    def action_sideways(self, cells: int) -> None:
        """Nothing is wider than the page."""


def heading(text: str, width: int, note: str = "") -> Content:
    """Return a line that begins a part of a page."""
    title = Content.assemble((text, "bold $primary"), (f"  {note}" if note else "", "$muted"), " ")
    return title + Content.styled("─" * max(0, width - title.cell_length), "$faint")


def hanging(label: Content, value: Content, indent: int, width: int) -> list[Content]:
    """Return a label and its value, broken beside it, between words where there are some."""
    room = max(10, width - indent)
    pieces: list[Content] = []
    for line in value.split("\n", allow_blank=True) or [value]:
        if line.cell_length <= room:
            pieces.append(line)
        else:
            pieces += line.wrap(room)
    first = label.truncate(indent - 1, ellipsis=True, pad=True) + Content(" ")
    blank = Content(" " * indent)
    return [(first if index == 0 else blank) + piece for index, piece in enumerate(pieces)]


def side_by_side(left: Sequence[Content], right: Sequence[Content], width: int) -> list[Content]:
    """Return two columns, the left one in so many cells."""
    lines = []
    for index in range(max(len(left), len(right))):
        first = left[index].truncate(width, pad=True) if index < len(left) else Content(" " * width)
        lines.append(first + Content("  ") + (right[index] if index < len(right) else Content("")))
    return lines
