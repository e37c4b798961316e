"""A gateway to nothing: canned data under a fixed clock, for pictures, tests and trying the console out."""

import threading
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

from console.gateway import building, demo_night, demo_records, demo_scene
from console.gateway.building import Call
from console.gateway.demo_acting import DemoActing
from console.gateway.demo_beside import DemoBeside
from console.gateway.demo_book import DemoBook
from console.gateway.demo_failures import DemoFailures, failed_of_night, marks_of_night
from console.gateway.demo_flow import DemoFlow
from console.gateway.demo_glance import DemoGlance
from console.gateway.demo_library import DemoLibrary
from console.gateway.demo_measures import DemoMeasures
from console.gateway.demo_past import DemoPast
from console.gateway.demo_records import CannedJob
from console.gateway.demo_schedules import HOLDS, DemoSchedules
from console.gateway.errors import GatewayRefused
from console.gateway.views import JobRow, JobView, LogPage, QueueRow, TaskView, WhyView
from storage.broker.records import STATES, LogLine, Pause, QueueStats, SchedulePause
from storage.broker.why import explain

TAIL_LINES: Final = 1_000


class DemoGateway(
    DemoActing, DemoBeside, DemoPast, DemoFailures, DemoGlance, DemoMeasures, DemoLibrary, DemoSchedules, DemoFlow
):
    """Answers from memory. ``now`` is the clock: the default one stands still."""

    def __init__(self, now: Callable[[], datetime] = lambda: demo_records.NOW, *, empty: bool = False) -> None:
        self._now = now
        self._lock = threading.RLock()
        self._jobs: dict[str, CannedJob] = {}
        if not empty:
            self._jobs = {canned.job.id: canned for canned in demo_night.canned_jobs()}
        self._pauses: dict[str, Pause] = {} if empty else dict(demo_records.PAUSES)
        self._queues = () if empty else demo_records.QUEUES
        self._log = demo_records.log_lines([canned.job for canned in self._jobs.values()])
        self._made = 0
        self._orders: dict[str, str] = {}
        self._by_hand: dict[str, str] = {}
        self._book = DemoBook(empty=empty)
        if not empty:
            self._book.cells["mark"] = marks_of_night()
        self._failed = failed_of_night(canned.job for canned in self._jobs.values())
        self._holds: dict[str, SchedulePause] = {} if empty else dict(HOLDS)

    def now(self) -> datetime:
        """Return the demo's present instant."""
        return self._now()

    def is_at_hand(self) -> bool:
        """Return that it is asked as others are."""
        return False

    def ping(self) -> float:
        """Return a round trip that costs nothing."""
        return 0.0004

    def queues(self) -> tuple[QueueRow, ...]:
        """Return the canned queues with counts of their jobs."""
        with self._lock:
            return tuple(self._queue(name) for name in self._queues)

    def _queue(self, name: str) -> QueueRow:
        jobs = [canned.job for canned in self._jobs.values() if canned.job.queue == name]
        counts = {state: sum(1 for job in jobs if job.state == state) for state in STATES}
        stats = QueueStats(
            name,
            counts,
            demo_night.oldest_s(jobs, self.now()),
            self._pauses.get(name),
            demo_records.CONSUMERS[name],
            demo_night.minutes(name),
            self.limits_set(name),
        )
        return building.queue_row(stats)

    def rows(self, keys: Sequence[str]) -> tuple[JobRow, ...]:
        """Return the named jobs."""
        with self._lock:
            return tuple(self._row(self._jobs[key]) for key in keys if key in self._jobs)

    def find(self, prefix: str) -> str:
        """Return the one id that starts so."""
        found = [key for key in self._jobs if key.startswith(prefix)]
        if len(found) != 1:
            raise GatewayRefused(_not_one(len(found), prefix))
        return found[0]

    def job(self, key: str) -> JobView:
        """Return the whole canned job."""
        with self._lock:
            canned = self._jobs.get(key)
        if canned is None:
            raise GatewayRefused(f"there is no job {key}")
        job = demo_night.progressed(canned.job, self.now())
        return building.job_view(job, Call(kwargs=canned.kwargs), canned.result, self.now())

    def why(self, key: str) -> WhyView:
        """Return why a canned job does not run."""
        with self._lock:
            canned, jobs = self._jobs.get(key), list(self._jobs.values())
            waits_for, of = self.waits_for(key)
        if canned is None:
            raise GatewayRefused(f"there is no job {key}")
        below = demo_scene.Below(tuple(waits_for), of)
        scene = demo_scene.scene(canned.job, jobs, self._pauses, self._orders, self.now(), below)
        return building.why_view(explain(scene), canned.job.task)

    def log(self, key: str, after: str) -> LogPage:
        """Return what the job has logged by now."""
        return self._page([line for line in self._log if line.job == key], after, 0)

    def tail(self, after: str) -> LogPage:
        """Return what every job has logged by now."""
        return self._page(self._log, after, TAIL_LINES)

    def _page(self, lines: list[LogLine], after: str, last: int) -> LogPage:
        now = self.now()
        until = sum(1 for line in lines if line.at <= now)
        start = int(after) if after else max(0, until - last) if last else 0
        return LogPage(tuple(building.log_line(line) for line in lines[start:until]), str(until))

    def tasks(self) -> tuple[TaskView, ...]:
        """Return the canned tasks."""
        return tuple(building.task_view(task) for task in demo_records.TASKS) if self._queues else ()


def _not_one(found: int, prefix: str) -> str:
    """Say that an id's beginning is that of no job, or of more than one, as the live gateway does."""
    if found:
        return f"{found} jobs begin with {prefix!r}: write more of the id"
    return f"No job has an id that begins with “{prefix}”."
