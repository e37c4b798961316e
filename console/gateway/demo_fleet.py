"""The demo's consumers: two that work, one that fell silent."""

from datetime import datetime, timedelta
from typing import Final

from console.gateway.building import Call
from console.gateway.demo_night import MEASURED, progressed
from console.gateway.demo_part import DemoPart
from console.gateway.demo_records import NOW
from console.gateway.fleet import ConsumerView, consumer_view
from storage.broker.records import ConsumerInfo
from storage.values import replace

FLEET: Final = (
    ConsumerInfo(
        "w1:4121", "w1", 4121, 4, "thread", ("default", "email", "ingestion", "maintenance"),
        NOW - timedelta(hours=31, minutes=12), NOW - timedelta(seconds=0.4), memory_bytes=131 * 2**20, version="1.4.0",
    ),
    ConsumerInfo(
        "w2:887", "w2", 887, 4, "process", ("default", "email", "maintenance"),
        NOW - timedelta(hours=5, minutes=3), NOW - timedelta(seconds=0.9), memory_bytes=402 * 2**20, version="1.4.1",
    ),
    ConsumerInfo(
        "w5:12901", "w5", 12901, 4, "thread", ("reports",),
        NOW - timedelta(hours=9, minutes=48), NOW - timedelta(seconds=67), memory_bytes=88 * 2**20, version="1.4.0",
        is_silent=True,
    ),
)  # fmt: skip
P95_S: Final = {
    task: measured.run.p95_s
    for task, queue in (
        ("tasks.ingestion.ingest_file", "ingestion"),
        ("tasks.email.send_email", "email"),
        ("tasks.contacts.sync_contacts", "default"),
    )
    if (measured := MEASURED[queue]).run is not None
}


class DemoFleet(DemoPart):
    """Canned consumers that beat with the clock, and obey."""

    def fleet(self) -> tuple[ConsumerView, ...]:
        """Return the canned consumers with the jobs that name their workers."""
        now = self.now()
        with self._lock:
            running = [canned for canned in self._jobs.values() if canned.job.state == "running"]
            infos = [self._beating(info, now) for info in (FLEET if self._queues else ())]
        jobs = {canned.job.id: (progressed(canned.job, now), Call(kwargs=canned.kwargs)) for canned in running}
        views = []
        for info in infos:
            ids = tuple(canned.job.id for canned in running if canned.job.worker.startswith(f"{info.id}/"))
            views.append(consumer_view(replace(info, running=ids), jobs, P95_S, now))
        return tuple(sorted(views, key=lambda view: (not view.is_silent, view.key)))

    def _beating(self, info: ConsumerInfo, now: datetime) -> ConsumerInfo:
        beat_at = info.beat_at if info.is_silent else now - (NOW - info.beat_at)
        return replace(info, beat_at=beat_at, order=self._orders.get(info.id, ""))
