"""The list of groups of failures."""

from collections.abc import Callable, Sequence
from typing import Final

from console.formats import Moment, count, sparkline
from console.gateway.failures import GroupRow, TrendView
from console.widgets.line_table import Cell, Column, LineTable
from console.widgets.palette import Tone
from storage.history.failures import GroupState

STATES: Final[dict[GroupState, tuple[str, Tone]]] = {
    "open": ("● open", "error"),
    "regressed": ("↺ regressed", "warning"),
    "muted": ("○ muted", "faint"),
    "resolved": ("✓ resolved", "success"),
}
QUIET: Final[tuple[str, Tone]] = ("◌ quiet", "muted")
"""How a group is drawn that nobody spoke of, and of which no job is dead nor failed within the last hour."""
RISING, FALLING = 1.5, 0.5
"""How many times an even share of the day the last three hours have, where failures come more or less often."""
UNKNOWN: Final = Cell("?", "faint")
"""What stands where nobody can know."""


def drawn_state(row: GroupRow) -> tuple[str, Tone]:
    """Return how the state of a group is written, and its tone."""
    return QUIET if row.is_quiet else STATES[row.state]


def _state(row: GroupRow, _moment: Moment) -> Cell:
    return Cell(*drawn_state(row))


def _glyph(row: GroupRow, _moment: Moment) -> Cell:
    text, tone = drawn_state(row)
    return Cell(text[0], tone)


def _dead(row: GroupRow, _moment: Moment) -> Cell:
    if row.dead is None:
        return UNKNOWN
    return Cell(count(row.dead), "error") if row.dead else Cell("–", "faint")


def _within(value: Callable[[TrendView], int]) -> Callable[[GroupRow, Moment], Cell]:
    def draw(row: GroupRow, _moment: Moment) -> Cell:
        if row.trend is None:
            return UNKNOWN
        number = value(row.trend)
        return Cell(count(number), "text") if number else Cell("–", "faint")

    return draw


def _trend(row: GroupRow, _moment: Moment) -> Cell:
    """The failures of a day, and whether they come more or less often of late."""
    if row.trend is None:
        return UNKNOWN
    if not row.trend.day:
        return Cell("–  ", "faint")
    return Cell(f"{count(row.trend.day)} {_way(row.trend)}", "text")


def _way(trend: TrendView) -> str:
    """Where it goes: the last three hours beside an even share of the day."""
    share = 8 * trend.three_hours / trend.day
    return "↑" if share > RISING else "↓" if share < FALLING else "→"


def _by_hour(width: int) -> Callable[[GroupRow, Moment], Cell]:
    def draw(row: GroupRow, _moment: Moment) -> Cell:
        if row.trend is None:
            return UNKNOWN
        return Cell(sparkline(row.trend.hours, width), "primary")

    return draw


def _last(row: GroupRow, moment: Moment) -> Cell:
    return Cell(moment.short(row.last_seen_at), "muted")


def _first(row: GroupRow, moment: Moment) -> Cell:
    return Cell(moment.short(row.first_seen_at), "faint")


def _error(row: GroupRow, _moment: Moment) -> Cell:
    return Cell(row.error.plain, "strong" if row.is_live else "muted")


_DEAD: Final[Column[GroupRow]] = Column("dead", 5, _dead, "right")
_HOUR: Final[Column[GroupRow]] = Column("1h", 5, _within(lambda trend: trend.hour), "right")
_THREE: Final[Column[GroupRow]] = Column("3h", 5, _within(lambda trend: trend.three_hours), "right")
_DAY: Final[Column[GroupRow]] = Column("24h", 5, _within(lambda trend: trend.day), "right")
_WEEK: Final[Column[GroupRow]] = Column("7d", 6, _within(lambda trend: trend.week), "right")
_LAST: Final[Column[GroupRow]] = Column("last", 9, _last, "right")
_FIRST: Final[Column[GroupRow]] = Column("first", 9, _first, "right")
_TASK: Final[Column[GroupRow]] = Column("task", 18, lambda row, _: Cell(row.task.plain, "text"))
_SHORT_TASK: Final[Column[GroupRow]] = Column("task", 14, lambda row, _: Cell(row.task.plain, "muted"))
_ERROR: Final[Column[GroupRow]] = Column("what broke", 0, _error)

NARROW: Final[Sequence[Column[GroupRow]]] = (
    Column("", 1, _glyph),
    _ERROR,
    _SHORT_TASK,
    Column("dead", 4, _dead, "right"),
    Column("24h", 6, _trend, "right"),
    _LAST,
)
NORMAL: Final[Sequence[Column[GroupRow]]] = (
    Column("", 11, _state),
    _ERROR,
    _SHORT_TASK,
    _DEAD,
    _HOUR,
    _DAY,
    _WEEK,
    Column("by hour", 12, _by_hour(12), "right"),
    _LAST,
)
WIDE: Final[Sequence[Column[GroupRow]]] = (
    Column("", 11, _state),
    Column("group", 8, lambda row, _: Cell(row.short_id.plain, "id")),
    _TASK,
    _ERROR,
    _DEAD,
    _HOUR,
    _THREE,
    _DAY,
    _WEEK,
    Column("by hour, last day", 24, _by_hour(24), "right"),
    _FIRST,
    _LAST,
)


class FailureTable(LineTable[GroupRow]):
    """Rows of groups, the one with the latest failure first."""

    ROOMY = 150

    def key_of(self, row: GroupRow) -> str:
        """Return the fingerprint."""
        return row.key

    def columns_for(self, width: int) -> Sequence[Column[GroupRow]]:
        """Return three sets, by width."""
        if width < 109:
            return NARROW
        return NORMAL if width < 159 else WIDE
