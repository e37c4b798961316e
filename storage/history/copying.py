"""Rows as the text of COPY: https://www.postgresql.org/docs/current/sql-copy.html, "Text Format"."""

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from itertools import islice

from storage.database.connection import Session

_SPECIAL = re.compile(r"[\\\t\n\r]")
_ESCAPES = {"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"}
NULL = "\\N"
AT_ONCE = 100
"""Lines that are sent together: PostgreSQL takes them while the next are made. After each such part another thread of
the interpreter may have its turn."""


def copy(session: Session, table: str, columns: str, lines: Iterable[str]) -> None:
    """Send lines of `line` to a table, as they come."""
    session.copy_in(f"COPY {table} ({columns}) FROM STDIN", _parts(iter(lines)))


def _parts(lines: Iterator[str]) -> Iterator[bytes]:
    while part := "".join(islice(lines, AT_ONCE)):
        yield part.encode()


def line(fields: Sequence[str]) -> str:
    """One row; each field as `quoted`, `number` or `instant` made it."""
    return "\t".join(fields) + "\n"


def quoted(text: str) -> str:
    """A text that PostgreSQL can keep (storage.database.text)."""
    return _SPECIAL.sub(_escaped, text) if _SPECIAL.search(text) else text


def all_quoted(texts: Sequence[str]) -> str:
    """Several texts as fields of a row."""
    joined = "\t".join(texts)
    # One look for each is quicker than one pattern for all.
    if joined.count("\t") == len(texts) - 1 and "\\" not in joined and "\n" not in joined and "\r" not in joined:
        return joined
    return "\t".join(map(quoted, texts))


def json_text(text: str | None) -> str:
    """A JSON text, or NULL; of what is special, JSON has only backslashes."""
    return NULL if text is None else text.replace("\\", "\\\\")


def number(value: float | None) -> str:
    """A number, or NULL."""
    return NULL if value is None else repr(value)


@lru_cache(maxsize=65_536)  # most instants of a job are those of another one, or of itself
def instant(at_ms: int | None) -> str:
    """Milliseconds since the epoch as a timestamptz, or NULL."""
    if at_ms is None:
        return NULL
    return f"{_second(at_ms // 1000)}.{at_ms % 1000:03d}+00"


@lru_cache(maxsize=4_096)
def _second(at_s: int) -> str:
    return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%d %H:%M:%S")


def _escaped(found: "re.Match[str]") -> str:
    return _ESCAPES[found.group()]
