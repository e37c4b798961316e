"""What is asked of the broker and what it answers, as frozen values, and how they travel to and from Lua."""

import json
import random
import time
from collections.abc import Callable, Mapping
from operator import attrgetter
from typing import Any, Literal, NamedTuple

from msgspec import Struct, field

from storage.broker.records import PRIORITY_LIMIT, Limits, NewJob, State
from storage.broker.scripts import pack
from storage.errors import QueueFull, Refused
from storage.values import replace

BATCH = 250
MOST = 10**15
"""The most that a limit can be: Redis counts in numbers that are exact up to nine times that."""
MOST_S = 10**9
"""The longest time of a rate: thirty years."""
"""Most jobs moved by one script: 250 stall Redis for about 5 ms."""

Order = Literal["quiet", "stop", ""]
Verdict = Literal["settled", "again", "stale"]
Write = tuple[object, ...]
"""One of ("set", key, value), ("result", id of another job, value), ("del", key), ("enqueue", job table),
("chord", id, callback's job id, texts of the job ids of each member), ("join", chord id, member index, size, result),
("miss", chord id, member index, size, error)."""


class Bounds(Struct, frozen=True):
    """What is kept, and for how long: log lines per job and in all, and finished jobs per queue (seconds, count)."""

    log_lines: int = 2_000
    tail_lines: int = 20_000
    succeeded: tuple[float, int] = (86_400.0, 20_000)
    canceled: tuple[float, int] = (7 * 86_400.0, 20_000)
    dead: tuple[float, int] = (30 * 86_400.0, 100_000)


class ClaimRequest(Struct, frozen=True):
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
        nonce = f"{random.getrandbits(64):x}"
        return ClaimRequest(self.consumer, self.worker, self.lease_ms, self.queues, nonce, time.monotonic())

    def again(self) -> "ClaimRequest":
        """The same question."""
        return replace(self, repeated=True)


