"""Forgets what is older than it is kept: whole days by their partition, the rest in small batches."""

import logging
import time
from datetime import UTC, date, datetime, timedelta

from msgspec import Struct

from storage.database.connection import Session, translated
from storage.errors import StoreUnavailable
from storage.history import partitions
from storage.history.ages import Ages
from storage.history.writing import Writer

_logger = logging.getLogger(__name__)

ROWS_AT_ONCE = 2_000
EVERY_S = 60.0
MINUTES_KEPT = timedelta(days=2)
HOURS_KEPT = timedelta(days=92)


class _Kind(Struct, frozen=True):
    table: str
    column: str
    condition: str
    kept: timedelta


class Retention:
    """Works through what is too old, a batch at a time, so that nothing else waits for it."""

    def __init__(self, ages: Ages) -> None:
        self._days = {"jobs": ages.jobs, "attempts": ages.jobs, "logs": ages.logs}
        days = timedelta(days=1)
        self._kinds = (
            _Kind("measures", "at", "step_s = 60 AND ", MINUTES_KEPT),
            _Kind("measures", "at", "step_s = 3600 AND ", HOURS_KEPT),
            _Kind("samples", "at", "", ages.samples * days),
            _Kind("consumer_samples", "at", "", ages.samples * days),
            _Kind("sampled_minutes", "at", "", ages.samples * days),
            _Kind("failure_groups", "last_seen_at", "", ages.jobs * days),
            _Kind("failure_counts", "at", "step_s = 3600 AND ", ages.jobs * days),
            _Kind("failure_counts", "at", "step_s = 86400 AND ", (ages.jobs + 1) * days),
            _Kind("audit", "at", "", ages.audit * days),
            _Kind("trash", "trashed_at", "", ages.trash * days),
        )
        self._next_at = 0.0

    def work(self, session: Session, writer: Writer, *, now_at: datetime | None = None) -> int:
        """Forget a batch of each kind, at most once a minute; answers how many days and rows went. While there is more,
        the next call goes on at once."""
        if now_at is None and time.monotonic() < self._next_at:
            return 0
        now = now_at or datetime.now(UTC)
        dropped = sum(
            self._drop_days(session, table, now.date() - timedelta(days=kept)) for table, kept in self._days.items()
        )
        if dropped:
            writer.forget_days()
        removed = [_remove(session, kind, now - kind.kept) for kind in self._kinds]
        if max(removed) < ROWS_AT_ONCE:
            self._next_at = time.monotonic() + EVERY_S
        return dropped + sum(removed)

    def _drop_days(self, session: Session, table: str, before: date) -> int:
        """Drop the days before one. A day that somebody reads is dropped another time."""
        days = [day for day in partitions.days_of(session, table) if day < before]
        for day in days:
            try:
                with translated(), session.database.atomic():
                    session.run("SET LOCAL lock_timeout = '1s'")
                    partitions.drop(session, table, day)
            except StoreUnavailable as error:
                _logger.info("%s of %s is forgotten later: %s", table, day, error)
                return 0
            _logger.info("%s of %s is forgotten", table, day)
        return len(days)


def _remove(session: Session, kind: _Kind, before: datetime) -> int:
    return session.run(
        f"DELETE FROM {kind.table} WHERE ctid = ANY(ARRAY("
        f"SELECT ctid FROM {kind.table} WHERE {kind.condition}{kind.column} < %s LIMIT {ROWS_AT_ONCE}))",
        (before,),
    )
