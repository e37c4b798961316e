"""How long the oldest waiting job had waited, minute by minute."""

from datetime import UTC, datetime

from msgspec import Struct

from storage.database.connection import Database


class Wait(Struct, frozen=True):
    """The age of the oldest waiting job of all queues at an instant, in seconds; 0 when none waited."""

    at: datetime
    oldest_waiting_s: float


def waits(database: Database, start_at: datetime, end_at: datetime) -> tuple[Wait, ...]:
    """What was sampled from one instant to another, oldest first. A minute that nobody saw is not in it.

    Raises: StoreUnavailable, StoreRefused.
    """
    query = """
        SELECT minute.at, coalesce(max(samples.oldest_waiting_s), 0)
        FROM sampled_minutes AS minute LEFT JOIN samples ON samples.at = minute.at
        WHERE minute.at >= %s AND minute.at <= %s GROUP BY minute.at ORDER BY minute.at
    """
    with database.session() as session:
        rows = session.rows(query, (start_at, end_at))
    return tuple(Wait(at.astimezone(UTC), float(seconds)) for at, seconds in rows)
