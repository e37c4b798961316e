"""A job as history has it, and what belongs to it: frozen values, instants as aware UTC."""

from datetime import datetime
from typing import Any

from msgspec import Struct

from storage.broker.records import State

COLUMNS = (
    "id, created_at, version, task, queue, state, priority, queued_at, run_at, started_at, finished_at, wait_ms, "
    "duration_ms, attempt, crashes, retries, retries_left, host, worker, consumer_version, reason, error_type, error, "
    "fingerprint, parent, unique_key, args"
)
"""Of jobs: what makes an Entry, in the order of its fields."""


class Entry(Struct, frozen=True):
    """One job. ``wait_ms`` and ``duration_ms`` are of its last attempt; ``args`` is a JSON value, without secrets;
    ``fingerprint`` names the group of its last error."""

    id: str
    created_at: datetime
    version: int
    task: str
    queue: str
    state: State
    priority: float
    queued_at: datetime | None
    run_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    wait_ms: int | None
    duration_ms: int | None
    attempt: int
    crashes: int
    retries: int
    retries_left: int
    host: str
    worker: str
    consumer_version: str
    reason: str
    error_type: str
    error: str
    fingerprint: str
    parent: str
    unique_key: str
    args: Any


class Run(Struct, frozen=True):
    """One attempt of a job, from 1; ``version`` is what its consumer said that it runs."""

    number: int
    outcome: str
    started_at: datetime
    finished_at: datetime | None
    wait_ms: int | None
    duration_ms: int | None
    host: str
    worker: str
    version: str
    error_type: str
    error: str
    traceback: str
    fingerprint: str


class Line(Struct, frozen=True):
    """One line of a job's log."""

    at: datetime
    attempt: int
    level: str
    logger: str
    message: str


class Story(Struct, frozen=True):
    """All that history has of one job: its attempts, oldest first, and the last lines of its log (``has_more_lines``:
    there are earlier ones). ``namesakes`` counts older jobs that had the same id."""

    entry: Entry
    result: Any
    runs: tuple[Run, ...]
    lines: tuple[Line, ...]
    has_more_lines: bool
    namesakes: int


class Page(Struct, frozen=True):
    """Jobs that match, newest first. ``after`` is where the next page begins; "" when there is none."""

    entries: tuple[Entry, ...]
    after: str


class Count(Struct, frozen=True):
    """How many jobs match; when it is not exact, there are at least so many."""

    value: int
    is_exact: bool

    def __str__(self) -> str:
        return f"{self.value:,}" if self.is_exact else f"{self.value:,}+"
