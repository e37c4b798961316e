"""G15: ``dewey`` is killed in the middle of what an operator asked for: it was done once or not at all, never half.

No consumer runs, so whatever changes is the operator's doing. A job's version counts its transitions: one that was
requeued or called off once has exactly one more, and exactly one event of it.
"""

import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from storage.broker.records import STATES, State
from storage.broker.requests import ClaimRequest, Settlement, Write
from storage.database import migrations
from tasks.engine import registry
from tasks.engine.huey import DeweyHuey
from tests.chaos.arena import NAMESPACE, ROOT, Arena, open_arena
from tests.chaos.faults import Fault, Kind
from tests.chaos.report import Row
from tests.events import events_of
from tests.servers import postgres_server, wait_until

CUTS: tuple[Kind, ...] = ("kill-before", "kill-after", "lose-reply")
TOGETHER = 12
"""Jobs of one action, so that a kill finds it between two of them."""
GROUPS = ("feed", "beef")
"""Groups of failures: one whose jobs are requeued by name, and one that is requeued as a whole."""
TOOK_S = 0.2
"""How long the first command is thought to take: a kill at random comes within the time of the one before."""


@dataclass(frozen=True, slots=True)
class Action:
    """One command line, the script of the broker that it comes to, and what becomes of the jobs that it names."""

    words: tuple[str, ...]
    operation: str
    jobs: tuple[str, ...] = ()
    becomes: State | None = None
    queue: str = ""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where one job stands: what its record says, in which indexes it is, and which of its events there are."""

    state: str
    version: int
    places: tuple[str, ...]
    events: tuple[int, ...]
    buried: bool
    told: bool
    """Whether a value is there for those who wait for it."""

    @property
    def whole(self) -> bool:
        """Whether record, indexes, groups of failures, results and events say the same."""
        once = self.events == tuple(range(1, self.version + 1))
        return (
            once
            and self.places == (self.state,)
            and self.buried == (self.state == "dead")
            and self.told == (self.state in ("canceled", "dead"))
        )


@dataclass(slots=True)
class Desk:
    """An operator's place: jobs to act on, and the processes that act."""

    arena: Arena
    huey: Any
    environment: Mapping[str, str]
    chance: random.Random
    task: Any = None
    numbers: int = 0
    took_s: float = TOOK_S

    def declare(self) -> None:
        """Declare a task, and publish it as a consumer does."""

        def pack(number: int) -> int:
            return number

        self.task = self.huey.task(name="pack")(pack)
        registry.publish(self.huey.broker, self.huey.task_infos())

    def waiting(self) -> tuple[str, ...]:
        """Some jobs that wait, in line or for their time."""
        found = []
        for _ in range(TOGETHER):
            self.numbers += 1
            later = self.chance.random() < 0.5
            handle = self.task.schedule((self.numbers,), delay=3_600) if later else self.task(self.numbers)
            found.append(str(handle.id))
        return tuple(found)

    def dead(self, group: str) -> tuple[str, ...]:
        """Some jobs that failed for good, all of one group of failures."""
        ids = [str(self.task(self.numbers).id) for _ in range(TOGETHER)]
        broker, request = self.arena.broker, ClaimRequest("c", "w", 60_000)
        for job_id in ids:
            claim = broker.take(request, job_id)
            assert claim is not None
            told: tuple[Write, ...] = (("set", job_id, b"{}"),)
            broker.settle(
                Settlement(job_id, claim.token, "dead", "failed", 0, writes=told, fingerprint=group, shape="no")
            )
        return tuple(ids)

    def action(self, number: int) -> Action:
        """One action of each kind by turns."""
        kind = number % 6
        if kind == 0:
            ids = self.dead(GROUPS[0])
            return Action(("requeue", *ids, "--yes"), "retry_shown", ids, "queued")
        if kind == 1:
            return Action(("requeue", "--group", "beef", "--yes"), "retry_shown", self.dead("beef"), "queued")
        if kind == 2:
            ids = self.waiting()
            return Action(("cancel", *ids, "--yes", "--reason", f"number {number}"), "cancel_shown", ids, "canceled")
        if kind == 3:
            words = ("pause", "default", "--yes", "--reason", f"number {number}")
            return Action(words, "replace_shown", queue="default")
        if kind == 4:
            return Action(("resume", "default", "--yes"), "replace_shown", queue="default")
        return Action(("trigger", "pack", f"number={number}"), "enqueue")

    def start(self, action: Action, fault: Fault | None) -> "subprocess.Popen[bytes]":
        """Start the command, and return once it has begun."""
        ready, fired = self.arena.directory / "ready", self.arena.directory / "fired"
        ready.unlink(missing_ok=True)
        fired.unlink(missing_ok=True)
        told = {"CHAOS_READY": str(ready), "CHAOS_FIRED": str(fired)}
        if fault is not None:
            told["CHAOS_FAULT"] = str(fault)
        with (self.arena.directory / "consumers.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.chaos.desk", *action.words],
                env={**os.environ, **self.environment, **told},
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        wait_until(lambda: ready.exists() or process.poll() is not None, "the command to begin", timeout_s=60)
        return process

    def standings(self) -> Mapping[str, Standing]:
        """Where every job stands."""
        arena, keys = self.arena, self.arena.broker.keys
        events: dict[str, list[int]] = {}
        for event in events_of(arena.broker):
            events.setdefault(event.job_id, []).append(event.version)
        jobs = arena.inspector.jobs(STATES, limit=100_000).jobs
        with arena.client.pipeline(transaction=False) as pipe:  # nothing else runs
            for job in jobs:
                pipe.hmget(keys.job(job.id), "state", "version", "fingerprint")
                for state in STATES:
                    pipe.zscore(keys.index(job.queue, state), job.id)
                pipe.hexists(keys.data, job.id)
                for group in GROUPS:
                    pipe.zscore(keys.grave(group), job.id)
            rows = iter(pipe.execute())
        found = {}
        for job in jobs:
            state_now, version, group = next(rows)
            scores, told = [next(rows) for _ in STATES], next(rows)
            graves = [name for name in GROUPS if next(rows) is not None]
            assert graves in ([], [group.decode() if group else ""])
            places = tuple(name for name, score in zip(STATES, scores, strict=True) if score is not None)
            numbers = tuple(sorted(events.get(job.id, ())))
            found[job.id] = Standing(state_now.decode(), int(version), places, numbers, bool(graves), bool(told))
        return found

    def pauses(self) -> Mapping[str, str]:
        """The paused queues, and what was said of each."""
        found: Mapping[bytes, bytes] = self.arena.broker.call("hgetall", self.arena.broker.keys.paused)
        return {name.decode(): text.decode() for name, text in found.items()}


