"""A day is a partition."""

from datetime import UTC, date, datetime

import pytest

from storage.database.connection import Database
from storage.errors import StorageError
from storage.history import partitions

DAY = date(2026, 3, 1)


def _add(database: Database, at: datetime) -> None:
    with database.session() as session:
        session.run(
            "INSERT INTO jobs (id, created_at, version, task, queue, state) VALUES ('a', %s, 1, 't', 'q', 'queued')",
            (at,),
        )


def test_a_row_needs_the_partition_of_its_day(database: Database) -> None:
    noon = datetime(2026, 3, 1, 12, tzinfo=UTC)
    with pytest.raises(StorageError):
        _add(database, noon)
    with database.session() as session:
        partitions.ensure(session, partitions.PARTITIONED, [DAY])
        partitions.ensure(session, partitions.PARTITIONED, [DAY])
    _add(database, noon)
    with database.session() as session:
        assert session.rows("SELECT id FROM jobs") == [("a",)]


def test_a_day_is_forgotten_whole(database: Database) -> None:
    with database.session() as session:
        partitions.ensure(session, ["jobs"], [DAY, date(2026, 3, 2)])
        assert partitions.days_of(session, "jobs") == (DAY, date(2026, 3, 2))
        partitions.drop(session, "jobs", DAY)
        assert partitions.days_of(session, "jobs") == (date(2026, 3, 2),)
