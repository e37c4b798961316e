"""Every Redis key of a namespace, with its type. Lua reads the same table: its functions ``K.*`` are generated from it.

All keys of one namespace share one hash tag, so that they live in one slot of a cluster.
A pattern's ``%s`` are, in order, the function's arguments.
"""

import re

PATTERNS: dict[str, str] = {
    "job": "job:%s",  # hash: the whole record of one job; fields a:<n> are its attempts, as JSON
    "log": "log:%s",  # stream: the captured log of one job
    "chord": "chord:%s",  # hash: member index -> result, and 'callback' -> job id, until the callback is gone
    "children": "children:%s",  # list: for each member of a chord the ids of its jobs, in the order they run
    "failed": "failed:%s",  # hash: member index -> id of the job whose failure keeps a join from running
    "index": "queue:%s:%s",  # sorted set (queue, state) -> job ids. queued: place in line; scheduled, retrying: due ms;
    #                          running: lease end ms; succeeded, dead, canceled: finished ms; blocked: created ms
    "wake": "wake:%s",  # list: one token for a consumer that waits on this queue
    "minute": "minute:%s:%s",  # hash (queue, minute since the epoch): counts of that minute, kept two hours
    "queues": "queues",  # set: the names of all queues
    "paused": "paused",  # hash: queue -> JSON of who, when, why
    "gates": "gates",  # hash: queue -> JSON of its limits: rate, cap, max_jobs, max_bytes, keep
    "starts": "starts:%s",  # list: when the last jobs of a rate-limited queue started, ms, newest first
    "bytes": "bytes",  # hash: queue -> bytes of the payloads that count against its max_bytes
    "unique": "unique:%s",  # string: id of the job that holds a unique key
    "done": "done:%s",  # channel: says that a job has ended
    "seq": "seq",  # string: counter for places in line and fencing tokens
    "data": "data",  # hash: Huey's key/value store: results, revoke flags, locks
    "hold": "hold:%s",  # string: a key of that store with a time to live
    "counters": "counters",  # hash: Huey's counters
    "events": "events",  # stream: every transition, until it is recorded, bounded; see retain.lua
    "tail": "tail",  # stream: the last log lines of all jobs, bounded
    "tasks": "tasks",  # hash: task name -> JSON of what consumers published
    "orders": "orders",  # hash: consumer id -> quiet or stop
    "consumers": "consumers",  # sorted set: consumer id -> ms until which it counts as alive
    "consumer": "consumer:%s",  # hash: one consumer's description, expires without beats
    "failures": "failures",  # sorted set: fingerprint of a group of dead jobs -> ms of its last one
    "failure": "failure:%s",  # hash (fingerprint): what the dead jobs of a group have in common, and since when
    "grave": "grave:%s",  # sorted set (fingerprint) -> ids of the jobs of a group that are dead now, with finished ms
    "buried": "buried",  # set: ids of jobs that were buried by crashes, until those who wait for them are told
    "repairs": "repairs",  # hash: kind of impossible state -> how often it was found, and the last one
    "cron": "cron",  # hash: schedule name -> last tick ms
    "held": "held",  # hash: schedule name -> JSON of who paused it, why, since when and until when
    "runs": "runs:%s",  # list: JSON of each of the last runs of a schedule, newest first, bounded
    "recording": "recording",  # hash: how far history has been recorded, by whom, and what of it went; see recorded.lua
    "act": "act:%s",  # hash (key of an action): what became of each of its items, as msgpack, for a day
    "canaries": "canaries",  # set: ids of canaries that have not ended, or not long ago
    "canary": "canary:%s",  # hash: how a canary is to go, how far it is, and what became of its jobs
    "canary_line": "canary_line:%s",  # list: '<version> <job id>' of those that it has not requeued yet
    "canary_flight": "canary_flight:%s",  # hash: job id -> its attempts before, until its outcome is known
    "tally": "tally:%s",  # hash: how many ticks of a schedule were enqueued, late, missed, skipped, or run by hand
}


