"""Queues, jobs and their logs from the command line."""

import json
import time
from typing import Annotated

import typer

from console.commands.opening import Desk, open_desk, operator
from console.commands.printing import Json, emit, plain, table, visible
from storage.broker.records import FINISHED, STATES, Job, LogLine, QueueStats, State, TaskInfo
from storage.errors import Refused
from tasks.engine.codec import DecodeError, decode_call, decode_value

POLL_S = 0.2

app = typer.Typer()


@app.command()
def queues(as_json: Json = False) -> None:
    """Show every queue: how many jobs in each state, the age of the oldest, and who serves it."""
    found = open_desk().inspector.queues()
    head = ["QUEUE", " QUEUED", " RUNNING", " SCHEDULED", " RETRYING", " DEAD", " OLDEST", " CONSUMERS", "STATUS"]
    emit(found, as_json, table(head, [_queue_row(queue) for queue in found]) if found else ["No queue yet."])


def _queue_row(queue: QueueStats) -> list[str]:
    states: tuple[State, ...] = ("queued", "running", "scheduled", "retrying", "dead")
    counts = [str(queue.counts[state]) for state in states]
    status = "" if queue.pause is None else f"paused by {queue.pause.by}: {queue.pause.reason}"
    return [queue.name, *counts, _age(queue.oldest_waiting_s), str(queue.consumers), status]


