"""What an operator does to single things in the broker: each as it was shown or not at all, and once per action.

Every method takes the act, the key of the action's row in the audit: asked again with it, the answer is the same. What
has changed since it was shown is refused.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from msgspec import Struct
from redis.exceptions import RedisError

from storage.broker.broker import Broker
from storage.broker.requests import Write
from storage.broker.scripts import pack, translated
from storage.trash import Whole

Setting = Literal["paused", "gates", "held", "orders"]
"""The hashes of what operators have set: queues' pauses, queues' limits, schedules' pauses, orders to consumers."""
Verdict = Literal["done", "missing", "changed", "refused", "taken", "failed"]

AT_ONCE = 200
"""Items of one round trip."""
TENDED_AT_ONCE = 100


class Shown(Struct, frozen=True):
    """A job as it was shown: its version then."""

    id: str
    version: str


class Answer(Struct, frozen=True):
    """What became of one item. ``word`` is the state it was in, or what keeps it from being done; ``after`` is what
    undoing it needs to know."""

    item: str
    verdict: Verdict
    word: str = ""
    after: str = ""


class Tended(Struct, frozen=True):
    """What went on by itself: queues whose pause was over, and canaries that came to an end, by id."""

    resumed: tuple[str, ...]
    canaries: Mapping[str, str]


