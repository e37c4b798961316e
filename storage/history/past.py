"""How things stood at an instant of the past: queues and consumers from the sample of that minute, running jobs from
what is recorded of their attempts.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct

from storage.broker.records import STATES, Limits, State
from storage.database.connection import Database, Session
from storage.errors import Refused

MINUTE = timedelta(minutes=1)
SEEN_WITHIN = timedelta(seconds=90)
"""A sample is taken at the beginning of each minute; one that is older than this says nothing of an instant."""
MOST_RUNNING = 10_000
_RUN = "job_id, task, queue, number, worker, started_at, finished_at, outcome"
_RUN_OF_R = ", ".join(f"r.{name}" for name in _RUN.split(", "))
_RUNNING = f"""
    SELECT {_RUN} FROM runs
    WHERE started_at > %(since)s AND started_at <= %(at)s AND job_created_at <= %(at)s
        AND (finished_at > %(at)s OR finished_at IS NULL)
    UNION
    SELECT {_RUN_OF_R} FROM runs r JOIN jobs j ON j.created_at = r.job_created_at AND j.id = r.job_id
    WHERE j.id = ANY(%(seen)s) AND j.created_at <= %(at)s
        AND r.started_at <= %(at)s AND (r.finished_at > %(at)s OR r.finished_at IS NULL)
    ORDER BY started_at, job_id LIMIT {MOST_RUNNING}
