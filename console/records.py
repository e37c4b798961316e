"""What is written to files of each view: names, and values as JSON has them. Every text is safe, as it is drawn."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from console.formats import safe_text
from console.gateway.acting import EntryRow, TrashRow
from console.gateway.failures import GroupRow
from console.gateway.fleet import ConsumerView, RunView
from console.gateway.timetable import ScheduleRow, TickView
from console.gateway.views import AttemptView, Branch, JobRow, JobView, LogLineView, QueueRow

Record = Mapping[str, Any]


def job_record(row: JobRow) -> Record:
    """Return a job as a line of a list."""
    return {
        "id": _key(row.key),
        "state": row.state,
        "task": row.task.plain,
        "queue": row.queue.plain,
        "attempt": row.attempt,
        "attempts_max": row.attempts_max,
        "priority": row.priority,
        "created_at": instant(row.created_at),
        "at": instant(row.at),
        "seconds": row.seconds,
        "worker": row.worker.plain,
        "error" if row.note_is_error else "arguments": row.note.plain,
    }


def whole_job(view: JobView, lines: Iterable[LogLineView]) -> Record:
    """Return a job with all that is known of it."""
    return {
        **{name: value for name, value in job_record(view.row).items() if name not in ("error", "arguments")},
        "task": view.task.plain,
        "run_at": instant(view.run_at),
        "started_at": instant(view.started_at),
        "finished_at": instant(view.finished_at),
        "retries": view.retries,
        "retries_left": view.retries_left,
        "crashes": view.crashes,
        "reason": view.reason.plain,
        "error": view.error.plain,
        "parent": view.parent.plain,
        "arguments": _tree(view.argument_lines),
        "result": _tree(view.result_lines) if view.has_result else None,
        "unreadable": view.undecoded.plain,
        "is_recorded": view.is_recorded,
        "attempts": [_attempt(one) for one in view.attempts],
        "log": [_line(one) for one in lines],
    }


def log_record(line: LogLineView) -> Record:
    """Return a line of the log of everything."""
    return {"job": _key(line.job_key), "task": line.task.plain, "queue": line.queue.plain, **_line(line)}


def queue_record(row: QueueRow) -> Record:
    """Return a queue."""
    pause = row.pause
    return {
        "queue": row.name.plain,
        **{name: getattr(row, name) for name in ("queued", "running", "scheduled", "retrying", "blocked", "dead")},
        "finished": row.finished,
        "oldest_waiting_s": row.oldest_waiting_s,
        "consumers": row.consumers,
        "paused_by": pause.by.plain if pause else None,
        "paused_reason": pause.reason.plain if pause else None,
        "paused_at": instant(pause.at) if pause else None,
        "limits": row.limit.words if row.limit else None,
        "minutes": [list(minute) for minute in row.minutes],
    }


def group_record(row: GroupRow) -> Record:
    """Return a group of failures; what history alone knows is null while nobody can ask it."""
    trend, mark = row.trend, row.mark
    windows = ("hour", "three_hours", "day", "week", "attempts")
    return {
        "group": _key(row.key),
        "state": row.state,
        "task": row.task.plain,
        "error": row.error.plain,
        "dead": row.dead,
        **{name: None if trend is None else getattr(trend, name) for name in windows},
        "hours": None if trend is None else list(trend.hours),
        "first_seen_at": instant(row.first_seen_at),
        "last_seen_at": instant(row.last_seen_at),
        "hosts": [one.plain for one in row.hosts],
        "versions": [one.plain for one in row.versions],
        "last_job": _key(row.sample_key),
        "said_by": mark.by.plain if mark else None,
        "said_at": instant(mark.at) if mark else None,
        "note": mark.note.plain if mark else None,
    }


def consumer_record(one: ConsumerView) -> Record:
    """Return a consumer, with what it runs."""
    return {
        "consumer": one.name.plain,
        "host": one.host.plain,
        "pid": one.pid,
        "kind": one.kind.plain,
        "workers": one.workers,
        "queues": [name.plain for name in one.queues],
        "started_at": instant(one.started_at),
        "beat_at": instant(one.beat_at),
        "memory_bytes": one.memory_bytes,
        "version": one.version.plain,
        "order": one.order,
        "is_silent": one.is_silent,
        "running": [_run(run) for run in one.runs],
    }


def _run(run: RunView) -> Record:
    row = run.job
    return {
        "job": _key(run.key),
        "worker": run.worker.plain,
        "task": row.task.plain,
        "queue": row.queue.plain,
        "attempt": row.attempt,
        "started_at": instant(row.at),
        "p95_s": run.p95_s,
    }


def schedule_record(row: ScheduleRow) -> Record:
    """Return a schedule, with its next ticks and its last runs."""
    hold = row.hold
    return {
        "schedule": row.name.plain,
        "queue": row.queue.plain,
        "rule": row.rule.plain,
        "timezone": row.timezone.plain,
        "policy": row.policy.plain,
        "paused_by": hold.by.plain if hold else None,
        "paused_reason": hold.reason.plain if hold else None,
        "paused_at": instant(hold.at) if hold else None,
        "paused_until_at": instant(hold.until_at) if hold else None,
        **{name: getattr(row, name) for name in ("enqueued", "late", "missed", "skipped", "by_hand")},
        "problem": row.problem.plain,
        "next_at": [instant(at) for at in row.next_at],
        "runs": [_tick(run) for run in row.runs],
    }


def _tick(run: TickView) -> Record:
    return {
        "job": _key(run.key),
        "tick_at": instant(run.tick_at),
        "enqueued_at": instant(run.enqueued_at),
        "late_s": run.late_s,
        "state": run.state or None,
        "duration_s": run.duration_s,
        "error": run.error.plain,
        "by": run.by.plain,
    }


def entry_record(row: EntryRow) -> Record:
    """Return an action of the audit."""
    return {
        "number": row.number,
        "at": instant(row.at),
        "actor": row.actor.plain,
        "host": row.host.plain,
        "reason": row.reason.plain,
        "action": _key(row.action),
        "command": f"dewey {row.command.plain}",
        "items": row.items,
        "done": row.done,
        "refused": row.refused,
        "is_finished": row.is_finished,
        "undoes": row.undoes,
        "undone_by": row.undone_by,
    }


def trash_record(row: TrashRow) -> Record:
    """Return a job of the trash."""
    return {
        "job": _key(row.job_key),
        "task": row.task.plain,
        "queue": row.queue.plain,
        "state": row.state.plain,
        "size_bytes": row.size_bytes,
        "at": instant(row.at),
    }


def _key(key: str) -> str:
    return safe_text(key, limit=200).plain


def instant(at: datetime | None) -> str | None:
    """Return an instant in UTC, as ISO 8601 has it."""
    return None if at is None else at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _line(line: LogLineView) -> Record:
    return {
        "at": instant(line.at),
        "attempt": line.attempt,
        "level": safe_text(line.level, limit=20).plain,
        "logger": line.logger.plain,
        "message": line.message.plain,
    }


def _attempt(attempt: AttemptView) -> Record:
    parts = []
    for part in attempt.traceback:
        parts += [*(frame.text.plain for frame in part.frames), part.exception.plain]
        parts += [part.link.plain] if part.link else []
    return {
        "number": attempt.number,
        "outcome": _key(attempt.outcome),
        "started_at": instant(attempt.started_at),
        "finished_at": instant(attempt.finished_at),
        "worker": attempt.worker.plain,
        "error": attempt.error.plain,
        "traceback": "\n".join(parts),
    }


def _tree(branches: Sequence[Branch]) -> Any:
    """Return values as they are drawn, nested as they are drawn."""
    if len(branches) == 1 and not branches[0].label:
        return branches[0].value.plain
    found: dict[str, Any] = {}
    above: list[dict[str, Any]] = [found]
    for index, branch in enumerate(branches):
        del above[branch.depth + 1 :]
        has_more = index + 1 < len(branches) and branches[index + 1].depth > branch.depth
        if has_more:
            inner: dict[str, Any] = {}
            above[-1][branch.label.plain] = inner
            above.append(inner)
        else:
            above[-1][branch.label.plain] = branch.value.plain
    return found