class Claim(Struct, frozen=True):
    """A worker's dated hold on one job. ``token`` is the fence: what comes with another one is refused.

    ``revoked_one`` and ``revoked_all`` are Huey's revoke flags as they stood; ``inputs`` are a chord's results by
    member index, for its callback; one that is empty stands for a member that never had a result.
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


class Settlement(Struct, frozen=True):
    """What became of an attempt: the job's next state, and what Huey wrote while it finished.

    ``fingerprint`` is that of the error of a failed attempt, ``shape`` its message without what differs between jobs.
    """

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
    fingerprint: str = ""
    shape: str = ""


class Reaped(Struct, frozen=True):
    """A job taken back from a lost worker."""

    id: str
    worker: str
    crashes: int
    buried: bool


class Note(Struct, frozen=True):
    """What a running job says: progress (JSON, empty for none) and log lines (JSON each)."""

    id: str
    token: str
    progress: bytes = b""
    lines: tuple[bytes, ...] = ()


class Beat(Struct, frozen=True):
    """A sign of life of one process of a consumer, and the jobs it holds as (id, token)."""

    consumer: str
    lease_ms: int
    held: tuple[tuple[str, str], ...] = ()
    fields: Mapping[str, str] = field(default_factory=dict)
    process: str = ""


class Pulse(Struct, frozen=True):
    """What a heartbeat answers: jobs that are no longer this process's, those called off, with the reason, and what
    an operator ordered this consumer: "quiet", "stop" or nothing."""

    lost: tuple[str, ...] = ()
    called_off: Mapping[str, str] = field(default_factory=dict)
    order: str = ""


def job_table(job: NewJob, *, once: bool = False) -> dict[str, object]:
    """A NewJob as the Lua side takes it: what differs from the defaults, with an id of this very call so that a repeat
    is known as one."""
    if not -PRIORITY_LIMIT <= job.priority <= PRIORITY_LIMIT:
        raise Refused(
            f"priority {job.priority!r} of {job.task!r} is out of range: use {-PRIORITY_LIMIT}..{PRIORITY_LIMIT}"
        )
    table = _told(job, _NEW_JOB)
    if once:
        table["once"] = True
    table["call"] = f"{random.getrandbits(48):012x}"
    return table


def packed_request(request: ClaimRequest) -> bytes:
    """A claim request as Lua takes it."""
    return pack(
        {
            "consumer": request.consumer,
            "worker": request.worker,
            "lease_ms": request.lease_ms,
            "queues": request.queues,
            "turn": random.getrandbits(16),
            "nonce": request.nonce,
            "again_ms": 1 + int((time.monotonic() - request.asked_at) * 1000) if request.repeated else 0,
        }
    )


def packed_settlement(settlement: Settlement, bounds: Bounds) -> bytes:
    """A settlement as Lua takes it: what differs from the defaults."""
    table = _told(settlement, _SETTLEMENT)
    if settlement.lines:
        table["log_kept"] = bounds.log_lines
        table["tail_kept"] = bounds.tail_lines
    return pack(table)


def claim_of(reply: list[Any]) -> Claim:
    """The claim in a reply of claim, take or settle."""
    inputs = None
    if reply[10] is not False:
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
        revoked_one=reply[8] or None,
        revoked_all=reply[9] or None,
        inputs=inputs,
        claimed_at_ms=int(reply[11]),
    )


def full(reply: list[Any], added: int) -> QueueFull:
    """The refusal of a queue at its limit."""
    queue, limit, now = reply[1].decode(), reply[2].decode(), int(reply[3])
    what = "jobs wait in it" if limit == "max_jobs" else "bytes are on their way through it"
    before = f"; {added} jobs of this call are in" if added else ""
    return QueueFull(f"queue {queue!r} is full: {now} {what} ({limit}){before}; try again later", queue, limit)


class _Fields(NamedTuple):
    """The fields of a value, with what each is when it goes without saying."""

    names: tuple[str, ...]
    defaults: tuple[object, ...]
    read: Callable[[object], tuple[object, ...]]


def _fields(kind: type[NewJob | Settlement]) -> _Fields:
    names, defaults = kind.__struct_fields__, kind.__struct_defaults__
    required = (_NO_DEFAULT,) * (len(names) - len(defaults))
    return _Fields(names, (*required, *defaults), attrgetter(*names))


def _told(value: NewJob | Settlement, fields: _Fields) -> dict[str, object]:
    """What of a value differs from its defaults: Lua knows those (_insert.lua, settle.lua)."""
    return {
        name: one
        for name, one, default in zip(fields.names, fields.read(value), fields.defaults, strict=True)
        if one != default
    }


_NO_DEFAULT = object()
_NEW_JOB = _fields(NewJob)
_SETTLEMENT = _fields(Settlement)


def encode_limits(limits: Limits) -> str:
    """Limits as they are stored. Raises Refused when one of them is not above zero, or beyond all measure."""
    numbers = {"cap": limits.cap, "max_jobs": limits.max_jobs, "max_bytes": limits.max_bytes}
    table: dict[str, object] = {name: number for name, number in numbers.items() if number is not None}
    for name, number in numbers.items():
        if number is not None and number <= 0:
            raise Refused(f"{name} is {number}: use a number above 0, or pause the queue")
        if number is not None and number > MOST:
            raise Refused(f"{name} is more than {MOST:,}: use a smaller number, or no limit")
    if limits.rate is not None:
        count, per_s = limits.rate
        if count < 1 or per_s <= 0:
            raise Refused(f"a rate of {count} in {per_s} s: use 1 or more jobs in a time above 0")
        if count > MOST or not per_s <= MOST_S:
            raise Refused(f"a rate of more than {MOST:,} jobs, or in more than {MOST_S:,} s: use smaller numbers")
        table["rate"] = {"count": count, "per_ms": round(per_s * 1000)}
    if limits.keep:
        table["keep"] = {state: [round(age_s * 1000), most] for state, (age_s, most) in limits.keep.items()}
    return json.dumps(table)


def decode_limits(text: bytes) -> Limits:
    """Limits as they were stored."""
    table = json.loads(text)
    rate = table.get("rate")
    return Limits(
        rate=(int(rate["count"]), rate["per_ms"] / 1000) if rate else None,
        cap=table.get("cap"),
        max_jobs=table.get("max_jobs"),
        max_bytes=table.get("max_bytes"),
        keep={state: (age_ms / 1000, most) for state, (age_ms, most) in table.get("keep", {}).items()},
    )
