"""Canned records for the demo gateway: a night's work of five queues, the same on every machine."""

import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from msgspec import Struct

from console.gateway import demo_tracebacks as tracebacks
from storage.broker.records import Attempt, Job, LogLine, Parameter, Pause, Progress, State, TaskInfo
from storage.values import replace

NOW: Final = datetime(2026, 3, 14, 2, 47, 13, 250_000, tzinfo=UTC)
QUEUES: Final = ("default", "email", "ingestion", "maintenance", "reports")
PAUSES: Final = {"reports": Pause("ada", "ledger is being migrated, see #ops", NOW - timedelta(minutes=38))}
CONSUMERS: Final = {"default": 2, "email": 2, "ingestion": 1, "maintenance": 2, "reports": 0}


class CannedJob(Struct, frozen=True):
    """A job with its arguments already decoded."""

    job: Job
    kwargs: dict[str, Any]
    result: object = None


def chance(*key: object) -> float:
    """Return a number in [0, 1) that depends on the key only."""
    digest = hashlib.sha256(repr(key).encode()).digest()
    return int.from_bytes(digest[:6], "big") / 2**48


def job_id(number: int) -> str:
    """Return the id of the n-th canned job."""
    return hashlib.sha256(f"job {number}".encode()).hexdigest()[:32]


def group_of(job: Job) -> str:
    """Return what the demo calls the group of a failure."""
    return group_named(job.task, job.error_type)


def group_named(task: str, error_type: str) -> str:
    """Return the group of a task's failures of a type."""
    return hashlib.sha256(f"{task} {error_type}".encode()).hexdigest()[:16]


def pick(options: tuple[Any, ...], *key: object) -> Any:
    """Return one of the options, by the key."""
    return options[int(chance(*key) * len(options))]


def _parameter(name: str, kind: str, default: str | None = None) -> Parameter:
    return Parameter(name, kind, default)


TASKS: Final = (
    TaskInfo(
        "tasks.reports.build_report",
        "reports",
        "Build a report of one account and store it as an object.\n\nPDF takes about ten times as long as CSV.",
        (
            _parameter("account_id", "int"),
            _parameter("form", "Literal['pdf', 'csv', 'html']", "'pdf'"),
            _parameter("scale", "float", "1.0"),
            _parameter("draft", "bool", "False"),
            _parameter("sections", "list[str]", "[]"),
            _parameter("options", "dict[str, object] | None", "None"),
        ),
        retries=2,
        retry_delay_s=30,
    ),
    TaskInfo(
        "tasks.files.clean_abandoned_files",
        "maintenance",
        "Delete files whose upload was never finished.",
        (),
        1,
        60,
        "0 0 * * *",
        "UTC",
    ),
    TaskInfo(
        "tasks.tokens.clean_expired_tokens",
        "maintenance",
        "Delete tokens whose expiry has passed.",
        (_parameter("batch", "int", "10000"),),
        1,
        60,
        "0 * * * *",
        "UTC",
    ),
    TaskInfo(
        "tasks.ingestion.ingest_file",
        "ingestion",
        "Read a file's text, cut it into chunks and embed them.",
        (_parameter("file_id", "int"), _parameter("force", "bool", "False")),
        5,
        2,
    ),
    TaskInfo(
        "tasks.email.send_email",
        "email",
        "Send one mail from a template.",
        (
            _parameter("to", "str"),
            _parameter("template", "Literal['welcome', 'receipt', 'reset']"),
            _parameter("context", "dict[str, object]", "{}"),
            _parameter("reply_to", "str | None", "None"),
        ),
        3,
        5,
        priority=10,
    ),
    TaskInfo(
        "tasks.email.send_welcome_email",
        "email",
        "Greet a user who has just joined.",
        (_parameter("user_id", "int"),),
        3,
        5,
    ),
    TaskInfo(
        "tasks.contacts.sync_contacts",
        "default",
        "Fetch the address book of an account.",
        (_parameter("account_id", "int"), _parameter("since", "str | None", "None")),
        4,
        10,
    ),
)

_FILES: Final = (
    "請求書_2026年3月.pdf",
    "Q4 board deck (final).pdf",
    "habibi.pdf",
    "crazyones.pdf",
    "رسالة.txt",
    "scan-0017.jpg",
    "notes.md",
    "протокол встречи.txt",
    "ürün kataloğu.pdf",
)
_PEOPLE: Final = (
    "ada@example.org",
    "grace@example.org",
    "linus@example.net",
    "käthe@example.de",
    "tove@example.fi",
)
_WORKERS: Final = ("w1:4121/1", "w1:4121/2", "w2:887/1", "w2:887/4")


