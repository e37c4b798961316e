"""G15: what operators are shown in a storm is what Redis holds, and looking changes nothing."""

import random
import time
from typing import Any

from storage.broker.inspector import Inspector
from storage.broker.records import STATES, State
from storage.errors import JobMissing
from tests.chaos.arena import NAMESPACE, Arena, open_arena
from tests.chaos.report import Row, row_of
from tests.servers import wait_until

EVERY_S = 0.1
LOOKED_AT = 30
QUIET_S = 3.0


def row(seed: int, jobs: int, kills: int) -> Row:
    """A reader looks ten times a second while consumers are killed; then everything is read, byte for byte the same."""
    chance, looks, compared = random.Random(seed), 0, 0
    wrong: list[str] = []
    with open_arena() as arena:
        with arena.fleet(3) as fleet:
            arena.enqueue(seed, jobs)
            wait_until(lambda: bool(arena.history.of("done")), "the first job", timeout_s=30)
            while fleet.kills < kills or arena.inspector.count(
                ("queued", "running", "scheduled", "retrying", "blocked")
            ):
                start = time.monotonic()
                count, found = _look(arena, chance)
                looks, compared, wrong = looks + 1, compared + count, [*wrong, *found]
                if fleet.kills < kills and looks % 3 == 0:
                    fleet.kill_one(chance)
                fleet.replace()
                time.sleep(max(0, EVERY_S - (time.monotonic() - start)))  # the reader's own rhythm
            arena.finish(fleet)
            verdict = arena.verdict()
        wrong += _changed_by_looking(arena)
    if not compared:
        wrong.append("nothing was compared, so the trial shows nothing")
    note = f"{looks} looks, {compared} states compared"
    return row_of("G15", "a reader in a storm", seed, verdict, faults=fleet.kills, failures=wrong[:5], note=note)


def _look(arena: Arena, chance: random.Random) -> tuple[int, list[str]]:
    """Compare jobs as shown with the indexes, for each that did not change meanwhile."""
    inspector, wrong, compared = arena.inspector, [], 0
    shown = list(inspector.jobs(limit=200).jobs)
    for job in chance.sample(shown, min(LOOKED_AT, len(shown))):
        before = _truth(arena, job.queue, job.id)
        try:
            now = inspector.job(job.id)
        except JobMissing:
            wrong.append(f"job {job.id} is in {before} and has no record")
            continue
        if _truth(arena, job.queue, job.id) != before:
            continue  # it changed under our eyes
        compared += 1
        if before[1] != [now.state] or before[0] != now.state:
            wrong.append(f"job {job.id} is shown {now.state}, and is in {before}")
    for stats in inspector.queues():
        if min(stats.counts.values()) < 0:
            wrong.append(f"queue {stats.name} is shown with {stats.counts}")
    return compared, wrong


def _truth(arena: Arena, queue: str, job_id: str) -> tuple[str, list[State], str]:
    """State, indexes and version of one job, read in one instant."""
    keys = arena.broker.keys
    with arena.client.pipeline() as pipe:
        pipe.hmget(keys.job(job_id), "state", "version")
        for state in STATES:
            pipe.zscore(keys.index(queue, state), job_id)
        (state_now, version), *scores = pipe.execute()
    places = [state for state, score in zip(STATES, scores, strict=True) if score is not None]
    return str(state_now or b"", "ascii"), places, str(version or b"", "ascii")


def _changed_by_looking(arena: Arena) -> list[str]:
    """Read everything that the console can show; no key may differ afterwards."""
    wait_until(lambda: not arena.inspector.consumers(), "the consumers to be gone", timeout_s=30)
    before = dump(arena)
    _read_all(arena.inspector)
    after = dump(arena)
    return [f"looking changed {key!r}" for key in before.keys() | after.keys() if before.get(key) != after.get(key)]


def _read_all(inspector: Inspector) -> None:
    inspector.ping()
    inspector.queues()
    inspector.tasks()
    inspector.tail()
    for job in inspector.jobs(limit=10_000).jobs:
        inspector.job(job.id)
        inspector.log(job.id)
        inspector.find(job.id)  # a shorter one may be that of several ticks


def dump(arena: Arena) -> dict[bytes, Any]:
    """Every key and what it holds, but those of consumers, which lapse by themselves."""
    prefix = f"{{{NAMESPACE}}}:consumer:*".encode()
    found = {}
    for key in sorted(arena.client.scan_iter(count=1_000)):
        if not key.startswith(prefix[:-1]):
            found[key] = arena.client.dump(key)
    return found
