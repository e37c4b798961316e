"""Throughput, failures and waiting age over time, side by side."""

from collections.abc import Sequence

from textual.content import Content

from console.formats import count, duration
from console.gateway.glance import Glance, Waits
from console.gateway.troubles import OLD_S
from console.widgets.chart import Chart, draw, rates, spans
from console.widgets.drawn import Drawn

GAP = 2


class Trends(Drawn):
    """Three charts of the same minutes."""

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self._glance: Glance | None = None
        self._waits: Waits | None = None
        self._word = "now"

    def show(self, glance: Glance | None, waits: Waits | None, word: str = "now") -> None:
        """Take in what there is, up to an instant called ``word``."""
        if (glance, waits, word) != (self._glance, self._waits, self._word):
            self._glance, self._waits, self._word = glance, waits, word
            self.redraw()

    def draw(self) -> Sequence[Content]:
        """Put the charts side by side."""
        if self._glance is None:
            return ()
        width, height = self.content_size
        charts = charts_of(self._glance, self._waits)
        each = (width - GAP * (len(charts) - 1)) // len(charts)
        columns = [draw(chart, each, height, self._word) for chart in charts]
        gap = Content(" " * GAP)
        return [gap.join(row) for row in zip(*columns, strict=True)]


def charts_of(glance: Glance, waits: Waits | None) -> Sequence[Chart]:
    """Return the charts; the running minute is left out of the first two, unless there was none before."""
    *minutes, running = list(zip(*[row.minutes for row in glance.queues], strict=True)) or [()]
    is_first = any(map(any, running)) and not any(any(map(any, queues)) for queues in minutes)
    minutes += [running] if is_first else []
    ended = [float(sum(done + failed for _, done, failed in minute)) for minute in minutes]
    failed = [float(sum(minute[2] for minute in queues)) for queues in minutes]
    so_far = " so far" if is_first else ""
    share = f"  {100 * failed[-1] / ended[-1]:.0f}%" if ended and ended[-1] else ""
    oldest = max((row.oldest_waiting_s for row in glance.queues if row.queued), default=0.0)
    return (
        Chart("ended/min", Content.assemble(_last(ended), (so_far, "$muted")), ended, "$primary", rates),
        Chart("failed/min", Content.assemble(_last(failed), (so_far or share, "$muted")), failed, "$error", rates),
        _waiting(waits, oldest, len(minutes)),
    )


def _last(values: Sequence[float]) -> Content:
    return Content.styled(count(round(values[-1])), "bold $strong") if values else Content("")


def _waiting(waits: Waits | None, oldest: float, minutes: int) -> Chart:
    tone = "$warning" if oldest > OLD_S else "$secondary"
    now = Content.styled(duration(oldest) if oldest else "none", f"bold {tone}" if oldest else "$muted")
    if waits is None:
        return Chart("oldest waits", now, (), tone, spans, is_asked=True)
    return Chart("oldest waits", now, waits.seconds[-(minutes or 30) :], tone, spans, waits.problem)
