"""H2: seeded random kills of real processes while jobs flow; then a checker reads what the jobs wrote."""

import random
import time
from dataclasses import dataclass, replace

from huey import PriorityRedisHuey

from tests.chaos.arena import DRAIN_S, NAMESPACE, Arena, open_arena
from tests.chaos.checkers import Books, Verdict, check
from tests.chaos.fleet import Fleet
from tests.chaos.report import Row, row_of
from tests.servers import wait_until

QUIET_S = 4.0
"""Stock Huey keeps no record of what runs: after this long without an event nothing does."""
FOR_EVER = 1_000_000
WORK_S = "0.2"
"""The longest job, so that about half of the workers are busy when a kill strikes."""


@dataclass(frozen=True, slots=True)
class Plan:
    """One storm of so many ``kills``, or of so many ``seconds``. Jobs are enqueued, at their pace, until the last kill.

    ``kind`` is "thread" or "process", or "mixed" for consumers of either kind by turns.
    """

    seed: int
    kind: str = "thread"
    kills: int = 15
    seconds: float = 0
    pace_s: float = 0.03
    consumers: int = 3
    workers: int = 4
    lease_s: float = 1.5
    app: str = "app"
    kinds: str = "work,flaky,later,pipeline,chord"
    promise: str = "G1"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a storm came to."""

    plan: Plan
    kills: int
    verdict: Verdict
    seconds: float


def run(plan: Plan) -> Outcome:
    """Run one storm on a Redis of its own."""
    start = time.monotonic()
    environment = {
        "CHAOS_APP": f"tests.chaos.{plan.app}",
        "CHAOS_KINDS": plan.kinds,
        "CHAOS_PACE_S": str(plan.pace_s),
        "CHAOS_WORK_S": WORK_S,
        "CHAOS_KEPT": str(FOR_EVER),  # the checker wants to see the record of every job
    }
    with open_arena(lease_s=plan.lease_s, environment=environment) as arena:
        with arena.fleet(plan.consumers, plan.workers, plan.kind, plan.app) as fleet:
            _rage(plan, fleet, arena)
            if plan.app == "stock":
                verdict = _stock_verdict(arena, fleet)
            else:
                arena.finish(fleet)
                verdict = arena.verdict()
            kills = fleet.kills
        return Outcome(plan, kills, verdict, time.monotonic() - start)


def row(plan: Plan) -> Row:
    """One storm as a row; a second enqueuer is among those that are killed."""
    outcome = run(plan)
    trial = _trial(plan)
    if plan.app == "stock":
        return replace(
            row_of("G1", f"stock Huey: {trial}", plan.seed, outcome.verdict, faults=outcome.kills),
            unexplained=0,
            failures=(),
            baseline=True,
        )
    missed = 0 if plan.seconds else plan.kills * 3 // 4 - outcome.kills
    failures = [f"only {outcome.kills} of {plan.kills} kills struck"] if missed > 0 else []
    return row_of(plan.promise, trial, plan.seed, outcome.verdict, faults=outcome.kills, failures=failures)


def _trial(plan: Plan) -> str:
    workers = "thread and process workers" if plan.kind == "mixed" else f"{plan.kind} workers"
    long = f"{plan.seconds:g} s of SIGKILLs" if plan.seconds else "storm of SIGKILLs"
    return f"{long}, {workers}" + (f", {plan.kinds}s" if plan.promise == "G14" else "")


def _rage(plan: Plan, fleet: Fleet, arena: Arena) -> None:
    """Kill by the seed while processes enqueue, one of which is killed too."""
    chance = random.Random(plan.seed)
    arena.enqueue(plan.seed, FOR_EVER)
    victim = arena.enqueue(plan.seed + 1, FOR_EVER)
    start, kills, over = time.monotonic(), 0, 0.0
    while over < 1:
        time.sleep(chance.uniform(0.02, 0.4))  # the storm's own rhythm
        if over >= 0.5:
            victim.kill()
        wait_until(lambda: _strike(arena, fleet, chance), "a consumer that works", timeout_s=30)
        kills += 1
        over = (time.monotonic() - start) / plan.seconds if plan.seconds else kills / plan.kills
    for one in arena.enqueuers:
        one.kill()  # it has acked what it wrote down, and nothing else


def _strike(arena: Arena, fleet: Fleet, chance: random.Random) -> bool:
    """Kill a consumer that has begun to work: one that only starts is no victim."""
    struck = fleet.kill_one(chance, {event.pid for event in arena.history.events if event.what == "start"})
    fleet.replace()
    return struck


def _stock_verdict(arena: Arena, fleet: Fleet) -> Verdict:
    """Stock Huey has no books: a job is done when it wrote so, and the storm is over when nobody writes any more."""
    huey = PriorityRedisHuey(NAMESPACE, url=arena.environment["CHAOS_REDIS_URL"])
    for one in arena.enqueuers:
        one.wait(timeout=DRAIN_S)

    def over() -> bool:
        fleet.replace()
        quiet = time.time() - (arena.directory / "history").stat().st_mtime > QUIET_S
        return quiet and huey.pending_count() == 0 and huey.scheduled_count() == 0

    wait_until(over, "stock Huey to end", timeout_s=DRAIN_S)
    huey.storage.conn.close()
    return check(arena.history, Books({}, {}))