@app.command("jobs")
def list_jobs(
    state: Annotated[list[str] | None, typer.Option(help="Only this state; may be repeated.")] = None,
    queue: Annotated[list[str] | None, typer.Option(help="Only this queue; may be repeated.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="Most jobs to show.")] = 50,
    as_json: Json = False,
) -> None:
    """List jobs: those that run first, then those that wait, then the finished, newest first."""
    states = [_state(one) for one in state or []]
    page = open_desk().inspector.jobs(states, queue or [], 0, limit)
    head = ["ID", "TASK", "QUEUE", "STATE", " ATTEMPT", "ERROR"]
    rows = [[job.id[:8], job.task, job.queue, job.state, str(job.attempt), _error(job)] for job in page.jobs]
    lines = table(head, rows) if rows else ["No job matches."]
    more = [f"{page.total - len(rows)} more; --limit shows them"] if page.total > len(rows) else []
    emit({"total": page.total, "jobs": [_document(job) for job in page.jobs]}, as_json, lines + more)


def _state(text: str) -> State:
    for state in STATES:
        if state == text:
            return state
    raise typer.BadParameter(f"{text!r} is no state; there are {', '.join(STATES)}", param_hint="--state")


@app.command()
def job(job_id: Annotated[str, typer.Argument(help="A job's id, or its beginning.")], as_json: Json = False) -> None:
    """Show one job: its arguments, result, and every attempt with its traceback."""
    inspector = open_desk().inspector
    found = inspector.job(inspector.find(job_id))
    emit(_document(found), as_json, _describe(found))


def _describe(job: Job) -> list[str]:
    document = _document(job)
    lines = [f"{job.task}  {job.state}  attempt {job.attempt}", f"id         {job.id}", f"queue      {job.queue}"]
    lines += [f"arguments  {json.dumps(document['arguments'], ensure_ascii=False)}"]
    if job.reason:
        lines.append(f"reason     {job.reason}")
    for name in ("created_at", "run_at", "started_at", "finished_at"):
        instant = getattr(job, name)
        if instant is not None:
            lines.append(f"{name.removesuffix('_at'):<10} {instant:%Y-%m-%d %H:%M:%S} UTC")
    if job.progress is not None:
        lines.append(f"progress   {job.progress.done}/{job.progress.total or '?'} {job.progress.note}")
    if job.result is not None:
        lines.append(f"result     {json.dumps(document['result'], ensure_ascii=False)}")
    for attempt in job.attempts:
        lines += ["", f"attempt {attempt.number}  {attempt.outcome}  on {attempt.worker}"]
        lines += (attempt.traceback or attempt.error).rstrip().splitlines()
    return lines


def _document(job: Job) -> dict[str, object]:
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
def logs(
    job_id: Annotated[str, typer.Argument(help="A job's id, or its beginning; none: everything.")] = "",
    follow: Annotated[bool, typer.Option("-f", "--follow", help="Go on until the job ends, or Ctrl-C.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=20_000, help="Most lines to begin with.")] = 1000,
    as_json: Json = False,
) -> None:
    """Print the captured log of a job, or the last lines of all jobs."""
    if follow and as_json:
        raise typer.BadParameter("--json prints one document, and a followed log has no end", param_hint="--follow")
    inspector = open_desk().inspector
    key = inspector.find(job_id) if job_id else ""
    page = inspector.log(key, limit=limit) if key else inspector.tail(limit=limit)
    empty = [] if page.lines or follow else ["Nothing was logged."]
    emit(page.lines, as_json, [*map(_line, page.lines), *empty])
    while follow:
        ended = bool(key) and inspector.job(key).state in FINISHED
        page = inspector.log(key, page.cursor) if key else inspector.tail(page.cursor)
        emit(page.lines, False, map(_line, page.lines))
        if ended and not page.lines:
            return
        time.sleep(POLL_S)


def _line(line: LogLine) -> str:
    return f"{line.at:%H:%M:%S.%f}"[:-3] + f" {line.level:<7} {line.job[:8]} {line.task.split('.')[-1]}: {line.message}"


@app.command()
def trigger(
    task: Annotated[str, typer.Argument(help="A task's name, or the end of it.")],
    arguments: Annotated[list[str] | None, typer.Argument(metavar="KEY=VALUE…", help="Its arguments.")] = None,
    queue: Annotated[str | None, typer.Option(help="Another queue than the task's own.")] = None,
    priority: Annotated[float | None, typer.Option(help="The higher one runs first.")] = None,
    delay: Annotated[float, typer.Option(min=0, help="Seconds to wait before it may run.")] = 0,
    wait: Annotated[bool, typer.Option("--wait", help="Wait for its end; exit 1 unless it succeeded.")] = False,
    timeout: Annotated[float, typer.Option(min=0, help="Longest wait, in seconds.")] = 3600,
    as_json: Json = False,
) -> None:
    """Launch a task. Values are JSON where they can be (42, true, [1, 2], null), text otherwise."""
    desk = open_desk()
    info = desk.operations.find_task(task)
    kwargs = {key: value for key, value in (_argument(info, text) for text in arguments or [])}
    job_id = desk.operations.trigger(info.name, kwargs, queue=queue, priority=priority, delay_s=delay)
    if not wait:
        emit({"id": job_id, "task": info.name, "queue": queue or info.queue}, as_json, [job_id])
        return
    ended = wait_for(desk, job_id, timeout)
    emit(_document(ended), as_json, _describe(ended))
    if ended.state != "succeeded":
        raise typer.Exit(1)


def _argument(info: TaskInfo, text: str) -> tuple[str, object]:
    key, separator, value = text.partition("=")
    if not separator or not key:
        raise typer.BadParameter(f"{text!r} is not KEY=VALUE", param_hint="KEY=VALUE…")
    kind = next((parameter.kind for parameter in info.parameters if parameter.name == key), "")
    if kind == "str":
        return key, value
    try:
        return key, json.loads(value)
    except ValueError:
        return key, value


def wait_for(desk: Desk, job_id: str, timeout_s: float) -> Job:
    """The job once it has ended. Raises Refused when that takes longer than ``timeout_s``."""
    deadline = time.monotonic() + timeout_s
    while True:
        found = desk.inspector.job(job_id)
        if found.state in FINISHED:
            return found
        if time.monotonic() >= deadline:
            raise Refused(f"job {job_id} is still {found.state} after {timeout_s:g} s; it goes on without this command")
        time.sleep(POLL_S)


@app.command()
def requeue(
    job_ids: Annotated[list[str], typer.Argument(metavar="ID…", help="Ids of jobs, or their beginnings.")],
    as_json: Json = False,
) -> None:
    """Try dead, canceled or retrying jobs again, with all their retries."""
    desk = open_desk()
    done = desk.operations.requeue([desk.inspector.find(job_id) for job_id in job_ids])
    lines = [f"{one.job_id}  requeued" if one.done else f"{one.job_id}  not requeued: {one.reason}" for one in done]
    emit(done, as_json, lines)
    if not all(one.done for one in done):
        raise typer.Exit(1)


@app.command()
def pause(
    queue: Annotated[str, typer.Argument(help="The queue.")],
    reason: Annotated[str, typer.Option(help="Why; shown to everybody who looks at the queue.")] = "",
    as_json: Json = False,
) -> None:
    """Let no worker start a job of a queue until it is resumed; what runs goes on."""
    by = operator()
    open_desk().operations.pause(queue, by=by, reason=reason)
    emit({"queue": queue, "paused": True, "by": by, "reason": reason}, as_json, [f"{visible(queue)} is paused"])


@app.command()
def resume(queue: Annotated[str, typer.Argument(help="The queue.")], as_json: Json = False) -> None:
    """Let workers start jobs of a queue again."""
    open_desk().operations.resume(queue, by=operator())
    emit({"queue": queue, "paused": False}, as_json, [f"{visible(queue)} is resumed"])


def _error(job: Job) -> str:
    text = f"{job.error_type}: {job.error}" if job.error_type else job.reason
    return text if len(text) <= 70 else f"{text[:69]}…"


def _age(seconds: float) -> str:
    if seconds <= 0:
        return "-"
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "m")):
        if seconds >= size:
            return f"{seconds / size:.0f}{unit}"
    return f"{seconds:.0f}s"
