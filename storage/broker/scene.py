"""One consistent read of all that may keep a job from running.

A first read finds out what there is to ask; the answer comes from a second one, a transaction, so that nothing of it
mixes two moments. When the two disagree on what to ask, both are done again.
"""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from msgspec import Struct

from storage.broker.reading import Reads, instant, text
from storage.broker.records import State
from storage.errors import JobMissing

_JOB: Final = (
    "state", "queue", "task", "run_at", "started", "worker", "reason", "unique", "chord",
    "attempt", "left", "error_type", "error", "queued", "created",
)  # fmt: skip
_READ: Final = 200
"""Most children that are looked at."""
RUNNING_READ: Final = 1_000
"""Most running jobs that are looked at, those of the job's own queue first."""
_DEEP: Final = 20
"""Most levels of a flow that are gone down in search of what failed."""
_FAILED_READ: Final = 10
"""About so many failed members of a level are read; the first one is followed."""
ATTEMPTS_TO_READ = 5


class Served(Struct, frozen=True):
    """A living consumer, the processes that claim for it, and how many jobs they held when they last beat."""

    id: str
    workers: int
    queues: tuple[str, ...]
    processes: frozenset[str]
    order: str
    held: int = 0


class Busy(Struct, frozen=True):
    """A running job: whose, and since when."""

    id: str
    task: str
    queue: str
    process: str
    started_at: datetime | None


class Scene(Struct, frozen=True):
    """Everything that one read found.

    ``busy`` are running jobs of this one's queue and of all others that its consumers serve; ``is_whole`` says that
    none of these is missing. ``running`` is how many run of its own queue, which is exact always. ``failed`` are the
    jobs whose failure took this one along: its child, that one's child, and so on; id, state and task of each.
    ``failed_too`` is how many more members of these joins have failed.
    """

    job_id: str
    fields: dict[str, str]
    at: datetime
    ahead: int | None
    pause: dict[str, Any] | None
    gate: dict[str, Any] | None
    last_start_ms: float | None
    consumers: tuple[Served, ...]
    running: int
    busy: tuple[Busy, ...]
    is_whole: bool
    known: bool
    children: tuple[tuple[str, str, str], ...]
    waited_for: int
    failed: tuple[tuple[str, str, str], ...]
    failed_too: int
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


class _Questions(Struct, frozen=True):
    """What there is to ask, as the first read found it."""

    queue: str
    unique: str
    task: str
    state: str
    consumers: tuple[str, ...]
    served: tuple[str, ...]
    running: tuple[str, ...]
    is_cut: bool
    children: tuple[str, ...]
    failed: tuple[str, ...]
    rate: int


