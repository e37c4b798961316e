"""Schedules, their next ticks and their last runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content

from console import bindings
from console.formats import Moment
from console.gateway.timetable import ScheduleRow, TickView
from console.screens.base import POLL
from console.screens.exporting import ExportingScreen
from console.screens.room import fit_to_rows
from console.widgets.line_table import LineTable
from console.widgets.notice import Notice
from console.widgets.schedule_detail import ScheduleDetail, counted
from console.widgets.schedule_table import RunTable, ScheduleTable
from console.widgets.tab_line import TabLine
from storage.wording import plural
from tasks.actions.values import Request

if TYPE_CHECKING:
    from console.exporting import Sheet

ON_ONE = ("open", "run_now", "pause", "copy", "copy_command")


class SchedulesScreen(ExportingScreen):
    """What runs by the clock: above the schedules, below the last runs of one of them."""

    BINDINGS = bindings.of("schedules")
    PLACE: ClassVar[bindings.Place] = "schedules"
    MODE: ClassVar[str] = "schedules"

    def __init__(self) -> None:
        super().__init__()
        self._known = False
        self._shown = ""

    def compose_body(self) -> ComposeResult:
        """Lay out the schedules, the detail and the runs."""
        yield TabLine((("schedules", "Schedules"),), "schedules")
        with Vertical(id="schedules-body"):
            yield ScheduleTable(self.moment, id="schedules-table")
            yield Notice(id="schedules-notice")
        yield ScheduleDetail(id="schedule-detail")
        yield RunTable(self.moment, id="runs")
        yield Notice(id="runs-notice")

    def on_mount(self) -> None:
        """Say that the first answer is awaited."""
        self.notice.asking()
        self._arrange(False)

    @property
    def table(self) -> ScheduleTable:
        """The schedules."""
        return self.query_one(ScheduleTable)

    @property
    def runs(self) -> RunTable:
        """The runs of the schedule under the cursor."""
        return self.query_one(RunTable)

    @property
    def notice(self) -> Notice:
        """What stands in the place of the schedules."""
        return self.query_one("#schedules-notice", Notice)

    def poll(self) -> None:
        """Ask for all schedules."""
        self.ask(POLL, self.dewey.gateway.schedules, self._show)

    def _show(self, found: tuple[ScheduleRow, ...]) -> None:
        self._known = True
        rows = tuple(sorted(found, key=lambda row: (row.name.plain, row.key)))
        if not rows:
            self.notice.nothing_here("No schedule yet.", "A task with a schedule is listed once a consumer knows it.")
        self._arrange(bool(rows))
        self.table.show(len(rows), 0, rows, self.moment)
        self._share()
        self.query_one(TabLine).tell("schedules", {"schedules": len(rows)}, counted(rows) if rows else Content(""))
        self._detail()

    def _arrange(self, rows: bool) -> None:
        self.table.display, self.notice.display = rows, not rows
        self.query_one(ScheduleDetail).display = rows
        if not rows:
            self.runs.display = self.query_one("#runs-notice").display = False
        elif self.focused is None:
            self.table.focus()

    def _share(self) -> None:
        """Let the runs have the rows that the schedules do not fill."""
        fit_to_rows(self, self.query_one("#schedules-body"), self.table)

    def on_resize(self) -> None:
        """Share the rows anew."""
        self.call_after_refresh(self._share)

    def tell(self, moment: Moment, stale: bool) -> None:
        """Dim old data; if there is none, say why."""
        for widget in (self.table, self.runs, self.query_one(ScheduleDetail)):
            widget.set_class(stale, "-stale")
        self.table.at(moment)
        self.runs.at(moment)
        self._detail()
        for error in self.unavailable():
            if not self._known:
                self.notice.can_not_know(error.sentence)

    def _detail(self) -> None:
        row = self.table.row
        if row is not None:
            self.query_one(ScheduleDetail).show(row, self.moment)
            self._show_runs(row)
        self.refresh_bindings()

    def _show_runs(self, row: ScheduleRow) -> None:
        notice = self.query_one("#runs-notice", Notice)
        if not row.runs:
            notice.nothing_here("It has not run yet.")
            if self.runs.has_focus:
                self.table.focus()
        self.runs.display, notice.display = bool(row.runs), not row.runs
        self.runs.show(len(row.runs), 0, row.runs, self.moment)

    def on_line_table_cursor_moved(self, event: LineTable.CursorMoved) -> None:
        """Show the schedule under the cursor, with its runs from the newest on."""
        event.stop()
        if self._shown != self.table.cursor_key:
            self._shown = self.table.cursor_key
            self.runs.clear()
            self._detail()
        self.refresh_bindings()

    def on_line_table_opened(self, event: LineTable.Opened) -> None:
        """A double click opens."""
        event.stop()
        if not self.why_not("open"):
            self.action_open()

    def _run(self) -> TickView | None:
        return self.runs.row if self.runs.has_focus else None

    def why_not(self, action: str) -> str:
        """Say why an action can not be done now."""
        row, run = self.table.row, self._run()
        if action in (*ON_ONE, "export") and row is None:
            return "There is no schedule under the cursor."
        if action == "open" and row is not None and not row.runs:
            return "This schedule has not run yet."
        if action == "open" and run is not None and run.state == "":
            return "This job is forgotten: it is past its retention."
        return super().why_not(action)

    def has_steps(self) -> bool:
        """The way from the runs leads back to the schedules."""
        return self.runs.has_focus

    def step_back(self) -> bool:
        """Go back from the runs to the schedules."""
        if not self.runs.has_focus:
            return False
        self.table.focus()
        return True

    def action_open(self) -> None:
        """Go to the runs; there, open the job."""
        run = self._run()
        if run is not None:
            self.dewey.open_job(run.key)
        elif self.table.row is not None:
            self.runs.focus()
            self.refresh_bindings()

    def sheet(self) -> Sheet:
        """Export every schedule with its next ticks and its last runs."""
        from console.exporting import whole_list  # noqa: PLC0415 - loaded when somebody exports
        from console.records import schedule_record  # noqa: PLC0415

        title = f"Export {plural(self.table.total, 'schedule')}"
        return whole_list("schedules", title, self.dewey.gateway.schedules, schedule_record)

    def action_copy(self) -> None:
        """Copy the schedule's name, or the id of the run's job."""
        run, row = self._run(), self.table.row
        if run is not None:
            self.copy(run.key, "the job's id")
        elif row is not None:
            self.copy(row.name.plain, "the schedule's name")

    def action_copy_command(self) -> None:
        """Copy the command line that lists the schedules."""
        self.copy("dewey schedules", "the command line")

    def _on_schedule(self, action: str) -> None:
        row = self.table.row
        if row is not None:
            self.act(Request(action, (row.key,)), about=_about(row, self.moment))

    def action_run_now(self) -> None:
        """Launch one job of the schedule."""
        self._on_schedule("run")

    def action_pause(self) -> None:
        """Pause the schedule until an instant, or resume it."""
        row = self.table.row
        if row is not None:
            self._on_schedule("pause-schedule" if row.hold is None else "resume-schedule")


def _about(row: ScheduleRow, moment: Moment) -> Content:
    """Say when a schedule ticks next, and who paused it."""
    coming = f"Its next tick is {moment.ago(row.next_at[0])}." if row.next_at else "It has no next tick."
    if row.hold is None:
        return Content.assemble("Its jobs go into queue ", row.queue.stylize("bold"), f". {coming}")
    return Content.assemble(
        "Paused by ", row.hold.by.stylize("bold"), f" {moment.ago(row.hold.at)}: ", row.hold.reason, f". {coming}"
    )
