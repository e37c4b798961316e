"""The list of queues."""

from collections.abc import Callable, Sequence
from typing import Final, Literal

from console.formats import Moment, count, duration, sparkline
from console.gateway.measured import Spans
from console.gateway.troubles import FAILING_SHARE
from console.gateway.views import QueueRow
from console.widgets.line_table import Cell, Column, LineTable
from console.widgets.palette import Tone
from storage.wording import plural

Draw = Callable[[QueueRow, Moment], Cell]


def _name(row: QueueRow, _moment: Moment) -> Cell:
    return Cell(row.name.plain, "strong")


def status(row: QueueRow) -> Cell:
    """Say in a word how a queue is, what stops its jobs at first; the detail says all of it."""
    nobody = row.consumers == 0
    if row.pause is not None:
        return Cell("‖✗ paused", "error" if row.queued else "warning") if nobody else Cell("‖ paused", "warning")
    if nobody:
        return Cell("✗ unserved", "error" if row.queued else "warning")
    if row.limit is not None:
        return Cell("◆ limited", "warning" if row.queued else "text")
    return Cell("● served", "success")


def _status(row: QueueRow, _moment: Moment) -> Cell:
    return status(row)


def _status_counted(row: QueueRow, _moment: Moment) -> Cell:
    """Say how many serve a queue where nothing stands in its way."""
    said = status(row)
    return Cell(f"● {plural(row.consumers, 'consumer')}", said.tone) if said.text == "● served" else said


def _number(value: Callable[[QueueRow], int], tone: Tone = "text") -> Draw:
    def draw(row: QueueRow, _moment: Moment) -> Cell:
        number = value(row)
        return Cell(count(number), tone) if number else Cell("–", "faint")

    return draw


def _oldest(row: QueueRow, _moment: Moment) -> Cell:
    if not row.queued:
        return Cell("–", "faint")
    return Cell(duration(row.oldest_waiting_s), "warning" if row.oldest_waiting_s > 300 else "text")


def _rate(which: int) -> Draw:
    """Return how many in the last whole minute."""

    def draw(row: QueueRow, _moment: Moment) -> Cell:
        number = per_minute(row, which)
        return Cell(count(number), "muted") if number else Cell("–", "faint")

    return draw


def per_minute(row: QueueRow, which: int) -> int:
    """Return how many came (0), or went (1), in the last whole minute; what failed also went. In the first minute of a
    queue it is what came and went so far."""
    if len(row.minutes) < 2:
        return 0
    minute = row.minutes[-2] if any(map(any, row.minutes[:-1])) else row.minutes[-1]
    return minute[0] if which == 0 else minute[1] + minute[2]


def failing(row: QueueRow) -> float | None:
    """Return which share of the attempts that ended in the minutes shown have failed; None when none did."""
    failed = sum(minute[2] for minute in row.minutes)
    ended = sum(minute[1] for minute in row.minutes) + failed
    return failed / ended if ended else None


def _failing(row: QueueRow, _moment: Moment) -> Cell:
    share = failing(row)
    if not share:
        return Cell("–" if share is None else "0%", "faint")
    return Cell(f"{100 * share:.1f}%", "error" if share > FAILING_SHARE else "text")


def _took(which: Literal["wait", "run"], quantile: Literal["p50_s", "p95_s", "p99_s"]) -> Draw:
    """Return a quantile of waits or runs: a dash when there was none, a question mark when that is not known."""

    def draw(row: QueueRow, _moment: Moment) -> Cell:
        if row.measured is None:
            return Cell("?", "faint")
        spans: Spans | None = getattr(row.measured, which)
        return Cell("–", "faint") if spans is None else Cell(duration(getattr(spans, quantile)), "muted")

    return draw


def _spark(width: int) -> Draw:
    def draw(row: QueueRow, _moment: Moment) -> Cell:
        return Cell(sparkline([minute[1] + minute[2] for minute in row.minutes], width), "primary")

    return draw