class Custody:
    """An operator's hand in the books of one namespace."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._keys = broker.keys
        self._scripts = broker.scripts

    # -- jobs --------------------------------------------------------------------------------------------------

    def discard(self, act: str, jobs: Sequence[Shown]) -> list[Answer]:
        """Throw jobs away. Whoever calls this has put them into the trash."""
        return self._each("discard", jobs, lambda job: (act, job.id, job.version))

    def requeue(self, act: str, jobs: Sequence[Shown]) -> list[Answer]:
        """Try dead, canceled and retrying jobs again."""
        return self._each("retry_shown", jobs, lambda job: (act, job.id, job.version))

    def recall(self, act: str, jobs: Sequence[Shown], requeued_by: str) -> list[Answer]:
        """Call requeued jobs back that still wait; ``requeued_by`` is the act that requeued them."""
        return self._each("recall", jobs, lambda job: (act, job.id, job.version, requeued_by))

    def cancel(self, act: str, jobs: Sequence[Shown], reason: str, told: Mapping[str, Sequence[Write]]) -> list[Answer]:
        """Call jobs off; ``told`` is, by job, what its callers must know when it ends at once."""
        return self._each(
            "cancel_shown", jobs, lambda job: (act, job.id, job.version, reason, pack(list(told.get(job.id, ()))))
        )

    def prioritise(self, act: str, jobs: Sequence[Shown], priority: Mapping[str, float]) -> list[Answer]:
        """Give jobs that wait another priority, by job."""
        return self._each("prioritise", jobs, lambda job: (act, job.id, job.version, _number(priority[job.id])))

    def hasten(self, act: str, jobs: Sequence[Shown], back: Mapping[str, str] | None = None) -> list[Answer]:
        """Put scheduled and retrying jobs in line now; or queued ones back, each to a "<state> <ms>"."""
        places = back or {}
        return self._each("hasten", jobs, lambda job: (act, job.id, job.version, places.get(job.id, "")))

    def whole(self, job_ids: Sequence[str]) -> dict[str, Whole]:
        """All that there is of these jobs, by id; those that are gone are left out."""
        found: dict[str, Whole] = {}
        for start in range(0, len(job_ids), AT_ONCE):
            found |= self._whole(job_ids[start : start + AT_ONCE])
        return found

    def restore(self, act: str, jobs: Sequence[Whole]) -> list[Answer]:
        """Put jobs back that were thrown away, in the state and place they were in."""
        answers = []
        for job in jobs:  # each may be large: one at a time
            answers.append(_answer(job.id, self._scripts.run("restore", act, _packed(job))))
        return answers

    # -- settings ----------------------------------------------------------------------------------------------

    def setting(self, which: Setting, name: str) -> str:
        """What is set for a queue, a schedule or a consumer now; "" when nothing is."""
        found = self._broker.call("hget", getattr(self._keys, which), name)
        return found.decode("utf-8", "backslashreplace") if found is not None else ""

    def replace(self, act: str, which: Setting, name: str, value: str, seen: str) -> Answer:
        """Set (or with "" lift) what is set for a queue, a schedule or a consumer, if it is as it was seen."""
        return _answer(name, self._scripts.run("replace_shown", act, name, which, name, value, seen))

    # -- what is held ------------------------------------------------------------------------------------------

    def holder(self, which: Literal["unique", "lock"], name: str) -> str:
        """The job that holds a unique key, or the value of a lock of Huey's; "" when nobody does."""
        if which == "unique":
            found = self._broker.call("get", self._keys.unique(name))
        else:
            found = self._broker.call("hget", self._keys.data, name)
            found = found if found is not None else self._broker.call("get", self._keys.hold(name))
        return found.decode("utf-8", "backslashreplace") if found is not None else ""

    def release(self, act: str, which: Literal["unique", "lock"], name: str, seen: str) -> Answer:
        """Free a unique key whose holder does not live, or a lock, if it is held as it was seen."""
        return _answer(name, self._scripts.run("release", act, name, which, seen))

    # -- what goes on by itself --------------------------------------------------------------------------------

    def tend(self) -> Tended:
        """End the pauses that are over, and have each canary take its next step. Any consumer does this at times."""
        resumed, *canaries = self._scripts.run("tend", TENDED_AT_ONCE)
        words = [word.decode() for word in canaries]
        return Tended(tuple(name.decode() for name in resumed), dict(zip(words[::2], words[1::2], strict=True)))

    def _each(self, script: str, jobs: Sequence[Shown], arguments: Any) -> list[Answer]:
        answers: list[Answer] = []
        for start in range(0, len(jobs), AT_ONCE):
            part = jobs[start : start + AT_ONCE]
            replies = self._scripts.run_many(script, [arguments(job) for job in part])
            answers += [_answer(job.id, reply) for job, reply in zip(part, replies, strict=True)]
        return answers

    def _whole(self, job_ids: Sequence[str]) -> dict[str, Whole]:
        keys = self._keys
        with self._pipe() as pipe:
            for job_id in job_ids:
                pipe.hgetall(keys.job(job_id))
                pipe.xrange(keys.log(job_id))
            rows = iter(self._run(pipe))
        read = {job_id: (record, log) for job_id, record, log in zip(job_ids, rows, rows, strict=True) if record}
        with self._pipe() as pipe:
            for job_id, (record, _) in read.items():
                pipe.hmget(keys.data, _results_of(job_id, record))
                for key in (keys.chord, keys.failed):
                    pipe.hgetall(key(record.get(b"chord", b"").decode()))
                pipe.lrange(keys.children(record.get(b"chord", b"").decode()), 0, -1)
            rows = iter(self._run(pipe))
        found = {}
        for (job_id, (record, log)), values, chord, failed, children in zip(
            read.items(), rows, rows, rows, rows, strict=True
        ):
            names = _results_of(job_id, record)
            data = {name: value for name, value in zip(names, values, strict=True) if value is not None}
            version = int(record.get(b"version") or 0)
            found[job_id] = Whole(job_id, version, record, tuple(log), data, chord, failed, tuple(children))
        return found

    def _pipe(self) -> Any:
        return self._broker.client.pipeline(transaction=False)

    def _run(self, pipe: Any) -> list[Any]:
        try:
            return list(pipe.execute())
        except RedisError as error:
            raise translated(error) from error


def _results_of(job_id: str, record: Mapping[bytes, bytes]) -> list[bytes]:
    """The keys in Huey's store that go with a job: its result, its revoke flag, and results it left for others."""
    others = json.loads(record[b"results"]) if record.get(b"results") else []
    return [job_id.encode(), b"r:" + job_id.encode(), *(str(one).encode() for one in others)]


def _packed(job: Whole) -> bytes:
    return pack(
        {
            "id": job.id,
            "version": job.version,
            "record": _flat(job.record),
            "log": [[position, _flat(fields)] for position, fields in job.log],
            "data": _flat(job.data or {}),
            "chord": _flat(job.chord or {}),
            "failed": _flat(job.failed or {}),
            "children": list(job.children),
        }
    )


def _flat(fields: Mapping[bytes, bytes]) -> list[bytes]:
    return [part for pair in fields.items() for part in pair]


def _number(value: float) -> str:
    return repr(int(value)) if float(value).is_integer() else repr(float(value))


def _answer(item: str, reply: list[bytes]) -> Answer:
    verdict, word, after = (part.decode("utf-8", "backslashreplace") for part in reply)
    return Answer(item, verdict, word, after)  # type: ignore[arg-type]  # only our scripts say it
