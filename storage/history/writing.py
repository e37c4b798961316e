"""Writes a batch of jobs into jobs, attempts, failure_groups and measures: all of it or nothing, and once.

One transaction at a time writes history (an advisory lock of the transaction), so what is read of a job's row in it
stays true to its end. A job whose row has this version or a later one is left alone; what is counted is in its row.
"""

import zlib
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime
from functools import lru_cache

from msgspec import Struct

from storage.database.connection import Session
from storage.errors import StoreUnavailable
from storage.history import partitions
from storage.history.copying import NULL, all_quoted, copy, instant, json_text, line, number, quoted
from storage.history.counting import NEW, Old, Tallies
from storage.history.rows import JobRow, Run

LOCK = 0x6465770000000000
"""The advisory locks of recorders begin here; the rest is the namespace."""

DAY_MS = 86_400_000

JOB_COLUMNS = (
    "id, task, queue, state, worker, reason, error_type, error, fingerprint, parent, unique_key, host, "
    "consumer_version, created_at, version, priority, queued_at, run_at, started_at, finished_at, wait_ms, "
    "duration_ms, attempt, crashes, retries, retries_left, starts_counted, ends_counted, args, result"
)
ATTEMPT_COLUMNS = (
    "job_created_at, job_id, number, task, queue, outcome, started_at, finished_at, wait_ms, host, worker, version, "
    "error_type, error, traceback, fingerprint"
)
_CHANGING = [name for name in JOB_COLUMNS.split(", ") if name not in ("id", "created_at")]
_MEASURES = "enqueued, started, succeeded, failed, lost, canceled, dead, wait_ms, run_ms"

# Each look-up by key is a few microseconds; a plan that reads whole days instead would be seconds.
_SETTINGS = "SET enable_hashjoin = off; SET enable_mergejoin = off; SET idle_in_transaction_session_timeout = '60s'"
_CHANGED_JOBS = "CREATE TEMPORARY TABLE IF NOT EXISTS changed_jobs (LIKE jobs INCLUDING DEFAULTS) ON COMMIT DELETE ROWS"
_NEW_ATTEMPTS = (
    "CREATE TEMPORARY TABLE IF NOT EXISTS new_attempts (LIKE attempts INCLUDING DEFAULTS) ON COMMIT DELETE ROWS"
)
_KNOWN = """
    SELECT j.id, (extract(epoch FROM j.created_at) * 1000)::bigint, j.version, j.state, j.starts_counted, j.ends_counted
    FROM unnest(%s::bigint[], %s::text[]) AS asked (created_ms, id)
    JOIN jobs j ON j.created_at = timestamptz 'epoch' + asked.created_ms * interval '1 ms' AND j.id = asked.id
"""
_UPDATE = f"""
    UPDATE jobs j SET {", ".join(f"{name} = c.{name}" for name in _CHANGING)}
    FROM changed_jobs c WHERE j.created_at = c.created_at AND j.id = c.id
"""
_ADD_ATTEMPTS = (
    f"INSERT INTO attempts ({ATTEMPT_COLUMNS}) SELECT {ATTEMPT_COLUMNS} FROM new_attempts ON CONFLICT DO NOTHING"
)
_ADD_MEASURES = f"""
    INSERT INTO measures AS m (step_s, at, queue, task, {_MEASURES}, wait, run)
    SELECT step_s, timestamptz 'epoch' + at_ms * interval '1 ms', queue, task, {_MEASURES},
        wait::bigint[], run::bigint[]
    FROM unnest(
        %s::int[], %s::bigint[], %s::text[], %s::text[], {", ".join(["%s::bigint[]"] * 9)}, %s::text[], %s::text[]
    ) AS c (step_s, at_ms, queue, task, {_MEASURES}, wait, run)
    ON CONFLICT (step_s, at, queue, task) DO UPDATE SET
        {", ".join(f"{name} = m.{name} + excluded.{name}" for name in _MEASURES.split(", "))},
        wait = histogram_add(m.wait, excluded.wait), run = histogram_add(m.run, excluded.run)
"""
_ADD_GROUPS = """
    INSERT INTO failure_groups AS g (fingerprint, task, error_type, message, first_seen_at, last_seen_at, sample)
    VALUES (%s, %s, %s, %s, timestamptz 'epoch' + %s * interval '1 ms', timestamptz 'epoch' + %s * interval '1 ms', %s)
    ON CONFLICT (fingerprint) DO UPDATE SET
        first_seen_at = least(g.first_seen_at, excluded.first_seen_at),
        last_seen_at = greatest(g.last_seen_at, excluded.last_seen_at),
        sample = CASE WHEN excluded.last_seen_at >= g.last_seen_at THEN excluded.sample ELSE g.sample END
"""


