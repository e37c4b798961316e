"""How often each group failed, within spans that end at an instant, and where: exact, without counting all attempts.

Those of the last day are counted one by one. What is older stands in failure_counts, by hour and by day, which
PostgreSQL keeps while attempts are added (0009_failure_counts.sql).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from storage.database.connection import Session

HOURS_SHOWN = 24
WEEK = timedelta(days=7)
_FAILED = "fingerprint <> '' AND finished_at"
_LAST_DAY = f"""
    SELECT fingerprint, host, version, floor(extract(epoch FROM %(at)s - finished_at) / 3600)::int,
           finished_at >= %(today)s, finished_at >= %(this_hour)s, count(*)
    FROM attempts WHERE {_FAILED} <= %(at)s AND finished_at > %(at)s - interval '{HOURS_SHOWN} hours'
    GROUP BY 1, 2, 3, 4, 5, 6
"""
_DAYS_BEFORE = """
    SELECT fingerprint, host, version, sum(attempts)::bigint FROM failure_counts
    WHERE step_s = 86400 AND at < %(today)s GROUP BY fingerprint, host, version
"""
_WEEK_BEFORE = f"""
    SELECT fingerprint, sum(attempts)::bigint FROM (
        SELECT fingerprint, attempts FROM failure_counts
        WHERE step_s = 3600 AND at >= %(first_hour)s AND at < %(this_hour)s
        UNION ALL
        SELECT fingerprint, count(*) FROM attempts
        WHERE {_FAILED} > %(week_ago)s AND finished_at < %(first_hour)s GROUP BY fingerprint
    ) AS parts GROUP BY fingerprint
"""
# Each failed last in the latest hour that it failed in, or, where that was all after the instant, in the one before.
_LAST_HOURS = """
    SELECT DISTINCT at FROM (
        SELECT at, row_number() OVER (PARTITION BY fingerprint ORDER BY at DESC) AS place FROM failure_counts
        WHERE step_s = 3600 AND at <= %s
    ) AS hours WHERE place <= 2
"""
_LAST = f"""
    SELECT DISTINCT ON (fingerprint) fingerprint, finished_at, job_id
    FROM unnest(%s::timestamptz[]) AS hour
    CROSS JOIN LATERAL (
        SELECT fingerprint, finished_at, job_id FROM attempts
        WHERE {_FAILED} >= hour AND finished_at < hour + interval '1 hour' AND finished_at <= %s
    ) AS failed
    ORDER BY fingerprint, finished_at DESC, job_id
"""

_LAST_OF = f"""
    SELECT DISTINCT ON (fingerprint) fingerprint, finished_at, job_id FROM attempts
    WHERE fingerprint = ANY(%s) AND {_FAILED} <= %s ORDER BY fingerprint, finished_at DESC, job_id
"""


@dataclass(slots=True)
class Tally:
    """Failed attempts of a group: all in the days for which jobs are kept; those within one hour, three, a day, a week;
    those by hour of the last day, oldest first; and all by host and by version."""

    attempts: int = 0
    hours: list[int] = field(default_factory=lambda: [0] * HOURS_SHOWN)
    week: int = 0
    hosts: dict[str, int] = field(default_factory=dict)
    versions: dict[str, int] = field(default_factory=dict)

    @property
    def within(self) -> tuple[int, int, int, int]:
        """Within one hour, three, a day and a week."""
        return self.hours[-1], sum(self.hours[-3:]), sum(self.hours), self.week

    def add(self, host: str, version: str, attempts: int) -> None:
        """Count attempts that failed there."""
        self.attempts += attempts
        for name, counts in ((host, self.hosts), (version, self.versions)):
            if name:
                counts[name] = counts.get(name, 0) + attempts


def tallies_at(session: Session, at: datetime) -> Mapping[str, Tally]:
    """Those of every group that had failed by an instant, by fingerprint."""
    found: dict[str, Tally] = {}
    given = _spans(at)
    for fingerprint, host, version, hours_ago, is_today, is_this_hour, attempts in session.rows(_LAST_DAY, given):
        tally = found.setdefault(fingerprint, Tally())
        tally.hours[HOURS_SHOWN - 1 - hours_ago] += attempts
        if is_today:
            tally.add(host, version, attempts)
        if is_this_hour:
            tally.week += attempts
    for fingerprint, host, version, attempts in session.rows(_DAYS_BEFORE, given):
        found.setdefault(fingerprint, Tally()).add(host, version, attempts)
    for fingerprint, attempts in session.rows(_WEEK_BEFORE, given):
        found.setdefault(fingerprint, Tally()).week += attempts
    return found


def last_at(session: Session, at: datetime, names: Iterable[str]) -> Mapping[str, tuple[datetime, str]]:
    """When each of these groups had failed last by an instant, of the attempts that are kept, and which job it was."""
    hours = [hour for (hour,) in session.rows(_LAST_HOURS, (at,))]
    found = {fingerprint: (seen_at, job_id) for fingerprint, seen_at, job_id in session.rows(_LAST, (hours, at))}
    missing = [name for name in names if name not in found]
    if missing:  # what failed in those hours were jobs of a day that is forgotten already
        rows = session.rows(_LAST_OF, (missing, at))
        found |= {fingerprint: (seen_at, job_id) for fingerprint, seen_at, job_id in rows}
    return found


def _spans(at: datetime) -> dict[str, datetime]:
    at = at.astimezone(UTC)
    this_hour = at.replace(minute=0, second=0, microsecond=0)
    week_ago = at - WEEK
    first_hour = week_ago.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    today = this_hour.replace(hour=0)
    return {"at": at, "today": today, "this_hour": this_hour, "week_ago": week_ago, "first_hour": first_hour}
