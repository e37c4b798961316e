"""Queues, schedules, consumers and keys acted on from the command line."""

from datetime import UTC, datetime
from typing import Annotated

import msgspec
import typer

from console.commands.asking import DryRun, Reason, Unrecorded, Way, Words, Yes, act
from console.commands.opening import WrongUse, open_desk
from console.commands.printing import Json, emit, span, table
from console.commands.times import span_of, until_words
from console.gateway.limits import limit_words
from storage.audit import Item
from storage.broker.records import ConsumerInfo, Limits
from tasks.actions.values import Request

app = typer.Typer()

Queue = Annotated[str, typer.Argument(metavar="QUEUE", help="The name of the queue.")]
IsSchedule = Annotated[bool, typer.Option("--schedule", help="A schedule of that name is meant, not a queue.")]
Consumer = Annotated[str, typer.Argument(help="A consumer's id, as `dewey consumers` shows it.")]


@app.command()
def pause(  # noqa: PLR0913, PLR0917 - its options, each with a default
    queue: Queue,
    is_schedule: IsSchedule = False,
    for_: Annotated[str, typer.Option("--for", metavar="TIME", help="It goes on by itself then: 90s, 30m, 2h.")] = "",
    until: Annotated[str, typer.Option(metavar="INSTANT", help="It goes on then: 2026-11-22T06:00Z.")] = "",
    reason: Reason = "",
    dry_run: DryRun = False,
    yes: Yes = False,
    unrecorded: Unrecorded = False,
    as_json: Json = False,
) -> None:
    """Stop the claims of a queue; what runs goes on.

    Pausing a paused queue replaces the reason. A schedule that is paused enqueues nothing; its ticks are skipped.
    """
    if for_ and until:
        raise WrongUse("say --for or --until, not both")
    options: dict[str, object] = {"for_s": span_of(for_, "--for").total_seconds()} if for_ else {}
    options |= {"until_at": _instant(until)} if until else {}
    request = Request("pause-schedule" if is_schedule else "pause", (queue,), "", options)
    resuming = "dewey resume --schedule" if is_schedule else "dewey resume"
    words = Words("is paused", "not paused", lambda item: f"is paused{_until(item, resuming)}")
    act(request, words, Way(reason, dry_run, yes, as_json, unrecorded))


def _until(item: Item, resuming: str) -> str:
    """Until when a queue or a schedule is paused, as was written, and what ends that."""
    until_ms = msgspec.json.decode(item.after or "{}").get("until_ms")
    until = until_words(datetime.fromtimestamp(until_ms / 1000, UTC) if until_ms else None)
    return f"{until}; `{resuming}` lets it go on{' before' if until else ''}"


def _instant(text: str) -> str:
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise WrongUse(f"--until {text}: write an instant such as 2026-11-22T06:00Z") from error
    return (at if at.tzinfo is not None else at.astimezone()).isoformat()


@app.command()
def resume(
    queue: Queue,
    is_schedule: IsSchedule = False,
    reason: Reason = "",
    dry_run: DryRun = False,
    yes: Yes = False,
    unrecorded: Unrecorded = False,
    as_json: Json = False,
) -> None:
    """Let the jobs of a paused queue start again, or a paused schedule tick."""
    request = Request("resume-schedule" if is_schedule else "resume", (queue,))
    act(request, Words("is resumed", "not resumed"), Way(reason, dry_run, yes, as_json, unrecorded))


@app.command()
def limit(  # noqa: PLR0913, PLR0917 - its options, each with a default
    queue: Queue,
    rate: Annotated[str, typer.Option(metavar="N/SECONDS", help="At most N starts in any so many seconds.")] = "",
    cap: Annotated[int | None, typer.Option(min=1, help="At most so many running at once.")] = None,
    max_jobs: Annotated[int | None, typer.Option(min=1, help="Refuse enqueues beyond so many waiting jobs.")] = None,
    max_bytes: Annotated[int | None, typer.Option(min=1, help="Refuse enqueues beyond so many bytes.")] = None,
    lift: Annotated[bool, typer.Option("--lift", help="Lift all limits.")] = False,
    reason: Reason = "",
    dry_run: DryRun = False,
    yes: Yes = False,
    unrecorded: Unrecorded = False,
    as_json: Json = False,
) -> None:
    """Limit a queue, exactly and over all consumers.

    What is given replaces the limits that the queue had.
    """
    limits = Limits(_rate(rate), cap, max_jobs, max_bytes)
    if lift == (limits != Limits()):
        raise WrongUse("say --rate, --cap, --max-jobs or --max-bytes, or --lift alone to have no limits")
    given = {
        "rate": list(limits.rate) if limits.rate else None,
        "cap": cap,
        "max_jobs": max_jobs,
        "max_bytes": max_bytes,
    }
    options = {name: value for name, value in given.items() if value is not None}
    words = Words(f"has {limit_words(limits)}", "not limited")
    act(Request("limit", (queue,), "", options), words, Way(reason, dry_run, yes, as_json, unrecorded))


