"""The values that widgets draw: frozen, and every text in them already safe.

A `Content` is what the operator sees. A plain ``str`` here is a key to ask with (an id, a queue's name)
or a word of our own (a state, a level): keys are never drawn.
"""

from datetime import datetime
from typing import Literal

from msgspec import Struct, field
from textual.content import Content

from console.gateway.measured import MeasuredView, SetterView
from storage.broker.records import State

FieldKind = Literal[
    "text", "integer", "number", "flag", "choice", "json", "date", "instant", "duration", "decimal", "uuid", "any"
]


class PauseView(Struct, frozen=True):
    """Who paused a queue, why and when (None: that is not known)."""

    by: Content
    reason: Content
    at: datetime | None


class LimitView(Struct, frozen=True):
    """What of a queue is limited, in words of our own; ``setter`` is who did it, if that is known."""

    words: str
    setter: SetterView | None = None


class QueueRow(Struct, frozen=True):
    """One queue at a glance. ``minutes`` are (enqueued, succeeded, failed), oldest first, the last one running.

    ``measured`` is what the books know of it; None as long as they were not asked, or could not say.
    """

    key: str
    name: Content
    queued: int
    running: int
    scheduled: int
    retrying: int
    blocked: int
    dead: int
    finished: int
    oldest_waiting_s: float
    consumers: int
    pause: PauseView | None
    minutes: tuple[tuple[int, int, int], ...]
    limit: LimitView | None = None
    measured: MeasuredView | None = None


class ReasonView(Struct, frozen=True):
    """One thing that keeps a job; ``kind`` is a word of storage.broker.why."""

    kind: str
    sentence: Content


class WhyView(Struct, frozen=True):
    """Why a job does not run, the reason to deal with first at first. ``waits`` is False when it runs or has ended;
    ``related`` is the job to look at next, as its key and what to call it."""

    key: str
    short_id: Content
    task: Content
    queue: Content
    state: State
    waits: bool
    reasons: tuple[ReasonView, ...]
    related: tuple[str, Content] | None


class JobRow(Struct, frozen=True):
    """A job as a line of a list. ``at`` is the instant that matters in its state: due, started, finished, created."""

    key: str
    short_id: Content
    state: State
    task: Content
    queue_key: str
    queue: Content
    attempt: int
    attempts_max: int
    priority: float
    created_at: datetime
    at: datetime
    seconds: float | None
    worker: Content
    note: Content
    note_is_error: bool


class MarkedJob(Struct, frozen=True):
    """What is kept of a job that is marked: there may be ten thousand."""

    key: str
    state: State


class JobPage(Struct, frozen=True):
    """A slice of a list of jobs. ``total`` counts all that match; ``offset`` is the first row's place.

    When ``total`` is not exact it is how far one can go at least. ``trouble`` says what is not in the list, and why.
    """

    total: int
    offset: int
    rows: tuple[JobRow, ...]
    is_exact: bool = True
    trouble: Content = field(default_factory=lambda: Content(""))


class Tally(Struct, frozen=True):
    """How many jobs match; when it is not exact, there are at least so many."""

    value: int
    is_exact: bool


class FrameView(Struct, frozen=True):
    """One frame of a traceback. ``application`` is False for libraries' frames."""

    application: bool
    text: Content


class TracebackPart(Struct, frozen=True):
    """One exception of a chain: its frames, outermost first, and its own lines.

    ``link`` is how it leads to the next one ("During handling of ..."; empty in the last part).
    """

    frames: tuple[FrameView, ...]
    exception: Content
    link: Content


class AttemptView(Struct, frozen=True):
    """One run of a job, from 1."""

    number: int
    outcome: str
    started_at: datetime
    finished_at: datetime | None
    worker: Content
    error: Content
    traceback: tuple[TracebackPart, ...]


class ProgressView(Struct, frozen=True):
    """How far a running job says it is; ``total`` is 0 when it does not know."""

    done: int
    total: int
    note: Content
    at: datetime


class Branch(Struct, frozen=True):
    """A line of a value drawn as a tree: how deep, its label, its value (empty for a container)."""

    depth: int
    label: Content
    value: Content


class JobView(Struct, frozen=True):
    """Everything about one job. ``argument_lines`` and ``result_lines`` are trees; ``undecoded`` says why not.

    ``raw_lines`` are its payload and its record as JSON, without secrets. ``is_recorded``: only history has it.
    """

    row: JobRow
    id: Content
    task: Content
    run_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    lease_until: datetime | None
    retries: int
    retries_left: int
    crashes: int
    reason: Content
    error: Content
    parent_key: str
    parent: Content
    progress: ProgressView | None
    argument_lines: tuple[Branch, ...]
    result_lines: tuple[Branch, ...]
    has_result: bool
    payload_bytes: int
    undecoded: Content
    attempts: tuple[AttemptView, ...]
    raw_lines: tuple[Content, ...] = ()
    is_recorded: bool = False


class LogLineView(Struct, frozen=True):
    """One captured log record."""

    at: datetime
    level: str
    job_key: str
    short_id: Content
    task: Content
    queue: Content
    attempt: int
    logger: Content
    message: Content


class LogPage(Struct, frozen=True):
    """Lines after a place in a log; ``cursor`` is where the next page starts; ``dropped`` counts lost lines."""

    lines: tuple[LogLineView, ...]
    cursor: str
    dropped: int = 0


class FieldView(Struct, frozen=True):
    """One parameter of a task, as a field of a form.

    ``kind_text`` and ``default_text`` are as written in the signature; ``choices`` pairs what is sent with what is
    shown. ``optional`` says that None is a value for it; ``required`` that there is no default.
    """

    key: str
    name: Content
    kind: FieldKind
    kind_text: Content
    default_text: Content
    required: bool
    optional: bool
    choices: tuple[tuple[object, Content], ...] = ()
    shape: Literal["", "list", "dict"] = ""


class TaskView(Struct, frozen=True):
    """A task that some consumer knows."""

    key: str
    name: Content
    full_name: Content
    queue_key: str
    queue: Content
    summary: Content
    doc: Content
    schedule: Content
    retries: int
    priority: float
    fields: tuple[FieldView, ...]
