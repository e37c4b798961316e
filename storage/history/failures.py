"""Failures by what their errors have in common: how often, since when, where, and what operators said of them.

A group's id is the fingerprint that the engine gave the error; the broker's own groups of dead jobs have the same.
Counts of failed attempts come from attempts; how many jobs are dead now the broker knows best, and is asked first.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal

from msgspec import Struct, field

from storage.broker.records import FailureGroup
from storage.database.connection import Database, Session
from storage.errors import JobMissing
from storage.history import walking
from storage.history.conditions import condition
from storage.history.filters import Filter, Window
from storage.history.jobs import known
from storage.history.tallies import HOURS_SHOWN, Tally, last_at, tallies_at
from storage.values import replace

GroupState = Literal["open", "muted", "resolved", "regressed"]
GROUP_STATES: tuple[GroupState, ...] = ("open", "regressed", "muted", "resolved")
PLACES_SHOWN = 20
"""Most hosts and versions that are named of a group, the most frequent first."""
_DEAD = "SELECT fingerprint, count(*) FROM jobs WHERE state = 'dead' AND fingerprint <> '' GROUP BY fingerprint"
_GROUPS = "SELECT fingerprint, task, error_type, message, 0, first_seen_at, last_seen_at, sample FROM failure_groups"
_MARKS = "SELECT fingerprint, state, note, by, at FROM failure_marks"
_MARK = """
    INSERT INTO failure_marks (fingerprint, state, note, by, at) VALUES (%s, %s, %s, %s, %s)
    ON CONFLICT (fingerprint) DO UPDATE
    SET state = excluded.state, note = excluded.note, by = excluded.by, at = excluded.at
