"""A job as it is stored: its payload and its record as JSON, with secrets masked."""

import json
from collections.abc import Iterator
from typing import Any, Final

import msgspec
from textual.content import Content

from console.formats import safe_text
from storage.broker.records import Job
from storage.redaction import Redactor
from storage.values import replace

LINES_LIMIT: Final = 1_000
LINE_CHARS: Final = 500
READ_BYTES: Final = 256 * 1024
"""A payload beyond this is shown as its beginning."""
_REDACTOR: Final = Redactor()


def raw_lines(job: Job) -> tuple[Content, ...]:
    """Return the payload, then the record."""
    lines = [*_titled("payload", _payload(job.payload)), "", *_titled("record", _record(job))]
    more = [f"… {len(lines) - LINES_LIMIT:,} lines more"] if len(lines) > LINES_LIMIT else []
    return tuple(safe_text(line, limit=LINE_CHARS) for line in (*lines[:LINES_LIMIT], *more))


def _titled(title: str, text: str) -> Iterator[str]:
    yield f"// {title}"
    yield from text.split("\n")


def _payload(data: bytes) -> str:
    if len(data) > READ_BYTES:
        return _REDACTOR.redact_text(data[:READ_BYTES].decode("utf-8", "backslashreplace")) + "…"
    try:
        return _pretty(json.loads(data))
    except (ValueError, RecursionError):
        return _REDACTOR.redact_text(data.decode("utf-8", "backslashreplace"))


def _record(job: Job) -> str:
    record = msgspec.to_builtins(replace(job, payload=b"", result=None, attempts=()))
    return _pretty({name: value for name, value in record.items() if value not in ("", None, [], ())})


def _pretty(value: Any) -> str:
    return json.dumps(_REDACTOR.redact_value(value), indent=2, ensure_ascii=False)
