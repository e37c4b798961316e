"""What the recorder reads of the broker, and how it says what it has recorded. Each method is one round trip.

There is one cursor for the events and one for the log lines, in Redis, beside what they count; they move on only when
PostgreSQL has committed. A consumer group of Redis would add a list of what is pending, and a write to the append-only
file for each event that is read, for nothing: what is read again after a crash changes nothing in history.
"""

import threading
from collections.abc import Iterator, Sequence
from typing import Any

import msgpack
from msgspec import Struct

from storage.broker.broker import Broker
from storage.broker.reading import Reads
from storage.broker.records import STATES
from storage.broker.scripts import Question
from storage.database.text import storable
from storage.errors import StoreRefused
from storage.history.rows import Packed

LARGEST_READ_BYTES = 3 * 2**20
LEASE_MS = 10_000
"""How long a recorder that went silent keeps the lead."""
JOBS_AT_ONCE = 250
"""Most records read by one script: it stalls Redis for about 5 ms."""
EVENTS_AT_ONCE = 500
LINES_AT_ONCE = 2_000


class Gone(Struct, frozen=True):
    """An event of a job that the broker no longer knows. ``created_ms`` is None where the event does not say it."""

    job_id: str
    state: str
    version: int
    at_ms: int
    created_ms: int | None


class Events(Struct, frozen=True):
    """What some events say. ``has_gap``: events before them went unread. ``through_ms``: once these are recorded, all
    that happened until then is. ``is_last``: there were no more of them."""

    last_id: str
    count: int
    through_ms: int
    has_gap: bool
    records: tuple[list[Any], ...]
    gone: tuple[Gone, ...]
    is_last: bool
    passed: tuple[str, ...] = ()
    """Ids of jobs whose first event is among these, and that come with a later one, which is not."""


class Lead(Struct, frozen=True):
    """The lead of the recorders: where to go on. ``walk`` is not 0 when every job has to be looked at, and with
    ``lines_after`` what it has logged since that position."""

    cursor: str
    tail: str
    walk: int
    lines_after: str


class Lines(Struct, frozen=True):
    """Log lines by their position. ``has_gap``: lines before them went unread."""

    last_id: str
    has_gap: bool
    lines: tuple[tuple[str, str, bytes], ...]
    """Position, job id, and the line's own text."""


