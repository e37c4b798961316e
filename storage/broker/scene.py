"""One consistent read of all that may keep a job from running.

A first read finds out what there is to ask; the answer comes from a second one, a transaction, so that nothing of it
mixes two moments. When the two disagree on what to ask, both are done again.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from storage.broker.reading import Reads, instant, text
from storage.broker.records import State
from storage.errors import JobMissing

_JOB: Final = (
    "state", "queue", "task", "run_at", "started", "worker", "reason", "unique", "chord",
    "attempt", "left", "error_type", "error", "queued", "created",
)  # fmt: skip
_READ = 200
"""Most running jobs, or children, that are looked at."""
_DEEP: Final = 20
"""Most levels of a flow that are gone down in search of what failed."""
ATTEMPTS_TO_READ = 5


@dataclass(frozen=True, slots=True)
class Served:
    """A living consumer, and the processes that claim for it."""

    id: str
    workers: int
    queues: tuple[str, ...]
    processes: frozenset[str]
    order: str


@dataclass(frozen=True, slots=True)
class Busy:
    """A running job: whose, and since when."""

    id: str
    task: str
    queue: str
    process: str
    started_at: datetime | None


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything that one read found.

    ``failed`` are the jobs whose failure took this one along: its child, that one's child, and so on; id, state and
    task of each.
    """

    job_id: str
    fields: dict[str, str]
    at: datetime
    ahead: int | None
    pause: dict[str, Any] | None
    gate: dict[str, Any] | None
    last_start_ms: float | None
    consumers: tuple[Served, ...]
    busy: tuple[Busy, ...]
    known: bool
    children: tuple[tuple[str, str, str], ...]
    waited_for: int
    failed: tuple[tuple[str, str, str], ...]
    holder: str

    @property
    def state(self) -> State:
        return self.fields["state"]  # type: ignore[return-value]  # only our scripts write it

    @property
    def queue(self) -> str:
        return self.fields["queue"]

    @property
    def serving(self) -> tuple[Served, ...]:
        """The consumers that claim from the job's queue."""
        return tuple(one for one in self.consumers if not one.queues or self.queue in one.queues)


@dataclass(frozen=True, slots=True)
class _Questions:
    """What there is to ask, as the first read found it."""

    queue: str
    unique: str
    task: str
    queues: tuple[str, ...]
    consumers: tuple[str, ...]
    running: tuple[str, ...]
    children: tuple[str, ...]
    failed: tuple[str, ...]
    rate: int


