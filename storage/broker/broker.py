"""Every change of what is happening now. Reading for operators is in inspector.py; this module writes.

A job is in exactly one index, the one of its queue and state, and each method here is one atomic transition.
"""

import random
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal, cast

import redis
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

from storage.broker.keys import Keys
from storage.broker.records import FINISHED, PRIORITY_LIMIT, NewJob, State
from storage.broker.scripts import Scripts, pack, translated
from storage.errors import JobMissing, Refused

BATCH = 500
"""Most jobs moved by one script: 500 stall Redis for about 5 ms."""

Verdict = Literal["settled", "again", "stale"]
Write = tuple[object, ...]
"""One of ("set", key, value), ("del", key), ("enqueue", job table), ("chord", id, callback's job id),
("join", chord id, member index, size, result)."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What is kept, and for how long: log lines per job and in all, and finished jobs per queue (seconds, count)."""

    log_lines: int = 2_000
    tail_lines: int = 20_000
    succeeded: tuple[float, int] = (86_400.0, 20_000)
    canceled: tuple[float, int] = (7 * 86_400.0, 20_000)
    dead: tuple[float, int] = (30 * 86_400.0, 100_000)


@dataclass(frozen=True, slots=True)
class ClaimRequest:
    """Who asks for a job, for how long, from which queues (none named: from all).

    A request made by `first` can be asked `again` when its answer did not arrive: it gets the job that it started
    then, if it did. Otherwise that job would wait for the end of its lease and count as a crash.
    """

    consumer: str
    worker: str
    lease_ms: int
    queues: tuple[str, ...] = ()
    nonce: str = ""
    asked_at: float = 0.0
    repeated: bool = False

    def first(self) -> "ClaimRequest":
        """A new question."""
        return replace(self, nonce=f"{random.getrandbits(64):x}", asked_at=time.monotonic(), repeated=False)

    def again(self) -> "ClaimRequest":
        """The same question."""
        return replace(self, repeated=True)


@dataclass(frozen=True, slots=True)
class Claim:
    """A worker's dated hold on one job. ``token`` is the fence: what comes with another one is refused.

    ``revoked_one`` and ``revoked_all`` are Huey's revoke flags as they stood; ``inputs`` are a chord's results by
    member index, for its callback.
    """

    id: str
    queue: str
    token: str
    attempt: int
    payload: bytes
    retries_left: int
    retry_delay_s: float
    task: str
    revoked_one: bytes | None
    revoked_all: bytes | None
    inputs: tuple[bytes, ...] | None
    claimed_at_ms: int


@dataclass(frozen=True, slots=True)
class Settlement:
    """What became of an attempt: the job's next state, and what Huey wrote while it finished."""

    id: str
    token: str
    state: State
    outcome: str
    retries_left: int
    retry_delay_s: float = 0
    delay_ms: int = 0
    release: bool = False
    reason: str = ""
    error_type: str = ""
    error: str = ""
    traceback: str = ""
    result: bytes = b""
    progress: bytes = b""
    writes: tuple[Write, ...] = ()
    lines: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Reaped:
    """A job taken back from a lost worker."""

    id: str
    worker: str
    crashes: int
    buried: bool


@dataclass(frozen=True, slots=True)
class Note:
    """What a running job says: progress (JSON, empty for none) and log lines (JSON each)."""

    id: str
    token: str
    progress: bytes = b""
    lines: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Beat:
    """A sign of life of one process of a consumer, and the jobs it holds as (id, token)."""

    consumer: str
    lease_ms: int
    held: tuple[tuple[str, str], ...] = ()
    fields: Mapping[str, str] = field(default_factory=dict)
    process: str = ""


def job_table(job: NewJob, *, once: bool = False) -> dict[str, object]:
    """A NewJob as the Lua side takes it, with an id of this very call so that a repeat is known as one."""
    if not -PRIORITY_LIMIT <= job.priority <= PRIORITY_LIMIT:
        raise Refused(
            f"priority {job.priority!r} of {job.task!r} is out of range: use {-PRIORITY_LIMIT}..{PRIORITY_LIMIT}"
        )
    return {**asdict(job), "priority": job.priority, "once": once, "call": uuid.uuid4().hex[:12]}


