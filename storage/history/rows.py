"""What the recorder read of a job (lua/_record.lua) as rows of jobs and attempts, without anything that PostgreSQL can
not keep. Instants are milliseconds of the broker's clock until they are written.
"""

import json
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from storage.database.text import storable
from storage.values import replace

LONGEST_NAME = 300
LONGEST_ERROR = 10_000
LONGEST_TRACEBACK = 100_000
_LAST_MS = 253_370_764_800_000
"""The year 9999: what is later is no instant."""
FIRST_ATTEMPT_AT = 28
"""Where attempts begin in a packed record."""

Packed = Sequence[Any]
"""A record as _record.lua packs it."""
ShownTexts = Callable[[str, bytes | None, bytes | None], tuple[str | None, str | None]]
"""JSON texts of the arguments and the result of a job of this task, or None."""


class Run(Struct, frozen=True, gc=False):
    """An attempt that runs or has ended. ``finished_ms`` is None while it runs; ``queued_ms`` None when not known."""

    number: int
    outcome: str
    queued_ms: int | None
    started_ms: int
    finished_ms: int | None
    worker: str = ""
    error_type: str = ""
    error: str = ""
    traceback: str = ""
    fingerprint: str = ""
    shape: str = ""

    @property
    def wait_ms(self) -> int | None:
        """How long its job waited in line for it."""
        if self.queued_ms is None or self.queued_ms > self.started_ms:
            return None
        return self.started_ms - self.queued_ms

    @property
    def run_ms(self) -> int | None:
        """How long it took."""
        return None if self.finished_ms is None else max(0, self.finished_ms - self.started_ms)


class JobRow(Struct, frozen=True, gc=False):
    """A job as its record says, with all that ran of it, oldest first; ``args`` and ``result`` are JSON texts.

    ``worker`` and ``fingerprint`` are of its last attempt and its last error. ``is_new``: history can not know it yet.
    """

    id: str
    task: str
    queue: str
    state: str
    worker: str
    consumer: str
    reason: str
    error_type: str
    error: str
    fingerprint: str
    parent: str
    unique: str
    created_ms: int
    version: int
    priority: float
    queued_ms: int | None
    run_at_ms: int | None
    started_ms: int | None
    finished_ms: int | None
    attempt: int
    crashes: int
    retries: int
    retries_left: int
    args: str | None
    result: str | None
    runs: tuple[Run, ...]
    is_new: bool = False

    @property
    def stored_runs(self) -> tuple[Run, ...]:
        """Those that go into attempts: all that have ended, unless the job's own row says the same."""
        if self.attempt == 1 and self.state == "succeeded":
            return ()
        return tuple(run for run in self.runs if run.finished_ms is not None)


def job_row(packed: Packed, shown: ShownTexts) -> JobRow:
    """The row of a record; ``shown`` answers the JSON texts of a task's arguments and result.

    Raises:
        ValueError: the record is not one of ours.
    """
    (
        version, task, queue, state, priority, created, queued, run_at, started, finished, attempt, crashes, retries,
        left, worker, consumer, reason, error_type, error, fingerprint, parent, unique, payload, result, job_id,
        payload_bytes, result_bytes, is_new,
    ) = packed[:FIRST_ATTEMPT_AT]  # fmt: skip
    created_ms = _instant(created)
    if created_ms is None:
        raise ValueError("it does not say when the job came into being")
    number, started_ms, finished_ms, queued_ms = (
        int(attempt or 0),
        _instant(started),
        _instant(finished),
        _instant(queued),
    )
    words = (job_id, task, queue, state, worker, consumer, reason, error_type, error, fingerprint, parent, unique)
    texts = [text or "" for text in words]
    if not _is_plain(texts):
        texts = [storable(_visible(text), longest=most) for text, most in zip(texts, _LONGEST, strict=True)]
    job_id, task, queue, state, worker, consumer, reason, error_type, error, fingerprint, parent, unique = texts
    runs = _runs(packed) if len(packed) > FIRST_ATTEMPT_AT else []
    if state == "succeeded" and number == 1 and started_ms is not None:
        runs.append(Run(1, "succeeded", queued_ms, started_ms, finished_ms, worker))
    elif state == "running" and started_ms is not None:
        runs.append(Run(number, "running", queued_ms, started_ms, None, worker))
    if error_type and not fingerprint and runs:
        fingerprint = runs[-1].fingerprint
    shown_args, shown_result = shown(task, _whole(payload, payload_bytes), _whole(result, result_bytes))
    return JobRow(
        *(job_id, task, queue, state, worker, consumer, reason, error_type, error, fingerprint, parent, unique),
        *(created_ms, int(version), float(priority or 0), queued_ms, _instant(run_at), started_ms, finished_ms),
        *(number, int(crashes or 0), int(retries or 0), int(left or 0)),
        *(shown_args, shown_result, tuple(runs), bool(is_new)),
    )


def _is_plain(texts: Sequence[str]) -> bool:
    """Whether these can be kept as they are; most are short and of plain characters."""
    joined = "".join(texts)
    return len(joined) <= LONGEST_NAME and "\0" not in joined and joined.isascii()


def _visible(text: str) -> str:
    """A text of bytes that were no UTF-8, with those bytes written out."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def bare(row: JobRow, why: str) -> JobRow:
    """A row without what jobs themselves have put in it, for one that PostgreSQL would not take."""
    runs = tuple(replace(run, error="", traceback="", shape="") for run in row.runs)
    unrecorded = json.dumps({"unrecorded": why[:LONGEST_NAME]})
    return replace(row, reason="", error="", args=unrecorded, result=None, runs=runs)


def _runs(packed: Packed) -> list[Run]:
    found = []
    for number, text in zip(packed[FIRST_ATTEMPT_AT::2], packed[FIRST_ATTEMPT_AT + 1 :: 2], strict=True):
        fields = _fields(text)
        started_ms, finished_ms = _instant(fields.get("started")), _instant(fields.get("finished"))
        if started_ms is None or finished_ms is None:
            continue
        words = [storable(str(fields.get(name) or ""), longest=most) for name, most in _RUN_WORDS]
        outcome, *others = words
        found.append(Run(int(number), outcome, _instant(fields.get("queued")), started_ms, finished_ms, *others))
    return found


_REASON, _ERROR = 6, 8
_LONGEST = tuple(LONGEST_ERROR if place in (_REASON, _ERROR) else LONGEST_NAME for place in range(12))
_RUN_WORDS = (
    ("outcome", LONGEST_NAME),
    ("worker", LONGEST_NAME),
    ("error_type", LONGEST_NAME),
    ("error", LONGEST_ERROR),
    ("traceback", LONGEST_TRACEBACK),
    ("fingerprint", LONGEST_NAME),
    ("shape", LONGEST_ERROR),
)


def _fields(text: str) -> dict[str, Any]:
    try:
        fields = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError):  # bytes that are no UTF-8, or half of a pair of surrogates
        try:
            fields = json.loads(text.encode("utf-8", "surrogateescape").decode("utf-8", "replace"))
        except ValueError:
            return {}
    return fields if isinstance(fields, dict) else {}


def _instant(value: Any) -> int | None:
    if not value:
        return None
    try:
        at_ms = int(value)
    except ValueError:
        at_ms = int(float(value))
    return at_ms if 0 < at_ms < _LAST_MS else None


def _whole(data: str | bool, size_bytes: int) -> bytes | None:
    """The data, or a word on its size when it was too large to be read."""
    if isinstance(data, str):
        return data.encode("utf-8", "surrogateescape") or None
    return b'{"~bytes": %d}' % size_bytes if size_bytes else None
