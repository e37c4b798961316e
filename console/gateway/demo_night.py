"""The demo's night: what became of each canned job, and when.

Everything about a job tells one story: nothing lies after the demo's present, a job ran as long as its error says,
waited and ran as the measures of its queue say, and only where its queue is served.
"""

import itertools
import json
import re
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Final

from console.gateway import demo_tracebacks as tracebacks
from console.gateway.demo_records import (
    FILES,
    FIRST_FILE,
    NOW,
    PAUSES,
    TASKS,
    CannedJob,
    chance,
    file_name,
    hostile_job,
    job_id,
    kwargs_of,
    passages_of,
    pick,
    result_of,
)
from console.gateway.measured import MeasuredView, Spans
from storage.broker.records import Attempt, Job, Progress, State, TaskInfo
from storage.values import replace

MEASURED: Final = {
    "default": MeasuredView(Spans(0.9, 14.0, 41.0), Spans(3.1, 24.0, 31.0)),
    "email": MeasuredView(Spans(12.0, 340.0, 1_260.0), Spans(0.6, 8.2, 30.4)),
    "ingestion": MeasuredView(Spans(48.0, 610.0, 1_900.0), Spans(6.8, 41.0, 58.0)),
    "maintenance": MeasuredView(Spans(0.02, 0.4, 0.9), Spans(0.3, 1.1, 1.2)),
    "reports": MeasuredView(Spans(2.4, 11.0, 19.0), Spans(9.5, 30.0, 37.0)),
}
"""How long jobs waited and ran in the last hour, by queue."""
_MIX: Final[tuple[tuple[State, str, int], ...]] = (
    ("running", "tasks.ingestion.ingest_file", 2),
    ("running", "tasks.email.send_email", 2),
    ("running", "tasks.contacts.sync_contacts", 1),
    ("retrying", "tasks.contacts.sync_contacts", 2),
    ("retrying", "tasks.ingestion.ingest_file", 1),
    ("retrying", "tasks.email.send_email", 3),
    ("queued", "tasks.reports.build_report", 8),
    ("queued", "tasks.email.send_email", 14),
    ("queued", "tasks.ingestion.ingest_file", 19),
    ("scheduled", "tasks.email.send_welcome_email", 6),
    ("scheduled", "tasks.tokens.clean_expired_tokens", 1),
    ("scheduled", "tasks.files.clean_abandoned_files", 1),
    ("blocked", "tasks.reports.build_report", 2),
    ("dead", "tasks.email.send_email", 9),
    ("dead", "tasks.ingestion.ingest_file", 4),
    ("dead", "tasks.contacts.sync_contacts", 1),
    ("canceled", "tasks.reports.build_report", 2),
    ("succeeded", "tasks.email.send_email", 60),
    ("succeeded", "tasks.ingestion.ingest_file", 34),
    ("succeeded", "tasks.tokens.clean_expired_tokens", 12),
    ("succeeded", "tasks.email.send_welcome_email", 18),
    ("succeeded", "tasks.contacts.sync_contacts", 22),
)
_SCHEDULED: Final = {
    "tasks.contacts.sync_contacts": (timedelta(minutes=15), 10),
    "tasks.tokens.clean_expired_tokens": (timedelta(hours=1), 11),
}
"""How far the ticks of a task are apart, and how many of its successes are of one; of tokens, the other is by hand."""
_WORKERS: Final = ("w1:4121/1", "w1:4121/2", "w1:4121/4", "w2:887/1", "w2:887/4")
_OF_FIRST: Final = _WORKERS[:3]
_LATER_AT: Final = NOW - timedelta(hours=5)
"""By then the second consumer had started, which has the last two workers, and does not serve ingestion."""
_BUSY: Final = ("w1:4121/2", "w1:4121/3", "w1:4121/1", "w2:887/1", "w2:887/4")
UNSEEN: Final = tuple(
    tuple(NOW.replace(hour=hour, minute=minute, second=0, microsecond=0) for minute in span)
    for hour, span in ((1, (10, 20)), (2, (18, 23)))
)
"""When nobody recorded how it was: from one sample until the next."""
PAGES: Final = 190
"""Pages of each document that is read now: enough for the ten minutes that its log goes on."""
_LONG: Final = ("annual report 2024.pdf", "annual report 2025.pdf")


def canned_jobs() -> Iterator[CannedJob]:
    """Yield the night's jobs, in no order, and at last the hostile one."""
    numbers = itertools.count(1)
    infos = {info.name: info for info in TASKS}
    made = [
        _canned(next(numbers), state, infos[task], place) for state, task, how_many in _MIX for place in range(how_many)
    ]
    read = sorted((one.job.created_at, one.job.id) for one in made if one.job.queue == "ingestion")
    files = {key: FILES - len(read) + place for place, (_, key) in enumerate(read, start=1)}
    yield from (_of_file(one, files[one.job.id]) if one.job.id in files else one for one in made)
    yield hostile_job()


