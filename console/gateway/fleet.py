"""Consumers, and what their workers run, made into views."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from msgspec import Struct
from textual.content import Content

from console.formats import safe_text
from console.gateway.building import Call, job_row

if TYPE_CHECKING:
    from console.gateway.views import JobRow
    from storage.broker.records import ConsumerInfo, Job
    from storage.history.past import PastConsumer


class RunView(Struct, frozen=True):
    """A job that a worker runs. ``p95_s``: what 95 of 100 runs of its task stay below; None when that is not known."""

    key: str
    worker: Content
    job: JobRow
    p95_s: float | None


class ConsumerView(Struct, frozen=True):
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
    order = info.order if info.order in ("quiet", "stop") else ""
    return view_of(info, runs, order=order, is_silent=info.is_silent)


def view_of(
    one: ConsumerInfo | PastConsumer, runs: Iterable[RunView], *, order: str = "", is_silent: bool = False
) -> ConsumerView:
    """Return the view of a consumer of now or of the past, which runs these, in the order of its workers."""
    return ConsumerView(
        key=one.id,
        name=safe_text(one.id, limit=120),
        host=safe_text(one.host, limit=120),
        pid=one.pid,
        kind=safe_text(one.kind, limit=20),
        workers=one.workers,
        queues=tuple(safe_text(name, limit=80) for name in one.queues),
        started_at=one.started_at,
        beat_at=one.beat_at,
        memory_bytes=one.memory_bytes,
        version=safe_text(one.version, limit=40),
        order=order,
        is_silent=is_silent,
        runs=tuple(sorted(runs, key=lambda run: (run.worker.cell_length, run.worker.plain, run.key))),
    )


def worker_name(name: str) -> Content:
    """A worker's name within its consumer: what follows the process, and the word that they all begin with."""
    return safe_text(name.rpartition("/")[2].removeprefix("Worker-") or name, limit=60)
