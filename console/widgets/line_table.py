"""A table of any length that holds a window of its rows and draws only the lines in sight.

The cursor is on a row's key, not on its number: when a new page shows the row elsewhere, the cursor goes with it.
A page that changes nothing on the screen repaints nothing; otherwise only the changed lines are repainted.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, ClassVar, Final, Generic, Literal, NamedTuple, TypeVar

from msgspec import Struct
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Size
from textual.message import Message
from textual.strip import Strip

from console import bindings
from console.formats import Moment, fit
from console.highlights import has_one, pieces
from console.widgets.growing import Growing
from console.widgets.palette import Palette, Tone, palette_of

Row = TypeVar("Row")
MARGIN: Final = 50
"""Rows asked for above and below those in sight."""
LEAST: Final = 10
"""Cells of the column that takes what is left, at least."""
DRAWN_WITHIN_S: Final = 0.5
"""How long a table that is shown takes to be drawn; in a terminal without room it never is."""
ROWS_LIMIT: Final = 4_000
"""Rows held at most; those farthest from the last page go first."""


class Cell(NamedTuple):
    """What stands in one column of one row."""

    text: str
    tone: Tone = "text"


class Column(Struct, Generic[Row], frozen=True):
    """One column. ``width`` 0 takes the cells that are left; ``draw`` gets a row and the moment."""

    title: str
    width: int
    draw: Callable[[Row, Moment], Cell]
    align: Literal["left", "right"] = "left"
    is_searched: bool = False
    """Whether the words that are looked for are marked in it."""


def fitting(columns: Sequence[Column[Row]], width: int, gap: int) -> Sequence[Column[Row]]:
    """Return the columns that fit so many cells, the one that takes what is left with `LEAST` of them: those of a fixed
    width go, the last ones first."""
    kept = list(columns)
    while sum((column.width or LEAST) + gap for column in kept) > width:
        fixed = [column for column in kept[1:] if column.width]
        if not fixed:
            break
        kept.remove(fixed[-1])
    return kept


class LineTable(Growing, Generic[Row], can_focus=True):
    """The table itself; subclasses say which columns fit a width, and what a row's key is."""

    DEFAULT_CSS = """
    LineTable {
        background: $background; overflow-x: hidden; overflow-y: scroll; height: 1fr;
        scrollbar-size-vertical: 1;
    }
    LineTable.-stale { opacity: 55%; }
    """
    BINDINGS = bindings.of("table")
    ROOMY: ClassVar[int] = 120
    """From this width on, columns stand two cells apart."""
    NAME_MOST: ClassVar[int] = 0
    """Cells at most of the column that takes what is left (0: all of them), so that numbers stand near their names."""

    class Wanted(Message):
        """Rows came into sight that are not held."""

    class Opened(Message):
        """A row was clicked twice."""

    class CursorMoved(Message):
        """The cursor is on another row, or its row changed."""

    def __init__(self, moment: Moment, id: str | None = None) -> None:
        super().__init__(id=id)
        self.moment = moment
        self.total = 0
        self.cursor = 0
        self.cursor_key = ""
        self.words: tuple[str, ...] = ()
        self._rows: dict[int, Row] = {}
        self._columns: Sequence[Column[Row]] = ()
        self._widths: list[int] = []
        self._gap = " "
        self._painted: dict[int, Any] = {}
        self._when_drawn: Callable[[], None] | None = None
        self._palette: Palette | None = None
        self._may_differ = False

    # To be answered by subclasses.

    def key_of(self, row: Row) -> str:
        """Return what tells a row from the others, and stays when it moves."""
        raise NotImplementedError

    def columns_for(self, width: int) -> Sequence[Column[Row]]:
        """Return the columns for so many cells."""
        raise NotImplementedError

    def is_marked(self, index: int, row: Row) -> bool:
        """Say whether the row is drawn as marked."""
        del index, row
        return False

    # Rows.

    @property
    def row(self) -> Row | None:
        """The row under the cursor, if it is held."""
        return self._rows.get(self.cursor)

    @property
    def height_in_rows(self) -> int:
        """How many rows are in sight, the titles not counted."""
        return max(1, self.size.height - 1)

    def window(self) -> tuple[int, int]:
        """Return the offset and number of the rows worth asking for."""
        first = max(0, self.scroll_offset.y - MARGIN)
        return first, self.scroll_offset.y - first + self.height_in_rows + MARGIN

    def held(self, first: int, last: int) -> list[Row]:
        """Return the rows of a range (both ends included) that are held."""
        return [self._rows[index] for index in range(first, last + 1) if index in self._rows]

    def show(self, total: int, offset: int, rows: Sequence[Row], moment: Moment) -> None:
        """Take a page in. The cursor follows its row if the page shows it elsewhere."""
        self.moment = moment
        if total < self.total:
            self._rows = {index: row for index, row in self._rows.items() if index < total}
        was_in_sight, before = self._in_sight(self.cursor), (self.cursor, self.cursor_key, self.row)
        self._rows.update(enumerate(rows, offset))
        self._forget(offset)
        self.total = total
        self.grow_to(Size(self.width_in_cells, total + 1))
        self._follow(offset, rows, was_in_sight)
        if (self.cursor, self.cursor_key, self.row) != before:
            self.post_message(self.CursorMoved())
        self._look_soon()

    def once_drawn(self, then: Callable[[], None]) -> None:
        """Do something when what is shown now is drawn; where there is nothing of it to be seen, without that."""
        self._when_drawn = then
        if not self.display:
            self.call_after_refresh(self._undrawn, then)
        self.set_timer(DRAWN_WITHIN_S, partial(self._undrawn, then))

    def _undrawn(self, then: Callable[[], None]) -> None:
        if self._when_drawn is then:
            self._when_drawn = None
            then()

    def clear(self) -> None:
        """Forget every row, and go to the top."""
        self._rows.clear()
        self.total = 0
        self.cursor, self.cursor_key = 0, ""
        self.virtual_size = Size(self.width_in_cells, 1)
        self.scroll_to(y=0, animate=False)
        self.repaint(everything=True)

    def _forget(self, offset: int) -> None:
        if len(self._rows) > ROWS_LIMIT:
            near = sorted(self._rows, key=lambda index: abs(index - offset))[: ROWS_LIMIT // 2]
            self._rows = {index: self._rows[index] for index in near}

    def _follow(self, offset: int, rows: Sequence[Row], was_in_sight: bool) -> None:
        before = self.cursor
        for index, row in enumerate(rows, offset):
            if self.cursor_key and self.key_of(row) == self.cursor_key:
                self.cursor = index
                break
        self.cursor = max(0, min(self.cursor, self.total - 1))
        row_now = self.row
        self.cursor_key = "" if row_now is None else self.key_of(row_now)
        if self.cursor != before and was_in_sight:
            self._bring_into_sight()

    @property
    def width_in_cells(self) -> int:
        """How wide a line is: the scroll bar is not part of it."""
        return self.size.width - self.styles.scrollbar_size_vertical

    # Words that are looked for.

    def highlight(self, words: tuple[str, ...]) -> None:
        """Mark some words where they stand."""
        if words != self.words:
            self.words = words
            self.repaint(everything=True)

    def has_word(self, row: Row) -> bool:
        """Say whether one of the words stands in a row, cut off or not."""
        searched = (column for column in self._columns if column.is_searched)
        return any(has_one(column.draw(row, self.moment).text, self.words) for column in searched)

    def match_from(self, index: int, step: int) -> tuple[int, bool]:
        """Return the first row with a word from a number on, and True; or the first that is not held, and False."""
        while (row := self._rows.get(index)) is not None:
            if self.has_word(row):
                return index, True
            index += step
        return index, False

    # Drawing.

    def repaint(self, everything: bool = False) -> None:
        """Repaint the lines that look different now."""
        if everything:
            self._painted.clear()
            self.refresh()
            return
        top = self.scroll_offset.y
        in_sight = range(top, top + self.size.height - 1)
        for index in in_sight:
            looks = self._looks(index)
            if self._painted.get(index) != looks:
                self.refresh_line(index + 1)
        for index in [index for index in self._painted if index not in in_sight]:
            del self._painted[index]

    def at(self, moment: Moment) -> None:
        """Say what time it is; ages that changed are repainted."""
        self.moment = moment
        self._look_soon()

    def _look_soon(self) -> None:
        """Look at the lines once after several changes."""
        self._may_differ = True
        self.check_idle()

    def on_idle(self) -> None:
        """Repaint what looks different by now."""
        if self._may_differ:
            self._may_differ = False
            self.repaint()

    def _looks(self, index: int) -> Any:
        row = self._rows.get(index)
        if index >= self.total:
            return None
        cursor = (index == self.cursor) + (index == self.cursor and self.has_focus)
        if row is None:
            return ("·", cursor, False)
        cells = tuple(column.draw(row, self.moment) for column in self._columns)
        return (cells, cursor, self.is_marked(index, row))

    def _layout_columns(self) -> None:
        width = self.width_in_cells
        self._columns = self.columns_for(width)
        self._gap = " " if width < self.ROOMY else "  "
        self._columns = fitting(self._columns, width - 1, len(self._gap))
        fixed = sum(column.width + len(self._gap) for column in self._columns) + 1
        left = max(0, width - fixed)
        if self.NAME_MOST:
            left = min(left, self.NAME_MOST)
        self._widths = [column.width or left for column in self._columns]

    def render_line(self, y: int) -> Strip:
        """Draw one line: the titles, or a row."""
        if self._when_drawn is not None:
            self.call_after_refresh(self._when_drawn)
            self._when_drawn = None
        palette = self._palette = self._palette or palette_of(self.app)
        width = self.width_in_cells
        if y == 0:
            titles = [Cell(column.title, "title") for column in self._columns]
            return self._strip(titles, self.rich_style, palette.__getitem__, " ")
        index = self.scroll_offset.y + y - 1
        looks = self._painted[index] = self._looks(index)
        if looks is None:
            return Strip.blank(width, self.rich_style)
        cells, cursor, marked = looks
        base = self.rich_style
        tones = palette.under_cursor if cursor else palette.__getitem__
        if marked:
            base += palette.marked
        if cursor:
            base += palette.cursor if cursor == 2 else palette.cursor_blurred
        if cells == "·":
            return Strip([Segment(fit("   ·", width), base + palette["faint"])], width)
        return self._strip(cells, base, tones, "■" if marked else " ")

    def _strip(self, cells: Sequence[Cell], base: Style, tones: Callable[[Tone], Style], gutter: str) -> Strip:
        width = self.width_in_cells
        word = palette_of(self.app).word
        segments = [Segment(gutter, base + tones("accent"))]
        for column, cells_wide, cell in zip(self._columns, self._widths, cells, strict=True):
            text = fit(cell.text, cells_wide, right=column.align == "right") + self._gap
            words = self.words if column.is_searched and cell.tone != "title" else ()
            for piece, is_word in pieces(text, words):
                style = base + tones(cell.tone)
                segments.append(Segment(piece, style + word if is_word else style))
        return Strip(segments).adjust_cell_length(width, base)

    def notify_style_update(self) -> None:
        """Take new colours when the theme changes."""
        super().notify_style_update()
        self._palette = None
        self._painted.clear()

    def on_resize(self) -> None:
        """Choose columns for the new width, and keep the cursor in sight."""
        self._layout_columns()
        self.virtual_size = Size(self.width_in_cells, self.total + 1)
        self._bring_into_sight()
        self.repaint(everything=True)
        self._want()

    def on_focus(self) -> None:
        """Draw the cursor as the one that has the keys."""
        self.refresh_line(self.cursor + 1)

    def on_blur(self) -> None:
        """Draw the cursor as one that waits."""
        self.refresh_line(self.cursor + 1)

    # Moving.

    def _in_sight(self, index: int) -> bool:
        top = self.scroll_offset.y
        return top <= index < top + self.height_in_rows

    def _bring_into_sight(self) -> None:
        top, rows = self.scroll_offset.y, self.height_in_rows
        if self.cursor < top:
            self.scroll_to(y=self.cursor, animate=False)
        elif self.cursor >= top + rows:
            self.scroll_to(y=self.cursor - rows + 1, animate=False)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Ask for the rows that came into sight."""
        super().watch_scroll_y(old_value, new_value)
        self._painted.clear()
        self._want()

    def _want(self) -> None:
        top = self.scroll_offset.y
        last = min(top + self.height_in_rows, self.total)
        if any(index not in self._rows for index in range(top, last)):
            self.post_message(self.Wanted())

    def move_to(self, index: int) -> None:
        """Put the cursor on a row and bring it into sight."""
        index = max(0, min(index, self.total - 1))
        self.cursor = index
        row = self.row
        self.cursor_key = "" if row is None else self.key_of(row)
        self._bring_into_sight()
        self.repaint()
        self.post_message(self.CursorMoved())

    def action_move(self, rows: int) -> None:
        """Move the cursor by some rows."""
        self.move_to(self.cursor + rows)

    def action_page(self, pages: int) -> None:
        """Move the cursor by a screenful."""
        self.move_to(self.cursor + pages * self.height_in_rows)

    def action_top(self) -> None:
        """Go to the first row."""
        self.move_to(0)

    def action_bottom(self) -> None:
        """Go to the last row."""
        self.move_to(self.total - 1)

    def on_click(self, event: events.Click) -> None:
        """Put the cursor where the mouse points; twice opens."""
        if event.y == 0:
            return
        index = self.scroll_offset.y + event.y - 1
        if index < self.total:
            self.move_to(index)
            if event.chain == 2:
                self.post_message(self.Opened())