def _kwargs(task: str, number: int) -> dict[str, Any]:
    match task:
        case "tasks.email.send_email":
            return {
                "to": pick(_PEOPLE, "to", number),
                "template": pick(("receipt", "reset", "welcome"), "template", number),
                "context": {"order": 71_000 + number, "total": "19.90"},
            }
        case "tasks.email.send_welcome_email":
            return {"user_id": 4_000 + number}
        case "tasks.ingestion.ingest_file":
            return {"file_id": 900 + number, "name": pick(_FILES, "file", number)}
        case "tasks.reports.build_report":
            return {"account_id": 50 + number % 9, "form": pick(("pdf", "csv"), "form", number)}
        case "tasks.contacts.sync_contacts":
            return {"account_id": 50 + number % 9}
        case _:
            return {}


def _result(task: str, number: int) -> object:
    match task:
        case "tasks.ingestion.ingest_file":
            return {"chunks": 12 + number % 90, "pages": 1 + number % 14, "model": "gemini-embedding-001"}
        case "tasks.tokens.clean_expired_tokens":
            return 1_204 + number
        case "tasks.files.clean_abandoned_files":
            return {"deleted": number % 7, "kept": 0}
        case _:
            return None


_MIX: Final[tuple[tuple[State, str, int], ...]] = (
    ("running", "tasks.ingestion.ingest_file", 2),
    ("running", "tasks.email.send_email", 2),
    ("running", "tasks.contacts.sync_contacts", 1),
    ("retrying", "tasks.contacts.sync_contacts", 2),
    ("retrying", "tasks.ingestion.ingest_file", 1),
    ("retrying", "tasks.email.send_email", 3),
    ("queued", "tasks.reports.build_report", 8),
    ("queued", "tasks.email.send_email", 14),
    ("queued", "tasks.ingestion.ingest_file", 19),
    ("scheduled", "tasks.email.send_welcome_email", 6),
    ("scheduled", "tasks.tokens.clean_expired_tokens", 1),
    ("scheduled", "tasks.files.clean_abandoned_files", 1),
    ("blocked", "tasks.reports.build_report", 2),
    ("dead", "tasks.email.send_email", 9),
    ("dead", "tasks.ingestion.ingest_file", 4),
    ("dead", "tasks.contacts.sync_contacts", 1),
    ("canceled", "tasks.reports.build_report", 2),
    ("succeeded", "tasks.email.send_email", 60),
    ("succeeded", "tasks.ingestion.ingest_file", 34),
    ("succeeded", "tasks.tokens.clean_expired_tokens", 12),
    ("succeeded", "tasks.email.send_welcome_email", 18),
    ("succeeded", "tasks.contacts.sync_contacts", 22),
)


def canned_jobs() -> Iterator[CannedJob]:
    """Yield the night's jobs, in no order, and at last the hostile one."""
    number = 0
    infos = {info.name: info for info in TASKS}
    for state, task, how_many in _MIX:
        for place in range(how_many):
            number += 1
            yield _canned(number, state, infos[task], place)
    yield hostile_job()


def _canned(number: int, state: State, info: TaskInfo, place: int) -> CannedJob:
    created = NOW - timedelta(seconds=20 + chance("age", number) * (300 if state == "running" else 6_000))
    if info.schedule and state == "succeeded":
        created = NOW.replace(minute=0, second=1, microsecond=0) - timedelta(hours=place)
    kwargs = _kwargs(info.name, number)
    job = Job(
        id=job_id(number),
        task=info.name,
        queue=info.queue,
        state=state,
        priority=info.priority,
        created_at=created,
        version=3,
        retries=info.retries,
        retries_left=info.retries,
        payload=json.dumps(kwargs).encode(),
    )
    return CannedJob(_lived(job, number), kwargs, _result(info.name, number))


def _lived(job: Job, number: int) -> Job:
    started = job.created_at + timedelta(seconds=2 + 40 * chance("wait", number))
    worker = pick(_WORKERS, "worker", number)
    lived = job
    match job.state:
        case "running":
            lived = _running(job, number)
        case "scheduled":
            lived = replace(job, run_at=NOW + timedelta(seconds=60 + 5_000 * chance("due", number)))
        case "retrying" | "dead":
            lived = _failed(job, number, started, worker)
        case "blocked":
            lived = replace(job, reason="waits for 2 of 3 jobs before it")
        case "canceled":
            ended = job.created_at + timedelta(minutes=3)
            lived = replace(job, finished_at=ended, reason="revoked by ada")
        case "succeeded":
            lived = _succeeded(job, number, started, worker)
    return lived


_BUSY: Final = ("w1:4121/2", "w1:4121/3", "w1:4121/1", "w2:887/1", "w2:887/4")


