"""One queue in more detail: what its state means, and what went through it in the last half hour."""

from collections.abc import Sequence
from typing import Final

from msgspec.structs import astuple
from textual.content import Content

from console.formats import SPARKS, Moment, count, duration
from console.gateway.views import LimitView, QueueRow
from console.widgets.drawn import Drawn
from console.widgets.fitting import spread, whole
from console.widgets.queue_table import per_minute
from storage.wording import plural

ASKING: Final = Content("asking…")
WORDS: Final = 44
"""Cells of the words, where there is room for all of them."""
WORDS_LEAST: Final = 34
"""Where there is not so much beside the charts, there are no charts."""
AXIS: Final = 9
GAP: Final = 2
CHART_MOST: Final = 10
"""Lines of one chart at most."""


def bars(values: Sequence[int], rows: int, top: int) -> list[str]:
    """Return a chart of some rows, the highest first, in eighths of a cell."""
    lines = []
    for row in range(rows - 1, -1, -1):
        line = ""
        for value in values:
            eighths = round(value * rows * 8 / top) if top else 0
            if value and not eighths:
                eighths = 1
            line += SPARKS[max(0, min(8, eighths - row * 8))]
        lines.append(line)
    return lines


def forecast(row: QueueRow) -> str:
    """Say when a queue that is served will be empty, if the last five minutes go on."""
    if not row.queued:
        return "nothing waits"
    recent = row.minutes[-6:-1]
    if not recent:
        return "not known yet"
    net = sum(done + failed - came for came, done, failed in recent) / len(recent)
    if net <= 0:
        return f"grows by {count(round(-net))}/min" if net < 0 else "neither grows nor drains"
    return f"empty in about {duration(row.queued / net * 60)}"


