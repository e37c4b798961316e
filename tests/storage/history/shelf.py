"""Rows of history, put there by hand."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from storage.database.connection import Database
from storage.history import partitions

NOW = datetime(2026, 11, 22, 3, 30, tzinfo=UTC)
TASK = "shop.tasks.pack"


def ago(**lengths: float) -> datetime:
    """So long before now."""
    return NOW - timedelta(**lengths)


class Shelf:
    """Puts rows into a database."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def job(self, job_id: str, *, created_at: datetime = NOW, **fields: Any) -> str:
        """A job that succeeded, unless the fields say otherwise."""
        if "args" in fields:
            fields["args"] = json.dumps(fields["args"])
        row = {"version": 1, "task": TASK, "queue": "default", "state": "succeeded", "attempt": 1} | fields
        self._insert("jobs", created_at, {"id": job_id, "created_at": created_at} | row)
        with self.database.session() as session:
            names = (row["queue"], row["task"])
            session.run(
                "INSERT INTO measures (step_s, at, queue, task) VALUES (0, 'epoch', %s, %s) ON CONFLICT DO NOTHING",
                names,
            )
        return job_id

    def attempt(self, job_id: str, number: int = 1, *, created_at: datetime = NOW, **fields: Any) -> None:
        """A failed attempt, unless the fields say otherwise."""
        row = {"job_created_at": created_at, "job_id": job_id, "number": number, "task": TASK, "queue": "default"}
        at = fields.get("finished_at", created_at)
        row |= {"outcome": "failed", "started_at": at, "finished_at": at}
        self._insert("attempts", created_at, row | fields)

    def failure(self, fingerprint: str, *ended_at: datetime, **fields: Any) -> None:
        """A group with failed attempts that ended then."""
        for number, at in enumerate(ended_at):
            self.attempt(f"{fingerprint}-{number}", created_at=at, finished_at=at, fingerprint=fingerprint, **fields)
        row = (fingerprint, TASK, "ValueError", "no page #", min(ended_at), max(ended_at), f"{fingerprint}-0")
        with self.database.session() as session:
            session.run(
                "INSERT INTO failure_groups (fingerprint, task, error_type, message, first_seen_at, last_seen_at,"
                " sample) VALUES (%s, %s, %s, %s, %s, %s, %s)",
                row,
            )

    def line(self, job_id: str, message: str, at: datetime = NOW) -> None:
        """A line in a job's log."""
        position = f"{job_id}-{message}-{at.timestamp()}"
        row = {"at": at, "position": position, "job_id": job_id, "task": TASK, "queue": "default", "attempt": 1}
        self._insert("logs", at, row | {"level": "INFO", "logger": "shop", "message": message})

    def _insert(self, table: str, at: datetime, row: dict[str, Any]) -> None:
        with self.database.transaction() as session:
            partitions.ensure(session, (table,), (at.date(),))
            marks = ", ".join(["%s"] * len(row))
            session.run(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})", tuple(row.values()))
