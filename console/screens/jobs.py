"""All jobs in one list, a filter above it, marks in it."""

import shlex
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content

from console import bindings
from console.exporting import Sheet, all_jobs, marked_jobs
from console.formats import Moment
from console.gateway.acting import Done
from console.gateway.criteria import parsed
from console.gateway.errors import GatewayRefused
from console.gateway.paging import Marked, marked
from console.gateway.views import JobPage, JobRow, MarkedJob, Tally
from console.screens.base import POLL
from console.screens.exporting import ExportingScreen
from console.screens.job_actions import Chosen, JobActions, safe_key
from console.screens.job_states import StateTabs, said
from console.widgets.filter_bar import Grammar
from console.widgets.job_line import JobLine
from console.widgets.job_table import JobTable
from console.widgets.line_table import LineTable
from console.widgets.notice import Notice
from console.widgets.state_strip import StateStrip
from storage.history.filters import Filter
from storage.history.query import FIELDS
from storage.wording import plural

MARKS_LIMIT: Final = 10_000
COUNT_S: Final = 10.0
"""How long a count is good for while the list does not end in sight."""
LOOKED_AT: Final = 500
LOOKS: Final = 10
"""Pages of so many rows in which the next match is looked for."""


class JobsScreen(JobActions, ExportingScreen, StateTabs):
    """The list of jobs. Opened from a queue, it begins with that queue's filter."""

    BINDINGS = bindings.of("jobs")
    PLACE: ClassVar[bindings.Place] = "jobs"
    MODE: ClassVar[str] = "jobs"

    def __init__(self, criteria: str = "") -> None:
        super().__init__(criteria)
        self._known = False
        self._is_exact = True
        self._is_partial = False
        self._tally: Tally | None = None
        self._tallied_at: datetime | None = None
        self.everything = False

    def compose_body(self) -> ComposeResult:
        """Lay out the states, the filter bar, the table, and the job under the cursor."""
        yield StateStrip()
        yield self.make_bar(Grammar(self.read_filter, FIELDS, "every job"))
        with Vertical(id="jobs-body"):
            yield JobTable(self.moment, id="jobs-table")
            yield Notice(id="jobs-notice")
        yield JobLine()

    def on_mount(self) -> None:
        """Say that the first answer is awaited."""
        self.query_one(Notice).asking()
        self._arrange(False)
        self.table.highlight(self.words_looked_for())

    @property
    def table(self) -> JobTable:
        """The table."""
        return self.query_one(JobTable)

    # Asking.

    def poll(self) -> None:
        """Ask for the rows in sight."""
        criteria, gateway = self.criteria, self.dewey.gateway
        offset, limit = self.table.window()
        then = partial(self._show, criteria)
        self.ask(POLL, lambda: gateway.jobs(criteria, offset, limit), then, partial(self._refused, criteria))

    def is_of_backend(self, name: str) -> bool:
        """A count takes as long as it may: it says nothing of how fast the backend answers."""
        return name != "count" and super().is_of_backend(name)

    def on_line_table_wanted(self, event: LineTable.Wanted) -> None:
        """Rows came into sight that are not there yet."""
        event.stop()
        self.poll()

    def _show(self, criteria: str, page: JobPage) -> None:
        if criteria != self.criteria:
            return
        self._known, self._is_exact, self._is_partial = True, page.is_exact, bool(page.trouble)
        self._arrange(page.total > 0)
        if not page.total:
            self._say_empty()
        self.table.show(page.total, page.offset, page.rows, self.moment)
        self.bar.trouble(page.trouble)
        self._count()
        self.ask_states()
        if not page.is_exact and not page.trouble:
            self._ask_count()

    def _refused(self, criteria: str, error: GatewayRefused) -> None:
        """Keep what is shown, and say why there is no newer answer."""
        if criteria == self.criteria:
            self.bar.trouble(error.sentence)
            if not self._known:
                self.query_one(Notice).can_not_know(error.sentence)

    def _ask_count(self) -> None:
        """Count what matches, as long as the list does not end in sight; seldom, for it costs the most."""
        now, at = self.moment.now, self._tallied_at
        if at is not None and (now - at).total_seconds() < COUNT_S:
            return
        self._tallied_at = now
        criteria, gateway = self.criteria, self.dewey.gateway
        self.ask("count", lambda: gateway.count(criteria), partial(self._counted, criteria), lambda _: None)

    def _counted(self, criteria: str, tally: Tally) -> None:
        if criteria == self.criteria:
            self._tally = tally
            self._count()

    def _say_empty(self) -> None:
        notice = self.query_one(Notice)
        if self.criteria:
            self.say_nothing_matches(notice)
        else:
            notice.nothing_here("No job yet.", "t triggers one.")

    def _arrange(self, rows: bool) -> None:
        table, notice = self.table, self.query_one(Notice)
        table.display, notice.display = rows, not rows
        self.query_one(JobLine).display = rows
        if rows and self.focused is None and not self.bar.editing:
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
        parts.append((self._total(), "$foreground"))
        self.bar.tell(Content.assemble(*parts))
        self._tell_row()
        self.refresh_bindings()

    def _tell_row(self) -> None:
        self.show_states()
        self.query_one(JobLine).tell(self.table.row, self.moment)

    def listed(self) -> Tally | None:
        """Return how many are listed, as far as it is known."""
        if not self._known:
            return None
        is_exact = self._is_exact and not self._is_partial
        return Tally(self.table.total, True) if is_exact else self._tally or Tally(self.table.total, False)

    def _total(self) -> str:
        """How many match, never as a number that looks more exact than it is."""
        if self._is_partial:
            return f"{self.table.total:,}+ jobs"
        if self._is_exact:
            return plural(self.table.total, "job")
        return "counting…" if self._tally is None else said(self._tally)

    def tell(self, moment: Moment, stale: bool) -> None:
        """Dim old data; if there is none, say why."""
        self.table.set_class(stale, "-stale")
        self.query_one(JobLine).set_class(stale, "-stale")
        self.table.at(moment)
        self._tell_row()
        for error in self.unavailable():
            if not self._known:
                self.query_one(Notice).can_not_know(error.sentence)

    def read_filter(self, text: str) -> Filter:
        """Read the text of a filter."""
        return parsed(text, self.moment.now)

    def give_keys_back(self) -> None:
        """Give the keys back to the list."""
        if self.table.display:
            self.table.focus()
        else:
            self.set_focus(None)

    def filter_by(self, criteria: str) -> None:
        """Show what matches, from the top."""
        if criteria == self.criteria:
            return
        self.criteria = criteria
        self._known = self.everything = False
        self._is_exact, self._is_partial, self._tally, self._tallied_at = True, False, None, None
        self.bar.show(criteria)
        self.bar.trouble(Content(""))
        self.forget_states()
        self.table.highlight(self.words_looked_for())
        self.table.end_range()
        self.table.clear()
        self.poll()

    def action_match(self, step: int) -> None:
        """Go to the next row with a word of the filter, or to the one before."""
        self._look_for_match(self.table.cursor + step, step, LOOKS)

    def _look_for_match(self, start: int, step: int, looks: int) -> None:
        index, is_found = self.table.match_from(start, step)
        if is_found:
            self.table.move_to(index)
        elif not 0 <= index < self.table.total:
            self.notify(f"No match {'further down' if step > 0 else 'above'}.", timeout=3)
        elif not looks:
            self.notify(f"No match among {LOOKS * LOOKED_AT:,} rows from here.", severity="warning")
        else:
            criteria, gateway = self.criteria, self.dewey.gateway
            first = index if step > 0 else max(0, index - LOOKED_AT + 1)

            def look(page: JobPage) -> None:
                if criteria == self.criteria and page.rows:
                    self.table.show(page.total, page.offset, page.rows, self.moment)
                    self._look_for_match(index, step, looks - 1)

            self.ask("match", lambda: gateway.jobs(criteria, first, LOOKED_AT), look)

    # Back.

    def has_steps(self) -> bool:
        """Say whether `esc` has something to undo here."""
        table = self.table
        return table.range is not None or bool(table.marks) or self.everything or super().has_steps()

    def step_back(self) -> bool:
        """Leave the filter's field, the range, the marks, the filter: one at a time."""
        if not self.bar.editing and self.table.range is not None:
            self.table.end_range()
        elif not self.bar.editing and (self.table.marks or self.everything):
            self.everything = False
            self.table.unmark_all()
        elif not super().step_back():
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
        is_over = self.table.total > MARKS_LIMIT or not self._is_exact
        if is_over and self.criteria:
            self.everything = True
            self.table.unmark_all()
            self._count()
            return
        if is_over:
            self.notify(f"The first {MARKS_LIMIT:,} of {self._total()} are marked.", severity="warning")
        self._ask_marks(0, MARKS_LIMIT)

    def _ask_marks(self, offset: int, limit: int) -> None:
        criteria, gateway = self.criteria, self.dewey.gateway

        def mark(found: Marked) -> None:
            self._mark(found.jobs)
            if found.note:
                self.notify(found.note, severity="warning")

        self.ask("marks", lambda: marked(lambda at, most: gateway.jobs(criteria, at, most), offset, limit), mark)

    def _mark(self, rows: Sequence[JobRow | MarkedJob]) -> None:
        self.table.mark(rows)
        self._count()

    # Acting.

    def why_not(self, action: str) -> str:
        """Say why an action can not be done now."""
        row = self.table.row
        needs_row = ("open", "log", "why", "copy", "copy_command", "mark", "mark_range")
        if action in needs_row and row is None:
            return "There is no job under the cursor."
        if action == "export" and not self.table.total:
            return "There is no job to export."
        if action == "mark_all" and not self.table.total:
            return "There is no job to mark."
        if action == "match" and not self.table.words:
            return "No word is highlighted: filter by one first, such as err:Timeout."
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
            return Chosen((), (), self.criteria, is_marked=True)
        marks, row = self.table.marks, self.table.row
        if marks:
            return Chosen(tuple(marks), tuple(marks.values()), is_marked=True)
        return Chosen((row.key,), (row,)) if row is not None else Chosen()

    def sheet(self) -> Sheet:
        """Export the marked jobs, or all that match."""
        marks, criteria, gateway = tuple(self.table.marks), self.criteria, self.dewey.gateway

        def ask(offset: int, limit: int) -> JobPage:
            return gateway.jobs(criteria, offset, limit)

        if marks:
            title = f"Export {plural(len(marks), 'marked job')}"
            return Sheet("jobs", title, lambda: marked_jobs(marks, ask, lambda key: gateway.job(key).row))
        return Sheet(
            "jobs",
            f"Export {self._total()}" if self._is_exact else "Export everything that matches",
            lambda: all_jobs(ask),
        )

    def acted(self, done: Done) -> None:
        """Take the marks of what it was done to away."""
        self.everything = False
        for key in done.done_keys:
            self.table.marks.pop(key, None)
        self._count()