class SceneReads(Reads):
    """The part of the Inspector that sees a job with all that is around it."""

    def scene(self, job_id: str) -> Scene:
        """A job and what may keep it. Raises JobMissing."""
        for _ in range(ATTEMPTS_TO_READ):
            questions = self._questions(job_id)
            scene = self._scene(job_id, questions)
            if scene.queue == questions.queue and {one.id for one in scene.consumers} == set(questions.consumers):
                break
        if not scene.fields["state"]:
            raise _missing(job_id)
        return scene

    def _questions(self, job_id: str) -> _Questions:
        with self._pipe() as pipe:
            pipe.hmget(self._keys.job(job_id), ("queue", "unique", "task", "state"))
            pipe.smembers(self._keys.queues)
            pipe.zrange(self._keys.consumers, 0, -1)
            pipe.lrange(self._keys.children(job_id), 0, _READ - 1)
            fields, queues, consumers, chains = self._run(pipe)
        queue, unique, task, state = (text(value) for value in fields)
        if not state:
            raise _missing(job_id)
        names = tuple(sorted(text(name) for name in queues))
        with self._pipe() as pipe:
            pipe.hget(self._keys.gates, queue)
            for name in names:
                pipe.zrange(self._keys.index(name, "running"), 0, _READ - 1)
            gate, *running = self._run(pipe)
        rate = json.loads(gate).get("rate") if gate else None
        return _Questions(
            queue=queue,
            unique=unique,
            task=task,
            queues=names,
            consumers=tuple(text(one) for one in consumers),
            running=tuple(text(one) for ids in running for one in ids)[:_READ],
            children=tuple(one for chain in chains for one in text(chain).split())[:_READ],
            failed=self._failed_below(job_id),
            rate=rate["count"] if rate else 0,
        )

    def _failed_below(self, job_id: str) -> tuple[str, ...]:
        """The child whose failure took a job along, that one's child, and so on."""
        found: list[str] = []
        for _ in range(_DEEP):
            failed = self._call("hvals", self._keys.failed(found[-1] if found else job_id))
            if not failed or text(failed[0]) in found:
                break
            found.append(text(failed[0]))
        return tuple(found)

    def _scene(self, job_id: str, asked: _Questions) -> Scene:
        """One transaction: everything in it is of one moment."""
        keys = self._keys
        with self._client.pipeline(transaction=True) as pipe:
            pipe.time()
            pipe.hmget(keys.job(job_id), _JOB)
            pipe.zrank(keys.index(asked.queue, "queued"), job_id)
            pipe.hget(keys.paused, asked.queue)
            pipe.hget(keys.gates, asked.queue)
            pipe.lindex(keys.starts(asked.queue), asked.rate - 1 if asked.rate else 0)
            pipe.hexists(keys.tasks, asked.task)
            pipe.hgetall(keys.chord(job_id))
            pipe.lrange(keys.children(job_id), 0, _READ - 1)
            pipe.hvals(keys.failed(job_id))
            pipe.get(keys.unique(asked.unique))
            pipe.hgetall(keys.orders)
            pipe.zrange(keys.consumers, 0, -1, withscores=True)
            for one in asked.consumers:
                pipe.hgetall(keys.consumer(one))
            for one in asked.running:
                pipe.hmget(keys.job(one), ("state", "task", "queue", "consumer", "started"))
            for one in (*asked.children, *asked.failed):
                pipe.hmget(keys.job(one), ("state", "task"))
            for one in asked.failed:
                pipe.hvals(keys.failed(one))
            rows = iter(self._run(pipe))
        (seconds, micros), values, ahead, pause, gate, start, known = (next(rows) for _ in range(7))
        chord, chains, failed, holder, orders, alive = (next(rows) for _ in range(6))
        now_ms = seconds * 1000 + micros // 1000
        living = {text(name) for name, until_ms in alive if until_ms >= now_ms}
        consumers = [_served(one, next(rows), text(orders.get(one.encode()))) for one in asked.consumers]
        running = [(one, [text(value) for value in next(rows)]) for one in asked.running]
        children = {one: [text(value) for value in next(rows)] for one in (*asked.children, *asked.failed)}
        blame = {job_id: failed, **{one: next(rows) for one in asked.failed}}
        waiting = [chain for n, chain in enumerate(chains) if str(n).encode() not in chord]
        return Scene(
            job_id=job_id,
            fields=dict(zip(_JOB, (text(value) for value in values), strict=True)),
            at=datetime.fromtimestamp(now_ms / 1000, UTC),
            ahead=ahead,
            pause=json.loads(pause) if pause else None,
            gate=json.loads(gate) if gate else None,
            last_start_ms=float(start) if start and asked.rate else None,
            consumers=tuple(one for one in consumers if one.id in living),
            busy=tuple(
                Busy(one, row[1], row[2], row[3], instant(row[4] or None))
                for one, row in running
                if row[0] == "running"
            ),
            known=bool(known),
            children=tuple(_next_of(text(chain).split(), children) for chain in waiting),
            waited_for=len(chains),
            failed=tuple((one, children[one][0], children[one][1]) for one in _blamed(job_id, blame, children)),
            holder=text(holder),
        )


def _served(consumer_id: str, row: dict[bytes, bytes], order: str) -> Served:
    fields = {text(name): text(value) for name, value in row.items()}
    host = consumer_id.rpartition(":")[0]
    pids = {name.partition(":")[2] for name in fields if name.startswith(("running:", "memory:"))}
    return Served(
        id=consumer_id,
        workers=int(fields.get("workers", 0)),
        queues=tuple(name for name in fields.get("queues", "").split(",") if name),
        processes=frozenset({consumer_id, *(f"{host}:{pid}" for pid in pids)}),
        order=order,
    )


def _next_of(chain: Sequence[str], children: dict[str, list[str]]) -> tuple[str, str, str]:
    """Of a child that is a pipeline, the job that it has come to: id, state ("" when it is not there yet) and task."""
    known = [one for one in chain if children.get(one, ["", ""])[0]]
    found = known[-1] if known else chain[0]
    state, task = children.get(found, ["", ""])
    return found, state, task


def _blamed(job_id: str, blame: dict[str, list[bytes]], known: dict[str, list[str]]) -> list[str]:
    """Those whose failure took the one above along, from the top down, as they are now."""
    found: list[str] = []
    while blame.get(job_id):
        job_id = text(blame[job_id][0])
        if job_id in found or job_id not in known:
            break
        found.append(job_id)
    return found


def _missing(job_id: str) -> JobMissing:
    return JobMissing(f"there is no job {job_id!r}: it may be past its retention")