def _running(job: Job, number: int) -> Job:
    worker = _BUSY[number % len(_BUSY)]
    started = NOW - timedelta(seconds=4 + 70 * chance("run", number))
    done = 3 + int(9 * chance("done", number))
    progress = Progress(done, 14, f"page {done}", NOW) if job.queue == "ingestion" else None
    return replace(
        job,
        started_at=started,
        attempt=1,
        worker=worker,
        progress=progress,
        lease_until=NOW + timedelta(seconds=21),
        attempts=(Attempt(1, "running", started, None, worker),),
    )


def _succeeded(job: Job, number: int, started: datetime, worker: str) -> Job:
    ended = started + timedelta(seconds=0.2 + 12 * chance("took", number) ** 3)
    return replace(
        job,
        started_at=started,
        finished_at=ended,
        attempt=1,
        worker=worker,
        result=json.dumps(_result(job.task, number)).encode(),
        attempts=(Attempt(1, "succeeded", started, ended, worker),),
    )


def _failed(job: Job, number: int, started: datetime, worker: str) -> Job:
    failure = tracebacks.failure_of(job.task, number)
    runs = job.retries + 1 if job.state == "dead" and not failure.permanent else 1 + number % 2
    attempts = []
    at = started
    for attempt in range(1, runs + 1):
        ended = at + timedelta(seconds=0.4 + 9 * chance("failed", number, attempt))
        attempts.append(
            Attempt(attempt, "failed", at, ended, worker, failure.error_type, failure.error, failure.traceback)
        )
        at = ended + timedelta(seconds=5 * 2**attempt)
    dead = job.state == "dead"
    return replace(
        job,
        started_at=attempts[-1].started_at,
        finished_at=attempts[-1].finished_at if dead else None,
        run_at=None if dead else NOW + timedelta(seconds=3 + 50 * chance("again", number)),
        attempt=runs,
        retries_left=max(0, job.retries - runs),
        worker=worker,
        error_type=failure.error_type,
        error=failure.error,
        attempts=tuple(attempts),
    )


HOSTILE: Final = "\x1b]52;c;ZXZpbA==\x07\x1b[2J[@click=app.quit]free[/] [/foo] \u202eexe.fdp\u0000 [b"


def hostile_job() -> CannedJob:
    """Return a job whose every text tries to do something to the terminal or to the console."""
    created = NOW - timedelta(minutes=9)
    started, ended = created + timedelta(seconds=3), created + timedelta(seconds=4)
    trace = f'Traceback (most recent call last):\n  File "{HOSTILE}", line 1, in {HOSTILE}\n    {HOSTILE}\nE: {HOSTILE}'
    kwargs = {"note": HOSTILE, HOSTILE: [HOSTILE, {"deep": HOSTILE}], "long": "lorem ipsum " * 400}
    job = Job(
        id=job_id(0),
        task="import_note",
        queue="default",
        state="dead",
        priority=0,
        created_at=created,
        version=4,
        started_at=started,
        finished_at=ended,
        attempt=1,
        worker=f"w9:{HOSTILE}",
        reason=HOSTILE,
        error_type="NoteError",
        error=HOSTILE,
        payload=json.dumps(kwargs).encode(),
        attempts=(Attempt(1, "failed", started, ended, f"w9:{HOSTILE}", "NoteError", HOSTILE, trace),),
    )
    return CannedJob(job, kwargs)


def minutes(queue: str) -> tuple[tuple[int, int, int], ...]:
    """Return what went through a queue in each of the last 30 minutes."""
    base = {"default": 6, "email": 42, "ingestion": 17, "maintenance": 1, "reports": 3}[queue]
    out = []
    for minute in range(30):
        wave = 0.6 + 0.8 * chance("wave", queue, minute // 4) + 0.3 * chance("noise", queue, minute)
        enqueued = int(base * wave)
        failed = int(enqueued * 0.35 * chance("fail", queue, minute // 3) ** 4)
        succeeded = max(0, int(enqueued * (0.7 + 0.4 * chance("done", queue, minute))) - failed)
        if queue == "reports" and minute > 8:
            failed = succeeded = 0
        if minute == 29:
            enqueued, succeeded, failed = enqueued // 4, succeeded // 4, failed // 4
        out.append((enqueued, succeeded, failed))
    return tuple(out)


def log_lines(jobs: list[Job]) -> list[LogLine]:
    """Return what the jobs logged, oldest first, going on ten minutes after `NOW` for those that run."""
    lines: list[LogLine] = []
    for job in jobs:
        lines += tracebacks.log_of(job, NOW)
    lines.sort(key=lambda line: (line.at, line.job))
    return lines
