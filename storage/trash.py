"""Jobs that were thrown away: whole, for seven days, so that throwing away can be undone.

A job is in here before it leaves the broker. Killed in between, it is in both places: never in none. What is
older than KEPT_S is forgotten by storage/history/retention.py.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

import msgpack
from msgspec import Struct

from storage.database.text import storable

if TYPE_CHECKING:
    from storage.database.connection import Database

KEPT_S = 7 * 86_400.0


class Whole(Struct, frozen=True):
    """All that the broker has of a job: its record, its log as (position, fields), what Huey's store holds for it, and
    of one that waited for others what it had of them (a hash or a list per key)."""

    id: str
    version: int
    record: dict[bytes, bytes]
    log: tuple[tuple[bytes, dict[bytes, bytes]], ...] = ()
    data: dict[bytes, bytes] | None = None
    chord: dict[bytes, bytes] | None = None
    failed: dict[bytes, bytes] | None = None
    children: tuple[bytes, ...] = ()

    @property
    def state(self) -> str:
        """The state it was in."""
        return self.record.get(b"state", b"").decode()

    def text(self, name: bytes) -> str:
        """A field of its record, as text."""
        return self.record.get(name, b"").decode("utf-8", "backslashreplace")


class Trashed(Struct, frozen=True):
    """A job in the trash, without its content. ``left_at`` is None when it may still be in the broker."""

    id: int
    act: str
    job_id: str
    task: str
    queue: str
    state: str
    version: int
    size_bytes: int
    trashed_at: datetime
    left_at: datetime | None


def put(database: Database, act: str, jobs: Sequence[Whole]) -> None:
    """Keep jobs, on behalf of an action; one that the same action put here before is kept as it is now."""
    with database.transaction() as session:
        for job in jobs:
            session.run(
                "INSERT INTO trash (act, job_id, task, queue, state, version, content)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s)"
                " ON CONFLICT (act, job_id) DO UPDATE SET version = excluded.version, state = excluded.state,"
                " queue = excluded.queue, content = excluded.content WHERE trash.left_at IS NULL",
                (
                    *(act, storable(job.id), storable(job.text(b"task")), storable(job.text(b"queue")), job.state),
                    *(job.version, _packed(job)),
                ),
            )


def left(database: Database, act: str, job_ids: Sequence[str]) -> None:
    """Note that jobs have left the broker."""
    with database.session() as session:
        session.run(
            "UPDATE trash SET left_at = clock_timestamp() WHERE act = %s AND job_id = ANY (%s) AND left_at IS NULL",
            (act, [storable(one) for one in job_ids]),
        )


def remove(database: Database, act: str, job_ids: Sequence[str]) -> int:
    """Take jobs out of the trash: they are in the broker again, or never left it. Answers how many were in it."""
    with database.session() as session:
        return session.run(
            "DELETE FROM trash WHERE act = %s AND job_id = ANY (%s)", (act, [storable(one) for one in job_ids])
        )


def take(database: Database, act: str, job_ids: Sequence[str]) -> dict[str, Whole]:
    """The whole jobs of an action that are still in the trash, by id."""
    with database.session() as session:
        rows = session.rows(
            "SELECT job_id, content FROM trash WHERE act = %s AND job_id = ANY (%s)",
            (act, [storable(one) for one in job_ids]),
        )
    return {job_id: _unpacked(bytes(content)) for job_id, content in rows}


def of(database: Database, act: str, *, left: bool | None = None) -> tuple[str, ...]:
    """The ids of the jobs that an action put into the trash, and that are in it still; ``left`` asks for those that
    have left the broker, or have not."""
    with database.session() as session:
        rows = session.rows(
            "SELECT job_id FROM trash WHERE act = %s AND coalesce((left_at IS NOT NULL) = %s, true) ORDER BY id",
            (act, left),
        )
    return tuple(job_id for (job_id,) in rows)


def listed(
    database: Database, *, job_id: str = "", queue: str = "", act: str = "", before: int | None = None, limit: int = 50
) -> tuple[Trashed, ...]:
    """What is in the trash, the last first; ``job_id`` may be the beginning of one, ``act`` is what put it there."""
    conditions, parameters = ["trashed_at > clock_timestamp() - %s * interval '1 second'"], [cast(Any, KEPT_S)]
    asked = (("starts_with(job_id, %s)", job_id), ("queue = %s", queue), ("act = %s", act), ("id < %s", before))
    for condition, value in asked:
        if value:
            conditions.append(condition)
            parameters.append(value)
    with database.session() as session:
        rows = session.rows(
            "SELECT id, act::text, job_id, task, queue, state, version, octet_length(content), trashed_at, left_at"
            f" FROM trash WHERE {' AND '.join(conditions)} ORDER BY id DESC LIMIT %s",
            [*parameters, limit],
        )
    return tuple(Trashed(*row) for row in rows)


def _packed(job: Whole) -> bytes:
    fields = (job.id, job.version, job.record, job.log, job.data, job.chord, job.failed, job.children)
    return zlib.compress(msgpack.packb(fields, use_bin_type=True), 1)


def _unpacked(content: bytes) -> Whole:
    job_id, version, record, log, data, chord, failed, children = msgpack.unpackb(
        zlib.decompress(content), raw=False, strict_map_key=False
    )
    lines = tuple((position, fields) for position, fields in log)
    return Whole(job_id, version, record, lines, data, chord, failed, tuple(children))