class Stream:
    """The broker as one recorder sees it, by its name."""

    def __init__(self, broker: Broker, name: str, events_bound: int) -> None:
        self._broker = broker
        self._name = name
        self._bound = events_bound
        self._logs = _Logs(broker.client, broker.namespace)
        self._asked: tuple[str, Question] | None = None
        self._forgotten = 0
        self._taking = threading.Lock()
        # What is asked ahead keeps a connection, and whoever writes wants one meanwhile.
        self._asks_ahead = broker.client.connection_pool.max_connections > 1

    def lead(self, trouble: str = "") -> Lead | None:
        """Take or renew the lead, saying what is in the way; None when another one has it."""
        leads, cursor, tail, walk, lines = self._broker.run("lead", self._name, LEASE_MS, self._bound, trouble)
        return Lead(cursor.decode(), tail.decode(), walk, lines.decode()) if leads else None

    def leave(self) -> None:
        """Let another one lead at once."""
        self.forget()
        self._broker.run("lead", self._name, 0, self._bound, "")

    def events(self, after: str) -> Events:
        """The next events, with the records of their jobs. Redis goes on with those after them in the meantime."""
        with self._taking:
            forgotten = self._forgotten
            asked, self._asked = self._asked, None
        if asked is not None and asked[0] != after:
            asked[1].drop()
            asked = None
        reply = msgpack.Unpacker(raw=False, unicode_errors="surrogateescape", max_buffer_size=0)
        reply.feed((asked[1] if asked else self._question(after)).answer())
        reply.read_array_header()
        last_id, count, through_ms, is_here, is_last = (reply.unpack() for _ in range(5))
        if not is_last and self._asks_ahead:
            self._keep(last_id, self._question(last_id), forgotten)
        records, gone, passed = reply
        told = tuple(
            Gone(storable(job_id), state, int(version), int(at), int(created) if created else None)
            for job_id, state, version, at, created in gone
        )
        return Events(last_id, count, int(through_ms), not is_here, tuple(records), told, is_last, tuple(passed))

    def forget(self) -> None:
        """Let what was asked ahead not count: much may have happened since."""
        with self._taking:  # whoever reads is another thread
            self._forgotten += 1
            asked, self._asked = self._asked, None
        if asked is not None:
            asked[1].drop()

    def _question(self, after: str) -> Question:
        return self._broker.ask("record", after, EVENTS_AT_ONCE, JOBS_AT_ONCE, LARGEST_READ_BYTES)

    def _keep(self, after: str, question: Question, forgotten: int) -> None:
        with self._taking:
            if forgotten == self._forgotten:
                self._asked = after, question
                return
        question.drop()  # it was asked by who did not know yet that it is not wanted

    def leads_at(self, cursor: str) -> bool:
        """Whether this recorder leads, and nobody has recorded an event after this position."""
        leader, at = self._broker.call("hmget", self._broker.keys.recording, "leader", "cursor")
        return (leader, at) == (self._name.encode(), cursor.encode())

    def recorded(self, last: Events, count: int) -> bool:
        """So many events up to the last of these are in history. False when another one leads by now."""
        return bool(self._broker.run("recorded", self._name, "events", last.last_id, count, last.through_ms))

    def lines(self, after: str) -> Lines:
        """The next log lines of all jobs."""
        return self._logs.tail(after)

    def lines_of(self, job_ids: Sequence[str], after: str) -> tuple[tuple[str, str, bytes], ...]:
        """What these jobs have logged after a position, from their own logs."""
        return self._logs.of_jobs(job_ids, after)

    def lines_recorded(self, last_id: str) -> bool:
        """The log lines up to this one are in history. False when another one leads by now."""
        return bool(self._broker.run("recorded", self._name, "tail", last_id, 0, 0))

    def walked(self, number: int) -> bool:
        """Every job was looked at since the walk of this number was asked for. False when another one leads by now."""
        return bool(self._broker.run("recorded", self._name, "walk", "0-0", number, 0))

    def must_walk(self, lines_after: str = "") -> None:
        """Let every job be looked at, by whoever leads."""
        if lines_after:
            self._broker.call("hsetnx", self._broker.keys.recording, "walk_lines", lines_after)
        self._broker.call("hincrby", self._broker.keys.recording, "walk", 1)

    def note_server(self, server: str) -> bool:
        """Say which run of Redis history follows; True when it was another one before."""
        key = self._broker.keys.recording
        before = self._broker.call("hget", key, "server")
        self._broker.call("hset", key, "server", server)
        return before is not None and before.decode() != server

    def server(self) -> str:
        """Which run of Redis this is; "" when it does not say."""
        try:
            return str(self._broker.call("info", "server").get("run_id", ""))
        except StoreRefused:  # a managed server that keeps INFO to itself
            return ""

    def places(self) -> list[tuple[str, str]]:
        """Every index, as (queue, state)."""
        queues = sorted(name.decode() for name in self._broker.call("smembers", self._broker.keys.queues))
        return [(queue, state) for queue in queues for state in STATES]

    def records(self, queue: str, state: str) -> Iterator[tuple[Packed, ...]]:
        """The records of an index, some at a time: each that is in it all the while at least once."""
        cursor = "0"
        while True:
            cursor, records = _unpacked(self._broker.run("records", queue, state, cursor, JOBS_AT_ONCE))
            yield tuple(records)
            if cursor == "0":
                return

    def known(self, job_ids: Sequence[str]) -> list[bool]:
        """Whether the broker knows each of these jobs."""
        return self._logs.exist(job_ids)


def _unpacked(reply: bytes) -> Any:
    """What a script answered. Bytes that are no UTF-8 are kept in its strings: encode with surrogateescape."""
    return msgpack.unpackb(reply, raw=False, unicode_errors="surrogateescape")


class _Logs(Reads):
    """Reads of many keys at once."""

    def tail(self, after: str) -> Lines:
        with self._pipe() as pipe:
            pipe.xrange(self._keys.tail, min=f"({after}", max="+", count=LINES_AT_ONCE)
            pipe.xrange(self._keys.tail, min=after, max=after)
            found, before = self._run(pipe)
        lines = tuple((at.decode(), fields[b"j"].decode("utf-8", "replace"), fields[b"d"]) for at, fields in found)
        return Lines(lines[-1][0] if lines else after, after != "0-0" and bool(lines) and not before, lines)

    def of_jobs(self, job_ids: Sequence[str], after: str) -> tuple[tuple[str, str, bytes], ...]:
        with self._pipe() as pipe:
            for job_id in job_ids:
                pipe.xrange(self._keys.log(job_id), min=f"({after}", max="+")
            found = self._run(pipe)
        return tuple(
            (at.decode(), job_id, fields[b"d"])
            for job_id, rows in zip(job_ids, found, strict=True)
            for at, fields in rows
        )

    def exist(self, job_ids: Sequence[str]) -> list[bool]:
        with self._pipe() as pipe:
            for job_id in job_ids:
                pipe.exists(self._keys.job(job_id))
            return [bool(found) for found in self._run(pipe)]