_QUEUED: Final[Column[QueueRow]] = Column("queued", 6, _number(lambda row: row.queued), "right")
_RUNNING: Final[Column[QueueRow]] = Column("run", 5, _number(lambda row: row.running, "primary"), "right")
_SCHEDULED: Final[Column[QueueRow]] = Column("sched", 6, _number(lambda row: row.scheduled), "right")
_RETRYING: Final[Column[QueueRow]] = Column("retry", 6, _number(lambda row: row.retrying, "warning"), "right")
_DEAD: Final[Column[QueueRow]] = Column("dead", 6, _number(lambda row: row.dead, "error"), "right")
_OLDEST: Final[Column[QueueRow]] = Column("oldest", 7, _oldest, "right")

_BLOCKED: Final[Column[QueueRow]] = Column("blocked", 7, _number(lambda row: row.blocked), "right")
_FAILING: Final[Column[QueueRow]] = Column("failing", 7, _failing, "right")
_WHO: Final[Sequence[Column[QueueRow]]] = (Column("queue", 0, _name), Column("", 13, _status))
_WORK: Final[Sequence[Column[QueueRow]]] = (_QUEUED, _RUNNING, _SCHEDULED, _RETRYING)
_FLOW: Final[Sequence[Column[QueueRow]]] = (Column("in/m", 5, _rate(0), "right"), Column("out/m", 5, _rate(1), "right"))
_WIDE_FLOW: Final[Sequence[Column[QueueRow]]] = (
    Column("in/min", 6, _rate(0), "right"),
    Column("out/min", 7, _rate(1), "right"),
)

NARROW: Final[Sequence[Column[QueueRow]]] = (
    *_WHO,
    _QUEUED,
    _RUNNING,
    _RETRYING,
    _DEAD,
    _OLDEST,
    *_FLOW,
)
NORMAL: Final[Sequence[Column[QueueRow]]] = (
    *_WHO,
    *_WORK,
    _DEAD,
    _OLDEST,
    *_FLOW,
    _FAILING,
    Column("done, 20 min", 21, _spark(20), "right"),
)
WIDE: Final[Sequence[Column[QueueRow]]] = (
    *_WHO,
    Column("consumers", 9, _number(lambda row: row.consumers, "muted"), "right"),
    *_WORK,
    _BLOCKED,
    _DEAD,
    Column("oldest waits", 12, _oldest, "right"),
    *_WIDE_FLOW,
    _FAILING,
    Column("done, last 30 min", 30, _spark(30), "right"),
)
WIDEST: Final[Sequence[Column[QueueRow]]] = (
    Column("queue", 0, _name),
    Column("", 14, _status_counted),
    *_WORK,
    _BLOCKED,
    _DEAD,
    _OLDEST,
    *_WIDE_FLOW,
    _FAILING,
    Column("wait p50", 8, _took("wait", "p50_s"), "right"),
    Column("p95", 7, _took("wait", "p95_s"), "right"),
    Column("p99", 7, _took("wait", "p99_s"), "right"),
    Column("run p50", 8, _took("run", "p50_s"), "right"),
    Column("p95", 7, _took("run", "p95_s"), "right"),
    Column("p99", 7, _took("run", "p99_s"), "right"),
    Column("done, 20 min", 21, _spark(20), "right"),
)


class QueueTable(LineTable[QueueRow]):
    """Rows of queues; with ``measured`` there are columns of waits and runs where they fit."""

    ROOMY = 150
    NAME_MOST = 34

    def __init__(self, moment: Moment, id: str | None = None, *, measured: bool = False) -> None:
        super().__init__(moment, id)
        self._measured = measured

    def key_of(self, row: QueueRow) -> str:
        """Return the queue's name."""
        return row.key

    def columns_for(self, width: int) -> Sequence[Column[QueueRow]]:
        """Return four sets, by width."""
        if width >= 189 and self._measured:
            return WIDEST
        if width < 109:
            return NARROW
        return NORMAL if width < 159 else WIDE