class SceneReads(Reads):
    """The part of the Inspector that sees a job with all that is around it."""

    def scene(self, job_id: str) -> Scene:
        """A job and what may keep it. Raises JobMissing."""
        for _ in range(ATTEMPTS_TO_READ):
            questions = self._questions(job_id)
            scene, living = self._scene(job_id, questions)
            if _answers(scene, questions) and living == set(questions.consumers):
                break
        if not scene.fields["state"]:
            raise _missing(job_id)
        return scene

    def _questions(self, job_id: str) -> _Questions:
        with self._pipe() as pipe:
            pipe.hmget(self._keys.job(job_id), ("queue", "unique", "task", "state"))
            pipe.smembers(self._keys.queues)
            pipe.time()
            pipe.zrange(self._keys.consumers, 0, -1, withscores=True)
            pipe.lrange(self._keys.children(job_id), 0, _READ - 1)
            fields, queues, clock, consumers, chains = self._run(pipe)
        queue, unique, task, state = (text(value) for value in fields)
        if not state:
            raise _missing(job_id)
        living = _living(consumers, _ms(clock))
        served, gate, running = self._running(queue, sorted(text(name) for name in queues), living)
        return _Questions(
            queue=queue,
            unique=unique,
            task=task,
            state=state,
            consumers=living,
            served=served,
            running=running[:RUNNING_READ],
            is_cut=len(running) > RUNNING_READ,
            children=tuple(one for chain in chains for one in text(chain).split())[:_READ],
            failed=self._failed_below(job_id) if state == "dead" else (),
            rate=gate["rate"]["count"] if gate.get("rate") else 0,
        )

    def _running(
        self, queue: str, queues: Sequence[str], consumers: Sequence[str]
    ) -> tuple[tuple[str, ...], dict[str, Any], tuple[str, ...]]:
        """The queues whose jobs may hold the workers that serve one, itself first; its gate; what runs of them."""
        others = [name for name in queues if name != queue]
        with self._pipe() as pipe:
            pipe.hget(self._keys.gates, queue)
            for one in consumers:
                pipe.hget(self._keys.consumer(one), "queues")
            for name in (queue, *others):
                pipe.zrange(self._keys.index(name, "running"), 0, RUNNING_READ)
            gate, *rows = self._run(pipe)
        lists = [tuple(name for name in text(row).split(",") if name) for row in rows[: len(consumers)]]
        serving = [names for names in lists if not names or queue in names]
        found = {
            name: row
            for name, row in zip((queue, *others), rows[len(consumers) :], strict=True)
            if name == queue or any(not names or name in names for names in serving)
        }
        return tuple(found), json.loads(gate) if gate else {}, tuple(text(one) for ids in found.values() for one in ids)

    def _failed_below(self, job_id: str) -> tuple[str, ...]:
        """The child whose failure took a job along, that one's child, and so on."""
        found: list[str] = []
        for _ in range(_DEEP):
            failed = _first(self._call("hscan", self._keys.failed(found[-1] if found else job_id), count=_FAILED_READ))
            if not failed or failed in found:
                break
            found.append(failed)
        return tuple(found)

    def _ask(self, pipe: Any, job_id: str, asked: _Questions) -> None:
        keys = self._keys
        pipe.time()
        pipe.hmget(keys.job(job_id), _JOB)
        pipe.zrank(keys.index(asked.queue, "queued"), job_id)
        pipe.hget(keys.paused, asked.queue)
        pipe.hget(keys.gates, asked.queue)
        pipe.lindex(keys.starts(asked.queue), asked.rate - 1 if asked.rate else 0)
        pipe.hexists(keys.tasks, asked.task)
        pipe.hgetall(keys.chord(job_id))
        pipe.lrange(keys.children(job_id), 0, _READ - 1)
        pipe.hscan(keys.failed(job_id), count=_FAILED_READ)
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
            pipe.hscan(keys.failed(one), count=_FAILED_READ)
        for one in (job_id, *asked.failed):
            pipe.hlen(keys.failed(one))
        for name in asked.served:
            pipe.zcard(keys.index(name, "running"))

    def _scene(self, job_id: str, asked: _Questions) -> tuple[Scene, set[str]]:
        """One transaction: everything in it is of one moment. Also who lives then, asked for or not."""
        with self._client.pipeline(transaction=True) as pipe:
            self._ask(pipe, job_id, asked)
            rows = iter(self._run(pipe))
        clock, values, ahead, pause, gate, start, known = (next(rows) for _ in range(7))
        chord, chains, failed, holder, orders, alive = (next(rows) for _ in range(6))
        now_ms = _ms(clock)
        living = set(_living(alive, now_ms))
        consumers = [_served(one, next(rows), text(orders.get(one.encode()))) for one in asked.consumers]
        running = [(one, [text(value) for value in next(rows)]) for one in asked.running]
        children = {one: [text(value) for value in next(rows)] for one in (*asked.children, *asked.failed)}
        blame = {job_id: _first(failed), **{one: _first(next(rows)) for one in asked.failed}}
        joins = {one: next(rows) for one in (job_id, *asked.failed)}
        sizes = [next(rows) for _ in asked.served]
        busy = tuple(
            Busy(one, row[1], row[2], row[3], instant(row[4] or None)) for one, row in running if row[0] == "running"
        )
        blamed = _blamed(job_id, blame, children)
        waiting = [chain for n, chain in enumerate(chains) if str(n).encode() not in chord]
        scene = Scene(
            job_id=job_id,
            fields=dict(zip(_JOB, (text(value) for value in values), strict=True)),
            at=datetime.fromtimestamp(now_ms / 1000, UTC),
            ahead=ahead,
            pause=json.loads(pause) if pause else None,
            gate=json.loads(gate) if gate else None,
            last_start_ms=float(start) if start and asked.rate else None,
            consumers=tuple(one for one in consumers if one.id in living),
            running=sizes[0],
            busy=busy,
            is_whole=len(busy) >= sum(sizes),
            known=bool(known),
            children=tuple(_next_of(text(chain).split(), children) for chain in waiting),
            waited_for=len(chains),
            failed=tuple((one, children[one][0], children[one][1]) for one in blamed),
            failed_too=sum(max(0, joins[one] - 1) for one in (job_id, *blamed)),
            holder=text(holder),
        )
        return scene, living


def _ms(clock: tuple[int, int]) -> int:
    seconds, micros = clock
    return seconds * 1000 + micros // 1000


def _living(consumers: Sequence[tuple[bytes, float]], now_ms: int) -> tuple[str, ...]:
    return tuple(text(name) for name, until_ms in consumers if until_ms >= now_ms)


def _served(consumer_id: str, row: dict[bytes, bytes], order: str) -> Served:
    fields = {text(name): text(value) for name, value in row.items()}
    host = consumer_id.rpartition(":")[0]
    pids = {name.partition(":")[2] for name in fields if name.startswith(("running:", "memory:"))}
    held = [value for name, value in fields.items() if name.startswith("running:") and value]
    return Served(
        id=consumer_id,
        workers=int(fields.get("workers", 0)),
        queues=tuple(name for name in fields.get("queues", "").split(",") if name),
        processes=frozenset({consumer_id, *(f"{host}:{pid}" for pid in pids)}),
        order=order,
        held=sum(value.count(",") + 1 for value in held),
    )


def _next_of(chain: Sequence[str], children: dict[str, list[str]]) -> tuple[str, str, str]:
    """Of a child that is a pipeline, the job that it has come to: id, state ("" when it is not there yet) and task."""
    known = [one for one in chain if children.get(one, ["", ""])[0]]
    found = known[-1] if known else chain[0]
    state, task = children.get(found, ["", ""])
    return found, state, task


def _first(scanned: tuple[int, dict[bytes, bytes]]) -> str:
    """The first value of those of a hash that one step of a scan found."""
    return text(next(iter(scanned[1].values()), b""))


def _answers(scene: Scene, asked: _Questions) -> bool:
    """Whether what was asked is what there was to ask, at the moment of the answer."""
    is_same = (scene.fields["state"], scene.queue) == (asked.state, asked.queue)
    return is_same and (scene.is_whole or asked.is_cut or asked.state != "queued")


def _blamed(job_id: str, blame: dict[str, str], known: dict[str, list[str]]) -> list[str]:
    """Those whose failure took the one above along, from the top down, as they are now."""
    found: list[str] = []
    while blame.get(job_id):
        job_id = blame[job_id]
        if job_id in found or job_id not in known:
            break
        found.append(job_id)
    return found


def _missing(job_id: str) -> JobMissing:
    return JobMissing(f"there is no job {job_id!r}: it may be past its retention")
