"""All jobs in one list, a filter above it, marks in it."""

import shlex
from collections.abc import Callable, Sequence
from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content

from console import bindings
from console.formats import Moment, plural
from console.gateway.acting import Done
from console.gateway.filters import Filter
from console.gateway.views import JobPage, JobRow
from console.screens.base import POLL, DeweyScreen
from console.screens.job_actions import Chosen, JobActions, safe_key
from console.widgets.filter_bar import FilterBar
from console.widgets.job_table import JobTable
from console.widgets.line_table import LineTable
from console.widgets.notice import Notice

MARKS_LIMIT: Final = 10_000


class JobsScreen(JobActions, DeweyScreen):
    """The list of jobs. Opened from a queue, it begins with that queue's filter."""

    BINDINGS = bindings.of("jobs")
    PLACE: ClassVar[bindings.Place] = "jobs"
    MODE: ClassVar[str] = "jobs"

    def __init__(self, criteria: Filter | None = None) -> None:
        super().__init__()
        self._first_criteria = criteria or Filter()
        self.criteria = self._first_criteria
        self._known = False
        self.everything = False

    def compose_body(self) -> ComposeResult:
        """Lay out the filter bar and the table."""
        yield FilterBar(self.criteria)
        with Vertical(id="jobs-body"):
            yield JobTable(self.moment, id="jobs-table")
            yield Notice(id="jobs-notice")

    def on_mount(self) -> None:
        """Say that the first answer is awaited."""
        self.query_one(Notice).asking()
        self._arrange(False)

    @property
    def table(self) -> JobTable:
        """The table."""
        return self.query_one(JobTable)

    # Asking.

    def poll(self) -> None:
        """Ask for the rows in sight."""
        criteria, gateway = self.criteria, self.dewey.gateway
        offset, limit = self.table.window()
        self.ask(POLL, lambda: gateway.jobs(criteria, offset, limit), lambda page: self._show(criteria, page))

    def on_line_table_wanted(self, event: LineTable.Wanted) -> None:
        """Rows came into sight that are not there yet."""
        event.stop()
        self.poll()

    def _show(self, criteria: Filter, page: JobPage) -> None:
        if criteria != self.criteria:
            return
        self._known = True
        self._arrange(page.total > 0)
        if not page.total:
            self._say_empty()
        self.table.show(page.total, page.offset, page.rows, self.moment)
        bar = self.query_one(FilterBar)
        bar.words.queues |= {row.queue_key for row in page.rows if row.queue.plain == row.queue_key}
        self._count()

    def _say_empty(self) -> None:
        notice = self.query_one(Notice)
        if self.criteria:
            clears = self.criteria != self._first_criteria
            hint = "esc clears the filter" if clears else "esc goes back"
            notice.nothing_matches(Content(self.query_one(FilterBar).shown_text), hint)
        else:
            notice.nothing_here("No job yet.", "t triggers one.")

    def _arrange(self, rows: bool) -> None:
        table, notice = self.table, self.query_one(Notice)
        table.display, notice.display = rows, not rows
        if rows and self.focused is None and not self.query_one(FilterBar).editing:
            table.focus()

    def _count(self) -> None:
        marks = len(self.table.marks)
        parts: list[tuple[str, str]] = []
        if self.table.range is not None:
            first, last = self.table.range
            parts.append((f"range of {last - first + 1:,} · ", "$accent"))
        if self.everything:
            parts.append(("■ everything that matches · ", "$accent"))
        elif marks:
            parts.append((f"■ {marks:,} marked · ", "$accent"))
        parts.append((plural(self.table.total, "job"), "$foreground"))
        self.query_one(FilterBar).tell(Content.assemble(*parts))
        self.refresh_bindings()

    def tell(self, moment: Moment, stale: bool) -> None:
        """Dim old data; if there is none, say why."""
        self.table.set_class(stale, "-stale")
        self.table.at(moment)
        for error in self.unavailable():
            if not self._known:
                self.query_one(Notice).can_not_know(error.sentence)

    # The filter.

    def action_filter(self) -> None:
        """Edit the filter."""
        self.query_one(FilterBar).begin()

    def on_filter_bar_chosen(self, event: FilterBar.Chosen) -> None:
        """Show what matches, from the top."""
        event.stop()
        self._set_filter(event.criteria)

    def on_filter_bar_left(self, event: FilterBar.Left) -> None:
        """Give the keys back to the list."""
        event.stop()
        if self.table.display:
            self.table.focus()
        else:
            self.set_focus(None)

    def _set_filter(self, criteria: Filter) -> None:
        if criteria == self.criteria:
            return
        self.criteria = criteria
        self._known = self.everything = False
        self.query_one(FilterBar).show(criteria)
        self.table.end_range()
        self.table.clear()
        self.poll()

    # Back.

    def has_steps(self) -> bool:
        """Say whether `esc` has something to undo here."""
        return (
            self.query_one(FilterBar).editing
            or self.table.range is not None
            or bool(self.table.marks)
            or self.everything
            or self.criteria != self._first_criteria
        )

    def step_back(self) -> bool:
        """Leave the filter's field, the range, the marks, the filter: one at a time."""
        bar = self.query_one(FilterBar)
        if bar.editing:
            bar.end()
        elif self.table.range is not None:
            self.table.end_range()
        elif self.table.marks or self.everything:
            self.everything = False
            self.table.unmark_all()
        elif self.criteria != self._first_criteria:
            self._set_filter(self._first_criteria)
        else:
            return False
        self._count()
        return True

    # Marks.

    def on_line_table_cursor_moved(self, event: LineTable.CursorMoved) -> None:
        """What can be done depends on the job under the cursor."""
        event.stop()
        self._count()

    def action_mark(self) -> None:
        """Mark the job, or end the range."""
        self.everything = False
        if self.table.range is not None:
            self.action_mark_range()
        else:
            self.table.toggle_mark()
        self._count()

    def action_mark_range(self) -> None:
        """Begin a range, or mark it."""
        span = self.table.range
        if span is None:
            self.table.begin_range()
        else:
            self._mark_between(*span)
            self.table.end_range()
        self._count()

    def _mark_between(self, first: int, last: int) -> None:
        number = last - first + 1
        held = self.table.held(first, last)
        if len(held) == number:
            self._mark(held)
        else:
            self._ask_marks(first, min(number, MARKS_LIMIT))

    def action_mark_all(self) -> None:
        """Mark everything that matches; beyond the limit, choose it by its filter."""
        if self.table.total > MARKS_LIMIT and self.criteria:
            self.everything = True
            self.table.unmark_all()
            self._count()
            return
        if self.table.total > MARKS_LIMIT:
            self.notify(f"The first {MARKS_LIMIT:,} of {self.table.total:,} are marked.", severity="warning")
        self._ask_marks(0, MARKS_LIMIT)

    def _ask_marks(self, offset: int, limit: int) -> None:
        criteria, gateway = self.criteria, self.dewey.gateway
        self.ask("marks", lambda: gateway.jobs(criteria, offset, limit), lambda page: self._mark(page.rows))

    def _mark(self, rows: Sequence[JobRow]) -> None:
        self.table.mark(rows)
        self._count()

    # Acting.

    def why_not(self, action: str) -> str:
        """Say why an action can not be done now."""
        row = self.table.row
        needs_row = ("open", "log", "why", "copy", "copy_command", "mark", "mark_range")
        if action in needs_row and row is None:
            return "There is no job under the cursor."
        if action == "mark_all" and not self.table.total:
            return "There is no job to mark."
        return self.why_not_on_jobs(action) or super().why_not(action)

    def on_line_table_opened(self, event: LineTable.Opened) -> None:
        """A double click opens."""
        event.stop()
        self.action_open()

    def _with_row(self, act: Callable[[JobRow], None]) -> None:
        row = self.table.row
        if row is not None:
            act(row)

    def action_open(self) -> None:
        """Show the job."""
        self._with_row(lambda row: self.dewey.open_job(row.key))

    def action_log(self) -> None:
        """Show the job's log."""
        self._with_row(lambda row: self.dewey.open_job(row.key, "log"))

    def action_copy(self) -> None:
        """Copy the job's whole id."""
        self._with_row(lambda row: self.copy(safe_key(row.key), "the id"))

    def action_copy_command(self) -> None:
        """Copy the command line that shows the job."""
        self._with_row(lambda row: self.copy(f"dewey job {shlex.quote(safe_key(row.key))}", "the command line"))

    def action_why(self) -> None:
        """Say what keeps the job under the cursor."""
        gateway = self.dewey.gateway
        self._with_row(lambda row: self.ask("why", lambda: gateway.why(row.key), self.dewey.show_why))

    def chosen(self) -> Chosen:
        """Return everything that matches, the marked jobs, or the one under the cursor."""
        if self.everything:
            return Chosen((), (), self.criteria.text(), is_marked=True)
        marks, row = self.table.marks, self.table.row
        if marks:
            return Chosen(tuple(marks), tuple(marks.values()), is_marked=True)
        return Chosen((row.key,), (row,)) if row is not None else Chosen()

    def acted(self, done: Done) -> None:
        """Take the marks of what it was done to away."""
        self.everything = False
        for key in done.done_keys:
            self.table.marks.pop(key, None)
        self._count()
