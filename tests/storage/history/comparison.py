"""Compares what the broker knows with history, job by job: the checker of every crash test."""

from datetime import UTC, datetime

from storage.broker.inspector import Inspector
from storage.broker.records import STATES, Job
from storage.database.connection import Database

_FIELDS = ("id", "task", "queue", "state", "version", "attempt", "crashes", "retries_left", "error_type", "error")
_COUNTED = "SELECT step_s, sum(attempts) FROM failure_counts GROUP BY step_s"


def differences(inspector: Inspector, database: Database) -> list[str]:
    """A sentence for each thing on which Redis and PostgreSQL do not agree, of the jobs that Redis knows."""
    with database.session() as session:
        rows = session.rows(f"SELECT {', '.join(_FIELDS)}, created_at, started_at, finished_at FROM jobs")
        runs = session.rows("SELECT job_id, number, outcome, started_at, finished_at FROM runs")
        counted = dict(session.rows(_COUNTED))
        failed = session.rows("SELECT count(*) FROM attempts WHERE fingerprint <> ''")[0][0]
    known = {(row[0], row[-3]): row for row in rows}
    attempts = {(job_id, number): tuple(rest) for job_id, number, *rest in runs}
    found = [
        f"{failed} attempts failed, failure_counts have {counted.get(step_s, 0)} of them"
        for step_s in (3600, 86400)
        if counted.get(step_s, 0) != failed
    ]
    if len(known) != len(rows):
        found.append("history has a job twice")
    for job in _jobs(inspector):
        row = known.get((job.id, job.created_at))
        if row is None:
            found.append(f"history does not know job {job.id} ({job.state})")
            continue
        expected = (*(getattr(job, name) for name in _FIELDS), job.created_at, job.started_at, job.finished_at)
        found += [
            f"job {job.id}: {name} is {ours!r}, history says {theirs!r}"
            for name, ours, theirs in zip((*_FIELDS, "created", "started", "finished"), expected, row, strict=True)
            if ours != theirs
        ]
        for one in job.attempts:
            told = attempts.get((job.id, one.number))
            if told != (one.outcome, one.started_at, one.finished_at):
                found.append(f"attempt {one.number} of job {job.id}: {one.outcome}, history says {told!r}")
    return found


def measured(database: Database) -> dict[str, int]:
    """What measures have counted since ever."""
    names = ("enqueued", "started", "succeeded", "failed", "lost", "canceled", "dead")
    sums = ", ".join(f"coalesce(sum({name}), 0)::bigint" for name in names)
    with database.session() as session:
        by_step = {
            step: dict(zip(names, values, strict=True))
            for step, *values in session.rows(f"SELECT step_s, {sums} FROM measures GROUP BY step_s")
        }
    assert len({tuple(counts.items()) for counts in by_step.values()}) <= 1, by_step
    return by_step.get(0, dict.fromkeys(names, 0))


def _jobs(inspector: Inspector) -> list[Job]:
    found: list[Job] = []
    while page := inspector.jobs(STATES, (), len(found), 500).jobs:
        found += [inspector.job(row.id) for row in page]
    return found


def at(ms: int) -> datetime:
    """An instant of the broker's clock."""
    return datetime.fromtimestamp(ms / 1000, UTC)
