"""Queues and jobs from the command line: shown, requeued, paused, resumed."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

import typer

from console.commands.opening import WrongUse, open_desk, operator
from console.commands.printing import Json, emit, plain, plural, span, table, visible
from storage.broker.inspector import Inspector
from storage.broker.records import FINISHED, STATES, Attempt, Job, QueueStats, State
from storage.errors import JobMissing, Refused
from tasks.engine.codec import DecodeError, decode_call, decode_value
from tasks.operations import Operations, Requeued

SHORT_ID = 8

app = typer.Typer()

JobId = Annotated[str, typer.Argument(metavar="ID", help="A job's id, or its beginning.")]
Queue = Annotated[str, typer.Argument(metavar="QUEUE", help="The name of the queue.")]


@app.command()
def queues(as_json: Json = False) -> None:
    """Show every queue: its jobs by state, and who serves it.

    OLDEST is how long the job has waited that has waited longest: it tells a queue that stands still from an idle one.
    """
    found = open_desk().inspector.queues()
    head = ["QUEUE", " QUEUED", " RUNNING", " SCHEDULED", " RETRYING", " DEAD", " OLDEST", "STATUS"]
    lines = table(head, [_queue_row(queue) for queue in found])
    emit(found, as_json, lines if found else ["There is no queue yet: `dewey up` brings those of the tasks."])


def _queue_row(queue: QueueStats) -> list[str]:
    states: tuple[State, ...] = ("queued", "running", "scheduled", "retrying", "dead")
    counts = [str(queue.counts[state]) for state in states]
    oldest = span(queue.oldest_waiting_s) if queue.counts["queued"] else "-"
    return [queue.name, *counts, oldest, _status(queue)]


def _status(queue: QueueStats) -> str:
    if queue.pause is None:
        return plural(queue.consumers, "consumer") if queue.consumers else "no consumer"
    return f"paused by {queue.pause.by}" + (f": {queue.pause.reason}" if queue.pause.reason else "")


@app.command("jobs")
def list_jobs(
    state: Annotated[
        list[str] | None, typer.Option(metavar="STATE", help=f"Only this state; may be repeated: {', '.join(STATES)}.")
    ] = None,
    queue: Annotated[list[str] | None, typer.Option(metavar="NAME", help="Only this queue; may be repeated.")] = None,
    limit: Annotated[int, typer.Option(metavar="N", min=1, max=100_000, help="Most jobs to show.")] = 50,
    as_json: Json = False,
) -> None:
    """List jobs by state and queue.

    Those that run come first, then those that wait, then those that have ended, the newest of them first.
    """
    states = [_state(one) for one in state or []]
    inspector = open_desk().inspector
    page = inspector.jobs(states, queue or [], 0, limit)
    now = datetime.fromtimestamp(inspector.clock_ms() / 1000, UTC)
    rows = [_job_row(job, now) for job in page.jobs]
    lines = table(["ID", "TASK", "QUEUE", "STATE", " ATTEMPT", " WHEN", "ERROR"], rows)
    hidden = page.total - len(rows)
    more = [f"{plural(hidden, 'more job')}: --limit {page.total} shows all"] if hidden > 0 else []
    documents = {"total": page.total, "jobs": [job_document(job) for job in page.jobs]}
    emit(documents, as_json, [*lines, *more] if rows else ["No job matches."])


def _state(text: str) -> State:
    for state in STATES:
        if state == text:
            return state
    raise WrongUse(f"{text!r} is no state of a job; there are {', '.join(STATES)}")


def _job_row(job: Job, now: datetime) -> list[str]:
    error = f"{job.error_type}: {job.error}" if job.error_type else job.reason
    return [job.id[:SHORT_ID], short_name(job.task), job.queue, job.state, str(job.attempt), _when(job, now), error]


def short_name(task: str) -> str:
    """A task's name without its module."""
    return task.rpartition(".")[2] or task


def _when(job: Job, now: datetime) -> str:
    """The instant that matters in a job's state, as how far from now."""
    if job.state in FINISHED and job.finished_at is not None:
        return f"{span((now - job.finished_at).total_seconds())} ago"
    if job.state in ("scheduled", "retrying") and job.run_at is not None:
        return f"in {span((job.run_at - now).total_seconds())}"
    since = job.started_at if job.state == "running" and job.started_at is not None else job.created_at
    return f"for {span((now - since).total_seconds())}"


@app.command()
def job(job_id: JobId, as_json: Json = False) -> None:
    """Show one job: arguments, result, attempts, tracebacks."""
    inspector = open_desk().inspector
    found = inspector.job(find(inspector, job_id))
    emit(job_document(found), as_json, describe(found))


def find(inspector: Inspector, prefix: str) -> str:
    """The job that an operator means. Raises JobMissing."""
    if not prefix:
        raise JobMissing("the id of a job is empty: `dewey jobs` shows those that there are")
    return inspector.find(prefix)


