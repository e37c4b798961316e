"""G16: tasks that will not end are ended, by their timeout or by an operator, in both kinds of workers."""

import random
import time
from collections.abc import Mapping, Sequence

from storage.broker.records import Job, State
from tasks.operations import Operations
from tests.chaos.arena import DRAIN_S, Arena, open_arena
from tests.chaos.checkers import check
from tests.chaos.history import History
from tests.chaos.report import Row, row_of

TIMEOUT_S = 1.0
GRACE_S = 1.0
LEASE_S = 2.0
HEARD_S = LEASE_S / 4 + 0.3
"""An operator's word reaches a running job with the next heartbeat of its worker."""
ASLEEP_S = 2.0
"""How long a call into C lasts: a thread worker can be interrupted only when it returns."""
LATE_S = 1.0
"""So much later may a busy machine be."""
EVERYWHERE = ("stubborn", "asleep", "tight")
ONLY_HARD = ("deaf",)
"""What swallows everything, interruptions too: nothing but the end of its process ends it."""


def row(seed: int, each: int, kind: str) -> Row:
    """So many tasks of each bad habit reach their timeout, and as many are called off, while good jobs flow."""
    names = (*EVERYWHERE, *(ONLY_HARD if kind == "process" else ()))
    told = {
        "CHAOS_GRACE_S": f"{GRACE_S:g}",
        "CHAOS_TIMEOUT_S": f"{TIMEOUT_S:g}",
        "CHAOS_ASLEEP_S": f"{ASLEEP_S:g}",
        "CHAOS_KINDS": "work",
        "CHAOS_PACE_S": "0.02",
    }
    with open_arena(lease_s=LEASE_S, environment=told) as arena:
        fleet = arena.fleet(2, 4, kind, "ordeals")
        fleet.options = ("-c", "1")
        with fleet:
            late = {name: arena.launch(name, *[[]] * each) for name in names}
            off = {name: arena.launch(f"{name}_on", *[[]] * each) for name in names}
            arena.enqueue(seed, 10 * each)
            asked_ms = _call_off(arena, random.Random(seed), [job_id for ids in off.values() for job_id in ids])
            arena.finish(fleet, timeout_s=DRAIN_S + 3 * each)
        bad = {job_id for ids in (*late.values(), *off.values()) for job_id in ids}
        failures, slowest_s = _wrong(arena, late, off, asked_ms, kind)
        verdict = check(_without(arena.history, bad), arena.books())
    note = f"the slowest ended {slowest_s[0]:.1f} s after it began (timeout {TIMEOUT_S:g} s, grace {GRACE_S:g} s)"
    note += f", or {slowest_s[1]:.1f} s after it was called off; counts are of the good jobs"
    trial = f"{each} each of {', '.join(names)}, {kind} workers"
    return row_of("G16", trial, seed, verdict, faults=len(bad), failures=failures[:5], note=note)


def _call_off(arena: Arena, chance: random.Random, job_ids: Sequence[str]) -> Mapping[str, int]:
    """Call each job off a moment after it began; answers when, on Redis's clock."""
    operations = Operations(arena.broker, arena.inspector)
    asked: dict[str, int] = {}
    deadline = time.monotonic() + DRAIN_S + 3 * len(job_ids)
    while len(asked) < len(job_ids):
        assert time.monotonic() < deadline, f"{len(job_ids) - len(asked)} jobs never began"
        time.sleep(chance.uniform(0, 0.3))  # the operator's own rhythm
        for job_id in job_ids:
            if job_id not in asked and arena.inspector.job(job_id).state == "running":
                asked[job_id] = arena.inspector.clock_ms()
                operations.cancel([job_id], by="chaos")
    return asked


def _wrong(
    arena: Arena,
    late: Mapping[str, Sequence[str]],
    off: Mapping[str, Sequence[str]],
    asked_ms: Mapping[str, int],
    kind: str,
) -> tuple[list[str], tuple[float, float]]:
    """What did not end as it must, or not in time; and the slowest of either sort, in seconds."""
    found, slowest_s = [], [0.0, 0.0]
    starts = arena.history.of("start")
    for sort, names in enumerate((late, off)):
        for name, job_ids in names.items():
            in_c_s = ASLEEP_S if (name, kind) == ("asleep", "thread") else 0.0
            allowed_s = (HEARD_S if sort else TIMEOUT_S) + max(GRACE_S, in_c_s) + LATE_S
            for job_id in job_ids:
                job = arena.inspector.job(job_id)
                found += _not_as_expected(job, name, "canceled" if sort else "dead", len(starts[job_id]))
                ended_s = _ended_s(job, asked_ms.get(job_id))
                slowest_s[sort] = max(slowest_s[sort], ended_s)
                if ended_s > allowed_s:
                    found.append(f"{name} ended only after {ended_s:.1f} s (allowed: {allowed_s:.1f} s)")
    return found, (slowest_s[0], slowest_s[1])


def _not_as_expected(job: Job, name: str, state: State, starts: int) -> list[str]:
    outcomes = [(attempt.outcome, attempt.error_type) for attempt in job.attempts]
    expected = ("canceled", "") if state == "canceled" else ("failed", "TaskTimeout")
    good = job.state == state and starts == 1 and job.crashes == 0 and [one[0] for one in outcomes] == [expected[0]]
    if good and (state == "canceled" or outcomes == [expected]):
        return []
    return [f"{name} {job.id} is {job.state} after {starts} starts, {job.crashes} crashes and {outcomes}"]


def _ended_s(job: Job, asked_ms: int | None) -> float:
    attempt = job.attempts[-1]
    assert attempt.finished_at is not None
    assert attempt.started_at is not None
    begun_s = asked_ms / 1000 if asked_ms is not None else attempt.started_at.timestamp()
    return attempt.finished_at.timestamp() - begun_s


def _without(told: History, job_ids: set[str]) -> History:
    return History(tuple(event for event in told.events if event.job not in job_ids))
