"""G11: consumers told to stop in a storm of jobs shorter than their patience: no job is lost or started twice."""

import os
import random
import signal
import time

from tests.chaos.arena import Arena, open_arena
from tests.chaos.report import Row, row_of
from tests.servers import wait_until

PATIENCE_S = 5.0
LATE_S = 2.0
IMPATIENT_S = 1.0
LONG_S = 2.5


def row(seed: int, stops: int, kind: str) -> Row:
    """SIGTERMs, by turns to the consumer alone and to its whole process group, as supervisors do either."""
    told = {"CHAOS_WORK_S": "0.4", "CHAOS_KINDS": "work,flaky,pipeline,chord", "CHAOS_PACE_S": "0.02"}
    slowest_s, codes, chance = 0.0, set(), random.Random(seed)
    with open_arena(lease_s=10, environment=told) as arena:
        fleet = arena.fleet(2, 4, kind)
        fleet.options = ("-t", f"{PATIENCE_S:g}")
        with fleet:
            enqueuer = arena.enqueue(seed, 1_000_000)
            for number in range(stops):
                victim = chance.choice(fleet.running)
                wait_until(lambda: _works(arena, victim.pid), "the consumer to work", timeout_s=30)  # noqa: B023 - called at once
                time.sleep(chance.uniform(0, 0.3))  # the storm's own rhythm
                start = time.monotonic()
                (os.killpg if number % 2 else os.kill)(victim.pid, signal.SIGTERM)
                codes.add(victim.wait(timeout=PATIENCE_S + 30))
                slowest_s = max(slowest_s, time.monotonic() - start)
                fleet.replace()
            enqueuer.kill()
            arena.finish(fleet)
        verdict = arena.verdict()
    failures = [f"a stop took {slowest_s:.1f} s"] if slowest_s > PATIENCE_S + LATE_S else []
    failures += [f"a consumer ended with {code}" for code in codes if code]
    if verdict.extra_starts:
        failures.append(f"{verdict.extra_starts} jobs shorter than the patience were started twice")
    note = f"the slowest stop took {slowest_s:.1f} s (allowed: {PATIENCE_S + LATE_S:g} s)"
    return row_of("G11", f"SIGTERMs, {kind} workers", seed, verdict, faults=stops, failures=failures, note=note)


def impatient(seed: int, stops: int, kind: str) -> Row:
    """SIGTERMs to consumers whose jobs are longer than their patience: these go back to the queue, unspent."""
    slowest_s, codes, chance = 0.0, set(), random.Random(seed)
    job_ids: list[str] = []
    with open_arena(lease_s=10) as arena:
        fleet = arena.fleet(2, 2, kind, "ordeals")
        fleet.options = ("-t", f"{IMPATIENT_S:g}")
        with fleet:
            for number in range(stops):
                if len(arena.history.of("done")) > len(job_ids) - 4:
                    job_ids += arena.launch("hold", *[[LONG_S]] * 4)
                victim = chance.choice(fleet.running)
                wait_until(lambda: _works(arena, victim.pid), "the consumer to work", timeout_s=30)  # noqa: B023 - called at once
                start = time.monotonic()
                (os.killpg if number % 2 else os.kill)(victim.pid, signal.SIGTERM)
                codes.add(victim.wait(timeout=IMPATIENT_S + 30))
                slowest_s = max(slowest_s, time.monotonic() - start)
                fleet.replace()
            arena.finish(fleet)
        verdict = arena.verdict()
        jobs = [arena.inspector.job(job_id) for job_id in job_ids]
    failures = [f"a stop took {slowest_s:.1f} s"] if slowest_s > IMPATIENT_S + LATE_S else []
    failures += [f"a consumer ended with {code}" for code in codes if code]
    if spent := [job.id for job in jobs if job.attempt != 1 or job.crashes]:
        failures.append(f"{len(spent)} jobs spent an attempt on a stop: {', '.join(spent[:3])}")
    if not verdict.extra_starts:
        failures.append("no job was handed back, so the trial shows nothing")
    note = f"the slowest stop took {slowest_s:.1f} s (allowed: {IMPATIENT_S + LATE_S:g} s)"
    trial = f"SIGTERMs, jobs longer than the patience, {kind} workers"
    return row_of("G11", trial, seed, verdict, faults=stops, failures=failures, note=note)


def _works(arena: Arena, pid: int) -> bool:
    return any(one.pid == pid and one.running for one in arena.inspector.consumers())
