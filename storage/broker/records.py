"""The values that the broker hands out: frozen, free of Redis, instants as aware UTC datetimes.

The words for states are fixed here, in the order of a job's life, and used everywhere:
keys, columns, code, screens and documents.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal, get_args

from msgspec import Struct, field

State = Literal["blocked", "scheduled", "queued", "running", "retrying", "succeeded", "dead", "canceled"]
STATES: tuple[State, ...] = get_args(State)
WAITING: tuple[State, ...] = ("blocked", "scheduled", "queued", "retrying")
FINISHED: tuple[State, ...] = ("succeeded", "dead", "canceled")

AttemptOutcome = Literal["running", "succeeded", "failed", "lost", "canceled", "released"]

Conflict = Literal["keep", "replace", "reject"]
"""What becomes of a job whose unique key another live job holds: that one is kept, replaced while it waits, or the
enqueue is rejected."""

OnFailure = Literal["fail", "continue", ""]
"""What becomes of a job that waits for others when one of them is dead or canceled: it fails too, or goes on with an
error in that place (and so by default)."""

PRIORITY_LIMIT = 4000
"""A priority is a number in [-PRIORITY_LIMIT, PRIORITY_LIMIT]; the higher one runs first."""


class NewJob(Struct, frozen=True):
    """What an enqueuer knows of a job; the broker adds the rest.

    ``delay_ms`` counts from Redis's own clock at the moment of the enqueue; 0 means now.
    ``payload`` is opaque here: the engine's codec wrote it and will read it.
    ``chord`` is the join that it waits for, blocked; ``member`` the place it has in another one, as
    ``join:index:size``; ``on_failure`` what a failed member means for it.
    """

    id: str
    task: str
    queue: str
    payload: bytes
    priority: float = 0
    delay_ms: int = 0
    retries: int = 0
    retry_delay_s: float = 0
    parent: str = ""
    chord: str = ""
    blocked: bool = False
    lifo: bool = False
    unique: str = ""
    unique_ttl_ms: int = 0
    conflict: Conflict = "keep"
    member: str = ""
    on_failure: OnFailure = ""


class Limits(Struct, frozen=True):
    """The limits of one queue, exact over all consumers; None is none.

    At most ``rate`` = (jobs, seconds) starts within any such window; at most ``cap`` running at once; at most
    ``max_jobs`` waiting, and ``max_bytes`` of payloads on their way (of jobs enqueued since that limit was set).
    ``keep`` says how many seconds and how many finished jobs are kept, by state.
    """

    rate: tuple[int, float] | None = None
    cap: int | None = None
    max_jobs: int | None = None
    max_bytes: int | None = None
    keep: Mapping[str, tuple[float, int]] = field(default_factory=dict)


class Enqueued(Struct, frozen=True):
    """What became of an enqueue: how many jobs were new, and by job id who holds the unique key of one that was not."""

    added: int
    held_by: Mapping[str, str] = field(default_factory=dict)


class Attempt(Struct, frozen=True):
    """One run of a job, from 1. ``outcome`` is "running" until it ended.

    ``fingerprint`` names the group of a failed one's error, ``shape`` is what the messages of that group share.
    """

    number: int
    outcome: AttemptOutcome
    started_at: datetime
    finished_at: datetime | None
    worker: str
    error_type: str = ""
    error: str = ""
    traceback: str = ""
    fingerprint: str = ""
    shape: str = ""


class Progress(Struct, frozen=True):
    """How far a running job says it is. ``total`` is 0 when it does not know."""

    done: int
    total: int
    note: str
    at: datetime


class Job(Struct, frozen=True):
    """The whole record of one job.

    ``payload`` and ``result`` are the codec's bytes; ``result`` is None when there is none
    (not finished, stored nothing, or already consumed by the caller).
    ``run_at`` is when a scheduled or retrying job is due. ``reason`` says why it is canceled or waits.
    ``lease_until`` is set while running. ``attempts`` is oldest first, the running one included; ``released`` is how
    often one was begun and handed back unspent, by a consumer that stopped or did not know the task.
    """

    id: str
    task: str
    queue: str
    state: State
    priority: float
    created_at: datetime
    version: int
    run_at: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    lease_until: datetime | None = None
    attempt: int = 0
    crashes: int = 0
    retries: int = 0
    retries_left: int = 0
    retry_delay_s: float = 0
    worker: str = ""
    reason: str = ""
    error_type: str = ""
    error: str = ""
    parent: str = ""
    payload: bytes = b""
    result: bytes | None = None
    progress: Progress | None = None
    attempts: tuple[Attempt, ...] = ()
    released: int = 0


class JobPage(Struct, frozen=True):
    """A slice of the list of jobs. ``total`` counts all that match, ``offset`` is the first one's place."""

    total: int
    offset: int
    jobs: tuple[Job, ...]


class Pause(Struct, frozen=True):
    """Who paused a queue, when, why, and until when (None: until it is resumed)."""

    by: str
    reason: str
    at: datetime
    until_at: datetime | None = None


