"""One queue in more detail: what its state means, and what went through it in the last half hour."""

from collections.abc import Sequence

from textual.content import Content
from textual.widget import Widget

from console.formats import SPARKS, Moment, count, duration, plural
from console.gateway.views import QueueRow
from console.widgets.queue_table import per_minute


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
    """Say when the queue will be empty, if the last five minutes go on."""
    if not row.queued:
        return "nothing waits"
    if row.pause is not None:
        return "paused: it will not drain"
    if not row.consumers:
        return "no consumer: it will not drain"
    recent = row.minutes[-6:-1]
    if not recent:
        return "not known yet"
    net = sum(done + failed - came for came, done, failed in recent) / len(recent)
    if net <= 0:
        return f"grows by {count(round(-net))}/min" if net < 0 else "neither grows nor drains"
    return f"empty in about {duration(row.queued / net * 60)}"


class QueueDetail(Widget):
    """Words on the left, charts on the right."""

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self._row: QueueRow | None = None
        self._moment: Moment | None = None

    def show(self, row: QueueRow, moment: Moment) -> None:
        """Take a queue in."""
        if (row, moment) != (self._row, self._moment):
            self._row, self._moment = row, moment
            self.refresh()

    def render(self) -> Content:
        """Put words and charts side by side."""
        if self._row is None or self._moment is None:
            return Content("")
        width, height = self.content_size
        chart = _chart(self._row, max(2, (height - 3) // 2), 2 if width >= 110 else 1, self._moment.word)
        left_width = max(20, width - max(line.cell_length for line in chart) - 3)
        words = _words(self._row, self._moment)
        lines = []
        for index in range(height):
            left = words[index] if index < len(words) else Content("")
            left = left.truncate(left_width, ellipsis=True)
            right = chart[index] if index < len(chart) else Content("")
            lines.append(left + Content(" " * (left_width - left.cell_length + 2)) + right)
        return Content("\n").join(lines)


def _words(row: QueueRow, moment: Moment) -> list[Content]:
    lines = [Content.styled(row.name.plain, "bold $strong")]
    pause = row.pause
    if pause is not None:
        lines.append(
            Content.assemble(("‖ paused", "$warning"), " by ", pause.by.stylize("bold"), f" {moment.ago(pause.at)}")
        )
        lines.append(Content.assemble("  “", pause.reason, "”"))
    consumers = plural(row.consumers, "consumer") if row.consumers else "no consumer"
    lines.append(Content.styled(consumers, "$foreground" if row.consumers else "$error"))
    lines.append(_pairs((("queued", row.queued), ("scheduled", row.scheduled))))
    lines.append(_pairs((("running", row.running), ("retrying", row.retrying))))
    lines.append(_pairs((("dead", row.dead), ("blocked", row.blocked))))
    waits = duration(row.oldest_waiting_s) if row.queued else "–"
    lines.append(Content.assemble(("oldest    ", "$muted"), waits))
    lines.append(Content.assemble(("outlook   ", "$muted"), (forecast(row), "$accent")))
    return lines


def _pairs(pairs: Sequence[tuple[str, int]]) -> Content:
    parts: list[tuple[str, str]] = []
    for name, number in pairs:
        parts += [(f"{name:<10}", "$muted"), (f"{count(number):<8}", "$foreground" if number else "$faint")]
    return Content.assemble(*parts)


def _chart(row: QueueRow, rows: int, cell: int, word: str) -> list[Content]:
    """Draw what came, and what went with its failures, by minute, up to an instant called ``word``."""
    if not row.minutes:
        return [Content.styled("rates: can not know", "$faint")]
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
            label = {0: title, 1: f"{rate}/min"}.get(index, "")
            wide = "".join(character * cell for character in line)
            lines.append(Content.assemble((f"{label:>8} ", "$muted"), (wide, tone)))
    axis = f"−{len(row.minutes)} min" + word.rjust(max(5, len(row.minutes) * cell - 7))
    lines.append(Content.assemble(" " * 9, (axis, "$faint")))
    whole = sum(went)
    share = f"{failed * 100 / whole:.1f}% of {whole:,} failed" if whole else "nothing ended"
    lines.append(Content.assemble(" " * 9, (share, "$error" if failed else "$muted"), (f" · top {top}/min", "$faint")))
    return lines
