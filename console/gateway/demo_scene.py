"""What surrounds a canned job, so that the demo's Why? is answered by the same sentences as the live one."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from console.gateway import demo_records
from console.gateway.demo_records import CannedJob
from storage.broker.records import Job, Pause
from storage.broker.scene import Busy, Scene, Served

_HOST = "w1"


def scene(
    job: Job, jobs: Sequence[CannedJob], pauses: Mapping[str, Pause], now: datetime, children: Sequence[Job] = ()
) -> Scene:
    """Return a canned job with the consumers, running jobs and pauses around it."""
    ahead = [
        one.job
        for one in jobs
        if one.job.queue == job.queue and one.job.state == "queued" and one.job.created_at < job.created_at
    ]
    pause = pauses.get(job.queue)
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
        },
        at=now,
        ahead=len(ahead) if job.state == "queued" else None,
        pause={"by": pause.by, "reason": pause.reason, "at": _ms(pause.at)} if pause else None,
        gate=None,
        last_start_ms=None,
        consumers=_consumers(),
        busy=tuple(
            Busy(one.job.id, one.job.task, one.job.queue, _process(one.job.queue), one.job.started_at)
            for one in jobs
            if one.job.state == "running"
        ),
        known=True,
        children=tuple((one.id, one.state, one.task) for one in children),
        waited_for=len(children) + 1,
        failed_child="",
        holder="",
    )


def _consumers() -> tuple[Served, ...]:
    return tuple(
        Served(_process(queue), 2 * count, (queue,), frozenset({_process(queue)}), "")
        for queue, count in demo_records.CONSUMERS.items()
        if count
    )


def _process(queue: str) -> str:
    return f"{_HOST}:{4100 + demo_records.QUEUES.index(queue)}"


def _ms(at: datetime | None) -> str:
    return str(round(at.timestamp() * 1000)) if at is not None else ""