class Written(Struct, frozen=True):
    """What became of a batch: jobs that were new, that had changed, and that history knew already."""

    new: int
    changed: int
    known: int


class Writer:
    """Writes for one namespace; on each connection it makes what it needs there, once."""

    def __init__(self, namespace: str) -> None:
        self._lock = LOCK + zlib.crc32(namespace.encode())
        self._prepared: Session | None = None
        self._days: set[date] = set()
        self._new_days: set[date] = set()

    def prepare(self, session: Session) -> None:
        """Set up a connection that is new to us."""
        if self._prepared is not session:
            for statement in (_SETTINGS, _CHANGED_JOBS, _NEW_ATTEMPTS):
                session.run(statement)
            self._days.clear()
            self._prepared = session

    def lock(self, session: Session) -> None:
        """Write alone until the end of the transaction. Raises StoreUnavailable when another one writes."""
        self._new_days.clear()
        if not session.rows("SELECT pg_try_advisory_xact_lock(%s)", (self._lock,))[0][0]:
            raise StoreUnavailable("another recorder is writing to this history right now")

    def ensure_days(self, session: Session, days: Iterable[date]) -> None:
        """See that the partitions of these days are there."""
        wanted = sorted(set(days) - self._days - self._new_days)
        if wanted:
            partitions.ensure(session, partitions.PARTITIONED, wanted)
            self._new_days.update(wanted)

    def committed(self) -> None:
        """The transaction that had the lock is committed: the days that it made need not be made again."""
        self._days |= self._new_days

    def write(
        self, session: Session, rows: Sequence[JobRow], versions: dict[str, str], *, again: bool = False
    ) -> Written:
        """Write rows, within a transaction that has the lock. ``versions`` says what consumers run. With ``again``
        a row that says otherwise is written whatever its version: the broker has forgotten what it knew."""
        latest = {(row.created_ms, row.id): row for row in sorted(rows, key=_version)}
        known = self._known(session, [key for key, row in latest.items() if again or not row.is_new])
        fresh = {
            key: row
            for key, row in latest.items()
            if (old := known.get(key, NEW)) is NEW or row.version > old.version or (again and _differs(row, old))
        }
        if not fresh:
            return Written(0, 0, len(latest))
        self.ensure_days(session, map(day_of, {created_ms - created_ms % DAY_MS for created_ms, _ in fresh}))
        tallies = Tallies()
        new = [(row, NEW) for key, row in fresh.items() if key not in known]
        changed = [(row, known[key]) for key, row in fresh.items() if key in known]
        if new:
            copy(session, "jobs", JOB_COLUMNS, _job_lines(new, tallies, versions))
        if changed:
            copy(session, "changed_jobs", JOB_COLUMNS, _job_lines(changed, tallies, versions))
            session.run(_UPDATE)
        self._write_attempts(session, fresh.values(), versions)
        columns = list(zip(*tallies.rows(), strict=True))
        if columns:
            session.run(_ADD_MEASURES, [list(column) for column in columns])
        return Written(len(new), len(changed), len(latest) - len(fresh))

    def forget_days(self) -> None:
        """Some partitions are gone."""
        self._days.clear()

    def _known(self, session: Session, keys: Iterable[tuple[int, str]]) -> dict[tuple[int, str], Old]:
        asked = list(keys)
        if not asked:
            return {}
        rows = session.rows(_KNOWN, ([created_ms for created_ms, _ in asked], [job_id for _, job_id in asked]))
        return {(created_ms, job_id): Old(*values) for job_id, created_ms, *values in rows}

    def _write_attempts(self, session: Session, rows: Iterable[JobRow], versions: dict[str, str]) -> None:
        found = [(row, run) for row in rows for run in row.stored_runs]
        if not found:
            return
        copy(session, "new_attempts", ATTEMPT_COLUMNS, (_attempt_line(row, run, versions) for row, run in found))
        session.run(_ADD_ATTEMPTS)
        for values in _groups(found):
            session.run(_ADD_GROUPS, values)


