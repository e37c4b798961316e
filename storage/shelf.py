"""What operators read of files: counts that never run away, and how many passages each file has."""

from collections.abc import Mapping, Sequence

from storage.database.connection import Database
from storage.files import STATUSES, Status

COUNTED_LIMIT = 10_000
"""Files of one status that are counted; a count above it says only that there are more."""


def tallies(database: Database) -> Mapping[Status, int]:
    """How many files there are in each status, every status named; COUNTED_LIMIT + 1 for any larger number."""
    each = " UNION ALL ".join(
        ["SELECT %s, count(*) FROM (SELECT 1 FROM files WHERE status = %s LIMIT %s) AS counted"] * len(STATUSES)
    )
    values = [value for status in STATUSES for value in (status, status, COUNTED_LIMIT + 1)]
    with database.session() as session:
        return {status: int(count) for status, count in session.rows(each, tuple(values))}


def passages(database: Database, file_ids: Sequence[int]) -> Mapping[int, int]:
    """How many passages each of these files has; those without any are left out."""
    query = "SELECT file_id, count(*) FROM chunks WHERE file_id = ANY(%s) GROUP BY file_id"
    with database.session() as session:
        return {int(file_id): int(count) for file_id, count in session.rows(query, (list(file_ids),))}
