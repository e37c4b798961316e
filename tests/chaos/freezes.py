"""G3, G4, G6: calm days, workers that wake up after their lease, and long jobs whose process lives."""

import os
import random
import signal
import time
from collections.abc import Iterator

from storage.broker.records import Job
from tasks.engine.codec import decode_value
from tests.chaos.arena import Arena, open_arena
from tests.chaos.report import Row, row_of
from tests.servers import wait_until


def calm(seed: int, jobs: int, consumers: int) -> Row:
    """G3: without faults every job starts once."""
    told = {"CHAOS_WORK_S": "0.001", "CHAOS_KINDS": "work", "CHAOS_KEPT": str(2 * jobs)}
    with open_arena(lease_s=10, environment=told) as arena:
        with arena.fleet(consumers, 8) as fleet:
            for number in range(2):
                arena.enqueue(seed + number, jobs // 2)
            arena.finish(fleet, timeout_s=60 + jobs / 50)
        verdict = arena.verdict()
    failures = [f"{verdict.extra_starts} extra starts on a calm day"] if verdict.extra_starts else []
    return row_of("G3", f"no faults, {consumers} consumers", seed, verdict, failures=failures)


def thaw(seed: int, freezes: int, kind: str) -> Row:
    """G4: a consumer is frozen for three leases in the middle of its jobs, and then goes on."""
    lease_s, chance = 1.0, random.Random(seed)
    with open_arena(lease_s=lease_s) as arena, arena.fleet(2, 2, kind, "ordeals") as fleet:
        taken_over: set[str] = set()
        for _ in range(freezes):
            job_ids = arena.launch("hold", *[[2.0]] * 3)
            frozen = chance.choice(fleet.running)
            wait_until(lambda: bool(_running(arena, frozen.pid, job_ids)), "it to run a job")  # noqa: B023 - called at once
            held = _running(arena, frozen.pid, job_ids)
            os.killpg(frozen.pid, signal.SIGSTOP)
            time.sleep(3 * lease_s)  # the freeze itself
            os.killpg(frozen.pid, signal.SIGCONT)
            arena.finish(fleet)
            time.sleep(0.5)  # for what the woken worker may still say of attempts that are over
            taken_over |= {job_id for job_id in held if arena.inspector.job(job_id).attempt > 1}
        failures = [one for job_id in taken_over for one in _unfenced(arena, arena.inspector.job(job_id))]
        if len(taken_over) < freezes:
            failures.append(f"only {len(taken_over)} jobs were taken over in {freezes} freezes")
        verdict = arena.verdict()
    note = f"{len(taken_over)} jobs were taken over while their worker was frozen"
    trial = f"SIGSTOP for three leases, {kind} workers"
    return row_of("G4", trial, seed, verdict, faults=freezes, failures=failures, note=note)


def _running(arena: Arena, consumer_pid: int, job_ids: list[str]) -> list[str]:
    jobs = [arena.inspector.job(job_id) for job_id in job_ids]
    pids = {str(consumer_pid), *_children(consumer_pid)}
    return [job.id for job in jobs if job.state == "running" and job.worker.split(":")[1].split("/")[0] in pids]


def _children(pid: int) -> Iterator[str]:
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        yield from file.read().split()


def _unfenced(arena: Arena, job: Job) -> list[str]:
    """What an attempt left behind after the next one had begun."""
    found = []
    if job.result is None or decode_value(job.result) != job.attempt:
        found.append(f"job {job.id} has the result of an attempt that is over")
    if job.progress is not None and job.progress.note != f"attempt {job.attempt}":
        found.append(f"job {job.id} shows the progress of an attempt that is over")
    if sum(attempt.outcome == "succeeded" for attempt in job.attempts) != 1:
        found.append(f"job {job.id} succeeded more than once")
    attempts = [line.attempt for line in arena.inspector.log(job.id).lines]
    if attempts != sorted(attempts):
        found.append(f"the log of job {job.id} has lines of an attempt that was over")
    return found


def long_lives(seed: int, jobs: int, leases: int, kind: str) -> Row:
    """G6: jobs of many leases at full load; their process, and then Redis, stop now and then for half a lease."""
    lease_s, chance, pauses = 2.0, random.Random(seed), 0
    with open_arena(lease_s=lease_s) as arena, arena.fleet(2, 2, kind, "ordeals") as fleet:
        arena.launch("crunch", *[[leases * lease_s]] * jobs)
        wait_until(lambda: len(arena.history.of("start")) >= min(jobs, 4), "the jobs to run")
        while len(arena.history.of("done")) < jobs:
            time.sleep(chance.uniform(0.5, 1.0) * lease_s)  # between two pauses
            if pauses % 2:
                arena.store.signal(signal.SIGSTOP)
            else:
                frozen = chance.choice(fleet.running)
                os.killpg(frozen.pid, signal.SIGSTOP)
            time.sleep(lease_s / 2)  # the pause itself
            if pauses % 2:
                arena.store.signal(signal.SIGCONT)
            else:
                os.killpg(frozen.pid, signal.SIGCONT)
            pauses += 1
        arena.finish(fleet, timeout_s=120 + jobs * leases * lease_s)
        verdict = arena.verdict()
    failures = [f"{verdict.extra_starts} jobs were rescued from living workers"] if verdict.extra_starts else []
    trial = f"jobs of {leases} leases, pauses of half a lease, {kind} workers"
    return row_of("G6", trial, seed, verdict, faults=pauses, failures=failures)
