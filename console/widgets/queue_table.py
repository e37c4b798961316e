"""The list of queues."""

from collections.abc import Callable, Sequence
from typing import Final

from console.formats import Moment, count, duration, sparkline
from console.gateway.views import QueueRow
from console.widgets.line_table import Cell, Column, LineTable
from console.widgets.palette import Tone


def _name(row: QueueRow, _moment: Moment) -> Cell:
    return Cell(row.name.plain, "strong")


def _status(row: QueueRow, _moment: Moment) -> Cell:
    if row.pause is not None:
        return Cell("‖ paused", "warning")
    if row.consumers == 0:
        return Cell("! no consumer", "error" if row.queued else "warning")
    return Cell("● served", "success")


def _number(value: Callable[[QueueRow], int], tone: Tone = "text") -> Callable[[QueueRow, Moment], Cell]:
    def draw(row: QueueRow, _moment: Moment) -> Cell:
        number = value(row)
        return Cell(count(number), tone) if number else Cell("–", "faint")

    return draw


def _oldest(row: QueueRow, _moment: Moment) -> Cell:
    if not row.queued:
        return Cell("–", "faint")
    return Cell(duration(row.oldest_waiting_s), "warning" if row.oldest_waiting_s > 300 else "text")


def _rate(which: int) -> Callable[[QueueRow, Moment], Cell]:
    """Return how many in the last whole minute."""

    def draw(row: QueueRow, _moment: Moment) -> Cell:
        number = per_minute(row, which)
        return Cell(count(number), "muted") if number else Cell("–", "faint")

    return draw


def per_minute(row: QueueRow, which: int) -> int:
    """Return how many came (0), or went (1), in the last whole minute; what failed also went."""
    if len(row.minutes) < 2:
        return 0
    minute = row.minutes[-2]
    return minute[0] if which == 0 else minute[1] + minute[2]


def _spark(width: int) -> Callable[[QueueRow, Moment], Cell]:
    def draw(row: QueueRow, _moment: Moment) -> Cell:
        return Cell(sparkline([minute[1] + minute[2] for minute in row.minutes], width), "primary")

    return draw


_QUEUED: Final[Column[QueueRow]] = Column("queued", 6, _number(lambda row: row.queued), "right")
_RUNNING: Final[Column[QueueRow]] = Column("run", 5, _number(lambda row: row.running, "primary"), "right")
_SCHEDULED: Final[Column[QueueRow]] = Column("sched", 6, _number(lambda row: row.scheduled), "right")
_RETRYING: Final[Column[QueueRow]] = Column("retry", 6, _number(lambda row: row.retrying, "warning"), "right")
_DEAD: Final[Column[QueueRow]] = Column("dead", 6, _number(lambda row: row.dead, "error"), "right")
_OLDEST: Final[Column[QueueRow]] = Column("oldest", 7, _oldest, "right")

NARROW: Final[Sequence[Column[QueueRow]]] = (
    Column("queue", 0, _name),
    Column("", 13, _status),
    _QUEUED,
    _RUNNING,
    _RETRYING,
    _DEAD,
    _OLDEST,
    Column("in/m", 5, _rate(0), "right"),
    Column("out/m", 5, _rate(1), "right"),
)
NORMAL: Final[Sequence[Column[QueueRow]]] = (
    Column("queue", 0, _name),
    Column("", 13, _status),
    _QUEUED,
    _RUNNING,
    _SCHEDULED,
    _RETRYING,
    _DEAD,
    _OLDEST,
    Column("in/m", 5, _rate(0), "right"),
    Column("out/m", 5, _rate(1), "right"),
    Column("done, 22 min", 22, _spark(22), "right"),
)
WIDE: Final[Sequence[Column[QueueRow]]] = (
    Column("queue", 0, _name),
    Column("", 13, _status),
    Column("consumers", 9, _number(lambda row: row.consumers, "muted"), "right"),
    _QUEUED,
    _RUNNING,
    _SCHEDULED,
    _RETRYING,
    Column("blocked", 7, _number(lambda row: row.blocked), "right"),
    _DEAD,
    Column("finished", 8, _number(lambda row: row.finished, "muted"), "right"),
    Column("oldest waits", 12, _oldest, "right"),
    Column("in/min", 6, _rate(0), "right"),
    Column("out/min", 7, _rate(1), "right"),
    Column("done, last 30 minutes", 30, _spark(30), "right"),
)


class QueueTable(LineTable[QueueRow]):
    """Rows of queues."""

    ROOMY = 150

    def key_of(self, row: QueueRow) -> str:
        """Return the queue's name."""
        return row.key

    def columns_for(self, width: int) -> Sequence[Column[QueueRow]]:
        """Return three sets, by width."""
        if width < 109:
            return NARROW
        return NORMAL if width < 159 else WIDE
