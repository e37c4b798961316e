"""Consumers, and what their workers run, made into views."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from textual.content import Content

from console.formats import safe_text
from console.gateway.building import Call, job_row
from console.gateway.views import JobRow
from storage.broker.records import ConsumerInfo, Job


@dataclass(frozen=True, slots=True)
class RunView:
    """A job that a worker runs. ``p95_s``: what 95 of 100 runs of its task stay below; None when that is not known."""

    key: str
    worker: Content
    job: JobRow
    p95_s: float | None


@dataclass(frozen=True, slots=True)
class ConsumerView:
    """A process that serves queues, and what it runs. ``queues`` are all when there is no name.

    ``order`` is what it was told: "quiet", "stop" or "". ``is_silent`` says that it beats no more.
    """

    key: str
    name: Content
    host: Content
    pid: int
    kind: Content
    workers: int
    queues: tuple[Content, ...]
    started_at: datetime
    beat_at: datetime
    memory_bytes: int
    version: Content
    order: str
    is_silent: bool
    runs: tuple[RunView, ...]


def consumer_view(
    info: ConsumerInfo, jobs: Mapping[str, tuple[Job, Call]], p95_s: Mapping[str, float], now: datetime
) -> ConsumerView:
    """Return the view of a consumer. ``jobs`` are those that consumers run, by id; ``p95_s`` is by task."""
    running = [jobs[job_id] for job_id in info.running if job_id in jobs]
    runs = [
        RunView(job.id, worker_name(job.worker), job_row(job, call, now), p95_s.get(job.task))
        for job, call in running
        if job.state == "running"
    ]
    return ConsumerView(
        key=info.id,
        name=safe_text(info.id, limit=120),
        host=safe_text(info.host, limit=120),
        pid=info.pid,
        kind=safe_text(info.kind, limit=20),
        workers=info.workers,
        queues=tuple(safe_text(name, limit=80) for name in info.queues),
        started_at=info.started_at,
        beat_at=info.beat_at,
        memory_bytes=info.memory_bytes,
        version=safe_text(info.version, limit=40),
        order=info.order if info.order in ("quiet", "stop") else "",
        is_silent=info.is_silent,
        runs=tuple(sorted(runs, key=lambda run: (run.worker.cell_length, run.worker.plain, run.key))),
    )


def worker_name(name: str) -> Content:
    """A worker's name within its consumer: what follows the process, and the word that they all begin with."""
    return safe_text(name.rpartition("/")[2].removeprefix("Worker-") or name, limit=60)
