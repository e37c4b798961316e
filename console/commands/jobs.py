"""Queues from the command line, and jobs as they are shown there."""

import json
from datetime import datetime
from typing import Annotated

import typer

from console.commands.opening import open_desk
from console.commands.past import show_past
from console.commands.printing import Json, emit, plain, span, table, visible
from console.commands.times import until_words
from console.gateway.limits import limit_words
from storage.broker.inspector import Inspector
from storage.broker.records import FINISHED, Attempt, Job, QueueStats, State
from storage.errors import DecodeError, JobMissing
from storage.history.entries import Entry, Run
from storage.wording import error_line, plural, short_id, short_name
from tasks.engine.arguments import decode_call
from tasks.engine.codec import decode_value

HEAD = ["ID", "TASK", "QUEUE", "STATE", " ATTEMPT", " WHEN", "ERROR"]

app = typer.Typer()


@app.command()
def queues(
    at: Annotated[
        str, typer.Option("--at", metavar="TIME", help="As they stood then: 02:47 (the last one), 2026-11-21T02:47.")
    ] = "",
    as_json: Json = False,
) -> None:
    """Show every queue: its jobs by state, and who serves it.

    OLDEST is how long the job has waited that has waited longest: it tells a queue that stands still from an idle one.
    --at shows consumers and what ran then, too.
    """
    if at:
        show_past(at, as_json)
        return
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
    said = plural(queue.consumers, "consumer") if queue.consumers else "no consumer"
    if queue.quiet_consumers:
        said += ", quiet" if queue.quiet_consumers == queue.consumers else f", {queue.quiet_consumers} of them quiet"
    if queue.pause is not None:
        until = until_words(queue.pause.until_at)
        said = f"paused by {queue.pause.by}{until}" + (f": {queue.pause.reason}" if queue.pause.reason else "")
    limited = "no limits" if queue.limits is None else limit_words(queue.limits)
    return said if limited == "no limits" else f"{said}; {limited}"


def job_row(job: Job | Entry, now: datetime) -> list[str]:
    """A job under HEAD."""
    error = error_line(job.error_type, job.error) or job.reason
    return [short_id(job.id), short_name(job.task), job.queue, job.state, str(job.attempt), _when(job, now), error]


def _when(job: Job | Entry, now: datetime) -> str:
    """The instant that matters in a job's state, as how far from now."""
    if job.state in FINISHED and job.finished_at is not None:
        return f"{span((now - job.finished_at).total_seconds())} ago"
    if job.state in ("scheduled", "retrying") and job.run_at is not None:
        return f"in {span((job.run_at - now).total_seconds())}"
    since = job.started_at if job.state == "running" and job.started_at is not None else job.created_at
    return f"for {span((now - since).total_seconds())}"


def find(inspector: Inspector, prefix: str) -> str:
    """The job that an operator means. Raises JobMissing."""
    if not prefix:
        raise JobMissing("the id of a job is empty: `dewey jobs` shows those that there are")
    return inspector.find(prefix)


def describe(job: Job) -> list[str]:
    """A job in lines: what it is, when what happened, and each attempt."""
    document = job_document(job)
    entries = [("id", job.id), ("queue", job.queue), ("arguments", compact(document["arguments"]))]
    if job.reason:
        entries.append(("reason", job.reason))
    instants = {"created": job.created_at, "due": None, "started": job.started_at, "finished": job.finished_at}
    if job.state in ("scheduled", "retrying"):
        instants["due"] = job.run_at
    entries += [(name, f"{at:%Y-%m-%d %H:%M:%S} UTC") for name, at in instants.items() if at is not None]
    if job.progress is not None:
        entries.append(("progress", f"{job.progress.done}/{job.progress.total or '?'} {job.progress.note}".rstrip()))
    if job.result is not None:
        entries.append(("result", compact(document["result"])))
    if job.state in ("queued", "scheduled", "retrying", "running"):
        entries.append(("retries", f"{job.retries_left} left of {job.retries}"))
    lines = [f"{visible(job.task)}  {job.state}"]
    lines += [f"{name:<10} {visible(value)}" for name, value in entries]
    for attempt in job.attempts:
        lines += attempt_lines(attempt)
    return lines


def attempt_lines(attempt: Attempt | Run) -> list[str]:
    """An attempt, with what it said when it failed."""
    took = ""
    if attempt.finished_at is not None:
        took = f" after {(attempt.finished_at - attempt.started_at).total_seconds():.1f} s"
    head = f"attempt {attempt.number}  {attempt.outcome}{took}, on {visible(attempt.worker)}"
    said = attempt.traceback or attempt.error
    return ["", head, *(f"    {line}" for line in visible(said, lines=True).rstrip().split("\n") if said)]


def compact(value: object) -> str:
    """A value in one line."""
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
