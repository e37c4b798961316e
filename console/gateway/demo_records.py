"""Canned records for the demo gateway: a night's work of five queues, the same on every machine."""

import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from msgspec import Struct

from console.gateway import demo_tracebacks as tracebacks
from storage.broker.records import Attempt, Job, LogLine, Parameter, Pause, TaskInfo

NOW: Final = datetime(2026, 3, 14, 2, 47, 13, 250_000, tzinfo=UTC)
QUEUES: Final = ("default", "email", "ingestion", "maintenance", "reports")
PAUSES: Final = {"reports": Pause("ada", "ledger is being migrated, see #ops", NOW - timedelta(minutes=38))}
CONSUMERS: Final = {"default": 2, "email": 2, "ingestion": 1, "maintenance": 2, "reports": 0}


class CannedJob(Struct, frozen=True):
    """A job with its arguments already decoded; ``tick_at`` is what made it, if a schedule did, ``by`` who ran it."""

    job: Job
    kwargs: dict[str, Any]
    result: object = None
    tick_at: datetime | None = None
    by: str = ""


def chance(*key: object) -> float:
    """Return a number in [0, 1) that depends on the key only."""
    digest = hashlib.sha256(repr(key).encode()).digest()
    return int.from_bytes(digest[:6], "big") / 2**48


def job_id(number: int) -> str:
    """Return the id of the n-th canned job."""
    return hashlib.sha256(f"job {number}".encode()).hexdigest()[:32]


def file_name(number: int) -> str:
    """Return the name of the n-th document, from 1."""
    name, _ = NAMES[number % len(NAMES)]
    return name if number < len(NAMES) else name.replace(".", f" {number // len(NAMES)}.")


def passages_of(file_id: int) -> int:
    """Return how many passages a document has."""
    return 1 + int(60 * chance("passages", file_id))


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

NAMES: Final = (
    ("請求書_2026年3月.pdf", "application/pdf"),
    ("Q4 board deck (final).pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation"),
    ("habibi.pdf", "application/pdf"),
    ("crazyones.pdf", "application/pdf"),
    ("رسالة.txt", "text/plain"),
    ("scan-0017.jpg", "image/jpeg"),
    ("notes.md", "text/markdown"),
    ("протокол встречи.txt", "text/plain"),
    ("ürün kataloğu.pdf", "application/pdf"),
    ("handbook, 3rd edition.epub", "application/epub+zip"),
    ("expenses 2025.xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    ("contract Müller & Söhne.docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
)
FILES: Final = 137
FIRST_FILE: Final = 901
"""Documents of the demo, and the id of the oldest."""


_PEOPLE: Final = (
    "ada@example.org",
    "grace@example.org",
    "linus@example.net",
    "käthe@example.de",
    "tove@example.fi",
)


def kwargs_of(task: str, number: int) -> dict[str, Any]:
    """Return the arguments of the n-th canned job."""
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
            return {"file_id": 0}  # the file that came then: demo_night names it
        case "tasks.reports.build_report":
            return {"account_id": 50 + number % 9, "form": pick(("pdf", "csv"), "form", number)}
        case "tasks.contacts.sync_contacts":
            return {"account_id": 50 + number % 9}
        case _:
            return {}


def result_of(task: str, number: int) -> object:
    """Return what the n-th canned job returned."""
    match task:
        case "tasks.ingestion.ingest_file":
            return {"chunks": 12 + number % 90, "pages": 1 + number % 14, "model": "gemini-embedding-001"}
        case "tasks.tokens.clean_expired_tokens":
            return 1_204 + number
        case "tasks.files.clean_abandoned_files":
            return {"deleted": number % 7, "kept": 0}
        case _:
            return None


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


def log_lines(jobs: list[Job]) -> list[LogLine]:
    """Return what the jobs logged, oldest first, going on ten minutes after `NOW` for those that run."""
    lines: list[LogLine] = []
    for job in jobs:
        lines += tracebacks.log_of(job, NOW)
    lines.sort(key=lambda line: (line.at, line.job))
    return lines