def _of_file(canned: CannedJob, number: int) -> CannedJob:
    """Let a job read the file that came then: the newest files are those of the night's jobs."""
    named = re.search("“(.*)”", canned.job.error)
    name = named[1] if named else _LONG[number % 2] if canned.job.state == "running" else file_name(number)
    kwargs = {"file_id": FIRST_FILE + number - 1, "name": name}
    job = replace(canned.job, payload=json.dumps(kwargs).encode())
    if job.state != "succeeded" or not isinstance(canned.result, dict):
        return replace(canned, job=job, kwargs=kwargs)
    result = {**canned.result, "chunks": passages_of(FIRST_FILE + number - 1)}
    job = replace(job, result=json.dumps(result).encode())
    return replace(canned, job=job, kwargs=kwargs, result=result)


def progressed(job: Job, now: datetime) -> Job:
    """Return a job as it is at an instant: one that runs reads on, as its log says, and renews its lease."""
    if job.state != "running" or job.started_at is None:
        return job
    progress = job.progress
    if progress is not None:
        at = min(now, NOW + tracebacks.GOES_ON)
        page = tracebacks.page_at((at - job.started_at).total_seconds())
        progress = Progress(page, PAGES, f"page {page}", at)
    return replace(job, progress=progress, lease_until=now + timedelta(seconds=21))


def oldest_s(jobs: Sequence[Job], at: datetime) -> float:
    """Return the age that the oldest job had at an instant of those that waited for a worker then; 0 without one."""
    return max(((at - job.created_at).total_seconds() for job in jobs if waited(job, at)), default=0.0)


def gap(at: datetime) -> tuple[datetime, datetime] | None:
    """Return the two samples between which nobody recorded, if an instant lies there."""
    return next(((start, end) for start, end in UNSEEN if start < at < end), None)


def waited(job: Job, at: datetime) -> bool:
    """Say whether a job waited for a worker at an instant."""
    if job.created_at > at or job.state in ("scheduled", "blocked"):
        return False
    starts = job.attempts[0].started_at if job.attempts else job.started_at or job.finished_at
    return job.state == "queued" if starts is None else starts > at


def _canned(number: int, state: State, info: TaskInfo, place: int) -> CannedJob:
    job = Job(
        id=job_id(number),
        task=info.name,
        queue=info.queue,
        state=state,
        priority=info.priority,
        created_at=NOW,
        version=3,
        retries=info.retries,
        retries_left=info.retries,
        payload=json.dumps(kwargs_of(info.name, number)).encode(),
    )
    tick, by = _ticked(info.name, place) if state == "succeeded" else (None, "")
    kwargs, result = kwargs_of(info.name, number), result_of(info.name, number)
    if tick is None:
        return CannedJob(_lived(job, number), kwargs, result, None, by)
    late_s = 0.1 + 14 * chance("late", number) ** 6
    return CannedJob(_succeeded(job, number, tick + timedelta(seconds=late_s)), kwargs, result, tick)


def _ticked(task: str, place: int) -> tuple[datetime | None, str]:
    """Return the tick that a success is of, or else who ran it by hand, if anybody did."""
    if task not in _SCHEDULED:
        return None, ""
    apart, many = _SCHEDULED[task]
    if place >= many:
        return None, "ada" if apart >= timedelta(hours=1) else ""
    return NOW - (NOW - NOW.replace(hour=0, minute=0, second=0, microsecond=0)) % apart - place * apart, ""


def _lived(job: Job, number: int) -> Job:
    lived = job
    match job.state:
        case "running":
            lived = _running(job, number)
        case "queued":
            lived = replace(job, created_at=_queued_at(job, number))
        case "scheduled":
            due = NOW + timedelta(seconds=60 + 5_000 * chance("due", number))
            lived = replace(job, created_at=_ago(number, 20, 6_000), run_at=due)
        case "retrying" | "dead":
            lived = _failed(job, number)
        case "blocked":
            lived = replace(job, created_at=_ago(number, 420, 5_600), reason="waits for 2 of 3 jobs before it")
        case "canceled":
            created = _ago(number, 200, 5_800)
            ended = created + timedelta(minutes=3)
            lived = replace(job, created_at=created, finished_at=ended, reason="revoked by ada")
        case "succeeded":
            lasted = timedelta(seconds=_wait_s(job, number) + _run_s(job, number))
            lived = _succeeded(job, number, _ago(number, 20, 6_000) - lasted)
    return lived


def _ago(number: int, least_s: float, more_s: float) -> datetime:
    return NOW - timedelta(seconds=least_s + more_s * chance("age", number))


def _queued_at(job: Job, number: int) -> datetime:
    """When a job came that waits still: not longer ago than jobs of its queue wait, or than the queue is paused."""
    pause, wait = PAUSES.get(job.queue), MEASURED[job.queue].wait
    longest_s = (NOW - pause.at).total_seconds() if pause is not None else wait.p99_s if wait is not None else 0.0
    return _ago(number, 12, longest_s - 30)


