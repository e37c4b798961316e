"""Records of the broker made into views. Every text passes `safe_text` here, and nowhere later."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from msgspec import Struct
from textual.content import Content

from console.formats import ROW_LIMIT, compact, safe_text
from console.gateway.limits import limit_words
from console.gateway.signatures import field_of
from console.gateway.tracebacks import read
from console.gateway.views import (
    AttemptView,
    Branch,
    JobRow,
    JobView,
    LimitView,
    LogLineView,
    PauseView,
    ProgressView,
    QueueRow,
    ReasonView,
    TaskView,
    WhyView,
)
from storage.broker.records import WAITING, Attempt, Job, Limits, LogLine, QueueStats, TaskInfo
from storage.values import replace
from storage.wording import SHORT_ID, error_line, short_id, short_name

if TYPE_CHECKING:
    from storage.broker.why import Why

TASK_LIMIT: Final = 120
BRANCHES_LIMIT: Final = 500
NOTHING: Final = Content("")


class Call(Struct, frozen=True):
    """A job's decoded arguments, or why they could not be decoded."""

    args: Sequence[object] = ()
    kwargs: Mapping[str, object] | None = None
    undecoded: str = ""

    def text(self) -> str:
        """Write the arguments as one line."""
        if self.undecoded:
            return f"arguments not readable: {self.undecoded}"
        parts = [compact(value, 120) for value in self.args]
        parts += [f"{name}={compact(value, 120)}" for name, value in (self.kwargs or {}).items()]
        return ", ".join(parts)


def queue_row(stats: QueueStats) -> QueueRow:
    """Return the view of a queue."""
    counts = stats.counts
    pause = stats.pause
    return QueueRow(
        key=stats.name,
        name=safe_text(stats.name, limit=80),
        queued=counts.get("queued", 0),
        running=counts.get("running", 0),
        scheduled=counts.get("scheduled", 0),
        retrying=counts.get("retrying", 0),
        blocked=counts.get("blocked", 0),
        dead=counts.get("dead", 0),
        finished=counts.get("succeeded", 0) + counts.get("canceled", 0),
        oldest_waiting_s=stats.oldest_waiting_s,
        consumers=stats.consumers,
        pause=None if pause is None else PauseView(safe_text(pause.by, 80), safe_text(pause.reason, 200), pause.at),
        minutes=stats.minutes,
        limit=limit_view(stats.limits),
    )


def limit_view(limits: Limits | None) -> LimitView | None:
    """Return what of a queue is limited; how long ended jobs are kept is no limit of it."""
    if limits is None or replace(limits, keep={}) == Limits():
        return None
    return LimitView(limit_words(limits))


def job_row(job: Job, call: Call, now: datetime) -> JobRow:
    """Return the view of a job as a line."""
    note, is_error = _note(job, call)
    return JobRow(
        key=job.id,
        short_id=safe_text(short_id(job.id)),
        state=job.state,
        task=task_name(job.task),
        queue_key=job.queue,
        queue=safe_text(job.queue, limit=80),
        attempt=job.attempt,
        attempts_max=_attempts_in_all(job),
        priority=job.priority,
        created_at=job.created_at,
        at=_instant(job),
        seconds=_seconds(job, now),
        worker=safe_text(job.worker, limit=120),
        note=safe_text(note, limit=ROW_LIMIT),
        note_is_error=is_error,
    )


def _attempts_in_all(job: Job) -> int:
    """How many attempts there may be: those that were, one that waits for its turn, and the retries that are left then.
    A requeue gives all retries back, so they can be more than the task says."""
    comes = 1 if job.state in WAITING else 0
    return max(job.retries + 1, job.attempt + comes + job.retries_left)


def why_view(why: Why, task: str) -> WhyView:
    """Return why a job does not run, as it is shown."""
    jobs = [job for reason in why.reasons for job in reason.jobs]
    return WhyView(
        key=why.job_id,
        short_id=safe_text(short_id(why.job_id)),
        task=task_name(task),
        queue=safe_text(why.queue, limit=80),
        state=why.state,
        waits=why.state in WAITING,
        reasons=tuple(ReasonView(one.kind, safe_text(one.sentence, limit=600)) for one in why.reasons),
        related=(jobs[0], safe_text(short_id(jobs[0]))) if jobs else None,
    )


def task_name(name: str) -> Content:
    """Return what a task is called in a list: its name without its module."""
    return safe_text(short_name(name), limit=TASK_LIMIT)


def _instant(job: Job) -> datetime:
    if job.state in ("scheduled", "retrying"):
        return job.run_at or job.created_at
    if job.state == "running":
        return job.started_at or job.created_at
    return job.finished_at or job.created_at


def _seconds(job: Job, now: datetime) -> float | None:
    """Return how long the job ran, or runs; None when it does neither."""
    if job.started_at is None or job.state in ("blocked", "scheduled", "queued", "retrying"):
        return None
    return max(0.0, ((job.finished_at or now) - job.started_at).total_seconds())