def _groups(found: Iterable[tuple[JobRow, Run]]) -> Iterator[tuple[object, ...]]:
    """The failure groups of a batch: of each, its first and last failure."""
    groups: dict[str, list[tuple[JobRow, Run]]] = {}
    for row, run in found:
        if run.fingerprint:
            groups.setdefault(run.fingerprint, []).append((row, run))
    for fingerprint, members in sorted(groups.items()):
        ends = [run.finished_ms or run.started_ms for _, run in members]
        row, run = members[max(range(len(ends)), key=ends.__getitem__)]
        yield fingerprint, row.task, run.error_type, run.shape, min(ends), max(ends), row.id


def _job_lines(jobs: Iterable[tuple[JobRow, Old]], tallies: Tallies, versions: dict[str, str]) -> Iterator[str]:
    """The lines of jobs, each with what history had of it, counted as they are made."""
    return (_job_line(row, tallies.count(row, old), versions) for row, old in jobs)


def _job_line(row: JobRow, counted: tuple[int, int], versions: dict[str, str]) -> str:
    host, process = _place_of(row.worker)
    words = all_quoted(
        (
            *(row.id, row.task, row.queue, row.state, row.worker, row.reason, row.error_type, row.error),
            *(row.fingerprint, row.parent, row.unique, host, versions.get(process, "")),
        )
    )
    runs = row.runs
    took = f"{number(runs[-1].wait_ms)}\t{number(runs[-1].run_ms)}" if runs else f"{NULL}\t{NULL}"
    return (
        f"{words}\t{instant(row.created_ms)}\t{row.version}\t{row.priority!r}\t{instant(row.queued_ms)}\t"
        f"{instant(row.run_at_ms)}\t{instant(row.started_ms)}\t{instant(row.finished_ms)}\t{took}\t{row.attempt}\t"
        f"{row.crashes}\t{row.retries}\t{row.retries_left}\t{counted[0]}\t{counted[1]}\t{json_text(row.args)}\t"
        f"{json_text(row.result)}\n"
    )


def _attempt_line(row: JobRow, run: Run, versions: dict[str, str]) -> str:
    return line(
        (
            *(instant(row.created_ms), quoted(row.id), str(run.number), quoted(row.task), quoted(row.queue)),
            *(quoted(run.outcome), instant(run.started_ms), instant(run.finished_ms), number(run.wait_ms)),
            *(quoted(host_of(run.worker)), quoted(run.worker), quoted(version_of(run.worker, versions))),
            *(quoted(run.error_type), quoted(run.error), quoted(run.traceback), quoted(run.fingerprint)),
        )
    )


def host_of(worker: str) -> str:
    """The host in a worker's name, ``host:pid/worker``."""
    return _place_of(worker)[0]


def version_of(worker: str, versions: dict[str, str]) -> str:
    """What the process of a worker runs, "" when it is not known."""
    return versions.get(_place_of(worker)[1], "")


@lru_cache(maxsize=4_096)
def _place_of(worker: str) -> tuple[str, str]:
    """The host and the process in a worker's name."""
    process = worker.partition("/")[0]
    return process.rpartition(":")[0], process


def _version(row: JobRow) -> int:
    return row.version


def _differs(row: JobRow, old: Old) -> bool:
    return row.version != old.version or row.state != old.state


def day_of(at_ms: int) -> date:
    """The day, in UTC, of an instant."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).date()
