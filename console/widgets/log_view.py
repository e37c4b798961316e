"""A log that grows: drawn by lines, bounded in memory, and followed until the reader scrolls away.

Lines are buffered and flushed every 50 ms, so that ten thousand a second do not block a key.
"""

from collections.abc import Iterable
from typing import Final, NamedTuple

from rich.segment import Segment
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from console import bindings
from console.formats import Moment, fit, fold
from console.gateway.views import LogLineView
from console.widgets.palette import LEVEL_TONES, Palette, Tone, palette_of

LINES_LIMIT: Final = 10_000
"""Log lines held at most; the oldest go first."""
FLUSH_S: Final = 0.05
CROWD: Final = 4_000
"""Lines that wait for a flush at most: of more, only the newest can ever be seen."""


class _Drawn(NamedTuple):
    """One line on the screen: a piece of a log line; ``first`` is its first piece."""

    line: LogLineView
    text: str
    first: bool


class LogView(ScrollView, can_focus=True):
    """The log widget. With ``sources`` each line says which job of which task wrote it."""

    DEFAULT_CSS = """
    LogView { background: $background; height: 1fr; overflow-y: scroll; overflow-x: scroll;
              scrollbar-size-vertical: 1; scrollbar-size-horizontal: 0; }
    LogView.-stale { opacity: 55%; }
    """
    BINDINGS = bindings.of("log view")

    class Changed(Message):
        """Following, wrapping or the number of unseen lines changed."""

    def __init__(self, moment: Moment, sources: bool = False, id: str | None = None) -> None:
        super().__init__(id=id)
        self.moment = moment
        self.sources = sources
        self.following = True
        self.wrapping = False
        self.unseen = 0
        self.dropped = 0
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
        changed = moment.mode is not self.moment.mode
        self.moment = moment
        if changed:
            self._draw_again()

    def clear(self) -> None:
        """Forget every line."""
        self._lines.clear()
        self._waiting.clear()
        self.unseen = 0
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
        del self._lines[:too_many]
        gone = next((index for index, drawn in enumerate(self._drawn) if drawn.line is first_kept), 0)
        del self._drawn[:gone]
        return gone

    def _settle(self, gone: int) -> None:
        """Set the scrollable size, and stay at the end, or on the same lines."""
        self._settling = True
        top = self.scroll_offset.y
        self.virtual_size = Size(self._width(), len(self._drawn))
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
        width = max(20, self.width_in_cells - len(self._prefix_blank()) - 1)
        drawn: list[_Drawn] = []
        for line in lines:
            first = True
            for text in line.message.plain.split("\n"):
                pieces = fold(text, width) if self.wrapping else (text,)
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
            (f" {self.moment.log_stamp(line.at):<12} ", "faint"),
            (f"{line.level[:7]:<7} ", LEVEL_TONES[line.level]),
        ]
        if self.sources:
            task = 16 if self.width_in_cells < 120 else 30
            parts.append((f"{line.short_id.plain:<8} ", "muted"))
            parts.append((fit(line.task.plain, task) + " ", "primary"))
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
        segments: list[Segment] = []
        if drawn.first:
            for text, tone in self._prefix(drawn.line):
                segments.append(Segment(text, base + palette[tone]))
        else:
            segments.append(Segment(self._prefix_blank(), base))
        tone = LEVEL_TONES[drawn.line.level]
        segments.append(Segment(drawn.text, base + palette["text" if tone in ("muted", "faint") else tone]))
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
            self.following = False
            self.post_message(self.Changed())

    def follow(self, on: bool) -> None:
        """Stay at the newest line, or stay here."""
        self.following = on
        if on:
            self.unseen = 0
            self._settle(0)
        self.post_message(self.Changed())

    def wrap(self, on: bool) -> None:
        """Break long lines, or let them run out of sight."""
        self.wrapping = on
        if on:
            self.scroll_to(x=0, animate=False)
        self._draw_again()

    def action_scroll_lines(self, lines: int) -> None:
        """Scroll by lines."""
        self.scroll_to(y=self.scroll_offset.y + lines, animate=False)

    def action_pages(self, pages: int) -> None:
        """Scroll by screenfuls."""
        self.scroll_to(y=self.scroll_offset.y + pages * max(1, self.size.height - 1), animate=False)

    def action_top(self) -> None:
        """Go to the oldest line."""
        self.scroll_to(y=0, animate=False)

    def action_bottom(self) -> None:
        """Go to the newest line and follow."""
        self.follow(True)

    def action_sideways(self, cells: int) -> None:
        """Scroll sideways."""
        self.scroll_to(x=max(0, self.scroll_offset.x + cells), animate=False)
