"""The days of jobs, attempts and logs: a partition each, made before the first row of a day and dropped whole."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta

from storage.database.connection import Session

PARTITIONED = ("jobs", "attempts", "logs")


def ensure(session: Session, tables: Iterable[str], days: Iterable[date]) -> None:
    """Make the partitions of these tables for these days (UTC) that are not there yet."""
    for day in days:
        for table in tables:
            session.run(
                f"CREATE TABLE IF NOT EXISTS {name_of(table, day)} PARTITION OF {table} "
                f"FOR VALUES FROM ('{day.isoformat()} 00:00Z') TO ('{(day + timedelta(days=1)).isoformat()} 00:00Z')"
            )


def days_of(session: Session, table: str) -> tuple[date, ...]:
    """The days that a table has a partition for, oldest first."""
    rows = session.rows(
        "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = %s::regclass ORDER BY 1", (table,)
    )
    return tuple(datetime.strptime(name.rpartition("_")[2], "%Y%m%d").replace(tzinfo=UTC).date() for (name,) in rows)


def drop(session: Session, table: str, day: date) -> None:
    """Forget a day of a table."""
    session.run(f"DROP TABLE IF EXISTS {name_of(table, day)}")


def name_of(table: str, day: date) -> str:
    """What the partition of a day is called."""
    return f"{table}_{day:%Y%m%d}"