def _rate(text: str) -> tuple[int, float] | None:
    if not text:
        return None
    count, separator, seconds = text.partition("/")
    try:
        if separator:
            return int(count), float(seconds)
    except ValueError:
        pass
    raise WrongUse(f"--rate {text!r}: say N/SECONDS, as 100/60")


@app.command("run")
def run_now(
    schedule: Annotated[str, typer.Argument(metavar="SCHEDULE", help="Its name, or the end of it.")],
    reason: Reason = "",
    dry_run: DryRun = False,
    yes: Yes = False,
    unrecorded: Unrecorded = False,
    as_json: Json = False,
) -> None:
    """Run a schedule now, beside its ticks."""
    way = Way(reason, dry_run, yes, as_json, unrecorded)
    act(Request("run", (schedule,)), Words("runs now", "not run"), way)


@app.command()
def quiet(
    consumer: Consumer,
    reason: Reason = "",
    dry_run: DryRun = False,
    yes: Yes = False,
    unrecorded: Unrecorded = False,
    as_json: Json = False,
) -> None:
    """Let a consumer finish its jobs and claim no more."""
    words = Words("claims nothing more; `dewey wake` lets it go on", "not told")
    act(Request("quiet", (consumer,)), words, Way(reason, dry_run, yes, as_json, unrecorded))


@app.command()
def wake(
    consumer: Consumer,
    reason: Reason = "",
    dry_run: DryRun = False,
    yes: Yes = False,
    unrecorded: Unrecorded = False,
    as_json: Json = False,
) -> None:
    """Let a quiet consumer claim jobs again."""
    words = Words("claims jobs again", "not told")
    act(Request("wake", (consumer,)), words, Way(reason, dry_run, yes, as_json, unrecorded))


@app.command()
def stop(
    consumer: Consumer,
    reason: Reason = "",
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Let a consumer finish its jobs and end."""
    words = Words("ends when its jobs have", "not told")
    act(Request("stop", (consumer,)), words, Way(reason, dry_run, yes, as_json))


@app.command()
def release(
    names: Annotated[list[str], typer.Argument(metavar="NAME…", help="Unique keys, or names of locks.")],
    is_lock: Annotated[bool, typer.Option("--lock", help="Locks of huey.lock_task are meant.")] = False,
    reason: Reason = "",
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Free a unique key or a lock whose holder is gone."""
    request = Request("release", tuple(names), "", {"which": "lock"} if is_lock else {})
    act(request, Words("is free", "not freed"), Way(reason, dry_run, yes, as_json))


@app.command()
def consumers(as_json: Json = False) -> None:
    """Show every consumer that lives, and what it runs.

    STATUS is quiet when it was told to claim nothing more, and stops when it ends with its jobs.
    """
    inspector = open_desk().inspector
    found = inspector.consumers()
    now_ms = inspector.clock_ms()
    head = ["CONSUMER", " WORKERS", "KIND", "QUEUES", " RUNNING", " MEMORY", " BEAT", "STATUS"]
    lines = table(head, [_row(one, now_ms) for one in found])
    emit(found, as_json, lines if found else ["No consumer lives: `dewey up` starts one."])


def _row(one: ConsumerInfo, now_ms: int) -> list[str]:
    beat_s = max(0.0, now_ms / 1000 - one.beat_at.timestamp())
    queues = ",".join(one.queues) or "all"
    memory = f"{one.memory_bytes / 2**20:.0f} MB"
    beat = f"{span(beat_s)} ago"
    return [one.id, str(one.workers), one.kind, queues, str(len(one.running)), memory, beat, _status(one)]


def _status(one: ConsumerInfo) -> str:
    if one.is_silent:
        return "silent"
    return {"": "on", "quiet": "quiet", "stop": "stops"}.get(one.order, one.order)
