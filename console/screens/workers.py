"""Consumers, their workers, and the jobs that these run."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content

from console import bindings
from console.gateway.fleet import ConsumerView
from console.gateway.past import PastView
from console.screens.base import POLL
from console.screens.exporting import ExportingScreen
from console.screens.listing import ListScreen
from console.screens.travelling import TravellingScreen
from console.widgets.fleet_detail import FleetDetail
from console.widgets.fleet_table import FleetTable, lines_of
from console.widgets.line_table import LineTable
from console.widgets.notice import Notice
from console.widgets.tab_line import TabLine
from storage.wording import plural
from tasks.actions.values import Request

if TYPE_CHECKING:
    from console.exporting import Sheet


class WorkersScreen(ExportingScreen, ListScreen, TravellingScreen):
    """Who runs jobs, which ones, and for how long."""

    BINDINGS = bindings.of("workers")
    PLACE: ClassVar[bindings.Place] = "workers"
    MODE: ClassVar[str] = "workers"
    UNRECORDED: ClassVar[str] = "arguments and usual durations of what ran"

    DETAIL: ClassVar[str] = "#fleet-detail"
    NOTHING: ClassVar[tuple[str, str]] = (
        "No consumer lives: jobs wait.",
        "dewey up starts one; it shows up here with its first heartbeat.",
    )

    def compose_body(self) -> ComposeResult:
        """Lay out the summary, the table and the detail."""
        yield TabLine((("fleet", "Consumers"),), "fleet")
        with Vertical(id="workers-body"):
            yield FleetTable(self.moment, id="workers-table")
            yield Notice(id="workers-notice")
        yield FleetDetail(id="fleet-detail")

    @property
    def table(self) -> FleetTable:
        """The table."""
        return self.query_one(FleetTable)

    def poll_now(self) -> None:
        """Ask for all consumers and what they run."""
        self.ask(POLL, self.dewey.gateway.fleet, self._show)

    def show_past(self, found: PastView) -> None:
        """Show the consumers as they stood."""
        self._show(found.glance.fleet)

    def _show(self, fleet: tuple[ConsumerView, ...]) -> None:
        self.list_rows(tuple(lines_of(fleet)))
        self.tell_count("fleet", len(fleet), _summary(fleet))

    def show_detail(self) -> None:
        """Show the line under the cursor."""
        line = self.table.row
        if line is not None:
            self.query_one(FleetDetail).show(line, self.moment)

    def on_line_table_opened(self, event: LineTable.Opened) -> None:
        """A double click opens."""
        event.stop()
        if not self.why_not("open"):
            self.action_open()

    def why_not(self, action: str) -> str:
        """Say why an action can not be done now."""
        line = self.table.row
        if action in ("open", "log", "quiet", "stop", "copy", "copy_command", "export") and line is None:
            return "There is no consumer under the cursor."
        if line is None:
            return super().why_not(action)
        if action in ("open", "log") and line.run is None:
            return "Go to a job that this consumer runs." if line.consumer.runs else "This consumer runs no job."
        if action in ("quiet", "stop") and line.consumer.is_silent:
            return "This consumer beats no more: it would not hear."
        if action == "stop" and line.consumer.order == "stop":
            return "This consumer was told to stop already."
        return super().why_not(action)

    def action_open(self) -> None:
        """Show the running job."""
        self._open("summary")

    def action_log(self) -> None:
        """Show what the running job logs."""
        self._open("log")

    def _open(self, tab: str) -> None:
        line = self.table.row
        if line is not None and line.run is not None:
            self.dewey.open_job(line.run.key, tab)

    def sheet(self) -> Sheet:
        """Export every consumer with what it runs."""
        from console.records import consumer_record  # noqa: PLC0415 - loaded when somebody exports

        shown = [line.consumer for line in self.rows() if line.run is None]
        called = "consumers", plural(len(shown), "consumer")
        return self.dated(called, self.dewey.gateway.fleet, shown, consumer_record)

    def action_copy(self) -> None:
        """Copy the consumer's or the job's id."""
        line = self.table.row
        if line is not None and line.run is not None:
            self.copy(line.run.key, "the job's id")
        elif line is not None:
            self.copy(line.consumer.name.plain, "the consumer's id")

    def action_copy_command(self) -> None:
        """Copy the command line that shows this."""
        line = self.table.row
        if line is not None and line.run is not None:
            self.copy(f"dewey job {shlex.quote(line.run.key)}", "the command line")
        else:
            self.copy("dewey consumers", "the command line")

    def _on_consumer(self, action: str) -> None:
        line = self.table.row
        if line is not None:
            self.act(Request(action, (line.consumer.key,)), about=_about(line.consumer))

    def action_quiet(self) -> None:
        """Let the consumer claim nothing more, or go on."""
        line = self.table.row
        if line is not None:
            self._on_consumer("wake" if line.consumer.order else "quiet")

    def action_stop(self) -> None:
        """Let the consumer end when its jobs have."""
        self._on_consumer("stop")


def _summary(fleet: tuple[ConsumerView, ...]) -> Content:
    living = [one for one in fleet if not one.is_silent]
    silent = len(fleet) - len(living)
    workers, busy = sum(one.workers for one in living), sum(len(one.runs) for one in living)
    parts = [Content.assemble((f"{busy:,}", "$foreground"), (f" of {plural(workers, 'worker')} busy", "$muted"))]
    if silent:
        parts.append(Content.styled(f"✗ {silent:,} silent", "$error"))
    return Content(" · ").join(parts)


def _about(consumer: ConsumerView) -> Content:
    """Say which jobs a consumer would finish."""
    if not consumer.runs:
        return Content.styled("It runs no job now.", "$muted")
    lines = [Content(f"It will finish {plural(len(consumer.runs), 'running job')}:")]
    lines += [Content.assemble("  ", run.job.short_id.stylize("$primary"), "  ", run.job.task) for run in consumer.runs]
    return Content("\n").join(lines[:6])