"""


class PastQueue(Struct, frozen=True):
    """A queue as it stood. ``oldest_waiting_s`` is 0 when none waited; ``paused_by`` is "" when it was not paused; the
    rates are of the minute before. ``limits`` and ``paused_at`` are None where they were not recorded yet."""

    name: str
    counts: Mapping[State, int]
    oldest_waiting_s: float
    consumers: int
    paused_by: str
    paused_reason: str
    enqueued_per_minute: int
    succeeded_per_minute: int
    failed_per_minute: int
    paused_at: datetime | None = None
    limits: Limits | None = None


class PastConsumer(Struct, frozen=True):
    """A consumer as it stood. ``queues`` is empty when it served all; ``running`` are ids of jobs. ``order`` is what it
    had been told ("quiet", "stop", or nothing), None where that was not recorded yet."""

    id: str
    host: str
    pid: int
    kind: str
    workers: int
    queues: tuple[str, ...]
    version: str
    memory_bytes: int
    started_at: datetime
    beat_at: datetime
    running: tuple[str, ...]
    order: str | None = None
    is_silent: bool = False


class PastRun(Struct, frozen=True):
    """A job that ran at the instant. ``finished_at`` is when that attempt ended, None while it still runs."""

    job_id: str
    task: str
    queue: str
    attempt: int
    worker: str
    started_at: datetime
    finished_at: datetime | None
    outcome: str


class Past(Struct, frozen=True):
    """How things stood at ``at``. ``sampled_at`` is when queues and consumers were looked at. ``events_behind`` says
    how far history was behind then: what had not been recorded yet may have been recorded since."""

    at: datetime
    sampled_at: datetime
    events_behind: int
    queues: tuple[PastQueue, ...]
    consumers: tuple[PastConsumer, ...]
    running: tuple[PastRun, ...]


def at(database: Database, instant: datetime) -> Past:
    """How things stood at an instant.

    Raises:
        Refused: nobody recorded then; the message says what is known around it.
        StoreUnavailable, StoreRefused: PostgreSQL could not be asked.
    """
    with database.session() as session:
        found = session.rows(
            "SELECT at, events_behind FROM sampled_minutes WHERE at <= %s AND at > %s ORDER BY at DESC LIMIT 1",
            (instant, instant - SEEN_WITHIN),
        )
        if not found:
            raise Refused(_unknown(session, instant))
        sampled_at, events_behind = found[0]
        consumers = _consumers(session, sampled_at)
        running = _running(session, instant, [job_id for one in consumers for job_id in one.running])
        return Past(instant, sampled_at, events_behind, _queues(session, sampled_at), consumers, running)


def _queues(session: Session, sampled_at: datetime) -> tuple[PastQueue, ...]:
    rows = session.rows(
        f"SELECT queue, {', '.join(STATES)}, oldest_waiting_s, consumers, paused_by, paused_reason, "
        "enqueued_per_minute, succeeded_per_minute, failed_per_minute, paused_at, limits "
        "FROM samples WHERE at = %s ORDER BY queue",
        (sampled_at,),
    )
    return tuple(_queue(row) for row in rows)


def _queue(row: Sequence[Any]) -> PastQueue:
    places = len(STATES) + 1
    name, *depths = row[:places]
    oldest_s, consumers, by, reason, enqueued, succeeded, failed, paused_at, limits = row[places:]
    counts = dict(zip(STATES, depths, strict=True))
    rates = (enqueued, succeeded, failed)
    return PastQueue(name, counts, oldest_s, consumers, by, reason, *rates, paused_at, _limits(limits))


def _limits(sampled: Mapping[str, Any] | None) -> Limits | None:
    if sampled is None:
        return None
    rate = sampled.get("rate")
    cap, max_jobs, max_bytes = (sampled.get(name) for name in ("cap", "max_jobs", "max_bytes"))
    return Limits(None if rate is None else (rate[0], rate[1]), cap, max_jobs, max_bytes)


def _consumers(session: Session, sampled_at: datetime) -> tuple[PastConsumer, ...]:
    rows = session.rows(
        "SELECT consumer, host, pid, kind, workers, queues, version, memory_bytes, started_at, beat_at, running, told, "
        "coalesce(is_silent, false) FROM consumer_samples WHERE at = %s ORDER BY consumer",
        (sampled_at,),
    )
    return tuple(_consumer(row) for row in rows)


def _consumer(row: Sequence[Any]) -> PastConsumer:
    name, host, pid, kind, workers, queues, version, memory_bytes, started_at, beat_at, running, told, is_silent = row
    seen = (version, memory_bytes, started_at, beat_at)
    return PastConsumer(name, host, pid, kind, workers, tuple(queues), *seen, tuple(running), told, is_silent)


def _running(session: Session, instant: datetime, seen: list[str]) -> tuple[PastRun, ...]:
    """What began shortly before and had not ended, and of what was seen to run what had not ended."""
    values = {"at": instant, "since": instant - SEEN_WITHIN * 2, "seen": seen}
    return tuple(PastRun(*row) for row in session.rows(_RUNNING, values))


Rates = tuple[tuple[int, int, int], ...]
"""Enqueued, succeeded and failed in each of some minutes, oldest first."""


def rates(database: Database, sampled_at: datetime, minutes: int = 30) -> Mapping[str, Rates]:
    """What went through each queue in the minutes that end with the one which begins at ``sampled_at``: as many of them
    as were sampled without a gap, none when that last one was not.

    Raises: StoreUnavailable, StoreRefused.
    """
    first_at, last_at = sampled_at - (minutes - 2) * MINUTE, sampled_at + MINUTE
    with database.session() as session:
        seen = {
            at
            for (at,) in session.rows("SELECT at FROM sampled_minutes WHERE at BETWEEN %s AND %s", (first_at, last_at))
        }
        rows = session.rows(
            "SELECT queue, at, enqueued_per_minute, succeeded_per_minute, failed_per_minute FROM samples "
            "WHERE at BETWEEN %s AND %s",
            (first_at, last_at),
        )
    counted = {(queue, at): (enqueued, succeeded, failed) for queue, at, enqueued, succeeded, failed in rows}
    ends: list[datetime] = []
    while len(ends) < minutes and (end_at := last_at - len(ends) * MINUTE) in seen:
        ends.insert(0, end_at)
    queues = sorted({queue for queue, _ in counted})
    return {queue: tuple(counted.get((queue, end_at), (0, 0, 0)) for end_at in ends) for queue in queues}


def _unknown(session: Session, instant: datetime) -> str:
    before = session.rows("SELECT max(at) FROM sampled_minutes WHERE at <= %s", (instant,))[0][0]
    after = session.rows("SELECT min(at) FROM sampled_minutes WHERE at > %s", (instant,))[0][0]
    told = f"no recorder was running at {_said(instant)}"
    if before is None and after is None:
        return f"{told}, nor at any time: run dewey up or dewey record, and ask again later"
    if before is None:
        return f"{told}: what is known begins at {_said(after)}"
    if after is None:
        return f"{told}: what is known ends at {_said(before)}"
    return f"{told}: the last sample before it is of {_said(before)}, the next one of {_said(after)}"


def _said(instant: datetime) -> str:
    return instant.astimezone(instant.tzinfo).strftime("%Y-%m-%d %H:%M:%S %Z")