def _note(job: Job, call: Call) -> tuple[str, bool]:
    if job.state in ("dead", "retrying") and (job.error or job.error_type):
        return error_line(job.error_type, job.error), True
    if job.state in ("canceled", "blocked") and job.reason:
        return f"{job.reason} · {call.text()}", False
    if job.state == "running" and job.progress is not None:
        done, total = job.progress.done, job.progress.total
        share = f"{done * 100 // total}%" if total else f"{done:,}"
        return f"{share} {job.progress.note} · {call.text()}", False
    return call.text(), False


def job_view(job: Job, call: Call, result: object, now: datetime, unread_result: str = "") -> JobView:
    """Return the view of a whole job. ``result`` is decoded, and looked at only if the job has one."""
    from console.gateway.raw import raw_lines  # noqa: PLC0415 - lists of jobs are drawn without it

    lines: list[Branch] = []
    for index, value in enumerate(call.args):
        _grow(lines, 0, f"[{index}]", value)
    for name, value in (call.kwargs or {}).items():
        _grow(lines, 0, name, value)
    results: list[Branch] = []
    if job.result is not None and not unread_result:
        _grow(results, 0, "", result)
    return JobView(
        row=job_row(job, call, now),
        id=safe_text(job.id, limit=120),
        task=safe_text(job.task, limit=200),
        run_at=job.run_at,
        started_at=job.started_at,
        finished_at=job.finished_at,
        lease_until=job.lease_until,
        retries=job.retries,
        retries_left=job.retries_left,
        crashes=job.crashes,
        reason=safe_text(job.reason, limit=500),
        error=_error(job.error_type, job.error),
        parent_key=job.parent,
        parent=safe_text(job.parent, limit=120),
        progress=_progress(job),
        argument_lines=tuple(lines),
        result_lines=tuple(results),
        has_result=job.result is not None,
        payload_bytes=len(job.payload),
        undecoded=safe_text(call.undecoded or unread_result, limit=500),
        attempts=tuple(_attempt(attempt) for attempt in reversed(job.attempts)),
        raw_lines=raw_lines(job),
    )


def _progress(job: Job) -> ProgressView | None:
    if job.progress is None:
        return None
    progress = job.progress
    return ProgressView(progress.done, progress.total, safe_text(progress.note, 200), progress.at)


def _error(error_type: str, error: str) -> Content:
    return safe_text(error_line(error_type, error), limit=4_000, lines=True)


def _attempt(attempt: Attempt) -> AttemptView:
    return AttemptView(
        number=attempt.number,
        outcome=attempt.outcome,
        started_at=attempt.started_at,
        finished_at=attempt.finished_at,
        worker=safe_text(attempt.worker, limit=120),
        error=_error(attempt.error_type, attempt.error),
        traceback=read(attempt.traceback),
    )


def _grow(lines: list[Branch], depth: int, label: object, value: object) -> None:
    """Append a value as lines of a tree, bounded in depth and number."""
    if len(lines) >= BRANCHES_LIMIT:
        if len(lines) == BRANCHES_LIMIT:
            lines.append(Branch(depth, safe_text("…"), safe_text("more is not shown")))
        return
    name = safe_text(label, limit=120)
    items: list[tuple[object, object]] = []
    if isinstance(value, Mapping):
        items = list(value.items())[:BRANCHES_LIMIT]
    elif isinstance(value, list | tuple):
        items = [(f"[{index}]", item) for index, item in enumerate(value[:BRANCHES_LIMIT])]
    if not items or depth >= 12 or len(compact(value, 60)) < 48:
        text = value if isinstance(value, str) else compact(value, 2_000)
        lines.append(Branch(depth, name, safe_text(text, limit=4_000, lines=True)))
        return
    lines.append(Branch(depth, name, safe_text(f"{len(items):,} items")))
    for key, item in items:
        _grow(lines, depth + 1, key, item)


@lru_cache(maxsize=4_096)
def _named(text: str, limit: int) -> Content:
    """A name as it may be shown. Thousands of log lines bear the same few: they share them."""
    return safe_text(text, limit=limit)


def log_line(line: LogLine) -> LogLineView:
    """Return the view of a log record."""
    return LogLineView(
        at=line.at,
        level=line.level if line.level in ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL") else "INFO",
        job_key=line.job,
        short_id=_named(short_id(line.job), SHORT_ID),
        task=_named(short_name(line.task), TASK_LIMIT),
        queue=_named(line.queue, 80),
        attempt=line.attempt,
        logger=_named(line.logger, 120),
        message=safe_text(line.message, limit=8_000, lines=True),
    )


def task_view(task: TaskInfo) -> TaskView:
    """Return the view of a task, with the fields of its form."""
    doc = task.doc.strip()
    schedule = f"{task.schedule} {task.timezone}".strip()
    return TaskView(
        key=task.name,
        name=task_name(task.name),
        full_name=safe_text(task.name, limit=200),
        queue_key=task.queue,
        queue=safe_text(task.queue, limit=80),
        summary=safe_text(doc.split("\n", 1)[0], limit=200),
        doc=safe_text(doc, limit=2_000, lines=True),
        schedule=safe_text(schedule, limit=120),
        retries=task.retries,
        priority=task.priority,
        fields=tuple(field_of(parameter) for parameter in task.parameters),
    )
