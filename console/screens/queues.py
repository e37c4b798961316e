"""Every queue at a glance, and the one under the cursor in more detail."""

from __future__ import annotations

import shlex
from time import monotonic
from typing import TYPE_CHECKING, ClassVar, Final

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content

from console import bindings
from console.formats import Moment
from console.gateway.measured import Measures, with_measures
from console.gateway.views import QueueRow
from console.screens.base import POLL
from console.screens.exporting import ExportingScreen
from console.screens.listing import ListScreen
from console.screens.travelling import TravellingScreen
from console.widgets.happenings import Happenings
from console.widgets.line_table import LineTable
from console.widgets.notice import Notice
from console.widgets.queue_detail import ASKING, QueueDetail
from console.widgets.queue_table import QueueTable
from storage.values import replace
from storage.wording import plural
from tasks.actions.values import Request

if TYPE_CHECKING:
    from datetime import datetime

    from console.exporting import Sheet
    from console.gateway.fleet import ConsumerView
    from console.gateway.past import PastView

MEASURES_S: Final = 30.0
"""How old what the books know may grow."""
FLEET_S: Final = 5.0
ROOMY: Final = 50
"""From so many rows on, the detail also tells what runs."""
AGAIN_S: Final = 60.0
"""After how long they are asked again when they did not answer."""


class QueuesScreen(ExportingScreen, ListScreen, TravellingScreen):
    """All queues; what only the books know of them is asked for now and then, and missed while they are away."""

    BINDINGS = bindings.of("queues")
    PLACE: ClassVar[bindings.Place] = "queues"
    MODE: ClassVar[str] = "queues"
    UNRECORDED: ClassVar[str] = ""

    DETAIL: ClassVar[str] = "#queue-detail"
    NOTHING: ClassVar[tuple[str, str]] = ("No queue yet.", "A queue is there from the first job on; t triggers one.")

    def __init__(self) -> None:
        super().__init__()
        self._rows: tuple[QueueRow, ...] = ()
        self._measures: Measures | None = None
        self._limited: dict[str, str] = {}
        self._measured_at: float | None = None
        self._fleet: tuple[ConsumerView, ...] | None = None
        self._fleet_at = 0.0
        self._past_fleet: tuple[ConsumerView, ...] = ()
        self._is_drawn = False

    def compose_body(self) -> ComposeResult:
        """Lay out the table and the detail."""
        with Vertical(id="queues-body"):
            yield QueueTable(self.moment, id="queues-table", measured=True)
            yield Notice(id="queues-notice")
        yield QueueDetail(id="queue-detail")
        yield Happenings()

    @property
    def table(self) -> QueueTable:
        """The table."""
        return self.query_one(QueueTable)

    def poll_now(self) -> None:
        """Ask for all queues."""
        self.ask(POLL, self.dewey.gateway.queues, self._show)

    def _show(self, rows: tuple[QueueRow, ...]) -> None:
        self._rows = rows
        self.list_rows(with_measures(rows, self._measures))

    def answered(self, name: str) -> None:
        """After the queues, ask the books; after the first answer, draw it before anything else is asked."""
        super().answered(name)
        if self._is_drawn and name in (POLL, "measures"):
            self._ask_next(name)
        elif name == POLL:
            self.table.once_drawn(self._drawn)

    def ask_besides(self) -> None:
        """Ask nothing else before the first answer is drawn."""
        if self._is_drawn:
            super().ask_besides()

    def _drawn(self) -> None:
        self._is_drawn = True
        self.ask_besides()
        self._ask_next(POLL)

    def _ask_next(self, name: str) -> None:
        """Ask the books when their answer is old, or when something else is limited now."""
        if not self.is_in_sight or self.dewey.past_at is not None or self.dewey.away is not None:
            return
        limited = {row.key: row.limit.words for row in self._rows if row.limit is not None}
        if name == POLL and (self._is_due() or limited != self._limited):
            self._limited, self._measured_at = limited, monotonic()
            gateway = self.dewey.gateway
            self.ask("measures", lambda: gateway.measures(limited), self._show_measures)
        elif self._has_room() and (self._fleet is None or monotonic() - self._fleet_at > FLEET_S):
            self._fleet_at = monotonic()
            self.ask("fleet", self.dewey.gateway.fleet, self._show_fleet)

    def _is_due(self) -> bool:
        if self._measured_at is None:
            return True
        known = self._measures is not None and not self._measures.problem.plain
        return bool(self.dewey.refresh_s) and monotonic() - self._measured_at > (MEASURES_S if known else AGAIN_S)

    def _show_measures(self, measures: Measures) -> None:
        self._measures = measures
        if self.shown_past is None and self._known:
            self._show(self._rows)

    def _show_fleet(self, fleet: tuple[ConsumerView, ...]) -> None:
        self._fleet = fleet
        self._share()
        self.show_detail()

    def _has_room(self) -> bool:
        """Whether there are rows for what runs."""
        return self.size.height >= ROOMY and self.table.display

    def _share(self) -> None:
        """Let what runs have rows too, where there are many."""
        super()._share()
        known = self.shown_past is not None or self._fleet is not None
        self.query_one(Happenings).display = self._has_room() and known

    def is_of_backend(self, name: str) -> bool:
        """That the books are away is an answer too, and says nothing of the backend's own."""
        return name != "measures"

    def ask_past(self, at: datetime) -> PastView:
        """Ask how the queues stood, and how long their jobs had waited and run by then."""
        gateway = self.dewey.gateway
        found = gateway.past(at)
        if found.problem.plain:
            return found
        limited = {row.key: row.limit.words for row in found.glance.queues if row.limit is not None}
        queues = with_measures(found.glance.queues, gateway.measures(limited, at))
        return replace(found, glance=replace(found.glance, queues=queues))

    def show_past(self, found: PastView) -> None:
        """Show the queues as they stood."""
        self._past_fleet = found.glance.fleet
        self.list_rows(found.glance.queues)

    def show_detail(self) -> None:
        """Show the queue under the cursor."""
        row = self.table.row
        if row is not None:
            known = self._measures
            self.query_one(QueueDetail).show(row, self.moment, ASKING if known is None else known.problem)
            fleet = self._fleet if self.shown_past is None else self._past_fleet
            self.query_one(Happenings).show(None if fleet is None else _running_in(row.key, fleet), None, self.moment)

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


def _running_in(queue: str, fleet: tuple[ConsumerView, ...]) -> tuple[ConsumerView, ...]:
    """Return consumers with what they run of one queue."""
    return tuple(replace(one, runs=tuple(run for run in one.runs if run.job.queue_key == queue)) for one in fleet)


def _about(row: QueueRow, moment: Moment) -> Content:
    """Say what waits and runs in a queue, and who paused it."""
    counts = f"{plural(row.queued, 'job')} wait in it now, {row.running:,} running will finish."
    if row.pause is None:
        return Content.styled(counts, "$muted")
    return Content.assemble(
        "Paused by ", row.pause.by.stylize("bold"), f" {moment.ago(row.pause.at)}: ", row.pause.reason, f". {counts}"
    )