def row(seed: int, kills: int) -> Row:
    """So many commands are killed, at random and at the broker's seam by turns; then each is given once more."""
    failures: list[str] = []
    counts: Counter[str] = Counter()
    with postgres_server() as postgres, open_arena() as arena:
        database_url = postgres.url_of("postgres")
        migrations.apply(database_url)
        huey = DeweyHuey(NAMESPACE, url=arena.environment["CHAOS_REDIS_URL"])
        desk = Desk(arena, huey, told(arena, database_url), random.Random(seed))
        desk.declare()
        for number in range(kills):
            found, words = _cut_one(desk, number, counts)
            failures += [f"{' '.join(words[:2])}: {one}" for one in found]
        jobs = len(desk.standings())
        huey.storage.close()
    if counts["cut"] < kills // 2:
        failures.append(f"only {counts['cut']} of {kills} commands were cut, so the trial shows little")
    note = f"{counts['applied']} of the actions were applied when they were cut, {counts['in part']} for some of "
    note += f"their jobs, {counts['not applied']} not; each was given once more"
    return Row(
        "G15", "dewey killed in its actions", seed, kills, counts["cut"], jobs, failures=tuple(failures[:5]), note=note
    )


def told(arena: Arena, database_url: str) -> Mapping[str, str]:
    """The settings of a ``dewey`` that looks at a trial."""
    return {
        "REDIS_URL": arena.environment["CHAOS_REDIS_URL"],
        "DATABASE_URL": database_url,
        "DEWEY_NAMESPACE": NAMESPACE,
        "DEWEY_HOME": str(arena.directory / "home"),
    }


def _cut_one(desk: Desk, number: int, counts: Counter[str]) -> tuple[list[str], Sequence[str]]:
    """Cut one action and look, then give it again and look: what was wrong, and the command."""
    action = desk.action(number)
    before, paused = desk.standings(), desk.pauses()
    fault = Fault(action.operation, 1, CUTS[number // 12 % len(CUTS)]) if number // 6 % 2 else None
    counts["cut"] += _strike(desk, action, fault)
    after = desk.standings()
    found = _half(before, after, action)
    share = _share_done(before, after, action, paused != desk.pauses())
    counts["applied" if share == 1 else "not applied" if share == 0 else "in part"] += 1
    again = desk.start(action, None)
    start = time.monotonic()
    again.wait(timeout=60)
    desk.took_s = time.monotonic() - start
    last = desk.standings()
    found += _half(before, last, action, added=2)
    if not _is_done(desk, before, last, action):
        found.append(f"it was given again, ended with {again.returncode}, and is not done")
    return found, action.words


def _strike(desk: Desk, action: Action, fault: Fault | None) -> bool:
    """Cut the action; answers whether it was cut, and had not ended before."""
    process = desk.start(action, fault)
    if fault is None:
        time.sleep(desk.chance.uniform(0, desk.took_s))  # a moment of its work, by chance
        process.kill()
        return process.wait(timeout=60) < 0
    process.wait(timeout=60)
    return (desk.arena.directory / "fired").exists()


def _half(before: Mapping[str, Standing], after: Mapping[str, Standing], action: Action, added: int = 1) -> list[str]:
    """What was changed by half, twice, or without being asked for."""
    found = [f"job {job_id} does not agree with itself: {one}" for job_id, one in after.items() if not one.whole]
    for job_id, one in before.items():
        now = after.get(job_id)
        if now is None:
            found.append(f"job {job_id} is gone")
        elif now.version == one.version:
            found += [f"job {job_id} changed without a transition"] if now != one else []
        elif job_id not in action.jobs:
            found.append(f"job {job_id} was not named and changed to {now.state}")
        elif (now.version, now.state) != (one.version + 1, action.becomes):
            found.append(f"job {job_id} went from {one.state} to {now.state} in {now.version - one.version} steps")
    new = after.keys() - before.keys()
    if len(new) > (added if action.operation == "enqueue" else 0):
        found.append(f"{len(new)} jobs were added")
    return found


def _share_done(before: Mapping[str, Standing], after: Mapping[str, Standing], action: Action, paused: bool) -> float:
    """The share of an action that was applied."""
    if action.jobs:
        return sum(after[job_id] != before[job_id] for job_id in action.jobs) / len(action.jobs)
    return float(paused or len(after) > len(before))


def _is_done(desk: Desk, before: Mapping[str, Standing], last: Mapping[str, Standing], action: Action) -> bool:
    """Whether an action that was given as often as needed is done."""
    if action.jobs:
        return all(last[job_id].state == action.becomes for job_id in action.jobs)
    if action.operation == "replace_shown":
        return (action.queue in desk.pauses()) == (action.words[0] == "pause")
    return len(last) > len(before)
