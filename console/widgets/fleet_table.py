"""The list of consumers, each with the jobs that its workers run below it."""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from msgspec import Struct

from console.formats import Moment, coarse, duration, size
from console.gateway.fleet import ConsumerView, RunView
from console.gateway.views import JobRow
from console.widgets.line_table import Cell, Column, LineTable

LATE_BEAT_S: Final = 5.0
"""A heartbeat is due every second; one that is older than this is worth a look."""


class FleetLine(Struct, frozen=True):
    """A line of the fleet: a consumer, or with ``run`` a job of one of its workers. ``is_last`` closes the branch."""

    consumer: ConsumerView
    run: RunView | None = None
    is_last: bool = False

    @property
    def key(self) -> str:
        """What tells the line from the others."""
        return f"consumer {self.consumer.key}" if self.run is None else f"job {self.run.key}"


def lines_of(fleet: Sequence[ConsumerView]) -> Iterator[FleetLine]:
    """Yield each consumer, then what it runs."""
    for consumer in fleet:
        yield FleetLine(consumer)
        for number, run in enumerate(consumer.runs, 1):
            yield FleetLine(consumer, run, number == len(consumer.runs))


def status(consumer: ConsumerView) -> Cell:
    """Say in a word how a consumer is."""
    busy = f"{len(consumer.runs)} of {consumer.workers} busy"
    if consumer.is_silent:
        return Cell("✗ silent", "error")
    if consumer.order == "stop":
        return Cell(f"■ stops, {len(consumer.runs)} left" if consumer.runs else "■ stopping", "warning")
    if consumer.order == "quiet":
        return Cell(f"‖ quiet, {len(consumer.runs)} left" if consumer.runs else "‖ quiet", "warning")
    return Cell(f"● {busy}", "success" if consumer.runs else "text")


def elapsed_s(run: RunView, moment: Moment) -> float:
    """Return how long a job has run by now."""
    return max(0.0, (moment.now - run.job.at).total_seconds())


def is_slow(run: RunView, moment: Moment) -> bool:
    """Say whether a job runs longer than 95 of 100 of its kind."""
    return run.p95_s is not None and elapsed_s(run, moment) > run.p95_s


def _name(line: FleetLine, _moment: Moment) -> Cell:
    if line.run is None:
        return Cell(line.consumer.name.plain, "strong")
    branch = "└" if line.is_last else "├"
    width = min(4, max(len(run.worker.plain) for run in line.consumer.runs))  # so that 9 and 11 stand below each other
    return Cell(f" {branch} {line.run.worker.plain:>{width}}  {line.run.job.task.plain}")


def _status(line: FleetLine, _moment: Moment) -> Cell:
    return status(line.consumer) if line.run is None else Cell("● running", "primary")


def _since(line: FleetLine, moment: Moment) -> Cell:
    """How long a job runs, and a consumer lives; of one that is silent, or late, how long ago its heart beat last."""
    if line.run is not None:
        seconds = elapsed_s(line.run, moment)
        return Cell(duration(seconds), "warning" if is_slow(line.run, moment) else "text")
    beat_s = max(0.0, (moment.now - line.consumer.beat_at).total_seconds())
    if line.consumer.is_silent:
        return Cell(f"{coarse(beat_s)} ago", "error")
    if beat_s > LATE_BEAT_S:
        return Cell(f"beat {coarse(beat_s)}", "warning")
    return Cell(coarse(max(0.0, (moment.now - line.consumer.started_at).total_seconds())), "muted")


def _usual(line: FleetLine, moment: Moment) -> Cell:
    if line.run is None:
        return Cell("")
    if line.run.p95_s is None:
        return Cell("–", "faint")
    mark = "▲ " if is_slow(line.run, moment) else ""
    return Cell(mark + duration(line.run.p95_s), "warning" if mark else "muted")


def _memory(line: FleetLine, _moment: Moment) -> Cell:
    return Cell(size(line.consumer.memory_bytes), "muted") if line.run is None else Cell("")


def _queues(width: int) -> "Draw":
    """Return all names when they fit, else the first and how many more."""

    def draw(line: FleetLine, _moment: Moment) -> Cell:
        if line.run is not None:
            return Cell(line.run.job.queue.plain)
        names = [name.plain for name in line.consumer.queues]
        text = " ".join(names) or "all queues"
        return Cell(text if len(text) <= width else f"{names[0]} +{len(names) - 1}", "muted")

    return draw


def _id(line: FleetLine, _moment: Moment) -> Cell:
    return Cell("" if line.run is None else line.run.job.short_id.plain, "id")


def _kind(line: FleetLine, _moment: Moment) -> Cell:
    return Cell(line.consumer.kind.plain if line.run is None else "", "muted")


def _version(line: FleetLine, _moment: Moment) -> Cell:
    return Cell((line.consumer.version.plain or "–") if line.run is None else "", "muted")


def _note(line: FleetLine, _moment: Moment) -> Cell:
    return Cell("" if line.run is None else line.run.job.note.plain, "muted")


def tries(row: JobRow, of: str) -> str:
    """Return which attempt it is, of how many when that is known."""
    return f"{row.attempt}{of}{row.attempts_max}" if row.attempts_max else f"{row.attempt}"


def _attempt(line: FleetLine, _moment: Moment) -> Cell:
    if line.run is None:
        return Cell("")
    row = line.run.job
    return Cell(tries(row, "/"), "warning" if row.attempt > 1 else "muted")


Draw = Callable[[FleetLine, Moment], Cell]
_SINCE: Final[Column[FleetLine]] = Column("since", 8, _since, "right")
_P95: Final[Column[FleetLine]] = Column("p95", 8, _usual, "right")
_MEMORY: Final[Column[FleetLine]] = Column("memory", 7, _memory, "right")

NARROW: Final[Sequence[Column[FleetLine]]] = (
    Column("consumer", 0, _name),
    Column("", 15, _status),
    _SINCE,
    _P95,
    _MEMORY,
    Column("queues", 12, _queues(12)),
)
NORMAL: Final[Sequence[Column[FleetLine]]] = (
    Column("consumer", 0, _name),
    Column("job", 8, _id),
    Column("", 18, _status),
    _SINCE,
    _P95,
    _MEMORY,
    Column("version", 8, _version),
    Column("queues", 22, _queues(22)),
)
WIDE: Final[Sequence[Column[FleetLine]]] = (
    Column("consumer", 34, _name),
    Column("job", 8, _id),
    Column("", 18, _status),
    _SINCE,
    _P95,
    Column("try", 3, _attempt, "right"),
    _MEMORY,
    Column("kind", 7, _kind),
    Column("version", 8, _version),
    Column("queues", 36, _queues(36)),
    Column("arguments", 0, _note),
)


class FleetTable(LineTable[FleetLine]):
    """Rows of consumers and of what they run."""

    ROOMY = 150

    def key_of(self, row: FleetLine) -> str:
        """Return the consumer's or the job's key."""
        return row.key

    def columns_for(self, width: int) -> Sequence[Column[FleetLine]]:
        """Return three sets, by width."""
        if width < 119:
            return NARROW
        return NORMAL if width < 159 else WIDE
