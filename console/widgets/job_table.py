"""The list of jobs: a `LineTable` with marks."""

from collections.abc import Iterable, Sequence
from typing import Final

from console.formats import GLYPHS, Moment, duration
from console.gateway.views import JobRow, MarkedJob
from console.widgets.line_table import Cell, Column, LineTable
from console.widgets.palette import STATE_TONES


def _glyph(row: JobRow, _moment: Moment) -> Cell:
    return Cell(f"{GLYPHS[row.state]} {row.state}", STATE_TONES[row.state])


def _id(row: JobRow, _moment: Moment) -> Cell:
    return Cell(row.short_id.plain, "id")


def _task(row: JobRow, _moment: Moment) -> Cell:
    return Cell(row.task.plain, "strong")


def _queue(row: JobRow, _moment: Moment) -> Cell:
    return Cell(row.queue.plain)


def _attempt(row: JobRow, _moment: Moment) -> Cell:
    if not row.attempt:
        return Cell("–", "faint")
    return Cell(f"{row.attempt}/{row.attempts_max}", "warning" if row.attempt > 1 else "muted")


def _when(row: JobRow, moment: Moment) -> Cell:
    return Cell(moment.short(row.at), "text")


def _age(row: JobRow, moment: Moment) -> Cell:
    return Cell(moment.ago(row.at), "text")


def _ran(row: JobRow, moment: Moment) -> Cell:
    if row.seconds is None:
        return Cell("–", "faint")
    seconds = row.seconds
    if row.state == "running":
        seconds = max(0.0, (moment.now - row.at).total_seconds())
    return Cell(duration(seconds))


def _priority(row: JobRow, _moment: Moment) -> Cell:
    return Cell(f"{row.priority:g}", "muted" if row.priority else "faint")


def _worker(row: JobRow, _moment: Moment) -> Cell:
    return Cell(row.worker.plain or "–", "muted" if row.worker.plain else "faint")


def _created(row: JobRow, moment: Moment) -> Cell:
    return Cell(moment.short(row.created_at), "muted")


def _note(row: JobRow, _moment: Moment) -> Cell:
    return Cell(row.note.plain, "error" if row.note_is_error else "muted")


_NOTE: Final[Column[JobRow]] = Column("error or arguments", 0, _note, is_searched=True)

NARROW: Final[Sequence[Column[JobRow]]] = (
    Column("state", 11, _glyph),
    Column("id", 8, _id),
    Column("task", 18, _task, is_searched=True),
    Column("try", 3, _attempt, "right"),
    Column("when", 9, _when, "right"),
    _NOTE,
)
NORMAL: Final[Sequence[Column[JobRow]]] = (
    Column("state", 11, _glyph),
    Column("id", 8, _id),
    Column("task", 22, _task, is_searched=True),
    Column("queue", 11, _queue),
    Column("try", 3, _attempt, "right"),
    Column("when", 9, _when, "right"),
    Column("ran", 7, _ran, "right"),
    _NOTE,
)
WIDE: Final[Sequence[Column[JobRow]]] = (
    Column("state", 11, _glyph),
    Column("id", 8, _id),
    Column("task", 24, _task, is_searched=True),
    Column("queue", 13, _queue),
    Column("try", 3, _attempt, "right"),
    Column("prio", 5, _priority, "right"),
    Column("created", 9, _created, "right"),
    Column("when", 9, _when, "right"),
    Column("", 8, _age, "right"),
    Column("ran", 7, _ran, "right"),
    Column("worker", 12, _worker),
    _NOTE,
)


class JobTable(LineTable[JobRow]):
    """Rows of jobs, with marks by id that stay while rows move, leave and come back."""

    def __init__(self, moment: Moment, id: str | None = None) -> None:
        super().__init__(moment, id)
        self.marks: dict[str, MarkedJob] = {}
        self._anchor: int | None = None
        self._anchor_key = ""

    def key_of(self, row: JobRow) -> str:
        """Return the job's id."""
        return row.key

    def columns_for(self, width: int) -> Sequence[Column[JobRow]]:
        """Return three sets, by width."""
        if width < 99:
            return NARROW
        return NORMAL if width < 159 else WIDE

    def is_marked(self, index: int, row: JobRow) -> bool:
        """Say whether the job is marked, or in the range being drawn."""
        span = self.range
        return row.key in self.marks or (span is not None and span[0] <= index <= span[1])

    @property
    def range(self) -> tuple[int, int] | None:
        """The first and last row of the range being drawn."""
        if self._anchor is None:
            return None
        return min(self._anchor, self.cursor), max(self._anchor, self.cursor)

    def _follow(self, offset: int, rows: Sequence[JobRow], was_in_sight: bool) -> None:
        super()._follow(offset, rows, was_in_sight)
        for index, row in enumerate(rows, offset):
            if row.key in self.marks:
                self.marks[row.key] = MarkedJob(row.key, row.state)
            if self._anchor is not None and row.key == self._anchor_key:
                self._anchor = index

    def toggle_mark(self) -> None:
        """Mark the cursor's job, or take its mark away, and go on to the next."""
        row = self.row
        if row is None:
            return
        if self.marks.pop(row.key, None) is None:
            self.marks[row.key] = MarkedJob(row.key, row.state)
        self.move_to(self.cursor + 1)

    def mark(self, rows: Iterable[JobRow | MarkedJob]) -> None:
        """Mark some jobs."""
        self.marks.update((row.key, MarkedJob(row.key, row.state)) for row in rows)
        self.repaint()

    def unmark_all(self) -> None:
        """Take every mark away."""
        self.marks.clear()
        self.repaint()

    def begin_range(self) -> None:
        """Begin a range at the cursor."""
        self._anchor, self._anchor_key = self.cursor, self.cursor_key
        self.repaint()

    def end_range(self) -> None:
        """Give the range up."""
        self._anchor = None
        self.repaint()
