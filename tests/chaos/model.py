"""G4: a small model of the broker in Python, and a machine that lets real Redis and the model take the same steps.

After each step every job is in exactly one index, that of its record's state, and no index holds anything else.
"""

import random
import uuid
from dataclasses import dataclass, field
from typing import Any, ClassVar

import hypothesis
import hypothesis.strategies as st
import redis
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from storage.broker.broker import Broker
from storage.broker.records import FINISHED, STATES, WAITING, NewJob, State
from storage.broker.requests import Beat, ClaimRequest, Settlement
from storage.errors import AlreadyThere, JobMissing, Refused

QUEUE = "default"
IDS = tuple(f"job-{number}" for number in range(8))
FAR_MS = 10_000_000
CRASHES = 3
REQUEST = ClaimRequest("host:1", "host:1/Worker-1", FAR_MS)
Place = tuple[float, int]


@dataclass(slots=True)
class ModelJob:
    """What the model knows of one job. ``line`` is its place in line, smallest first."""

    state: State
    priority: int
    unique: str
    line: Place | None = None
    attempt: int = 0
    crashes: int = 0
    token: str = ""
    settled: str = ""


@dataclass(slots=True)
class Counts:
    """What was done over all runs of a machine."""

    steps: int = 0
    stale: int = 0
    expired: int = 0
    claims: int = 0


@dataclass(slots=True)
class Model:
    """The books as they must be."""

    jobs: dict[str, ModelJob] = field(default_factory=dict)
    holders: dict[str, str] = field(default_factory=dict)
    old_tokens: list[tuple[str, str]] = field(default_factory=list)
    paused: bool = False
    seq: int = 0

    def place(self, job: ModelJob) -> Place:
        """A new place in line, behind the others of its priority."""
        self.seq += 1
        return -job.priority, self.seq

    def queue(self, job: ModelJob, *, old_place: bool = False) -> None:
        """Put a job in line, anew or where it was."""
        job.state = "queued"
        job.line = job.line if old_place and job.line else self.place(job)

    def end(self, job_id: str, state: State) -> None:
        """A job ends, and lets go of its key."""
        job = self.jobs[job_id]
        job.state = state
        if job.unique and self.holders.get(job.unique) == job_id:
            del self.holders[job.unique]

    def first(self) -> str | None:
        """The job that must be claimed next."""
        line = [(job.line, job_id) for job_id, job in self.jobs.items() if job.state == "queued" and job.line]
        return min(line)[1] if line and not self.paused else None

    def start(self, job_id: str, token: str) -> None:
        """An attempt begins."""
        job = self.jobs[job_id]
        job.state, job.token, job.attempt = "running", token, job.attempt + 1
        self.old_tokens.append((job_id, token))


def traits(job_id: str) -> tuple[int, str]:
    """Priority and unique key of a job: always the same for one id."""
    number = int(job_id.rpartition("-")[2])
    return number % 3, ("", "", "red", "red", "blue")[number % 5]


