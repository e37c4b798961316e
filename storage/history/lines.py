"""Log lines as rows of logs."""

from collections.abc import Callable, Iterable
from datetime import date
from typing import Any

import msgspec

from storage.database.connection import Session
from storage.database.text import storable
from storage.history.copying import copy, instant, line, quoted
from storage.history.rows import LONGEST_NAME, LONGEST_TRACEBACK
from storage.history.writing import day_of

COLUMNS = "at, position, job_id, task, queue, attempt, level, logger, message"
_NEW_LINES = "CREATE TEMPORARY TABLE IF NOT EXISTS new_lines (LIKE logs) ON COMMIT DELETE ROWS"
_ADD = f"INSERT INTO logs ({COLUMNS}) SELECT {COLUMNS} FROM new_lines ON CONFLICT DO NOTHING"
_DAY_MS = 86_400_000

Line = tuple[int, str, str, str, str, int, str, str, str]
"""The columns of logs, the instant as milliseconds."""


def rows_of(lines: Iterable[tuple[str, str, bytes]]) -> list[Line]:
    """Rows of lines as the broker keeps them: position, job id, text. One that can not be read is its own message."""
    return [_row(*one) for one in lines]


def write(session: Session, rows: Iterable[Line], ensure_days: Callable[[set[date]], None]) -> None:
    """Write rows, each once, within a transaction."""
    found = list(rows)
    if not found:
        return
    ensure_days({day_of(row[0]) for row in found})
    session.run(_NEW_LINES)
    copy(session, "new_lines", COLUMNS, (_line(row) for row in found))
    session.run(_ADD)


def _row(position: str, job_id: str, data: bytes) -> Line:
    added_ms = int(position.partition("-")[0])
    try:
        at_ms, attempt, level, logger, message, task, queue = msgspec.json.decode(data)
        at_ms = int(at_ms)
        words = [_word(word, LONGEST_NAME) for word in (task, queue, level, logger)]
        if abs(at_ms - added_ms) > _DAY_MS:  # that clock is wrong by more than a day: the broker's is not
            at_ms = added_ms
        return (
            at_ms,
            position,
            _word(job_id, LONGEST_NAME),
            words[0],
            words[1],
            int(attempt),
            *words[2:],
            _word(message),
        )  # type: ignore[return-value]  # two of them are left
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError, TypeError):
        told = _word(data.decode("utf-8", "backslashreplace"))
        return added_ms, position, _word(job_id, LONGEST_NAME), "", "", 0, "", "", told


def _word(value: Any, longest: int = LONGEST_TRACEBACK) -> str:
    return storable(value if isinstance(value, str) else str(value), longest=longest)


def _line(row: Line) -> str:
    at_ms, position, job_id, task, queue, attempt, *words = row
    return line(
        (instant(at_ms), position, quoted(job_id), quoted(task), quoted(queue), str(attempt), *map(quoted, words))
    )
