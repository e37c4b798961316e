"""Numbers over time: ``stats``."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Annotated

import typer
from msgspec import Struct

from console.commands.opening import open_desk
from console.commands.printing import Json, emit, span, table
from console.commands.times import span_of
from storage.broker.records import QueueStats
from storage.history import measures
from storage.history.measures import Measured, Stats

app = typer.Typer()


class Standing(Struct, frozen=True):
    """A queue as it is now. ``drain_s`` is when it is empty if it goes on like this; None: never, like this."""

    name: str
    queued: int
    oldest_waiting_s: float
    drain_s: float | None


class Document(Struct, frozen=True):
    """What the command answers."""

    stats: Stats
    queues: tuple[Standing, ...]


@app.command()
def stats(
    queue: Annotated[str | None, typer.Option(metavar="NAME", help="Only this queue.")] = None,
    task: Annotated[str | None, typer.Option(metavar="NAME", help="Only this task, or those that end so.")] = None,
    last: Annotated[str, typer.Option(metavar="SPAN", help="How far to look back: 90s, 24h, 7d.")] = "1h",
    as_json: Json = False,
) -> None:
    """Show how many jobs ran and failed, and how long that took.

    WAIT and RUN are at most 5 % off: half of all were quicker than P50, one in a hundred was slower than P99. Attempts
    count: a job that was tried three times counts three times. DRAIN is when a queue is empty if it goes on like this.
    """
    length = span_of(last, "--last")
    desk = open_desk()
    now = datetime.now(UTC)
    found = measures.stats(desk.resources.database, now - length, now, queue=queue, task=task)
    queues = tuple(_standing(one) for one in desk.inspector.queues() if queue in (None, one.name))
    emit(Document(found, queues), as_json, _lines(found, queues))


def _standing(queue: QueueStats) -> Standing:
    queued = queue.counts["queued"]
    return Standing(queue.name, queued, queue.oldest_waiting_s, measures.drain_s(queued, queue.minutes))


def _lines(found: Stats, queues: Sequence[Standing]) -> Iterator[str]:
    if not found.rows:
        yield "Nothing was recorded in this time: `dewey doctor` says whether history is."
    else:
        head = ["QUEUE", "TASK", " RAN", " FAILED", " /MIN", " WAIT P50", " P95", " P99", " RUN P50", " P95", " P99"]
        rows = [_row(one) for one in found.rows]
        if len(rows) > 1:
            rows.append(_row(found.total, "all"))
        yield from table(head, rows)
    waiting = [one for one in queues if one.queued]
    if waiting:
        yield ""
        rows = [[one.name, str(one.queued), span(one.oldest_waiting_s), _drain(one)] for one in waiting]
        yield from table(["QUEUE", " QUEUED", " OLDEST", " DRAIN"], rows)


def _row(one: Measured, name: str = "") -> list[str]:
    ran = one.succeeded + one.failed + one.lost
    failed = f"{one.failure_share:.1%}" if one.failure_share is not None else "-"
    times = [_time(value) for q in (one.wait, one.run) for value in (q.p50_s, q.p95_s, q.p99_s)]
    return [one.queue or name, one.task, str(ran), failed, f"{one.per_minute:.1f}", *times]


def _time(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    if seconds < 1:
        return f"{seconds * 1000:.0f}ms"
    return f"{seconds:.1f}s" if seconds < 60 else span(seconds)


def _drain(one: Standing) -> str:
    return span(one.drain_s) if one.drain_s is not None else "never"
