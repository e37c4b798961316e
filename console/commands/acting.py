"""Calling jobs off, limiting queues, and telling consumers what to do."""

from typing import Annotated

import typer

from console.commands.opening import WrongUse, open_desk, operator
from console.commands.printing import Json, emit, span, table
from storage.broker.records import ConsumerInfo, Limits
from storage.broker.requests import Order

app = typer.Typer()

Consumer = Annotated[str, typer.Argument(help="A consumer's id, as `dewey consumers` shows it.")]


@app.command()
def cancel(
    job_ids: Annotated[list[str], typer.Argument(metavar="ID…", help="Ids of jobs, or their beginnings.")],
    reason: Annotated[str, typer.Option(help="Why; kept with the job.")] = "",
    as_json: Json = False,
) -> None:
    """Call jobs off, also those that run.

    One that waits ends at once. One that runs is interrupted within about a second: in a process worker hard, in a
    thread worker when its code comes to its next step.
    """
    desk = open_desk()
    done = desk.operations.cancel([desk.inspector.find(job_id) for job_id in job_ids], by=operator(), reason=reason)
    words = {"ended": "canceled", "asked": "told to end", "refused": "not canceled"}
    lines = [f"{one.job_id}  {words[one.verdict]}{f': {one.reason}' if one.reason else ''}" for one in done]
    emit(done, as_json, lines)
    if any(one.verdict == "refused" for one in done):
        raise typer.Exit(1)


@app.command()
def limit(
    queue: Annotated[str, typer.Argument(help="The queue.")],
    rate: Annotated[str, typer.Option(metavar="N/SECONDS", help="At most N starts in any so many seconds.")] = "",
    cap: Annotated[int | None, typer.Option(min=1, help="At most so many running at once.")] = None,
    max_jobs: Annotated[int | None, typer.Option(min=1, help="Refuse enqueues beyond so many waiting jobs.")] = None,
    max_bytes: Annotated[int | None, typer.Option(min=1, help="Refuse enqueues beyond so many bytes.")] = None,
    lift: Annotated[bool, typer.Option("--lift", help="Lift all limits.")] = False,
    as_json: Json = False,
) -> None:
    """Limit a queue, exactly and over all consumers.

    What is given replaces the limits that the queue had.
    """
    limits = Limits(_rate(rate), cap, max_jobs, max_bytes)
    if lift == (limits != Limits()):
        raise WrongUse("say the limits, or --lift to have none")
    before = open_desk().broker.limit(queue, None if lift else limits)
    after = Limits() if lift else limits
    emit({"queue": queue, "before": before or Limits(), "after": after}, as_json, [f"{queue}: {_words(after)}"])


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


def _words(limits: Limits) -> str:
    said = []
    if limits.rate is not None:
        said.append(f"at most {limits.rate[0]} starts in any {limits.rate[1]:g} s")
    if limits.cap is not None:
        said.append(f"at most {limits.cap} running")
    if limits.max_jobs is not None:
        said.append(f"at most {limits.max_jobs} waiting")
    if limits.max_bytes is not None:
        said.append(f"at most {limits.max_bytes} bytes on their way")
    return ", ".join(said) or "no limits"


@app.command()
def consumers(as_json: Json = False) -> None:
    """Show every consumer that lives, and what it runs."""
    inspector = open_desk().inspector
    found = inspector.consumers()
    now_ms = inspector.clock_ms()
    head = ["CONSUMER", " WORKERS", "KIND", "QUEUES", " RUNNING", " MEMORY", " BEAT"]
    lines = table(head, [_row(one, now_ms) for one in found])
    emit(found, as_json, lines if found else ["No consumer lives: `dewey up` starts one."])


def _row(one: ConsumerInfo, now_ms: int) -> list[str]:
    beat_s = max(0.0, now_ms / 1000 - one.beat_at.timestamp())
    queues = ",".join(one.queues) or "all"
    memory = f"{one.memory_bytes / 2**20:.0f} MB"
    return [one.id, str(one.workers), one.kind, queues, str(len(one.running)), memory, f"{span(beat_s)} ago"]


@app.command()
def quiet(consumer: Consumer, as_json: Json = False) -> None:
    """Let a consumer finish its jobs and claim no more."""
    _order(consumer, "quiet", as_json, "claims nothing more; `dewey wake` lets it go on")


@app.command()
def wake(consumer: Consumer, as_json: Json = False) -> None:
    """Let a quiet consumer claim jobs again."""
    _order(consumer, "", as_json, "claims jobs again")


@app.command()
def stop(consumer: Consumer, as_json: Json = False) -> None:
    """Let a consumer finish its jobs and end."""
    _order(consumer, "stop", as_json, "ends when its jobs have")


def _order(consumer: str, order: Order, as_json: bool, words: str) -> None:
    open_desk().broker.order(consumer, order)
    emit({"consumer": consumer, "order": order}, as_json, [f"{consumer} {words}"])
