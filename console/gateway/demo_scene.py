"""What surrounds a canned job, so that the demo's Why? is answered by the same sentences as the live one."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from msgspec import Struct

from console.gateway.demo_fleet import FLEET
from console.gateway.demo_records import CannedJob
from storage.broker.records import Job, Pause
from storage.broker.scene import Busy, Scene, Served


class Below(Struct, frozen=True):
    """The jobs that a job waits for, and of how many."""

    waits_for: tuple[Job, ...]
    of: int


def scene(
    job: Job,
    jobs: Sequence[CannedJob],
    pauses: Mapping[str, Pause],
    orders: Mapping[str, str],
    now: datetime,
    below: Below,
) -> Scene:
    """Return a canned job with the consumers, running jobs and pauses around it."""
    ahead = [
        one.job
        for one in jobs
        if one.job.queue == job.queue and one.job.state == "queued" and one.job.created_at < job.created_at
    ]
    pause = pauses.get(job.queue)
    busy = tuple(
        Busy(one.job.id, one.job.task, one.job.queue, one.job.worker.partition("/")[0], one.job.started_at)
        for one in jobs
        if one.job.state == "running"
    )
    return Scene(
        job_id=job.id,
        fields={
            "state": job.state,
            "queue": job.queue,
            "task": job.task,
            "run_at": _ms(job.run_at),
            "started": _ms(job.started_at),
            "worker": job.worker,
            "reason": job.reason,
            "unique": "",
            "chord": "",
            "attempt": str(job.attempt),
            "left": str(job.retries_left),
            "error_type": job.error_type,
            "error": job.error,
            "queued": _ms(job.created_at),
            "created": _ms(job.created_at),
        },
        at=now,
        ahead=len(ahead) if job.state == "queued" else None,
        pause={"by": pause.by, "reason": pause.reason, "at": _ms(pause.at)} if pause else None,
        gate=None,
        last_start_ms=None,
        consumers=_consumers(orders),
        running=sum(one.queue == job.queue for one in busy),
        busy=busy,
        is_whole=True,
        known=True,
        children=tuple((one.id, one.state, one.task) for one in below.waits_for),
        waited_for=below.of,
        failed=(),
        failed_too=0,
        holder="",
    )


def _consumers(orders: Mapping[str, str]) -> tuple[Served, ...]:
    """The consumers of the demo that live, as Workers shows them."""
    return tuple(
        Served(one.id, one.workers, tuple(one.queues), frozenset({one.id}), orders.get(one.id, ""))
        for one in FLEET
        if not one.is_silent
    )


def _ms(at: datetime | None) -> str:
    return str(round(at.timestamp() * 1000)) if at is not None else ""
