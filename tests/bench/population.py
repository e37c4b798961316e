"""A month of jobs as the recorder keeps them: made from a seed, sent to PostgreSQL by COPY, a day at a time.

Nothing here is random from run to run. One job in thirty fails for good, one in forty needs a second attempt; these
have their attempts, errors and log lines. Tasks, queues and hosts are as uneven as they are in a real system.
"""

import bisect
import itertools
import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from storage.database.connection import Database
from storage.history import partitions

END_AT = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
"""When the last of these jobs was made; what a reader takes for now."""
TASKS = (
    *(("tasks.email.send_email", "email", 30), ("tasks.ingestion.ingest_file", "ingestion", 22)),
    *(("shop.billing.charge_card", "billing", 14), ("shop.orders.confirm_order", "orders", 12)),
    *(("shop.search.index_product", "search", 9), ("shop.reports.build_report", "reports", 5)),
    *(("tasks.tokens.clean_expired_tokens", "maintenance", 3), ("shop.partners.sync_partner", "sync", 2.5)),
    *(("shop.exports.export_customers", "reports", 1), ("shop.fraud.review_order", "rare", 0.02)),
)
HOSTS = (("w1", 40), ("w2", 35), ("w3", 20), ("w4-spot", 5))
ERRORS = (
    ("TimeoutError", "no answer from {host}.partner.example after {n} s", 30),
    ("ConnectionRefusedError", "[Errno 111] connection to 10.0.{n}.7:587 refused", 20),
    ("ValueError", "order {n} has no customer '{name}'", 20),
    ("KeyError", "'{name}'", 10),
    ("PermanentError", "file {name}-{n}.pdf is encrypted: send it without a password", 10),
    ("WorkerLost", "the worker {host}:{n}/Worker-1 stopped without a word (crash 1)", 5),
    ("smtplib.SMTPRecipientsRefused", "550 no such mailbox {name}@example.org", 4),
    ("DiskFullError", "no space left on /srv/objects", 1),
)
NAMES = ("ada", "grace", "linus", "edsger", "barbara", "donald", "margaret", "tim", "radia", "ken")
COLUMNS = {
    "jobs": "id created_at version task queue state priority queued_at run_at started_at finished_at"
    " wait_ms duration_ms attempt crashes retries retries_left host worker reason"
    " error_type error fingerprint parent unique_key args",
    "attempts": "job_created_at job_id number task queue outcome started_at finished_at host worker version error_type"
    " error traceback fingerprint",
    "logs": "at position job_id task queue attempt level logger message",
}
INSTANTS = ("created_at", "queued_at", "started_at", "finished_at", "job_created_at", "at")
COPIED = {
    **dict.fromkeys(
        ("created_at", "queued_at", "started_at", "finished_at", "job_created_at", "at"),
        "{name} + nth * interval '7 ms'",
    ),
    **{"id": "md5(id || nth)", "job_id": "md5(job_id || nth)", "position": "position || '-' || nth"},
}
"""What is another one in a copy of a row; the rest is the same."""
BEGINS = {"jobs": "created_at", "attempts": "job_created_at", "logs": "at"}
Row = dict[str, Any]
_NAMED = """
    INSERT INTO measures (step_s, at, queue, task, enqueued)
    SELECT 0, timestamptz 'epoch', queue, task, count(*) FROM jobs GROUP BY queue, task
"""
_GROUPED = """
    INSERT INTO failure_groups (fingerprint, task, error_type, message, first_seen_at, last_seen_at, sample)
    SELECT fingerprint, min(task), min(error_type), min(error), min(finished_at), max(finished_at),
           (array_agg(job_id ORDER BY finished_at DESC))[1]
    FROM attempts WHERE fingerprint <> '' GROUP BY fingerprint
"""


@dataclass(frozen=True, slots=True)
class Made:
    """How many rows there are."""

    jobs: int
    attempts: int
    logs: int