class QueueStats(Struct, frozen=True):
    """One queue at a glance.

    ``counts`` has every state. ``oldest_waiting_s`` is the age in seconds of the oldest queued job
    (0 when none waits). ``minutes`` are (enqueued, succeeded, failed) of each of the last 30 minutes,
    oldest first; the last one is the running minute. ``limits`` is None for a queue without any.
    Of its ``consumers`` so many are ``quiet_consumers``: they were told to claim nothing more, or to stop.
    """

    name: str
    counts: Mapping[State, int]
    oldest_waiting_s: float
    pause: Pause | None
    consumers: int
    minutes: tuple[tuple[int, int, int], ...]
    limits: Limits | None = None
    quiet_consumers: int = 0


class LogLine(Struct, frozen=True):
    """One captured log record. ``level`` is a name of the logging module (INFO, ERROR...)."""

    job: str
    task: str
    queue: str
    attempt: int
    at: datetime
    level: str
    logger: str
    message: str


class LogPage(Struct, frozen=True):
    """Lines after a place in a log. ``cursor`` is where the next page starts; ``dropped`` counts lines lost
    to the bound of the log or to a slow Redis."""

    lines: tuple[LogLine, ...]
    cursor: str
    dropped: int = 0


class Parameter(Struct, frozen=True):
    """One parameter of a task, as published by the consumers.

    ``kind`` is the name of its type as written ("str", "int | None", "Literal['a', 'b']"; "" when not annotated);
    ``default`` is the repr of its default, None when it is required.
    """

    name: str
    kind: str
    default: str | None


class TaskInfo(Struct, frozen=True):
    """A task that some consumer knows. ``schedule`` is its cron expression ("" when it has none, or is ``periodic`` by
    a rule of Huey's, which can not be read from outside); ``missed`` its policy for ticks that nobody was there for.
    ``expires_s`` is after how long its jobs are not begun any more (0: never), ``utc`` whether they say that in UTC."""

    name: str
    queue: str
    doc: str
    parameters: tuple[Parameter, ...]
    retries: int
    retry_delay_s: float
    schedule: str = ""
    timezone: str = ""
    priority: float = 0
    retry_backoff: float = 0
    timeout_s: float = 0
    periodic: bool = False
    missed: str = ""
    expires_s: float = 0
    utc: bool = True


class SchedulePause(Struct, frozen=True):
    """Who paused a schedule, when, why, and until when (None: until it is resumed)."""

    by: str
    reason: str
    at: datetime
    until_at: datetime | None


class ScheduleRun(Struct, frozen=True):
    """One job of a schedule: of a tick, or run by hand (``tick_at`` is None; ``by`` says by whom).

    ``late_s`` is how long after its tick it was enqueued. ``state`` is "" when its record is past its retention.
    """

    job_id: str
    tick_at: datetime | None
    enqueued_at: datetime
    late_s: float
    state: State | Literal[""]
    duration_s: float | None
    error: str
    by: str = ""


class ScheduleInfo(Struct, frozen=True):
    """A schedule as operators see it.

    ``next_at`` are its next ticks (none known: its rule is Huey's own, or it is paused until it is resumed; ``problem``
    says so when the rule can not be read). ``runs`` are its last jobs, newest first. Of its ticks, ``enqueued`` had a
    job, ``late`` of them more than ten seconds after their instant; ``missed`` had none, because nobody was there and
    the policy left them out; ``skipped`` had none because the schedule was paused. ``by_hand`` counts jobs beside them.
    """

    name: str
    queue: str
    expression: str
    timezone: str
    policy: str
    pause: SchedulePause | None
    last_tick_at: datetime | None
    next_at: tuple[datetime, ...]
    runs: tuple[ScheduleRun, ...]
    enqueued: int = 0
    late: int = 0
    missed: int = 0
    skipped: int = 0
    by_hand: int = 0
    problem: str = ""


class FailureGroup(Struct, frozen=True):
    """Dead jobs whose errors have one fingerprint. ``message`` is what their messages have in common; ``sample`` is the
    id of the one that died last. ``first_seen_at`` counts from when the group had no dead job for the last time."""

    fingerprint: str
    task: str
    error_type: str
    message: str
    count: int
    first_seen_at: datetime
    last_seen_at: datetime
    sample: str


class ConsumerInfo(Struct, frozen=True):
    """One process that serves queues. ``queues`` is empty when it serves all. ``order`` is what an operator told it
    ("quiet", "stop"); ``is_silent`` that it beats no more, and never said that it leaves."""

    id: str
    host: str
    pid: int
    workers: int
    kind: str
    queues: tuple[str, ...]
    started_at: datetime
    beat_at: datetime
    running: tuple[str, ...] = ()
    memory_bytes: int = 0
    version: str = ""
    extra: Mapping[str, str] = field(default_factory=dict)
    order: str = ""
    is_silent: bool = False