class Keys:
    """Keys of one namespace. ``keys.job("3f2a")`` is ``{dewey}:job:3f2a``."""

    __slots__ = ("prefix",)

    def __init__(self, namespace: str) -> None:
        self.prefix = f"{{{namespace}}}:"

    def _key(self, name: str, *parts: object) -> str:
        return self.prefix + PATTERNS[name] % parts

    def job(self, job_id: str) -> str:
        return self._key("job", job_id)

    def log(self, job_id: str) -> str:
        return self._key("log", job_id)

    def chord(self, chord_id: str) -> str:
        return self._key("chord", chord_id)

    def children(self, job_id: str) -> str:
        return self._key("children", job_id)

    def failed(self, job_id: str) -> str:
        return self._key("failed", job_id)

    def index(self, queue: str, state: str) -> str:
        return self._key("index", queue, state)

    def wake(self, queue: str) -> str:
        return self._key("wake", queue)

    def minute(self, queue: str, minute: int) -> str:
        return self._key("minute", queue, minute)

    def starts(self, queue: str) -> str:
        return self._key("starts", queue)

    def unique(self, name: str) -> str:
        return self._key("unique", name)

    def done(self, job_id: str) -> str:
        return self._key("done", job_id)

    def hold(self, name: str) -> str:
        return self._key("hold", name)

    def consumer(self, consumer_id: str) -> str:
        return self._key("consumer", consumer_id)

    @property
    def queues(self) -> str:
        return self._key("queues")

    @property
    def paused(self) -> str:
        return self._key("paused")

    @property
    def gates(self) -> str:
        return self._key("gates")

    @property
    def data(self) -> str:
        return self._key("data")

    @property
    def counters(self) -> str:
        return self._key("counters")

    @property
    def events(self) -> str:
        return self._key("events")

    @property
    def tail(self) -> str:
        return self._key("tail")

    @property
    def tasks(self) -> str:
        return self._key("tasks")

    @property
    def orders(self) -> str:
        return self._key("orders")

    @property
    def consumers(self) -> str:
        return self._key("consumers")

    def failure(self, fingerprint: str) -> str:
        return self._key("failure", fingerprint)

    def grave(self, fingerprint: str) -> str:
        return self._key("grave", fingerprint)

    @property
    def failures(self) -> str:
        return self._key("failures")

    @property
    def buried(self) -> str:
        return self._key("buried")

    @property
    def repairs(self) -> str:
        return self._key("repairs")

    def runs(self, schedule: str) -> str:
        return self._key("runs", schedule)

    def canary(self, canary_id: str) -> str:
        return self._key("canary", canary_id)

    def canary_line(self, canary_id: str) -> str:
        return self._key("canary_line", canary_id)

    def canary_flight(self, canary_id: str) -> str:
        return self._key("canary_flight", canary_id)

    @property
    def canaries(self) -> str:
        return self._key("canaries")

    def tally(self, schedule: str) -> str:
        return self._key("tally", schedule)

    @property
    def held(self) -> str:
        return self._key("held")

    @property
    def recording(self) -> str:
        return self._key("recording")

    @property
    def cron(self) -> str:
        return self._key("cron")


def lua_functions(text: str) -> str:
    """The same table as Lua, ``K.job(id)`` and so on over a prefix ``P``, with the functions that a text calls."""
    lines = []
    for name in sorted(set(re.findall(r"\bK\.(\w+)\(", text))):
        pattern = PATTERNS[name]
        names = [f"a{n}" for n in range(pattern.count("%s"))]
        first, *pieces = pattern.split("%s")
        parts = ["P", f"'{first}'"]
        for argument, piece in zip(names, pieces, strict=True):
            parts += [argument, f"'{piece}'"] if piece else [argument]
        lines.append(f"{name} = function({', '.join(names)}) return {' .. '.join(parts)} end,")
    return "local K = {\n" + "\n".join(lines) + "\n}\n"
