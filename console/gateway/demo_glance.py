"""The demo's whole at a glance: one store that wants attention, an hour of waits."""

from typing import Final

from textual.content import Content

from console.gateway.demo_fleet import DemoFleet
from console.gateway.demo_records import chance
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
        """Return an hour in which a queue was paused 38 minutes ago; five minutes of it nobody saw."""
        if not self._queues:
            return Waits((), Content("nobody has recorded it in the last hour"))
        seconds: list[float | None] = []
        for minute in range(MINUTES - 1, -1, -1):
            calm = 20 + 70 * chance("wait", minute)
            seconds.append(calm if minute > 38 else 300 + (38 - minute) * 112.0)
        seconds[30:35] = [None] * 5
        return Waits(tuple(seconds), Content(""))