class QueueDetail(Drawn):
    """Words on the left, charts on the right."""

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self._row: QueueRow | None = None
        self._moment: Moment | None = None
        self._problem = Content("")

    def show(self, row: QueueRow, moment: Moment, problem: Content = ASKING) -> None:
        """Take a queue in; ``problem`` is why it is not known how long its jobs wait and run."""
        if (row, moment, problem) != (self._row, self._moment, self._problem):
            self._row, self._moment, self._problem = row, moment, problem
            self.redraw()

    def draw(self) -> Sequence[Content]:
        """Put words and charts side by side; words alone where both do not fit."""
        if self._row is None or self._moment is None:
            return ()
        width, height = self.content_size
        words = [*_words(self._row), *_measured(self._row, self._problem)]
        title, notes = _title(self._row), _notes(self._row, self._moment, width)
        if not notes:
            return self._beside([title, *words], width, height)
        top = spread([title, *notes], width, max(len(notes) + 1, height - len(words)))
        return [*top, *self._beside(words, width, height - len(top))]

    def _beside(self, words: Sequence[Content], width: int, height: int) -> list[Content]:
        """Put the charts beside the words, where there is room for both."""
        if self._row is None or self._moment is None:
            return []
        cell = max(1, min(4, (width - WORDS - GAP - AXIS) // 30))
        chart = _chart(self._row, max(2, min(CHART_MOST, (height - 3) // 2)), cell, self._moment.word)
        left_width = width - max(line.cell_length for line in chart) - GAP
        if left_width < WORDS_LEAST:
            return [line.truncate(width, ellipsis=True) for line in words[:height]]
        lines = []
        for index in range(height):
            left = words[index] if index < len(words) else Content("")
            left = left.truncate(left_width, ellipsis=True)
            right = chart[index] if index < len(chart) else Content("")
            lines.append(left + Content(" " * (left_width - left.cell_length + GAP)) + right)
        return lines


def _notes(row: QueueRow, moment: Moment, width: int) -> list[Content]:
    """Say who holds a queue back, and why: over the whole width, so that nothing below gives way."""
    lines = []
    pause, limit = row.pause, row.limit
    if pause is not None:
        said = Content.assemble(" by ", pause.by.stylize("bold"), f" {moment.ago(pause.at)}")
        why = Content.assemble(": “", pause.reason, "”") if pause.reason.plain else Content("")
        lines.append(Content.styled("‖ paused", "$warning") + said + why)
    if limit is not None:
        limited = Content.styled("◆ limited", "$warning" if row.queued else "$foreground")
        words = Content(f": {limit.words}")
        lines.append(whole(limited + _by(limit, moment) + words, limited + words, width=width))
    return lines


def _words(row: QueueRow) -> list[Content]:
    lines = [
        _pairs((("queued", row.queued), ("scheduled", row.scheduled))),
        _pairs((("running", row.running), ("retrying", row.retrying))),
        _pairs((("dead", row.dead), ("blocked", row.blocked))),
    ]
    waits = duration(row.oldest_waiting_s) if row.queued else "–"
    lines.append(Content.assemble(("oldest    ", "$muted"), waits))
    if row.pause is None and row.consumers:
        lines.append(Content.assemble(("outlook   ", "$muted"), forecast(row)))
    return lines


def _title(row: QueueRow) -> Content:
    if row.consumers:
        served = Content.styled(plural(row.consumers, "consumer"), "$muted")
    else:
        served = Content.styled("✗ nobody serves it", "$error" if row.queued else "$warning")
    return Content.assemble(row.name.stylize("bold $strong"), "  ", served)


def _by(limit: LimitView, moment: Moment) -> Content:
    """Say who has limited a queue, and when; nothing when the books do not know."""
    setter = limit.setter
    if setter is None:
        return Content("")
    return Content.assemble(" by ", setter.by.stylize("bold"), f" {moment.ago(setter.at)}")


def _measured(row: QueueRow, problem: Content) -> list[Content]:
    """Say how long its jobs waited and ran in the last hour."""
    if row.measured is None:
        if problem == ASKING:
            return [Content.assemble(("wait, run ", "$muted"), problem.stylize("$muted"))]
        return [Content.assemble(("wait, run ", "$muted"), ("can not know: ", "$warning"), problem.stylize("$muted"))]
    head = "".join(f"{name:<8}" for name in ("p50", "p95", "p99")).rstrip()
    lines = [Content.styled(f"in 1 h    {head}", "$muted")]
    for name, spans in (("wait", row.measured.wait), ("run", row.measured.run)):
        said = "none" if spans is None else "".join(f"{duration(one):<8}" for one in astuple(spans)).rstrip()
        lines.append(Content.assemble((f"{name:<10}", "$muted"), (said, "$foreground" if spans else "$muted")))
    return lines


def _pairs(pairs: Sequence[tuple[str, int]]) -> Content:
    parts: list[tuple[str, str]] = []
    for name, number in pairs:
        parts += [(f"{name:<10}", "$muted"), (f"{count(number):<8}", "$foreground" if number else "$faint")]
    parts[-1] = parts[-1][0].rstrip(), parts[-1][1]
    return Content.assemble(*parts)


def _chart(row: QueueRow, rows: int, cell: int, word: str) -> list[Content]:
    """Draw what came, and what went with its failures, by minute, up to an instant called ``word``."""
    if not row.minutes:
        return [Content.styled("rates: can not know", "$muted")]
    came = [minute[0] for minute in row.minutes]
    went = [minute[1] + minute[2] for minute in row.minutes]
    failed = sum(minute[2] for minute in row.minutes)
    top = max([*came, *went, 1])
    lines: list[Content] = []
    for title, values, tone, rate in (
        ("in", came, "$secondary", per_minute(row, 0)),
        ("out", went, "$primary", per_minute(row, 1)),
    ):
        for index, line in enumerate(bars(values, rows, top)):
            label = {0: title, 1: f"{rate}/min", 2: f"scale {top}"}.get(index, "")
            wide = "".join(character * cell for character in line)
            lines.append(Content.assemble((f"{label:>8} ", "$muted"), (wide, tone)))
    axis = f"−{len(row.minutes)} min" + word.rjust(max(5, len(row.minutes) * cell - 7))
    lines.append(Content.assemble(" " * AXIS, (axis, "$faint")))
    whole = sum(went)
    share = f"{failed * 100 / whole:.1f}% of {whole:,} failed" if whole else "nothing ended"
    said = f"{share} in {len(row.minutes)} min"
    lines.append(Content.assemble(" " * AXIS, (said, "$error" if failed else "$muted")))
    return lines
