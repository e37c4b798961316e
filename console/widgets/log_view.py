"""A log that grows: drawn by lines, bounded in memory, and followed until the reader scrolls away.

Lines are buffered and flushed every 50 ms, so that ten thousand a second do not block a key.
"""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from rich.segment import Segment
from textual import events
from textual.geometry import Size
from textual.message import Message
from textual.strip import Strip

from console import bindings
from console.formats import Moment, fit, wrapped
from console.gateway.views import LogLineView
from console.highlights import has_one, pieces
from console.widgets.growing import Growing
from console.widgets.palette import LEVEL_TONES, Palette, Tone, palette_of

LINES_LIMIT: Final = 10_000
"""Log lines held at most; the oldest go first."""
HANG: Final = 4
"""Cells that the lines of a wrapped message are in, below its first one."""
FLUSH_S: Final = 0.05
CROWD: Final = 4_000
"""Lines that wait for a flush at most: of more, only the newest can ever be seen."""


class _Drawn(NamedTuple):
    """One line on the screen: a piece of a log line; ``first`` is its first piece."""

    line: LogLineView
    text: str
    first: bool


class LogView(Growing, can_focus=True):
    """The log widget. With ``sources`` each line says which job of which task wrote it, and a cursor is on one of them:
    on the newest while the log is followed."""

    DEFAULT_CSS = """
    LogView { background: $background; height: 1fr; overflow-y: scroll; overflow-x: scroll;
              scrollbar-size-vertical: 1; scrollbar-size-horizontal: 0; }
    LogView.-stale { opacity: 55%; }
    """
    BINDINGS = bindings.of("log view")

    class Changed(Message):
        """Following, wrapping, the line under the cursor or the number of unseen lines changed."""

    class Opened(Message):
        """A line was clicked twice."""

    def __init__(self, moment: Moment, sources: bool = False, id: str | None = None) -> None:
        super().__init__(id=id)
        self.moment = moment
        self.sources = sources
        self.following = True
        self.wrapping = False
        self.unseen = 0
        self.dropped = 0
        self.words: tuple[str, ...] = ()
        self._cursor: LogLineView | None = None
        self._lines: list[LogLineView] = []
        self._drawn: list[_Drawn] = []
        self._waiting: list[LogLineView] = []
        self._longest = 0
        self._palette: Palette | None = None
        self._settling = False

    @property
    def line_count(self) -> int:
        """How many log lines are held."""
        return len(self._lines)

    @property
    def lines(self) -> tuple[LogLineView, ...]:
        """The log lines that are held, the oldest first."""
        return tuple(self._lines)

    def on_mount(self) -> None:
        """Start flushing."""
        self.set_interval(FLUSH_S, self.flush)

    def add(self, lines: Iterable[LogLineView]) -> None:
        """Take lines in; they are drawn with the next flush."""
        self._waiting.extend(lines)
        if len(self._waiting) > 2 * LINES_LIMIT:
            gone = len(self._waiting) - LINES_LIMIT
            del self._waiting[:gone]

    def at(self, moment: Moment) -> None:
        """Say what time it is, and how instants are written."""
        before, self.moment = self.moment, moment
        if moment.mode is not before.mode:
            self._draw_again()
        elif any(moment.log_stamp(one.line.at) != before.log_stamp(one.line.at) for one in self._in_sight()):
            self.refresh()

    def _in_sight(self) -> Sequence[_Drawn]:
        top = self.scroll_offset.y
        return self._drawn[top : top + self.size.height]

    def clear(self) -> None:
        """Forget every line."""
        self._lines.clear()
        self._waiting.clear()
        self.unseen = 0
        self._cursor = None
        self._draw_again()

    def flush(self) -> None:
        """Draw the lines that wait."""
        if not self._waiting or not self.width_in_cells:
            return
        fresh, self._waiting = self._waiting, []
        self._lines += fresh
        added = self._draw(fresh)
        self._drawn += added
        gone = self._trim()
        self._settle(gone)
        if not self.following:
            self.unseen += len(fresh)
        self.refresh()
        self.post_message(self.Changed())

    def _trim(self) -> int:
        """Let the oldest lines go; return how many drawn lines went."""
        too_many = len(self._lines) - LINES_LIMIT
        if too_many <= 0:
            return 0
        first_kept = self._lines[too_many]
        if self._cursor is not None and any(line is self._cursor for line in self._lines[:too_many]):
            self._cursor = first_kept
        del self._lines[:too_many]
        gone = next((index for index, drawn in enumerate(self._drawn) if drawn.line is first_kept), 0)
        del self._drawn[:gone]
        return gone

    def _settle(self, gone: int) -> None:
        """Set the scrollable size, and stay at the end, or on the same lines."""
        self._settling = True
        top = self.scroll_offset.y
        self.grow_to(Size(self._width(), len(self._drawn)))
        if self.following:
            self.scroll_end(animate=False, immediate=True, x_axis=False)
        elif gone:
            self.scroll_to(y=max(0, top - gone), animate=False)
        self._settling = False

    def _width(self) -> int:
        if self.wrapping:
            return self.width_in_cells
        return max(self.width_in_cells, self._longest + len(self._prefix_blank()))

    @property
    def width_in_cells(self) -> int:
        """How wide a line is: the scroll bar is not part of it."""
        return self.size.width - self.styles.scrollbar_size_vertical

    # Drawing.

    def _draw(self, lines: Iterable[LogLineView]) -> list[_Drawn]:
        below = max(20, self.width_in_cells - HANG - 1)
        beside = max(20, self.width_in_cells - len(self._prefix_blank()) - 1)
        drawn: list[_Drawn] = []
        for line in lines:
            first = True
            for text in line.message.plain.split("\n"):
                pieces = wrapped(text, beside if first else below, below) if self.wrapping else (text,)
                for piece in pieces:
                    drawn.append(_Drawn(line, piece, first))
                    first = False
                if not self.wrapping:
                    self._longest = max(self._longest, 2 * len(text) if not text.isascii() else len(text))
        return drawn

    def _draw_again(self) -> None:
        self._longest = 0
        self._drawn = self._draw(self._lines)
        self._settle(0)
        self.refresh()
        self.post_message(self.Changed())

    def _prefix_blank(self) -> str:
        wide = self.width_in_cells >= 120
        return " " * (14 + 8 + ((26 if not wide else 40) if self.sources else 0))

    def _prefix(self, line: LogLineView) -> list[tuple[str, Tone]]:
        parts: list[tuple[str, Tone]] = [
            (f" {self.moment.log_stamp(line.at):<12} ", "muted"),
            (f"{line.level[:7]:<7} ", LEVEL_TONES[line.level]),
        ]
        if self.sources:
            task = 16 if self.width_in_cells < 120 else 30
            parts.append((f"{line.short_id.plain:<8} ", "id"))
            parts.append((fit(line.task.plain, task) + " ", "muted"))
        return parts

    def render_line(self, y: int) -> Strip:
        """Draw one line in sight."""
        palette = self._palette = self._palette or palette_of(self.app)
        left, top = self.scroll_offset
        width = self.width_in_cells
        index = top + y
        if index >= len(self._drawn):
            return Strip.blank(width, self.rich_style)
        drawn = self._drawn[index]
        base = self.rich_style
        tones = palette.__getitem__
        if self.sources and drawn.line is self.line:
            base += palette.cursor if self.has_focus else palette.cursor_blurred
            tones = palette.under_cursor
        segments: list[Segment] = []
        if drawn.first:
            for text, tone in self._prefix(drawn.line):
                segments.append(Segment(text, base + tones(tone)))
        else:
            segments.append(Segment(" " * HANG if self.wrapping else self._prefix_blank(), base))
        tone = LEVEL_TONES[drawn.line.level]
        style = base + palette["text" if tone in ("muted", "faint") else tone]
        for piece, is_word in pieces(drawn.text, self.words):
            segments.append(Segment(piece, style + palette.word if is_word else style))
        strip = Strip(segments)
        if strip.cell_length <= left + width:
            return strip.crop_extend(left, left + width, base)
        more = Strip([Segment("›", base + palette["accent"])])
        return Strip.join([strip.crop_extend(left, left + width - 1, base), more])

    def notify_style_update(self) -> None:
        """Take new colours when the theme changes."""
        super().notify_style_update()
        self._palette = None

    def on_resize(self) -> None:
        """Fold again for the new width."""
        self._draw_again()

    # Following.

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Let go when the reader scrolls up."""
        super().watch_scroll_y(old_value, new_value)
        if not self._settling and new_value < old_value and self.following and not self.is_vertical_scroll_end:
            self._let_go()

    def _let_go(self) -> None:
        self._cursor = self.line
        self.following = False
        self.post_message(self.Changed())

    def follow(self, on: bool) -> None:
        """Stay at the newest line, or stay here."""
        self._cursor = None if on or not self._lines else self.line
        self.following = on
        if on:
            self.unseen = 0
            self._settle(0)
            self.refresh()
        self.post_message(self.Changed())

    def wrap(self, on: bool) -> None:
        """Break long lines, or let them run out of sight."""
        self.wrapping = on
        if on:
            self.scroll_to(x=0, animate=False)
        self._draw_again()

    # The cursor.

    @property
    def line(self) -> LogLineView | None:
        """The log line under the cursor."""
        if self._cursor is not None:
            return self._cursor
        return self._lines[-1] if self._lines else None

    @property
    def cursor(self) -> int:
        """The number of the line under the cursor, of those that are held."""
        line = self.line
        return next((index for index, one in enumerate(self._lines) if one is line), 0)

    def move_to(self, index: int) -> None:
        """Put the cursor on a line, and bring it into sight; the newest is followed no more once it is left."""
        if not self._lines:
            return
        index = max(0, min(index, len(self._lines) - 1))
        if index < len(self._lines) - 1:
            self.following = False
        self._cursor = None if self.following else self._lines[index]
        places = [place for place, drawn in enumerate(self._drawn) if drawn.line is self._lines[index]]
        if places:
            top, height = self.scroll_offset.y, self.size.height
            if places[0] < top:
                self.scroll_to(y=places[0], animate=False)
            elif places[-1] >= top + height:
                self.scroll_to(y=min(places[0], places[-1] - height + 1), animate=False)
        self.refresh()
        self.post_message(self.Changed())

    def highlight(self, words: tuple[str, ...]) -> None:
        """Mark some words where they stand."""
        self.words = words
        self.refresh()

    def go_to_match(self, step: int) -> bool:
        """Put the cursor on the next line with one of the words, or on the one before; False when there is none."""
        index = self.cursor + step
        while 0 <= index < len(self._lines):
            if has_one(self._lines[index].message.plain, self.words):
                self.move_to(index)
                return True
            index += step
        return False

    def on_focus(self) -> None:
        """Draw the cursor as the one that has the keys."""
        self.refresh()

    def on_blur(self) -> None:
        """Draw the cursor as one that waits."""
        self.refresh()

    def on_click(self, event: events.Click) -> None:
        """Put the cursor where the mouse points; twice opens."""
        place = self.scroll_offset.y + event.y
        if self.sources and place < len(self._drawn):
            line = self._drawn[place].line
            self.move_to(next(index for index, one in enumerate(self._lines) if one is line))
            if event.chain == 2:
                self.post_message(self.Opened())

    def action_scroll_lines(self, lines: int) -> None:
        """Move the cursor by lines; without one, scroll."""
        if self.sources:
            self.move_to(self.cursor + lines)
            return
        self.scroll_to(y=self.scroll_offset.y + lines, animate=False)

    def action_pages(self, pages: int) -> None:
        """Scroll by screenfuls; the cursor goes with the lines."""
        before = self.scroll_offset.y
        self.scroll_to(y=before + pages * max(1, self.size.height - 1), animate=False)
        if self.sources and self._drawn:
            row = self._row_of_cursor(before)
            place = max(0, min(self.scroll_offset.y + row, len(self._drawn) - 1))
            line = self._drawn[place].line
            self.move_to(next(index for index, one in enumerate(self._lines) if one is line))

    def _row_of_cursor(self, top: int) -> int:
        """In which row from the top the cursor was drawn."""
        line = self.line
        place = next((place for place, drawn in enumerate(self._drawn) if drawn.line is line), top)
        return max(0, min(place - top, self.size.height - 1))

    def action_top(self) -> None:
        """Go to the oldest line."""
        self.scroll_to(y=0, animate=False)
        if self.sources:
            self.move_to(0)

    def action_bottom(self) -> None:
        """Go to the newest line and follow."""
        self.follow(True)

    def action_sideways(self, cells: int) -> None:
        """Scroll sideways."""
        self.scroll_to(x=max(0, self.scroll_offset.x + cells), animate=False)
