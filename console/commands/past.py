"""How things stood at an instant of the past: ``queues --at``."""

from collections.abc import Iterator
from datetime import UTC, datetime

from console.commands.opening import open_desk
from console.commands.printing import emit, span, table
from console.commands.times import past_instant
from console.gateway.limits import limit_words
from storage.broker.records import Limits, State
from storage.history import past
from storage.history.past import Past, PastQueue
from storage.wording import plural

SHOWN_STATES: tuple[State, ...] = ("queued", "running", "scheduled", "retrying", "dead")
RUNS_SHOWN = 20


def show_past(text: str, as_json: bool) -> None:
    """Print how queues, consumers and running jobs stood. Raises WrongUse, Refused."""
    found = past.at(open_desk().resources.database, past_instant(text, "--at", datetime.now(UTC)))
    emit(found, as_json, _lines(found))


def _lines(found: Past) -> Iterator[str]:
    yield f"At {_clock(found.at)}, as sampled at {_clock(found.sampled_at)}:"
    head = ["QUEUE", *(f" {state.upper()}" for state in SHOWN_STATES), " OLDEST", " IN/MIN", " OUT/MIN", "STATUS"]
    yield from table(head, [_queue(one) for one in found.queues])
    if found.consumers:
        yield ""
        rows = [[one.id, one.kind, str(one.workers), str(len(one.running)), one.version] for one in found.consumers]
        yield from table(["CONSUMER", "KIND", " WORKERS", " RUNNING", "VERSION"], rows)
    if found.running:
        yield ""
        rows = [
            [one.job_id, one.task, one.queue, str(one.attempt), span((found.at - one.started_at).total_seconds())]
            for one in found.running[:RUNS_SHOWN]
        ]
        yield from table(["RUNNING JOB", "TASK", "QUEUE", " ATTEMPT", " FOR"], rows)
        if len(found.running) > RUNS_SHOWN:
            yield f"and {plural(len(found.running) - RUNS_SHOWN, 'other')}"


def _queue(one: PastQueue) -> list[str]:
    counts = [str(one.counts[state]) for state in SHOWN_STATES]
    oldest = span(one.oldest_waiting_s) if one.counts["queued"] else "-"
    out = one.succeeded_per_minute + one.failed_per_minute
    return [one.name, *counts, oldest, str(one.enqueued_per_minute), str(out), _status(one)]


def _status(one: PastQueue) -> str:
    served = plural(one.consumers, "consumer") if one.consumers else "no consumer"
    if one.paused_by:
        since = f" at {_clock(one.paused_at)}" if one.paused_at else ""
        served = f"paused by {one.paused_by}{since}" + (f": {one.paused_reason}" if one.paused_reason else "")
    if one.limits is None or one.limits == Limits():
        return served
    return f"{served}; {limit_words(one.limits)}"


def _clock(at: datetime) -> str:
    return at.astimezone().strftime("%Y-%m-%d %H:%M:%S %Z")