def fill(database: Database, jobs: int, *, days: int = 30, seed: int = 7, end_at: datetime = END_AT) -> Made:
    """Make this many jobs over these days, the last of them just before ``end_at``, and let PostgreSQL look at them."""
    maker = _Maker(random.Random(seed), end_at)
    first_at = end_at - timedelta(days=days)
    counts = dict.fromkeys(COLUMNS, 0)
    for day, numbers in itertools.groupby(range(jobs), lambda n: (first_at + _share(n, jobs, days)).date()):
        rows: dict[str, list[Row]] = {table: [] for table in COLUMNS}
        for number in numbers:
            maker.job(number, first_at + _share(number, jobs, days), rows)
        with database.transaction() as session:
            for table, made in rows.items():
                days_made = {row[BEGINS[table]].date() for row in made}
                partitions.ensure(session, (table,), sorted(days_made | {day}))
                columns = COLUMNS[table].split()
                content = "".join(_lines(made, columns)).encode()
                session.copy_in(f"COPY {table} ({', '.join(columns)}) FROM STDIN", [content])
                counts[table] += len(made)
    with database.session() as session:
        session.run(_NAMED)
        session.run(_GROUPED)
    _tend(database)
    return Made(**counts)


def multiply(database: Database, made: Made, times: int) -> Made:
    """Let every job of `fill`, with its attempts and lines, be there so many times, each some ms after the other."""
    if times < 2:
        return made
    for table, names in COLUMNS.items():
        columns = names.split()
        values = [COPIED.get(name, "{name}").format(name=name) for name in columns]
        begins = BEGINS[table]
        with database.session() as session:
            days = partitions.days_of(session, table)
        for day in reversed(days):  # what comes to stand in the day after is not copied again
            with database.transaction() as session:
                session.run(
                    f"INSERT INTO {table} ({', '.join(columns)}) SELECT {', '.join(values)} FROM {table}, "
                    f"generate_series(1, %s) AS nth WHERE {begins} >= %s AND {begins} < %s ORDER BY {begins}",
                    (times - 1, _start_of(day), _start_of(day) + timedelta(days=1)),
                )
    _tend(database)
    return Made(made.jobs * times, made.attempts * times, made.logs * times)


