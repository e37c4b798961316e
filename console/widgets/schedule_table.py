"""The list of schedules, and that of the last runs of one."""

from collections.abc import Callable, Sequence
from typing import Final

from console.formats import GLYPHS, Moment, count, duration
from console.gateway.timetable import ScheduleRow, TickView
from console.widgets.line_table import Cell, Column, LineTable
from console.widgets.palette import STATE_TONES

LATE_S: Final = 10.0
"""A job that came later than this after its tick was late."""


def status(row: ScheduleRow) -> Cell:
    """Say in a word how a schedule is."""
    if row.hold is not None:
        return Cell("‖ paused", "warning")
    if row.problem.plain:
        return Cell("! unread", "error")
    return Cell("● on", "success")


def outcome(tick: TickView) -> Cell:
    """Say what became of a run."""
    if tick.state == "":
        return Cell("· forgotten", "faint")
    return Cell(f"{GLYPHS[tick.state]} {tick.state}", STATE_TONES[tick.state])


def _name(row: ScheduleRow, _moment: Moment) -> Cell:
    return Cell(row.name.plain, "strong")


def _status(row: ScheduleRow, _moment: Moment) -> Cell:
    return status(row)


def _rule(row: ScheduleRow, _moment: Moment) -> Cell:
    return Cell(row.rule.plain or "crontab()", "text" if row.rule.plain else "faint")


def _zone(row: ScheduleRow, _moment: Moment) -> Cell:
    return Cell(row.timezone.plain if row.rule.plain else "", "muted")


def _queue(row: ScheduleRow, _moment: Moment) -> Cell:
    return Cell(row.queue.plain)


def _next(row: ScheduleRow, moment: Moment) -> Cell:
    if not row.next_at:
        return Cell("–", "faint")
    return Cell(moment.ago(row.next_at[0]))


def _next_at(row: ScheduleRow, moment: Moment) -> Cell:
    return Cell(moment.short(row.next_at[0]), "muted") if row.next_at else Cell("–", "faint")


def _last(row: ScheduleRow, moment: Moment) -> Cell:
    if not row.runs:
        return Cell("never", "faint")
    return Cell(moment.ago(row.runs[0].enqueued_at), "muted")


def _outcome(row: ScheduleRow, _moment: Moment) -> Cell:
    return outcome(row.runs[0]) if row.runs else Cell("–", "faint")


def _glyph(row: ScheduleRow, _moment: Moment) -> Cell:
    """Return the last outcome with how long it took, or in a word, in few cells."""
    if not row.runs:
        return Cell("–", "faint")
    said = outcome(row.runs[0])
    seconds = row.runs[0].duration_s
    return Cell(said.text if seconds is None else said.text[:2] + duration(seconds), said.tone)


def _ran(row: ScheduleRow, _moment: Moment) -> Cell:
    seconds = row.runs[0].duration_s if row.runs else None
    return Cell("–", "faint") if seconds is None else Cell(duration(seconds))


def _counted(value: Callable[[ScheduleRow], int]) -> Callable[[ScheduleRow, Moment], Cell]:
    def draw(row: ScheduleRow, _moment: Moment) -> Cell:
        number = value(row)
        return Cell(count(number), "warning") if number else Cell("–", "faint")

    return draw


_STATUS: Final[Column[ScheduleRow]] = Column("", 8, _status)
_NEXT: Final[Column[ScheduleRow]] = Column("next", 8, _next, "right")
_LATE: Final[Column[ScheduleRow]] = Column("late", 5, _counted(lambda row: row.late), "right")
_MISSED: Final[Column[ScheduleRow]] = Column("missed", 6, _counted(lambda row: row.missed), "right")

NARROW: Final[Sequence[Column[ScheduleRow]]] = (
    Column("schedule", 0, _name),
    _STATUS,
    Column("rule", 13, _rule),
    _NEXT,
    Column("last ran", 11, _glyph),
    _LATE,
    _MISSED,
)
NORMAL: Final[Sequence[Column[ScheduleRow]]] = (
    Column("schedule", 0, _name),
    _STATUS,
    Column("rule", 14, _rule),
    Column("zone", 16, _zone),
    _NEXT,
    Column("last", 8, _last, "right"),
    Column("outcome", 11, _outcome),
    Column("ran", 7, _ran, "right"),
    _LATE,
    _MISSED,
)
WIDE: Final[Sequence[Column[ScheduleRow]]] = (
    Column("schedule", 0, _name),
    _STATUS,
    Column("rule", 20, _rule),
    Column("zone", 22, _zone),
    Column("queue", 16, _queue),
    Column("next", 9, _next_at, "right"),
    Column("", 8, _next, "right"),
    Column("last", 8, _last, "right"),
    Column("outcome", 11, _outcome),
    Column("ran", 7, _ran, "right"),
    _LATE,
    _MISSED,
    Column("skipped", 7, _counted(lambda row: row.skipped), "right"),
)


class ScheduleTable(LineTable[ScheduleRow]):
    """Rows of schedules."""

    ROOMY = 150
    NAME_MOST = 34

    def key_of(self, row: ScheduleRow) -> str:
        """Return the schedule's name."""
        return row.key

    def columns_for(self, width: int) -> Sequence[Column[ScheduleRow]]:
        """Return three sets, by width."""
        if width < 119:
            return NARROW
        return NORMAL if width < 159 else WIDE


def _run_when(tick: TickView, moment: Moment) -> Cell:
    return Cell(moment.dated(tick.tick_at or tick.enqueued_at))


def _run_ago(tick: TickView, moment: Moment) -> Cell:
    return Cell(moment.ago(tick.enqueued_at), "muted")


def _run_late(tick: TickView, _moment: Moment) -> Cell:
    if tick.tick_at is None:
        return Cell("by hand", "accent")
    if tick.late_s > LATE_S:
        return Cell(f"+{duration(tick.late_s)}", "warning")
    return Cell("on time", "muted")


def _run_outcome(tick: TickView, _moment: Moment) -> Cell:
    return outcome(tick)


def _run_took(tick: TickView, _moment: Moment) -> Cell:
    return Cell("–", "faint") if tick.duration_s is None else Cell(duration(tick.duration_s))


def _run_id(tick: TickView, _moment: Moment) -> Cell:
    return Cell(tick.short_id.plain, "id")


def _run_note(tick: TickView, _moment: Moment) -> Cell:
    if tick.error.plain:
        return Cell(tick.error.plain, "error")
    return Cell(f"run by {tick.by.plain}" if tick.by.plain else "", "muted")


RUNS: Final[Sequence[Column[TickView]]] = (
    Column("tick", 12, _run_when, "right"),
    Column("", 8, _run_ago, "right"),
    Column("came", 8, _run_late, "right"),
    Column("outcome", 11, _run_outcome),
    Column("ran", 7, _run_took, "right"),
    Column("job", 8, _run_id),
    Column("", 0, _run_note),
)


class RunTable(LineTable[TickView]):
    """Rows of the last runs of one schedule."""

    def key_of(self, row: TickView) -> str:
        """Return the job's id."""
        return row.key

    def columns_for(self, width: int) -> Sequence[Column[TickView]]:
        """Return the same columns for every width."""
        del width
        return RUNS
