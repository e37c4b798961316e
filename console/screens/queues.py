"""Every queue at a glance, and the one under the cursor in more detail."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content

from console import bindings
from console.formats import Moment, plural
from console.gateway.views import QueueRow
from console.screens.base import POLL
from console.screens.exporting import ExportingScreen
from console.screens.listing import ListScreen
from console.screens.travelling import TravellingScreen
from console.widgets.line_table import LineTable
from console.widgets.notice import Notice
from console.widgets.queue_detail import QueueDetail
from console.widgets.queue_table import QueueTable
from tasks.actions.values import Request

if TYPE_CHECKING:
    from console.exporting import Sheet
    from console.gateway.past import PastView


class QueuesScreen(ExportingScreen, ListScreen, TravellingScreen):
    """The screen that the console begins with."""

    BINDINGS = bindings.of("queues")
    PLACE: ClassVar[bindings.Place] = "queues"
    MODE: ClassVar[str] = "queues"
    UNRECORDED: ClassVar[str] = "limits, since when a queue was paused"

    DETAIL: ClassVar[str] = "#queue-detail"
    NOTHING: ClassVar[tuple[str, str]] = ("No queue yet.", "A queue is there from the first job on; t triggers one.")

    def compose_body(self) -> ComposeResult:
        """Lay out the table and the detail."""
        with Vertical(id="queues-body"):
            yield QueueTable(self.moment, id="queues-table")
            yield Notice(id="queues-notice")
        yield QueueDetail(id="queue-detail")

    @property
    def table(self) -> QueueTable:
        """The table."""
        return self.query_one(QueueTable)

    def poll_now(self) -> None:
        """Ask for all queues."""
        self.ask(POLL, self.dewey.gateway.queues, self.list_rows)

    def show_past(self, found: PastView) -> None:
        """Show the queues as they stood."""
        self.list_rows(found.glance.queues)

    def show_detail(self) -> None:
        """Show the queue under the cursor."""
        row = self.table.row
        if row is not None:
            self.query_one(QueueDetail).show(row, self.moment)

    def on_line_table_opened(self, event: LineTable.Opened) -> None:
        """A double click opens."""
        event.stop()
        self.action_open()

    def why_not(self, action: str) -> str:
        """Say why an action can not be done now."""
        if action in ("open", "pause", "limit", "purge", "copy", "copy_command") and self.table.row is None:
            return "There is no queue under the cursor."
        return super().why_not(action)

    def action_open(self) -> None:
        """Show the queue's jobs."""
        from console.gateway.criteria import of_queue  # noqa: PLC0415 - this is the screen that some begin with

        row = self.table.row
        if row is not None:
            self.dewey.open_jobs(of_queue(row.key))

    def sheet(self) -> Sheet:
        """Export every queue."""
        from console.records import queue_record  # noqa: PLC0415 - loaded when somebody exports

        called = "queues", plural(self.table.total, "queue")
        return self.dated(called, self.dewey.gateway.queues, self.rows(), queue_record)

    def action_copy(self) -> None:
        """Copy the queue's name."""
        row = self.table.row
        if row is not None:
            self.copy(row.name.plain, "the queue's name")

    def action_copy_command(self) -> None:
        """Copy the command line that lists the queue's jobs."""
        row = self.table.row
        if row is not None:
            self.copy(f"dewey jobs --queue {shlex.quote(row.name.plain)}", "the command line")

    def _on_queue(self, action: str) -> None:
        row = self.table.row
        if row is not None:
            self.act(Request(action, (row.key,)), about=_about(row, self.moment))

    def action_pause(self) -> None:
        """Pause the queue, or resume it."""
        row = self.table.row
        if row is not None:
            self._on_queue("pause" if row.pause is None else "resume")

    def action_limit(self) -> None:
        """Limit the queue, or lift its limits."""
        self._on_queue("limit")

    def action_purge(self) -> None:
        """Throw the waiting jobs of the queue into the trash."""
        self._on_queue("purge")


def _about(row: QueueRow, moment: Moment) -> Content:
    """Say what waits and runs in a queue, and who paused it."""
    counts = f"{plural(row.queued, 'job')} wait in it now, {row.running:,} running will finish."
    if row.pause is None:
        return Content.styled(counts, "$muted")
    return Content.assemble(
        "Paused by ", row.pause.by.stylize("bold"), f" {moment.ago(row.pause.at)}: ", row.pause.reason, f". {counts}"
    )
