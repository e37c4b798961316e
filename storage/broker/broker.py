"""Every change of what is happening now. Reading for operators is in inspector.py; this module writes.

A job is in exactly one index, the one of its queue and state, and each method here is one atomic transition.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, cast

import redis
from msgspec.structs import asdict
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

from storage.broker.keys import Keys
from storage.broker.records import FINISHED, Enqueued, Limits, NewJob, State
from storage.broker.requests import (
    BATCH,
    Beat,
    Bounds,
    Claim,
    ClaimRequest,
    Note,
    Order,
    Pulse,
    Reaped,
    Settlement,
    Verdict,
    Write,
    claim_of,
    decode_limits,
    encode_limits,
    full,
    job_table,
    packed_request,
    packed_settlement,
)
from storage.broker.scripts import Question, Scripts, pack, translated, unpack
from storage.errors import AlreadyThere, JobMissing, Refused


class Broker:
    """The books of one namespace in Redis."""

    def __init__(self, client: "redis.Redis", namespace: str = "dewey", bounds: Bounds | None = None) -> None:
        self.client = client
        self.namespace = namespace
        self.keys = Keys(namespace)
        self.bounds = bounds or Bounds()
        self._scripts = Scripts(client, self.keys.prefix)
        self._known_queues: tuple[str, ...] = ()
        self._opens_in_s: float | None = None

    # -- a job comes into being --------------------------------------------------------------------------------

    def enqueue(self, jobs: Sequence[NewJob], *, once: bool = False) -> Enqueued:
        """Add jobs, in order, thousands in one round trip. Jobs whose id already waits or runs are left alone.

        Raises:
            QueueFull: a queue has reached its limit. Of one job, or of BATCH, all or none are in; of more, the first
                batches may be, as the message says.
        """
        tables = [job_table(job, once=once) for job in jobs]
        batches = [pack(tables[start : start + BATCH]) for start in range(0, len(tables), BATCH)]
        if len(batches) == 1:
            replies = [self._scripts.run("enqueue", batches[0])]
        else:
            replies = self._scripts.run_many("enqueue", [(batch,) for batch in batches])
        added, held = 0, {}
        for reply in replies:
            if reply[0] < 0:
                raise full(reply, added)
            added += reply[0]
            held.update({job.decode(): holder.decode() for job, holder in zip(reply[1::2], reply[2::2], strict=True)})
        return Enqueued(added, held)

    def write(self, writes: Sequence[Write]) -> None:
        """Several writes in one step, outside of a settlement.

        Raises:
            QueueFull: a queue has no room for its jobs among them; nothing is written.
        """
        reply = self._scripts.run("write", pack(list(writes)))
        if isinstance(reply, list):
            raise full(reply, 0)

    def tick(self, schedule: str, tick_ms: int, job: NewJob, *, missed: int = 0) -> bool:
        """Enqueue the job of one tick of a schedule, unless some consumer has, or it is paused. True when this call
        did. ``missed`` ticks right before it had no job and will have none."""
        return bool(self._scripts.run("tick", schedule, tick_ms, pack(job_table(job, once=True)), missed))

    def run_now(self, schedule: str, job: NewJob, by: str) -> None:
        """Enqueue a job of a schedule outside of its ticks.

        Raises:
            AlreadyThere: its unique key is held.
        """
        found = self._scripts.run("run_now", schedule, pack(job_table(job, once=True)), by)
        if isinstance(found, bytes):
            raise AlreadyThere(f"{job.task} is unique, and job {found.decode()} holds its key", found.decode())

    def hold_schedule(self, schedule: str, who_json: str) -> bool:
        """Pause a schedule, from now on and for all consumers. False when it was paused (the new word holds).

        Raises:
            Refused: the end of the pause is in the past.
        """
        changed = self._scripts.run("hold", schedule, who_json)
        if changed < 0:
            raise Refused(f"schedule {schedule!r} can not be paused until an instant in the past")
        return bool(changed)

    def resume_schedule(self, schedule: str) -> bool:
        """Let a schedule tick again. False when it was not paused."""
        return bool(self._scripts.run("hold", schedule, ""))

    # -- an attempt --------------------------------------------------------------------------------------------

    def claim(self, request: ClaimRequest, wait_s: float = 0) -> Claim | None:
        """The next job for this worker, or None after ``wait_s`` seconds without one."""
        claimed = self._claimed(unpack(self._scripts.run("claim", packed_request(request))))
        if claimed is None and wait_s > 0 and self._wait(request, wait_s):
            claimed = self._claimed(unpack(self._scripts.run("claim", packed_request(request))))
        return claimed

    def take(self, request: ClaimRequest, job_id: str) -> Claim | None:
        """Start one given job, if it waits."""
        return self._claimed(unpack(self._scripts.run("take", packed_request(request), job_id)))

    def settle(
        self, settlement: Settlement | None, following: ClaimRequest | None = None
    ) -> tuple[Verdict, Claim | None]:
        """Record what became of an attempt and, when asked, claim the next job in the same round trip."""
        first = packed_settlement(settlement, self.bounds) if settlement else b""
        second = packed_request(following) if following else b""
        verdict, claimed = unpack(self._scripts.run("settle", first, second))
        return verdict.decode(), self._claimed(claimed) if claimed else None

    def note(self, notes: Sequence[Note]) -> list[str]:
        """Store progress and log lines of running jobs; answers the ids of those whose lease is lost."""
        request = {
            "log_kept": self.bounds.log_lines,
            "tail_kept": self.bounds.tail_lines,
            "notes": [asdict(note) for note in notes],
        }
        return [job_id.decode() for job_id in self._scripts.run("note", pack(request))]

    def heartbeat(self, beat: Beat) -> Pulse:
        """Renew the leases that a process holds; answers what it must know of its jobs."""
        flat = [part for pair in beat.fields.items() for part in pair]
        request = {
            "id": beat.consumer,
            "process": beat.process,
            "alive_ms": beat.lease_ms * 3 // 2,
            "lease_ms": beat.lease_ms,
            "fields": flat or ["id", beat.consumer],
            "held": beat.held,
        }
        lost, called_off, order = self._scripts.run("heartbeat", pack(request))
        words = [word.decode("utf-8", "backslashreplace") for word in called_off]
        called_off = dict(zip(words[::2], words[1::2], strict=True))
        return Pulse(tuple(one.decode() for one in lost), called_off, order.decode())

    # -- upkeep, by any consumer -------------------------------------------------------------------------------

    def promote(self) -> tuple[int, float | None]:
        """Move due jobs in line: how many, and seconds until the next one is due (None: none waits)."""
        moved, wait_ms = self._scripts.run("promote", BATCH)
        return int(moved), None if wait_ms < 0 else wait_ms / 1000

    def leave(self, consumer: str) -> None:
        """A consumer says that it goes."""
        self.call("zrem", self.keys.consumers, consumer)
        self.call("hdel", self.keys.orders, consumer)

    def order(self, consumer: str, order: Order) -> None:
        """Tell a consumer, from afar, to claim nothing more ("quiet"), to stop when its jobs have ended ("stop"), or to
        go on (""). It hears with its next heartbeat.

        Raises:
            Refused: no such consumer lives.
        """
        alive_until_ms = self.call("zscore", self.keys.consumers, consumer)
        if alive_until_ms is None:
            raise Refused(f"there is no consumer {consumer!r}, or it does not beat any more")
        if order:
            self.call("hset", self.keys.orders, consumer, order)
        else:
            self.call("hdel", self.keys.orders, consumer)

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

    def limit(self, queue: str, limits: Limits | None) -> Limits | None:
        """Set the limits of a queue, or lift them with None; answers what they were."""
        text = encode_limits(limits) if limits is not None and limits != Limits() else ""
        before = self._scripts.run("limit", queue, text)
        return decode_limits(before) if before else None

    def cancel(self, job_id: str, reason: str, writes: Sequence[Write] = ()) -> bool:
        """Call a job off: True when it ended at once, False when it runs and was asked to end.

        ``writes`` are what its callers must know when it ends at once.

        Raises:
            JobMissing: there is no such job.
            Refused: it has ended already.
        """
        verdict, state = (part.decode() for part in self._scripts.run("cancel", job_id, reason, pack(list(writes))))
        if verdict == "missing":
            raise JobMissing(f"there is no job {job_id!r}: it may be past its retention")
        if verdict == "refused":
            raise Refused(f"job {job_id} is {state}: it has ended already")
        return bool(verdict == "canceled")

    def requeue(self, job_id: str) -> State:
        """Put a dead, canceled or retrying job back in line with all its retries; answers the state it was in.

        Raises:
            JobMissing: there is no such job.
            Refused: it is in another state; the message names it.
        """
        return _requeued(job_id, self._scripts.run("requeue", job_id))

    def requeue_many(self, job_ids: Sequence[str]) -> list[JobMissing | Refused | None]:
        """Requeue jobs, each by itself, in one round trip; answers for each of them why it was not, or None."""
        outcomes: list[JobMissing | Refused | None] = []
        replies = self._scripts.run_many("requeue", [(job_id,) for job_id in job_ids])
        for job_id, reply in zip(job_ids, replies, strict=True):
            try:
                _requeued(job_id, reply)
                outcomes.append(None)
            except (JobMissing, Refused) as error:
                outcomes.append(error)
        return outcomes

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

    def knows(self, job_id: str) -> bool:
        """Whether there is such a job."""
        return bool(self.call("exists", self.keys.job(job_id)))

    @contextmanager
    def listen(self, job_id: str) -> Iterator[Callable[[float], bool]]:
        """Hear of a job's end: the function waits up to so many seconds and answers whether it heard. Look at the job
        after you listen and before you wait, so that no end is missed."""
        channel: Any = self.call("pubsub", ignore_subscribe_messages=True)
        try:
            channel.subscribe(self.keys.done(job_id))
            channel.get_message(timeout=1.0, ignore_subscribe_messages=False)  # the subscription stands
            yield lambda wait_s: channel.get_message(timeout=wait_s) is not None
        except RedisError as error:
            raise translated(error) from error
        finally:
            channel.close()

    @property
    def scripts(self) -> Scripts:
        """The transitions themselves, for the modules beside this one that write."""
        return self._scripts

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

    def ask(self, script: str, *args: bytes | str | int) -> Question:
        """Send a script that changes nothing; its answer is taken later."""
        return self._scripts.ask(script, *args)

    def keep_connection(self) -> None:
        """Give this thread a connection of its own for the transitions, until it ends."""
        self._scripts.keep_connection()

    def close(self) -> None:
        """Let go of the connections (before a fork, or at the end)."""
        self.client.close()
        self.client.connection_pool.disconnect()

    def _claimed(self, reply: list[Any]) -> Claim | None:
        if reply[0]:
            return claim_of(reply)
        self._opens_in_s = reply[1] / 1000 if reply[1] >= 0 else None
        self._known_queues = tuple(name.decode() for name in reply[2:])
        return None

    def _wait(self, request: ClaimRequest, wait_s: float) -> bool:
        """Block until a job may be there. A cut reply only costs the wait."""
        queues = request.queues or self._known_queues
        if not queues:
            queues = ("default",)
        try:
            opens_in_s = self._opens_in_s
            limited_s = wait_s if opens_in_s is None else max(0.01, min(wait_s, opens_in_s))
            woken = self.client.blpop([self.keys.wake(queue) for queue in queues], timeout=limited_s)
        except RedisTimeoutError:
            return False
        except RedisError as error:
            raise translated(error) from error
        return woken is not None or limited_s < wait_s


def _requeued(job_id: str, reply: list[bytes]) -> State:
    verdict, state = (part.decode() for part in reply)
    if verdict == "missing":
        raise JobMissing(f"there is no job {job_id!r}: it may be past its retention")
    if verdict == "taken":
        raise AlreadyThere(f"job {job_id} is unique, and job {state} holds its key now", state)
    if verdict == "failed":
        raise Refused(f"job {job_id} waits for its child {state}, which failed: requeue that one, and it follows")
    if verdict == "refused":
        raise Refused(f"job {job_id} is {state}: only dead, canceled and retrying jobs are requeued")
    return cast(State, state)