def _spread(spans: Spans | None, share: float) -> float:
    """Return what a share of the jobs stay below."""
    if spans is None:
        return 0.0
    if share < 0.5:
        return spans.p50_s * (0.2 + 1.6 * share)
    if share < 0.95:
        return spans.p50_s + (spans.p95_s - spans.p50_s) * ((share - 0.5) / 0.45) ** 3
    return spans.p95_s + (spans.p99_s - spans.p95_s) * (share - 0.95) / 0.05


def _wait_s(job: Job, number: int) -> float:
    return _spread(MEASURED[job.queue].wait, chance("wait", number))


def _run_s(job: Job, number: int) -> float:
    return _spread(MEASURED[job.queue].run, chance("took", number))


def _worker(job: Job, number: int, at: datetime) -> str:
    """Return a worker that served the job's queue at an instant."""
    of_first = job.queue == "ingestion" or at < _LATER_AT
    worker: str = pick(_OF_FIRST if of_first else _WORKERS, "worker", number)
    return worker


def _running(job: Job, number: int) -> Job:
    worker = _BUSY[number % len(_BUSY)]
    started = NOW - timedelta(seconds=4 + 70 * chance("run", number))
    lived = replace(
        job,
        created_at=started - timedelta(seconds=_wait_s(job, number)),
        started_at=started,
        attempt=1,
        worker=worker,
        progress=Progress(1, PAGES, "page 1", started) if job.queue == "ingestion" else None,
        attempts=(Attempt(1, "running", started, None, worker),),
    )
    return progressed(lived, NOW)


def _succeeded(job: Job, number: int, created: datetime) -> Job:
    started = created + timedelta(seconds=_wait_s(job, number))
    ended = started + timedelta(seconds=_run_s(job, number))
    worker = _worker(job, number, created)
    return replace(
        job,
        created_at=created,
        started_at=started,
        finished_at=ended,
        attempt=1,
        worker=worker,
        result=json.dumps(result_of(job.task, number)).encode(),
        attempts=(Attempt(1, "succeeded", started, ended, worker),),
    )


def _failed(job: Job, number: int) -> Job:
    """The attempts, each as long as its error says, with the pauses of the engine between them; of a job that is
    retried the last was so short a while ago that it waits for the next."""
    failure = tracebacks.failure_of(job.task, number)
    dead = job.state == "dead"
    runs = 1 if failure.permanent else job.retries + 1 if dead else 1 + number % 2
    worker = _worker(job, number, NOW)
    pause_s = failure.wait_s or 5 * 2**runs
    since_s = pause_s * (0.4 + 0.5 * chance("again", number))
    ended = _ago(number, 20, 5_400) if dead else NOW - timedelta(seconds=since_s)
    run_at = None if dead else ended + timedelta(seconds=pause_s)
    attempts: list[Attempt] = []
    for attempt in range(runs, 0, -1):
        started = ended - timedelta(seconds=failure.took_s + 0.6 * chance("failed", number, attempt))
        said = (failure.error_type, failure.error, failure.traceback)
        attempts.insert(0, Attempt(attempt, "failed", started, ended, worker, *said))
        ended = started - timedelta(seconds=failure.wait_s or 5 * 2 ** (attempt - 1))
    return replace(
        job,
        created_at=attempts[0].started_at - timedelta(seconds=_wait_s(job, number)),
        started_at=attempts[-1].started_at,
        finished_at=attempts[-1].finished_at if dead else None,
        run_at=run_at,
        attempt=runs,
        retries_left=0 if dead and not failure.permanent else job.retries - runs,
        worker=worker,
        error_type=failure.error_type,
        error=failure.error,
        attempts=tuple(attempts),
    )


def minutes(queue: str) -> tuple[tuple[int, int, int], ...]:
    """Return what went through a queue in each of the last 30 minutes: enqueued, succeeded, failed attempts. What
    failed is tried again two minutes later; a queue that is paused takes in what waits there, and nothing goes out."""
    if queue in PAUSES:
        came = [(NOW - at) // timedelta(minutes=1) for at in _queued_in(queue)]
        return tuple((came.count(29 - minute), 0, 0) for minute in range(30))
    base, backlog = {"default": (6, 0.0), "email": (42, 0.5), "ingestion": (17, 0.6), "maintenance": (1, 0.0)}[queue]
    waves = [
        int(base * (0.6 + 0.8 * chance("wave", queue, minute // 4) + 0.3 * chance("noise", queue, minute)))
        for minute in range(30)
    ]
    broken = [int(waves[minute] * 0.35 * chance("fail", queue, minute // 3) ** 4) for minute in range(30)]
    out = []
    for minute in range(30):
        again = broken[minute - 2] if minute > 1 else 0
        left = 1 if chance("left", queue, minute) < backlog else 0
        row = (waves[minute], max(0, waves[minute] - broken[minute] + again - left), broken[minute])
        out.append((row[0] // 4, row[1] // 4, row[2] // 4) if minute == 29 else row)
    return tuple(out)


@cache
def _queued_in(queue: str) -> tuple[datetime, ...]:
    return tuple(one.job.created_at for one in canned_jobs() if one.job.queue == queue and one.job.state == "queued")