def _start_of(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _tend(database: Database) -> None:
    """What the autovacuum does in the course of a day."""
    with database.session() as session:
        for table in COLUMNS:
            session.run(f"VACUUM ANALYZE {table}")


def _share(number: int, jobs: int, days: int) -> timedelta:
    return timedelta(days=days) * (number / jobs)


def _lines(rows: list[Row], columns: list[str]) -> Iterator[str]:
    for row in rows:
        yield "\t".join(_field(row.get(column)) for column in columns) + "\n"


def _field(value: object) -> str:
    if value is None:
        return "\\N"
    return str(value).replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n")


class _Maker:
    """Jobs, one after the other."""

    def __init__(self, chance: random.Random, end_at: datetime) -> None:
        self._chance = chance
        self._end_at = end_at
        self._tasks = list(itertools.accumulate(weight for *_, weight in TASKS))
        self._hosts = list(itertools.accumulate(weight for *_, weight in HOSTS))
        self._errors = list(itertools.accumulate(weight for *_, weight in ERRORS))

    def job(self, number: int, at: datetime, rows: dict[str, list[Row]]) -> None:
        """Add one job, its attempts and its log lines."""
        chance = self._chance
        task, queue, _ = TASKS[self._pick(self._tasks)]
        host, _ = HOSTS[self._pick(self._hosts)]
        state = self._state(at)
        ended = state in ("succeeded", "dead", "canceled")
        started = state not in ("queued", "scheduled", "canceled")
        wait_ms = int(chance.expovariate(1 / 200)) if chance.random() < 0.97 else int(chance.expovariate(1 / 40_000))
        duration_ms = int(chance.lognormvariate(4.5, 1.6))
        name = chance.choice(NAMES)
        row: Row = {
            **{"id": f"{chance.getrandbits(128):032x}", "created_at": at, "version": 3, "task": task, "queue": queue},
            **{"state": state, "priority": 0, "queued_at": at, "attempt": 0, "crashes": 0, "retries": 3},
            **{"retries_left": 3, "host": "", "worker": "", "reason": "", "error_type": "", "error": ""},
            **{"fingerprint": "", "parent": "", "unique_key": "", "args": json.dumps(_arguments(task, number, name))},
        }
        if started:
            row |= {"started_at": at + timedelta(milliseconds=wait_ms), "wait_ms": wait_ms, "attempt": 1}
            row |= {"host": host, "worker": f"{host}:{1000 + number // 50_000}/Worker-{number % 8 + 1}"}
        if started and state != "running":
            row["duration_ms"] = duration_ms
        if ended:
            row["finished_at"] = at + timedelta(milliseconds=wait_ms + duration_ms)
        if state == "canceled":
            row["reason"] = "revoked"
        if chance.random() < 0.05:
            row["parent"] = f"{chance.getrandbits(128):032x}"
        if chance.random() < 0.02:
            row["unique_key"] = f"{task}:{name}:{number % 5000}"
        self._attempts(row, rows, name)
        rows["jobs"].append(row)

    def _pick(self, weights: Sequence[float]) -> int:
        return bisect.bisect(weights, self._chance.random() * weights[-1])

    def _state(self, at: datetime) -> str:
        dice = self._chance.random()
        if self._end_at - at < timedelta(minutes=10):
            return ("queued", "running", "scheduled")[int(dice * 3)]
        if dice < 0.033:
            return "dead"
        if dice < 0.040:
            return "canceled"
        return "retrying" if dice < 0.041 else "succeeded"

    def _attempts(self, row: Row, rows: dict[str, list[Row]], name: str) -> None:
        failures = {"dead": 3, "retrying": 1, "succeeded": int(self._chance.random() < 0.025)}.get(str(row["state"]), 0)
        if row["attempt"] == 0:
            return
        error_type, pattern, _ = ERRORS[self._pick(self._errors)]
        error = pattern.format(host=row["host"], n=self._chance.randrange(250), name=name)
        fingerprint = f"{abs(hash_of(error_type, str(row['task']))):016x}"
        started_at, duration_ms = row["started_at"], row.get("duration_ms") or 0
        for number in range(1, failures + 1):
            self._attempt(row, rows, number, "failed")
            rows["attempts"][-1] |= {"error_type": error_type, "error": error, "fingerprint": fingerprint}
            rows["attempts"][-1]["traceback"] = f"Traceback (most recent call last):\n  ...\n{error_type}: {error}"
            self._log(row, rows, number, "ERROR", f"attempt {number} failed: {error_type}: {error}")
        if row["state"] in ("dead", "retrying"):
            row |= {"attempt": failures, "retries_left": 0, "error_type": error_type, "error": error}
            row["fingerprint"] = fingerprint
        else:
            row["attempt"] = failures + 1
            if failures:
                self._attempt(row, rows, failures + 1, "succeeded")
        if self._chance.random() < 0.1:
            self._log(row, rows, 1, "INFO", f"working for {name} on {duration_ms} things, started {started_at}")

    def _attempt(self, row: Row, rows: dict[str, list[Row]], number: int, outcome: str) -> None:
        later = timedelta(seconds=30 * (number - 1))
        started_at: datetime = row["started_at"] + later
        ended_at = None if outcome == "running" else started_at + timedelta(milliseconds=int(str(row["duration_ms"])))
        made: Row = {key: row[key] for key in ("task", "queue", "host", "worker")}
        made |= {"job_created_at": row["created_at"], "job_id": row["id"], "number": number, "outcome": outcome}
        made |= {"started_at": started_at, "finished_at": ended_at, "version": f"1.{started_at.day // 10}"}
        rows["attempts"].append({**made, "error_type": "", "error": "", "traceback": "", "fingerprint": ""})

    def _log(self, row: Row, rows: dict[str, list[Row]], attempt: int, level: str, message: str) -> None:
        at = row["started_at"] + timedelta(seconds=30 * (attempt - 1))
        made: Row = {"at": at, "position": f"{len(rows['logs']):09d}-{row['id']}", "job_id": row["id"]}
        made |= {"task": row["task"], "queue": row["queue"], "attempt": attempt, "level": level}
        rows["logs"].append({**made, "logger": "shop", "message": message})


def _arguments(task: str, number: int, name: str) -> dict[str, object]:
    if "email" in task:
        return {"to": f"{name}{number % 90_000}@example.org", "template": "welcome", "user_id": number % 90_000}
    if "ingest" in task:
        return {"file_id": number, "path": f"/uploads/{name}/{number % 700}.pdf"}
    if "card" in task or "order" in task:
        return {"order": {"id": number, "total_cents": number % 30_000}, "user_id": number % 90_000}
    return {"args": [number % 1000, name], "dry_run": number % 2 == 0}


def hash_of(*words: str) -> int:
    """A number for these words that is the same in every run."""
    return random.Random("\n".join(words)).getrandbits(60)
