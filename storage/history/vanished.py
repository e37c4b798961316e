"""Jobs that the broker no longer knows: thrown away while they waited, forgotten before they were recorded, or lost."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from storage.broker.records import FINISHED
from storage.database.connection import Database, Session
from storage.history.stream import Gone

LIVE_AT_ONCE = 500
_ENDED = f"({', '.join(repr(state) for state in FINISHED)})"
_AT = "timestamptz 'epoch' + %s * interval '1 ms'"
_MARK = f"""
    UPDATE jobs SET state = %s, reason = CASE WHEN %s = '' THEN reason ELSE %s END, finished_at = {_AT}, version = %s
    WHERE id = %s AND (%s::bigint IS NULL OR created_at = {_AT}) AND version < %s
        AND (state NOT IN {_ENDED} OR (%s AND state = 'dead'))
"""
_LIVE = f"""
    SELECT id, (extract(epoch FROM created_at) * 1000)::bigint, version FROM jobs
    WHERE state <> 'succeeded' AND state NOT IN {_ENDED}
        AND (created_at, id) > (timestamptz 'epoch' + %s * interval '1 ms', %s)
    ORDER BY created_at, id LIMIT {LIVE_AT_ONCE}
"""
_FORGET = f"""
    UPDATE jobs SET state = 'canceled', reason = 'the broker does not know it any more', finished_at = clock_timestamp()
    WHERE created_at = {_AT} AND id = %s AND version = %s
"""


class Known(NamedTuple):
    """A job that has not ended, as history knows it."""

    id: str
    created_ms: int
    version: int


def mark(session: Session, gone: Iterable[Gone]) -> None:
    """Record how jobs ended of which there is only the event left; within a transaction."""
    for one in gone:
        state = "canceled" if one.state == "forgotten" else one.state
        if state in FINISHED:
            created_ms = one.created_ms
            discarded = one.state == "canceled" and created_ms is not None  # discard.lua says so, also of a dead one
            reason = "discarded" if discarded else "thrown away" if one.state == "forgotten" else ""
            values = (state, reason, reason, one.at_ms, one.version, one.job_id, created_ms, created_ms, one.version)
            session.run(_MARK, (*values, discarded))


def live(database: Database) -> Iterator[list[Known]]:
    """All jobs that have not ended, some at a time."""
    last = (0, "")
    while True:
        with database.session() as session:
            found = [Known(*row) for row in session.rows(_LIVE, last)]
        if not found:
            return
        yield found
        last = found[-1].created_ms, found[-1].id


def forget(session: Session, missing: Sequence[Known]) -> None:
    """Say of jobs that the broker does not know them any more, unless something was recorded of them since."""
    for one in missing:
        session.run(_FORGET, (one.created_ms, one.id, one.version))
