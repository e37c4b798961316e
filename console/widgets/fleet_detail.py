"""One consumer in words, or one running job against what is usual for its task."""

from collections.abc import Sequence
from typing import Final

from textual.content import Content

from console.formats import Moment, coarse, duration, size
from console.gateway.fleet import ConsumerView, RunView
from console.widgets.drawn import Drawn
from console.widgets.fitting import spread
from console.widgets.fleet_table import FleetLine, elapsed_s, is_slow, status, tries
from console.widgets.page import heading
from storage.wording import plural

BAR: Final = 24
"""Cells of the bar of elapsed time."""
NAME: Final = 36
"""Cells of a job's id and task beside it."""


class FleetDetail(Drawn):
    """Says what the line under the cursor means."""

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self._line: FleetLine | None = None
        self._moment: Moment | None = None

    def show(self, line: FleetLine, moment: Moment) -> None:
        """Take a line in."""
        if (line, moment) != (self._line, self._moment):
            self._line, self._moment = line, moment
            self.redraw()

    def draw(self) -> Sequence[Content]:
        """Write the lines that fit."""
        if self._line is None or self._moment is None:
            return ()
        width, height = self.content_size
        if self._line.run is None:
            rows = spread(_consumer(self._line.consumer, self._moment), width, height)
            runs = _runs(self._line.consumer, self._moment, width)
            return [*rows, *(line.truncate(width, ellipsis=True) for line in runs)][:height]
        return spread(_run(self._line.run, self._moment), width, height)


def _pair(label: str, value: Content | str, tone: str = "$foreground") -> Content:
    said = value if isinstance(value, Content) else Content.styled(value, tone)
    return Content.assemble((f"{label:<10}", "$muted"), said)


def _consumer(consumer: ConsumerView, moment: Moment) -> list[Content]:
    said = status(consumer)
    beat_s = max(0.0, (moment.now - consumer.beat_at).total_seconds())
    queues = Content(", ").join(consumer.queues) if consumer.queues else Content("all queues")
    workers = plural(consumer.workers, f"{consumer.kind.plain} worker".strip())
    return [
        Content.assemble(consumer.name.stylize("bold $strong"), "   ", (said.text, f"${said.tone}")),
        Content.styled(_meaning(consumer, beat_s), "$foreground"),
        _pair("process", Content.assemble(f"{consumer.pid} on ", consumer.host, f", {workers}")),
        _pair("queues", queues),
        _pair("memory", f"{size(consumer.memory_bytes)}, of all its processes; version {_version(consumer)}"),
        _pair("started", moment.full(consumer.started_at)),
        _pair("last beat", moment.full(consumer.beat_at)),
    ]


def _version(consumer: ConsumerView) -> str:
    return consumer.version.plain or "not said"


def _runs(consumer: ConsumerView, moment: Moment, width: int) -> list[Content]:
    """Draw each job that a consumer runs against what is usual for it, for where there are rows to spare."""
    lines = [Content(""), heading("Runs", width)] if consumer.runs else []
    for run in consumer.runs:
        name = Content.assemble(run.job.short_id.stylize("$primary"), "  ", run.job.task.stylize("$strong"))
        lines.append(name.truncate(NAME, ellipsis=True, pad=True) + Content("  ") + _bar(run, moment))
    return lines


def _meaning(consumer: ConsumerView, beat_s: float) -> str:
    left = plural(len(consumer.runs), "job")
    if consumer.is_silent:
        return f"No heartbeat for {coarse(beat_s)}, and no goodbye: its jobs go back to their queues."
    if consumer.order == "stop":
        return f"It was told to stop: it ends when {left} have." if consumer.runs else "It was told to stop, and ends."
    if consumer.order == "quiet":
        return f"It was told to be quiet: it claims no job until it may go on. {left} will finish."
    free = consumer.workers - len(consumer.runs)
    if free <= 0:
        return "Every worker is busy."
    return f"{plural(free, 'worker')} of {consumer.workers} {'waits' if free == 1 else 'wait'} for a job."


def _run(run: RunView, moment: Moment) -> list[Content]:
    row = run.job
    return [
        Content.assemble(
            row.task.stylize("bold $strong"), "  ", row.short_id.stylize("$primary"), ("   ● running", "$primary")
        ),
        _against(run, moment),
        _pair("queue", row.queue),
        _pair("worker", row.worker),
        _pair("attempt", tries(row, " of "), "$warning" if row.attempt > 1 else "$foreground"),
        _pair("started", moment.full(row.at)),
        _pair("arguments", row.note),
    ]


def _against(run: RunView, moment: Moment) -> Content:
    """Draw the elapsed time with its label."""
    return Content.styled(f"{'runs':<10}", "$muted") + _bar(run, moment)


def _bar(run: RunView, moment: Moment) -> Content:
    """Draw the elapsed time against the p95: the mark stands at the p95, a bar beyond it is too long."""
    elapsed = elapsed_s(run, moment)
    if run.p95_s is None:
        return Content.assemble(duration(elapsed), ("   what is usual for this task is not known", "$muted"))
    slow = is_slow(run, moment)
    full = max(elapsed, run.p95_s * 1.5)
    filled, mark = round(BAR * elapsed / full), min(BAR - 1, round(BAR * run.p95_s / full))
    cells = ["━" if cell < filled else "─" for cell in range(BAR)]
    bar = Content.assemble(
        ("".join(cells[:mark]), "$warning" if slow else "$primary"),
        ("┃", "bold $strong"),
        ("".join(cells[mark + 1 :]), "$warning" if slow else "$faint"),
    )
    words = f"  ▲ longer than the p95, {duration(run.p95_s)}" if slow else f"  the p95 is {duration(run.p95_s)}"
    return Content.assemble((f"{duration(elapsed):<8}", "$warning" if slow else "$foreground"), bar, (words, "$muted"))