"""


class Mark(Struct, frozen=True):
    """What an operator said of a group."""

    state: Literal["muted", "resolved"]
    note: str
    by: str
    at: datetime


class Trend(Struct, frozen=True):
    """Failed attempts within the last hour, three hours, day and week, and by hour of the last day, oldest first."""

    hour: int = 0
    three_hours: int = 0
    day: int = 0
    week: int = 0
    hours: tuple[int, ...] = (0,) * HOURS_SHOWN


class Group(Struct, frozen=True):
    """Failures of one cause. ``attempts`` counts those that failed in the days for which history keeps jobs, ``dead``
    the jobs that are dead of it now. ``sample`` is the id of the job that failed last; hosts and versions are the most
    frequent first. A group is *regressed* when it was resolved and failed again after that."""

    fingerprint: str
    task: str
    error_type: str
    message: str
    state: GroupState
    mark: Mark | None
    attempts: int
    dead: int
    first_seen_at: datetime
    last_seen_at: datetime
    sample: str
    trend: Trend = field(default_factory=Trend)
    hosts: tuple[str, ...] = ()
    versions: tuple[str, ...] = ()


def groups(
    database: Database, *, now: datetime, live: Sequence[FailureGroup] | None = None, given: Filter | None = None
) -> tuple[Group, ...]:
    """Every group, the one with the latest failure first. ``live`` are the broker's groups; without them the dead jobs
    are those of history. ``given`` leaves the groups of which some job matches it, by that job's last error.

    Raises: StoreUnavailable, StoreRefused.
    """
    with walking.reading(database) as session:
        rows = {row[0]: FailureGroup(*row) for row in session.rows(_GROUPS)}
        dead = {one.fingerprint: one.count for one in live} if live is not None else dict(session.rows(_DEAD))
        tallies = tallies_at(session, now)
        marks = {fingerprint: Mark(*rest) for fingerprint, *rest in session.rows(_MARKS)}
        wanted = None if given is None or given.node is None else _fingerprints(session, given)
    for one in live or ():
        rows[one.fingerprint] = _newer(one, rows.get(one.fingerprint))
    found = [
        _group(row, marks.get(name), dead.get(name, 0), tallies.get(name, Tally()))
        for name, row in rows.items()
        if wanted is None or name in wanted
    ]
    return tuple(sorted(found, key=lambda group: (group.last_seen_at, group.fingerprint), reverse=True))


def groups_at(database: Database, at: datetime) -> tuple[Group, ...]:
    """The groups that had failed by an instant, with counts and trends as of then, the one with the latest failure
    first. How many jobs were dead of each was never recorded: ``dead`` is 0. A mark is what holds since before then;
    what was said later is left out, and what it took the place of is not known.

    Raises: StoreUnavailable, StoreRefused.
    """
    with walking.reading(database) as session:
        rows = {row[0]: FailureGroup(*row) for row in session.rows(_GROUPS)}
        tallies = tallies_at(session, at)
        last = last_at(session, at, tallies)
        marks = {fingerprint: Mark(*rest) for fingerprint, *rest in session.rows(_MARKS)}
    found = []
    for name, (seen_at, sample) in last.items():
        if name not in rows:
            continue
        mark = marks.get(name)
        row = replace(rows[name], last_seen_at=seen_at, sample=sample)
        found.append(_group(row, mark if mark is not None and mark.at <= at else None, 0, tallies.get(name, Tally())))
    return tuple(sorted(found, key=lambda group: (group.last_seen_at, group.fingerprint), reverse=True))


def _fingerprints(session: Session, given: Filter) -> set[str]:
    asked = condition(given.node, given.now, known(session, given)).within(Window(None, None))
    sql = f"SELECT DISTINCT fingerprint FROM jobs WHERE fingerprint <> '' AND ({asked.sql})"
    return {fingerprint for (fingerprint,) in session.rows(sql, asked.parameters)}


def _newer(live: FailureGroup, row: FailureGroup | None) -> FailureGroup:
    """A group as both know it: the earlier first sight, and the later last one with its sample."""
    if row is None:
        return live
    last = live if live.last_seen_at >= row.last_seen_at else row
    first_seen_at = min(live.first_seen_at, row.first_seen_at)
    return FailureGroup(
        *(live.fingerprint, row.task, row.error_type, row.message, live.count, first_seen_at, last.last_seen_at),
        last.sample,
    )


def _group(row: FailureGroup, mark: Mark | None, dead: int, tally: Tally) -> Group:
    return Group(
        fingerprint=row.fingerprint,
        task=row.task,
        error_type=row.error_type,
        message=row.message,
        state=_state(mark, row.last_seen_at),
        mark=mark,
        attempts=tally.attempts,
        dead=dead,
        first_seen_at=row.first_seen_at,
        last_seen_at=row.last_seen_at,
        sample=row.sample,
        trend=Trend(*tally.within, tuple(tally.hours)),
        hosts=_most(tally.hosts),
        versions=_most(tally.versions),
    )


def _state(mark: Mark | None, last_seen_at: datetime) -> GroupState:
    if mark is None:
        return "open"
    return "regressed" if mark.state == "resolved" and last_seen_at > mark.at else mark.state


def _most(counts: Mapping[str, int]) -> tuple[str, ...]:
    return tuple(sorted(counts, key=lambda name: (-counts[name], name))[:PLACES_SHOWN])


# -- what operators say ----------------------------------------------------------------------------------------


def find(database: Database, prefix: str) -> str:
    """The fingerprint of the only group in history that begins so. Raises JobMissing."""
    with database.session() as session:
        rows = session.rows(
            "SELECT fingerprint FROM failure_groups WHERE starts_with(fingerprint, %s) LIMIT 2", (prefix,)
        )
    if prefix and len(rows) == 1:
        return str(rows[0][0])
    if prefix and rows:
        raise JobMissing(f"several groups of failures begin with {prefix!r}: write more of it")
    raise JobMissing(f"there is no group of failures {prefix!r}: `dewey failures` shows those that there are")


def mark_of(database: Database, fingerprint: str) -> Mark | None:
    """What was said of a group last. Raises StoreUnavailable, StoreRefused."""
    with database.session() as session:
        rows = session.rows("SELECT state, note, by, at FROM failure_marks WHERE fingerprint = %s", (fingerprint,))
    return Mark(*rows[0]) if rows else None


def mute(database: Database, fingerprint: str, *, by: str, note: str, at: datetime) -> None:
    """Say that a group is known and nobody needs to look. Raises StoreUnavailable, StoreRefused."""
    _say(database, fingerprint, Mark("muted", note, by, at))


def resolve(database: Database, fingerprint: str, *, by: str, note: str, at: datetime) -> None:
    """Say that the cause of a group is gone; should it fail after this instant, on the broker's clock, it is regressed.

    Raises: StoreUnavailable, StoreRefused.
    """
    _say(database, fingerprint, Mark("resolved", note, by, at))


def reopen(database: Database, fingerprint: str) -> bool:
    """Take back what was said of a group; False when nothing was. Raises StoreUnavailable, StoreRefused."""
    with database.session() as session:
        return session.run("DELETE FROM failure_marks WHERE fingerprint = %s", (fingerprint,)) > 0


def _say(database: Database, fingerprint: str, mark: Mark) -> None:
    with database.session() as session:
        session.run(_MARK, (fingerprint, mark.state, mark.note, mark.by, mark.at))