class Broker:
    """The books of one namespace in Redis."""

    def __init__(self, client: "redis.Redis", namespace: str = "dewey", bounds: Bounds | None = None) -> None:
        self.client = client
        self.namespace = namespace
        self.keys = Keys(namespace)
        self.bounds = bounds or Bounds()
        self._scripts = Scripts(client, self.keys.prefix)
        self._known_queues: tuple[str, ...] = ()

    # -- a job comes into being --------------------------------------------------------------------------------

    def enqueue(self, jobs: Sequence[NewJob], *, once: bool = False) -> int:
        """Add jobs, in order; answers how many were new. Jobs whose id already waits or runs are left alone."""
        added = 0
        for start in range(0, len(jobs), BATCH):
            tables = [job_table(job, once=once) for job in jobs[start : start + BATCH]]
            added += self._scripts.run("enqueue", pack(tables))
        return added

    def write(self, writes: Sequence[Write]) -> None:
        """Several writes in one step, outside of a settlement."""
        self._scripts.run("write", pack(list(writes)))

    def tick(self, schedule: str, tick_ms: int, job: NewJob) -> bool:
        """Enqueue the job of one tick of a schedule, unless some consumer has. True when this call did."""
        return bool(self._scripts.run("tick", schedule, tick_ms, pack(job_table(job, once=True))))

    # -- an attempt --------------------------------------------------------------------------------------------

    def claim(self, request: ClaimRequest, wait_s: float = 0) -> Claim | None:
        """The next job for this worker, or None after ``wait_s`` seconds without one."""
        claimed = self._claimed(self._scripts.run("claim", self._packed(request)))
        if claimed is None and wait_s > 0 and self._wait(request, wait_s):
            claimed = self._claimed(self._scripts.run("claim", self._packed(request)))
        return claimed

    def take(self, request: ClaimRequest, job_id: str) -> Claim | None:
        """Start one given job, if it waits."""
        return self._claimed(self._scripts.run("take", self._packed(request), job_id))

    def settle(
        self, settlement: Settlement | None, following: ClaimRequest | None = None
    ) -> tuple[Verdict, Claim | None]:
        """Record what became of an attempt and, when asked, claim the next job in the same round trip."""
        first = self._packed_settlement(settlement) if settlement else b""
        second = self._packed(following) if following else b""
        verdict, claimed = self._scripts.run("settle", first, second)
        return verdict.decode(), self._claimed(claimed) if claimed else None

    def note(self, notes: Sequence[Note]) -> list[str]:
        """Store progress and log lines of running jobs; answers the ids of those whose lease is lost."""
        request = {
            "log_kept": self.bounds.log_lines,
            "tail_kept": self.bounds.tail_lines,
            "notes": [asdict(note) for note in notes],
        }
        return [job_id.decode() for job_id in self._scripts.run("note", pack(request))]

    def heartbeat(self, beat: Beat) -> list[str]:
        """Renew the leases that a process holds; answers the ids of jobs that are no longer its own."""
        flat = [part for pair in beat.fields.items() for part in pair]
        request = {
            "id": beat.consumer,
            "process": beat.process,
            "alive_ms": beat.lease_ms * 3 // 2,
            "lease_ms": beat.lease_ms,
            "fields": flat or ["id", beat.consumer],
            "held": beat.held,
        }
        return [job_id.decode() for job_id in self._scripts.run("heartbeat", pack(request))]

    # -- upkeep, by any consumer -------------------------------------------------------------------------------

    def promote(self) -> tuple[int, float | None]:
        """Move due jobs in line: how many, and seconds until the next one is due (None: none waits)."""
        moved, wait_ms = self._scripts.run("promote", BATCH)
        return int(moved), None if wait_ms < 0 else wait_ms / 1000

    def leave(self, consumer: str) -> None:
        """A consumer says that it goes."""
        self.call("zrem", self.keys.consumers, consumer)

    def reap(self, *, crashes_allowed: int) -> tuple[Reaped, ...]:
        """Take back the jobs whose lease has ended."""
        flat = self._scripts.run("reap", BATCH, crashes_allowed)
        rows = zip(*[iter(flat)] * 4, strict=True)
        return tuple(
            Reaped(job.decode(), worker.decode(), int(crashes), end == b"dead") for job, worker, crashes, end in rows
        )

    def buried(self) -> list[str]:
        """Some of the jobs that were buried by crashes and whose callers are not told yet."""
        return [job_id.decode() for job_id in self.call("srandmember", self.keys.buried, BATCH)]

    def tell(self, job_id: str, writes: Sequence[Write]) -> bool:
        """Write what those who wait for a buried job must know. False when another consumer has, or it lives again."""
        return bool(self._scripts.run("tell", job_id, pack(list(writes))))

    def retain(self) -> int:
        """Forget a batch of finished jobs that are past their retention; answers how many."""
        keep = {state: getattr(self.bounds, state) for state in FINISHED}
        request = {
            "room": BATCH,
            "keep": {state: (int(age * 1000), most) for state, (age, most) in keep.items()},
        }
        return int(self._scripts.run("retain", pack(request)))

    def flush(self, states: Sequence[State]) -> int:
        """Forget every job in these waiting states, batch by batch; answers how many."""
        gone = 0
        while batch := int(self._scripts.run("flush", pack({"room": BATCH, "states": list(states)}))):
            gone += batch
        return gone

    # -- what an operator decides ------------------------------------------------------------------------------

    def requeue(self, job_id: str) -> State:
        """Put a dead, canceled or retrying job back in line with all its retries; answers the state it was in.

        Raises:
            JobMissing: there is no such job.
            Refused: it is in another state; the message names it.
        """
        verdict, state = (part.decode() for part in self._scripts.run("requeue", job_id))
        if verdict == "missing":
            raise JobMissing(f"there is no job {job_id!r}: it may be past its retention")
        if verdict == "refused":
            raise Refused(f"job {job_id} is {state}: only dead, canceled and retrying jobs are requeued")
        return cast(State, state)

    def pause(self, queue: str, who_json: str) -> bool:
        """Stop claims from a queue; running jobs go on. False when it was paused before (its reason is replaced).

        Raises:
            Refused: no job has ever been in that queue.
        """
        return self._paused(queue, who_json)

    def resume(self, queue: str) -> bool:
        """Let a queue be claimed from again. False when it was not paused."""
        return self._paused(queue, "")

    def _paused(self, queue: str, who_json: str) -> bool:
        changed = self._scripts.run("pause", queue, who_json)
        if changed < 0:
            raise Refused(f"there is no queue {queue!r}: no job was ever put in it")
        return bool(changed)

    def add_queues(self, names: Sequence[str]) -> None:
        """Make queues known before their first job, so that they can be seen and paused."""
        if names:
            self.call("sadd", self.keys.queues, *names)

    # -- plain commands ----------------------------------------------------------------------------------------

    def call(self, command: str, *args: Any, **kwargs: Any) -> Any:
        """One command of the client, with its errors translated."""
        try:
            return getattr(self.client, command)(*args, **kwargs)
        except RedisError as error:
            raise translated(error) from error

    def run(self, script: str, *args: bytes | str | int) -> Any:
        """One of the small scripts of Huey's key/value store."""
        return self._scripts.run(script, *args)

    def close(self) -> None:
        """Let go of the connections (before a fork, or at the end)."""
        self.client.close()
        self.client.connection_pool.disconnect()

    # -- between Python and Lua --------------------------------------------------------------------------------

    def _packed(self, request: ClaimRequest) -> bytes:
        return pack(
            {
                "consumer": request.consumer,
                "worker": request.worker,
                "lease_ms": request.lease_ms,
                "queues": request.queues,
                "turn": random.randrange(1 << 16),
                "nonce": request.nonce,
                "again_ms": 1 + int((time.monotonic() - request.asked_at) * 1000) if request.repeated else 0,
            }
        )

    def _packed_settlement(self, settlement: Settlement) -> bytes:
        table = {name: getattr(settlement, name) for name in Settlement.__dataclass_fields__}
        table["left"] = table.pop("retries_left")
        table["log_kept"] = self.bounds.log_lines
        table["tail_kept"] = self.bounds.tail_lines
        return pack(table)

    def _claimed(self, reply: list[Any]) -> Claim | None:
        if not reply or reply[0] is None:
            self._known_queues = tuple(name.decode() for name in reply[1:])
            return None
        inputs = None
        if reply[10] is not None:
            members = dict(zip(reply[10][::2], reply[10][1::2], strict=True))
            members.pop(b"callback", None)
            inputs = tuple(members[index] for index in sorted(members, key=int))
        return Claim(
            id=reply[0].decode(),
            queue=reply[1].decode(),
            token=reply[2].decode(),
            attempt=int(reply[3]),
            payload=reply[4],
            retries_left=int(reply[5]),
            retry_delay_s=float(reply[6]),
            task=reply[7].decode(),
            revoked_one=reply[8],
            revoked_all=reply[9],
            inputs=inputs,
            claimed_at_ms=int(reply[11]),
        )

    def _wait(self, request: ClaimRequest, wait_s: float) -> bool:
        """Block until a job may be there. A cut reply only costs the wait."""
        queues = request.queues or self._known_queues
        if not queues:
            queues = ("default",)
        try:
            return self.client.blpop([self.keys.wake(queue) for queue in queues], timeout=wait_s) is not None
        except RedisTimeoutError:
            return False
        except RedisError as error:
            raise translated(error) from error
