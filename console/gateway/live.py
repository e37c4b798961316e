"""The gateway to what is happening now: the inspector's reads and the operators' actions, made into views."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from time import monotonic, time
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from console.gateway import building
from console.gateway.errors import GatewayRefused
from console.gateway.live_acting import LiveActing
from console.gateway.live_beside import LiveBeside
from console.gateway.live_failures import LiveFailures
from console.gateway.live_flow import LiveFlow
from console.gateway.live_glance import LiveGlance
from console.gateway.live_jobs import RECORDED, LiveJobs
from console.gateway.live_library import LiveLibrary
from console.gateway.live_measures import LiveMeasures
from console.gateway.live_past import LivePast
from console.gateway.live_schedules import LiveSchedules
from console.gateway.reading import translated
from console.gateway.views import JobRow, JobView, LogPage, QueueRow, TaskView, WhyView
from storage.broker import records
from storage.errors import DecodeError, JobMissing

if TYPE_CHECKING:
    from console.gateway.live_part import Stores
    from storage.broker.inspector import Inspector
    from tasks.actions.layer import Actions
    from tasks.operations import Operations
    from tasks.resources import Resources

LINES: Final = 1_000
"""Log lines of one answer."""
CLOCK_S: Final = 60.0
"""How long a reading of Redis's clock is trusted."""


class Opened(Struct, frozen=True):
    """Stores that are open."""

    inspector: Inspector
    operations: Operations


class LiveGateway(
    LiveJobs,
    LiveActing,
    LiveFailures,
    LivePast,
    LiveBeside,
    LiveGlance,
    LiveMeasures,
    LiveLibrary,
    LiveSchedules,
    LiveFlow,
):
    """Asks one namespace of one Redis. ``by`` is who pauses and resumes, as others will read it.

    ``held`` are the other stores, and how they are reached; without them what only they know can not be known.
    ``actions`` opens the layer that acts; without it the console only looks.
    """

    def __init__(
        self,
        stores: Stores,
        by: str,
        wall_s: Callable[[], float] = time,
        held: Resources | None = None,
        actions: Callable[[], Actions] | None = None,
    ) -> None:
        self._stores = stores
        self._by = by
        self._held = held
        self._parameters = {}
        self._parameters_at = None
        self._wall_s = wall_s
        self._ahead_s = 0.0
        self._read_at: float | None = None
        self._open_actions = actions

    def now(self) -> datetime:
        """Return the instant on Redis's clock, as far as it is known."""
        return datetime.fromtimestamp(self._wall_s(), UTC) + timedelta(seconds=self._ahead_s)

    def _read_clock(self) -> None:
        """Learn how far Redis's clock is ahead of this machine's, now and then."""
        if self._read_at is None or monotonic() - self._read_at > CLOCK_S:
            self._ahead_s = self._inspector.clock_ms() / 1000 - self._wall_s()
            self._read_at = monotonic()

    def is_at_hand(self) -> bool:
        """Return that the stores have to be asked."""
        return False

    def ping(self) -> float:
        """Return the seconds of one round trip."""
        with translated():
            return self._inspector.ping()

    def queues(self) -> tuple[QueueRow, ...]:
        """Return all queues, by name."""
        with translated():
            self._read_clock()
            return tuple(building.queue_row(stats) for stats in self._inspector.queues())

    def _row(self, job: records.Job) -> JobRow:
        return building.job_row(job, self._call(job), self.now())

    def rows(self, keys: Sequence[str]) -> tuple[JobRow, ...]:
        """Return the named jobs as they are now."""
        found: list[JobRow] = []
        for key in keys:
            try:
                with translated():
                    found.append(self._row(self._inspector.job(key)))
            except GatewayRefused:
                continue
        return tuple(found)

    def find(self, prefix: str) -> str:
        """Return the id that starts so, of what history has when Redis has none."""
        with translated():
            try:
                return self._inspector.find(prefix)
            except JobMissing as missing:
                return self.recorded_key(prefix, missing)

    def job(self, key: str) -> JobView:
        """Return everything about one job, as history has it when Redis has forgotten it."""
        with translated():
            self._read_clock()
            try:
                job = self._inspector.job(key)
            except JobMissing as missing:
                return self.recorded_job(key, missing)
        result: object = None
        unread = ""
        if job.result is not None:
            from tasks.engine.codec import decode_value  # noqa: PLC0415 - loads Huey, which lists do without

            try:
                result = self._redactor.redact_value(decode_value(job.result))
            except DecodeError as error:
                unread = f"the result: {error}"
        with translated():
            call = self._call(job)
        return building.job_view(job, call, result, self.now(), unread)

    def why(self, key: str) -> WhyView:
        """Return why a job does not run."""
        with translated():
            return building.why_view(self._inspector.why(key), self._inspector.job(key).task)

    def log(self, key: str, after: str) -> LogPage:
        """Return the lines of a job's log after a place."""
        with translated():
            page = None if after == RECORDED else self._inspector.log(key, after or "0", LINES)
            if page is None or (not after and not page.lines and not self._inspector.rows((key,))):
                return self.recorded_log(key, after)
            return _log_page(page)

    def tail(self, after: str) -> LogPage:
        """Return the lines of everything after a place."""
        with translated():
            self._read_clock()
            return _log_page(self._inspector.tail(after, LINES))

    def tasks(self) -> tuple[TaskView, ...]:
        """Return the tasks that consumers know."""
        with translated():
            return tuple(building.task_view(task) for task in self._inspector.tasks())


def _log_page(page: records.LogPage) -> LogPage:
    return LogPage(tuple(building.log_line(line) for line in page.lines), page.cursor, page.dropped)
