"""What the recorder read of a job (lua/_record.lua) as rows of jobs and attempts, without anything that PostgreSQL can
not keep. Instants are milliseconds of the broker's clock until they are written.
"""

import json
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import msgspec

from storage.database.text import storable

LONGEST_NAME = 300
LONGEST_ERROR = 10_000
LONGEST_TRACEBACK = 100_000
_LAST_MS = 253_370_764_800_000
"""The year 9999: what is later is no instant."""
_NAMES = ("id", "task", "queue", "state", "worker", "consumer", "error_type", "fingerprint", "parent")
_FIELDS = (
    *("id", "version", "task", "queue", "state", "priority", "created", "queued", "run_at", "started", "finished"),
    *("attempt", "crashes", "retries", "left", "worker", "consumer", "reason", "error_type", "error", "fingerprint"),
    *("parent", "unique", "payload", "result", "payload_bytes", "result_bytes"),
)
FIRST_ATTEMPT_AT = len(_FIELDS)
"""Where attempts begin in a packed record."""

Packed = Sequence[Any]
"""A record as _record.lua packs it."""
ShownTexts = Callable[[str, bytes | None, bytes | None], tuple[str | None, str | None]]
"""JSON texts of the arguments and the result of a job of this task, or None."""


class Run(NamedTuple):
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


class JobRow(NamedTuple):
    """A job as its record says, with all that ran of it, oldest first; ``args`` and ``result`` are JSON texts."""

    id: str
    created_ms: int
    version: int
    task: str
    queue: str
    state: str
    priority: float
    queued_ms: int | None
    run_at_ms: int | None
    started_ms: int | None
    finished_ms: int | None
    attempt: int
    crashes: int
    retries: int
    retries_left: int
    worker: str
    consumer: str
    reason: str
    error_type: str
    error: str
    fingerprint: str
    parent: str
    unique_key: str
    args: str | None
    result: str | None
    runs: tuple[Run, ...]

    @property
    def stored_runs(self) -> tuple[Run, ...]:
        """Those that go into attempts: all that have ended, unless the job's own row says the same."""
        if self.state == "succeeded" and self.attempt == 1:
            return ()
        return tuple(run for run in self.runs if run.finished_ms is not None)


def job_row(packed: Packed, shown: ShownTexts) -> JobRow:
    """The row of a record; ``shown`` answers the JSON texts of a task's arguments and result.

    Raises:
        ValueError: the record is not one of ours.
    """
    fields = dict(zip(_FIELDS, packed, strict=False))
    created_ms = _instant(fields["created"])
    if created_ms is None:
        raise ValueError("it does not say when the job came into being")
    names = {name: _text(fields[name], LONGEST_NAME) for name in _NAMES}
    attempt = int(fields["attempt"] or 0)
    queued_ms, started_ms, finished_ms = (_instant(fields[name]) for name in ("queued", "started", "finished"))
    runs = _runs(packed)
    if names["state"] == "succeeded" and attempt == 1 and started_ms is not None:
        runs.append(Run(1, "succeeded", queued_ms, started_ms, finished_ms, names["worker"]))
    elif names["state"] == "running" and started_ms is not None:
        runs.append(Run(attempt, "running", queued_ms, started_ms, None, names["worker"]))
    if not names["fingerprint"] and names["error_type"] and runs:
        names["fingerprint"] = runs[-1].fingerprint
    payload = _whole(fields["payload"], fields["payload_bytes"])
    args, result = shown(names["task"], payload, _whole(fields["result"], fields["result_bytes"]))
    return JobRow(
        created_ms=created_ms,
        version=int(fields["version"]),
        priority=float(fields["priority"] or 0),
        queued_ms=queued_ms,
        run_at_ms=_instant(fields["run_at"]),
        started_ms=started_ms,
        finished_ms=finished_ms,
        attempt=attempt,
        crashes=int(fields["crashes"] or 0),
        retries=int(fields["retries"] or 0),
        retries_left=int(fields["left"] or 0),
        reason=_text(fields["reason"], LONGEST_ERROR),
        error=_text(fields["error"], LONGEST_ERROR),
        unique_key=_text(fields["unique"], LONGEST_NAME),
        args=args,
        result=result,
        runs=tuple(runs),
        **names,
    )


def bare(row: JobRow, why: str) -> JobRow:
    """A row without what jobs themselves have put in it, for one that PostgreSQL would not take."""
    runs = tuple(run._replace(error="", traceback="", shape="") for run in row.runs)
    return row._replace(
        args=json.dumps({"unrecorded": why[:LONGEST_NAME]}), result=None, error="", reason="", runs=runs
    )


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


_RUN_WORDS = (
    ("outcome", LONGEST_NAME),
    ("worker", LONGEST_NAME),
    ("error_type", LONGEST_NAME),
    ("error", LONGEST_ERROR),
    ("traceback", LONGEST_TRACEBACK),
    ("fingerprint", LONGEST_NAME),
    ("shape", LONGEST_ERROR),
)


def _fields(text: bytes) -> dict[str, Any]:
    try:
        fields = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError):  # bytes that are no UTF-8, or half of a pair of surrogates
        try:
            fields = json.loads(text.decode("utf-8", "replace"))
        except ValueError:
            return {}
    return fields if isinstance(fields, dict) else {}


def _text(value: bytes | bool | None, longest: int | None = None) -> str:
    if not value:
        return ""
    text = value.decode("utf-8", "backslashreplace")  # type: ignore[union-attr]  # True never comes from Redis
    if "\0" in text or (longest is not None and len(text) > longest):
        return storable(text, longest=longest)
    return text


def _instant(value: Any) -> int | None:
    if not value:
        return None
    at_ms = int(float(value))
    return at_ms if 0 < at_ms < _LAST_MS else None


def _whole(data: bytes | bool | None, size_bytes: int) -> bytes | None:
    """The data, or a word on its size when it was too large to be read."""
    if data is False and size_bytes:
        return b'{"~bytes": %d}' % size_bytes
    return data or None  # type: ignore[return-value]  # True never comes from Redis