class Machine(RuleBasedStateMachine):
    """Both take the same step; then they must agree."""

    client: "redis.Redis"
    counts: Counts
    shas: ClassVar[dict[str, str]] = {}
    """Scripts that this Redis has: the same in every namespace."""

    @initialize()
    def begin(self) -> None:
        self.broker = Broker(self.client, f"model-{uuid.uuid4().hex[:12]}")
        self.broker._scripts._shas = self.shas
        self.broker.add_queues([QUEUE])
        self.model = Model()

    def teardown(self) -> None:
        for key in self.client.scan_iter(f"{self.broker.keys.prefix}*", count=1_000):
            self.client.delete(key)

    @rule(job_id=st.sampled_from(IDS), delayed=st.booleans(), replace=st.booleans(), once=st.booleans())
    def enqueue(self, job_id: str, delayed: bool, replace: bool, once: bool) -> None:
        priority, unique = traits(job_id)
        job = NewJob(
            job_id,
            "t",
            QUEUE,
            b"{}",
            priority,
            FAR_MS if delayed else 0,
            unique=unique,
            conflict="replace" if replace else "keep",
        )
        reply = self.broker.enqueue([job], once=once)
        added, held_by = self._expected_insert(job_id, delayed=delayed, replace=replace, once=once)
        assert (reply.added, dict(reply.held_by)) == (added, held_by)

    def _expected_insert(self, job_id: str, *, delayed: bool, replace: bool, once: bool) -> tuple[int, dict[str, str]]:
        priority, unique = traits(job_id)
        found = self.model.jobs.get(job_id)
        if found is not None and (once or found.state not in FINISHED):
            return 0, {}
        holder = self.model.holders.get(unique) if unique else None
        if holder is not None:
            if not (replace and self.model.jobs[holder].state in WAITING):
                return 0, {job_id: holder}
            self.model.end(holder, "canceled")
        job = found or ModelJob("queued", priority, unique)
        job.crashes = 0
        self.model.jobs[job_id] = job
        if unique:
            self.model.holders[unique] = job_id
        if delayed:
            job.state = "scheduled"
        else:
            self.model.queue(job)
        return 1, {}

    @rule()
    def claim(self) -> None:
        claim = self.broker.claim(REQUEST)
        expected = self.model.first()
        assert (claim.id if claim else None) == expected
        if claim is not None:
            self.counts.claims += 1
            self.model.start(claim.id, claim.token)
            assert claim.attempt == self.model.jobs[claim.id].attempt

    @rule(job_id=st.sampled_from(IDS))
    def take(self, job_id: str) -> None:
        job = self.model.jobs.get(job_id)
        claim = self.broker.take(REQUEST, job_id)
        assert (claim is not None) == (job is not None and job.state in ("queued", "scheduled", "retrying"))
        if claim is not None:
            self.model.start(job_id, claim.token)

    @precondition(lambda self: self.model.old_tokens)
    @rule(data=st.data())
    def beat(self, data: Any) -> None:
        held = tuple(data.draw(st.lists(st.sampled_from(self.model.old_tokens), unique=True, max_size=4)))
        pulse = self.broker.heartbeat(Beat("host:1", FAR_MS, held, {}, "1"))
        assert sorted(pulse.lost) == sorted(job_id for job_id, token in held if not self._holds(job_id, token))

    @precondition(lambda self: any(job.state == "running" for job in self.model.jobs.values()))
    @rule(data=st.data())
    def expire(self, data: Any) -> None:
        running = sorted(job_id for job_id, job in self.model.jobs.items() if job.state == "running")
        job_id = data.draw(st.sampled_from(running))
        self.client.zadd(self.broker.keys.index(QUEUE, "running"), {job_id: 1})
        (reaped,) = self.broker.reap(crashes_allowed=CRASHES)
        self.counts.expired += 1
        job = self.model.jobs[job_id]
        job.crashes += 1
        job.token = ""
        assert (reaped.id, reaped.crashes, reaped.buried) == (job_id, job.crashes, job.crashes >= CRASHES)
        if reaped.buried:
            self.model.end(job_id, "dead")
        else:
            self.model.queue(job, old_place=True)

    @precondition(lambda self: self.model.old_tokens)
    @rule(
        data=st.data(),
        end=st.sampled_from(["succeeded", "dead", "canceled", "retrying", "queued", "released"]),
        claims=st.booleans(),
    )
    def settle(self, data: Any, end: str, claims: bool) -> None:
        """Any token that there ever was: most of them are stale, or repeat what was settled."""
        job_id, token = data.draw(st.sampled_from(self.model.old_tokens[-6:]))
        release = end == "released"
        state: State = "queued" if release else end  # type: ignore[assignment]  # one of the states above
        settlement = Settlement(job_id, token, state, end, 0, delay_ms=FAR_MS, release=release, result=token.encode())
        held = self._holds(job_id, token)
        job = self.model.jobs[job_id]
        expected = "settled" if held else "again" if job.settled == token else "stale"
        verdict, claim = self.broker.settle(settlement, REQUEST if claims else None)
        assert verdict == expected
        self.counts.stale += not held
        if held:
            job.settled, job.token = token, ""
            job.attempt -= release
            if state in FINISHED:
                self.model.end(job_id, state)
            elif state == "queued":
                self.model.queue(job, old_place=release)
            else:
                job.state = state
        assert (claim.id if claim else None) == (self.model.first() if claims else None)
        if claim is not None:
            self.counts.claims += 1
            self.model.start(claim.id, claim.token)

    def _holds(self, job_id: str, token: str) -> bool:
        job = self.model.jobs[job_id]
        return job.state == "running" and job.token == token

    @rule(job_id=st.sampled_from(IDS))
    def cancel(self, job_id: str) -> None:
        job = self.model.jobs.get(job_id)
        try:
            ended: bool | None = self.broker.cancel(job_id, "by the machine")
        except JobMissing:
            assert job is None
            return
        except Refused:
            assert job is not None
            assert job.state in FINISHED
            return
        assert job is not None
        assert ended == (job.state in WAITING)
        if ended:
            self.model.end(job_id, "canceled")

    @rule(job_id=st.sampled_from(IDS))
    def requeue(self, job_id: str) -> None:
        job = self.model.jobs.get(job_id)
        holder = self.model.holders.get(job.unique) if job is not None and job.unique else None
        try:
            before = self.broker.requeue(job_id)
        except JobMissing:
            assert job is None
            return
        except AlreadyThere:
            assert holder not in (None, job_id)
            return
        except Refused:
            assert job is not None
            assert job.state not in ("dead", "canceled", "retrying")
            return
        assert job is not None
        assert before == job.state
        assert holder in (None, job_id)
        if job.unique:
            self.model.holders[job.unique] = job_id
        job.crashes = 0
        self.model.queue(job)

    @rule(data=st.data())
    def promote(self, data: Any) -> None:
        """Some of those that are to come later become due, and are promoted, in the order in which they are due."""
        later = sorted(job_id for job_id, job in self.model.jobs.items() if job.state in ("scheduled", "retrying"))
        due = data.draw(st.lists(st.sampled_from(later), unique=True)) if later else []
        due.sort(key=lambda job_id: self.model.jobs[job_id].state == "retrying")  # so does the script
        for instant, job_id in enumerate(due):
            self.client.zadd(self.broker.keys.index(QUEUE, self.model.jobs[job_id].state), {job_id: instant})
        assert self.broker.promote()[0] == len(due)
        for job_id in due:
            self.model.queue(self.model.jobs[job_id])

    @rule(paused=st.sampled_from([True, False, False, False]))
    def pause(self, paused: bool) -> None:
        changed = self.broker.pause(QUEUE, "{}") if paused else self.broker.resume(QUEUE)
        assert changed == (paused != self.model.paused)
        self.model.paused = paused

    @invariant()
    def each_job_is_in_one_place(self) -> None:
        if not hasattr(self, "model"):
            return
        self.counts.steps += 1
        with self.client.pipeline() as pipe:
            for state in STATES:
                pipe.zrange(self.broker.keys.index(QUEUE, state), 0, -1)
            for job_id in IDS:
                pipe.hmget(self.broker.keys.job(job_id), "state", "crashes", "attempt", "result")
            for unique in ("red", "blue"):
                pipe.get(self.broker.keys.unique(unique))
            rows = pipe.execute()
        for state, members in zip(STATES, rows, strict=False):
            expected = {job_id for job_id, job in self.model.jobs.items() if job.state == state}
            assert {member.decode() for member in members} == expected, state
        for job_id, row in zip(IDS, rows[len(STATES) :], strict=False):
            self._agree(self.model.jobs.get(job_id), row)
        for unique, holder in zip(("red", "blue"), rows[-2:], strict=True):
            assert (holder.decode() if holder else None) == self.model.holders.get(unique)

    def _agree(self, job: ModelJob | None, row: list[bytes | None]) -> None:
        if job is None:
            assert row == [None] * 4
            return
        state, crashes, attempt, result = row
        assert (state, int(crashes or 0), int(attempt or 0)) == (job.state.encode(), job.crashes, job.attempt)
        if job.state == "succeeded":
            assert result == job.settled.encode()


def run(redis_url: str, seed: int, steps: int, *, shrink: bool = False) -> Counts:
    """Let the machine take at least so many steps, in runs of up to 100; ``shrink`` looks for a shorter failure."""
    client = redis.Redis.from_url(redis_url)
    counts, chance = Counts(), random.Random(seed)
    machine = type("SeededMachine", (Machine,), {"client": client, "counts": counts, "shas": {}})
    try:
        while counts.steps < steps:
            settings = hypothesis.settings(
                max_examples=25,
                stateful_step_count=100,
                deadline=None,
                database=None,
                phases=(hypothesis.Phase.generate, hypothesis.Phase.shrink) if shrink else (hypothesis.Phase.generate,),
                suppress_health_check=list(hypothesis.HealthCheck),
            )
            seeded = hypothesis.seed(chance.randrange(2**31))(machine)
            run_state_machine_as_test(seeded, settings=settings)
    finally:
        client.close()
    return counts