def describe(job: Job) -> list[str]:
    """A job in lines: what it is, when what happened, and each attempt."""
    document = job_document(job)
    entries = [("id", job.id), ("queue", job.queue), ("arguments", _compact(document["arguments"]))]
    if job.reason:
        entries.append(("reason", job.reason))
    instants = {"created": job.created_at, "due": None, "started": job.started_at, "finished": job.finished_at}
    if job.state in ("scheduled", "retrying"):
        instants["due"] = job.run_at
    entries += [(name, f"{at:%Y-%m-%d %H:%M:%S} UTC") for name, at in instants.items() if at is not None]
    if job.progress is not None:
        entries.append(("progress", f"{job.progress.done}/{job.progress.total or '?'} {job.progress.note}".rstrip()))
    if job.result is not None:
        entries.append(("result", _compact(document["result"])))
    if job.state in ("queued", "scheduled", "retrying", "running"):
        entries.append(("retries", f"{job.retries_left} left of {job.retries}"))
    lines = [f"{visible(job.task)}  {job.state}"]
    lines += [f"{name:<10} {visible(value)}" for name, value in entries]
    for attempt in job.attempts:
        lines += _attempt(attempt)
    return lines


def _attempt(attempt: Attempt) -> list[str]:
    took = ""
    if attempt.finished_at is not None:
        took = f" after {(attempt.finished_at - attempt.started_at).total_seconds():.1f} s"
    head = f"attempt {attempt.number}  {attempt.outcome}{took}, on {visible(attempt.worker)}"
    said = attempt.traceback or attempt.error
    return ["", head, *(f"    {line}" for line in visible(said, lines=True).rstrip().split("\n") if said)]


def _compact(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def job_document(job: Job) -> dict[str, object]:
    """A job as JSON shows it: with arguments and result read, and without the bytes that hold them."""
    document: dict[str, object] = plain(job)
    del document["payload"]
    try:
        args, kwargs = decode_call(job.payload)
        document["arguments"] = plain({**{f"#{n}": value for n, value in enumerate(args, 1)}, **kwargs})
    except DecodeError as error:
        document["arguments"] = f"(not readable: {error})"
    if job.result is not None:
        try:
            document["result"] = plain(decode_value(job.result))
        except DecodeError as error:
            document["result"] = f"(not readable: {error})"
    return document


@app.command()
def requeue(
    job_ids: Annotated[list[str] | None, typer.Argument(metavar="ID", help="Ids of jobs, or their beginnings.")] = None,
    group: Annotated[str, typer.Option(metavar="GROUP", help="All jobs of a group that `dewey failures` shows.")] = "",
    limit: Annotated[int | None, typer.Option(metavar="N", min=1, help="Most jobs of the group, oldest first.")] = None,
    as_json: Json = False,
) -> None:
    """Try dead, canceled or retrying jobs again.

    Each gets all its retries back. One that can not be requeued does not keep the others; then the exit status is 1.
    """
    if bool(job_ids) == bool(group):
        raise WrongUse("name jobs, or one group of failures: dewey requeue ID..., or dewey requeue --group GROUP")
    desk = open_desk()
    if group:
        done = list(desk.operations.requeue_group(group, limit))
    else:
        done = _requeue_each(desk.inspector, desk.operations, job_ids or [])
    lines = [f"{one.job_id}  requeued" if one.done else f"{one.job_id}  not requeued: {one.reason}" for one in done]
    emit(done, as_json, lines)
    if not all(one.done for one in done):
        raise typer.Exit(1)


def _requeue_each(inspector: Inspector, operations: Operations, given: Sequence[str]) -> list[Requeued]:
    done: dict[str, Requeued] = {}
    for prefix in given:
        try:
            key = find(inspector, prefix)
        except (JobMissing, Refused) as error:
            done[prefix] = Requeued(prefix, False, str(error))
        else:
            if key not in done:
                (done[key],) = operations.requeue([key])
    return list(done.values())


@app.command()
def pause(
    queue: Queue,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why; shown to everybody who looks at the queue.")] = "",
    as_json: Json = False,
) -> None:
    """Stop the claims of a queue; what runs goes on.

    Pausing a paused queue replaces the reason.
    """
    by = operator()
    open_desk().operations.pause(queue, by=by, reason=reason)
    lines = [f"{visible(queue)} is paused; `dewey resume` lets it go on."]
    emit({"queue": queue, "paused": True, "by": by, "reason": reason}, as_json, lines)


@app.command()
def resume(queue: Queue, as_json: Json = False) -> None:
    """Let the jobs of a paused queue start again."""
    open_desk().operations.resume(queue, by=operator())
    emit({"queue": queue, "paused": False}, as_json, [f"{visible(queue)} is resumed."])
