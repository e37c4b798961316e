"""The demo's whole at a glance: one store that wants attention, an hour of waits."""

from datetime import timedelta
from typing import Final

from textual.content import Content

from console.gateway.demo_fleet import DemoFleet
from console.gateway.demo_night import gap, oldest_s
from console.gateway.glance import Glance, HealthView, Lateness, Part, Waits, health_view
from console.gateway.views import QueueRow
from storage.doctor import Finding

FINDINGS: Final[dict[Part, tuple[Finding, ...]]] = {
    "redis": (
        Finding("redis", "ok", "Redis 7.2.5"),
        Finding("redis eviction", "ok", "noeviction"),
        Finding("redis memory", "warn", "870 of 1024 MiB are used; when full it refuses new jobs",
                "raise maxmemory, or find what fills it"),
        Finding("redis persistence", "ok", "append-only file"),
    ),
    "postgres": (
        Finding("postgres", "ok", "PostgreSQL 17.2"),
        Finding("pgvector", "ok", "0.8.0"),
        Finding("migrations", "ok", "all applied"),
    ),
    "objects": (Finding("objects", "ok", "in the bucket library at r2.cloudflarestorage.com"),),
}  # fmt: skip
MINUTES: Final = 60


class DemoGlance(DemoFleet):
    """Canned health and waits."""

    def queues(self) -> tuple[QueueRow, ...]:
        """Return the queues."""
        raise NotImplementedError

    def glance(self) -> Glance:
        """Return queues and consumers."""
        return Glance(self.queues(), self.fleet())

    def health(self, part: Part) -> HealthView:
        """Return the canned findings."""
        return health_view(part, FINDINGS[part], self.now())

    def lateness(self) -> Lateness:
        """Return that history is up to date."""
        return Lateness()

    def waits(self) -> Waits:
        """Return how long the oldest of the canned jobs waited in each minute of an hour; five of them nobody saw."""
        if not self._queues:
            return Waits((), Content("nobody has recorded it in the last hour"))
        with self._lock:
            jobs = [canned.job for canned in self._jobs.values()]
        now = self.now()
        ages = range(MINUTES - 1, -1, -1)
        instants = [now - timedelta(minutes=minute) for minute in ages]
        seconds = [None if gap(at) else oldest_s(jobs, at) for at in instants]
        return Waits(tuple(seconds), Content(""))
