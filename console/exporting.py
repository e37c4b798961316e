"""What the console writes to files: views as JSON, as a line of JSON each, as CSV; or a picture of a screen.

Records are made from views: every text in them is safe, and what is masked on the screen is masked in the file. A file
that is there already is replaced only when that was asked for.
"""

import csv
import io
import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal, TypeVar

from console.formats import safe_text
from console.gateway.acting import EntryRow, TrashRow
from console.gateway.views import AttemptView, Branch, JobPage, JobRow, JobView, LogLineView, LogPage, QueueRow

Format = Literal["json", "ndjson", "csv", "svg"]
Record = Mapping[str, Any]
Numbered = TypeVar("Numbered", EntryRow, TrashRow)
FORMATS: Final[Mapping[Format, str]] = {
    "json": "JSON, one list",
    "ndjson": "NDJSON, a line of JSON each",
    "csv": "CSV, for a spreadsheet",
    "svg": "SVG, a picture of this screen",
}
MOST: Final = 10_000
"""Records of one file."""
PAGE: Final = 1_000
_FORMULAS: Final = ("=", "+", "-", "@", "\t", "\r")
"""How texts begin that a spreadsheet would compute."""


class ExportError(Exception):
    """A file could not be written; the message says which, and why."""


@dataclass(frozen=True, slots=True)
class Extract:
    """What goes into a file. ``note`` says what is left out, and why."""

    records: Sequence[Record]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Sheet:
    """Something to be exported: what its file is called after, how it is said, and how its records are asked for."""

    name: str
    title: str
    read: Callable[[], Extract]


def path_for(name: str, form: Format, now: datetime) -> Path:
    """Return where a file goes that nobody named: into the working directory, with what and when in its name."""
    plain = "".join(one if one.isascii() and (one.isalnum() or one in "-_") else "-" for one in name)[:60]
    return Path.cwd() / f"dewey-{plain}-{now.astimezone(UTC):%Y%m%d-%H%M%S}.{form}"


def written(records: Sequence[Record], form: Format) -> str:
    """Return records as the text of a file."""
    if form == "ndjson":
        return "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
    if form == "csv":
        return _csv(records)
    return json.dumps(list(records), ensure_ascii=False, indent=2) + "\n"


def save(path: Path, text: str, *, replaces: bool = False) -> None:
    """Write a file whole, or not at all.

    Raises:
        ExportError: it is there and was not to be replaced, or can not be written.
    """
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        if path.is_dir():
            raise ExportError(f"{path} is a directory: name a file in it")
        if not replaces and path.exists():
            raise ExportError(f"{path} is there already")
        with fresh.open("x", encoding="utf-8", newline="") as file:
            file.write(text)
        if not replaces:
            path.open("x").close()
        fresh.replace(path)
    except FileExistsError as error:
        raise ExportError(f"{path} is there already") from error
    except FileNotFoundError as error:
        raise ExportError(f"there is no directory {path.parent}") from error
    except (OSError, ValueError) as error:
        raise ExportError(f"{path} can not be written: {getattr(error, 'strerror', None) or error}") from error
    finally:
        with suppress(OSError, ValueError):
            fresh.unlink(missing_ok=True)


def _csv(records: Sequence[Record]) -> str:
    columns = list(dict.fromkeys(name for record in records for name in record))
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(columns)
    for record in records:
        writer.writerow([_cell(record.get(name)) for name in columns])
    return out.getvalue()


def _cell(value: object) -> str:
    """A cell that no spreadsheet computes."""
    if value is None:
        return ""
    if not isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    return f"'{value}" if value.startswith(_FORMULAS) else value


# -- what is asked for -----------------------------------------------------------------------------------------


def all_jobs(ask: Callable[[int, int], JobPage]) -> Extract:
    """Ask for page after page of a list of jobs, up to `MOST` of them."""
    found: dict[str, JobRow] = {}
    offset, trouble, is_all = 0, "", False
    while len(found) < MOST:
        page, known = ask(offset, min(PAGE, MOST - len(found))), len(found)
        found.update((row.key, row) for row in page.rows)
        trouble = page.trouble.plain
        offset = page.offset + len(page.rows)
        is_all = len(found) == known or (page.is_exact and offset >= page.total)
        if is_all:
            break
    cut = "" if is_all else f"These are the first {len(found):,}: narrow the filter for the others."
    return Extract([job_record(row) for row in found.values()], f"{cut} {trouble}".strip())


def marked_jobs(rows: Iterable[JobRow]) -> Extract:
    """Return jobs that are known."""
    return Extract([job_record(row) for row in rows])


def job_with_log(view: JobView, ask: Callable[[str], LogPage]) -> Extract:
    """Ask for page after page of a job's log, up to `MOST` lines."""
    lines: list[LogLineView] = []
    cursor = ""
    while len(lines) < MOST:
        page = ask(cursor)
        lines += page.lines
        if not page.lines or page.cursor == cursor:
            return Extract([whole_job(view, lines)])
        cursor = page.cursor
    return Extract([whole_job(view, lines[:MOST])], f"Of its log these are the first {MOST:,} lines.")


def held_lines(lines: Iterable[LogLineView]) -> Extract:
    """Return lines that are known."""
    return Extract([log_record(line) for line in lines])


def all_rows(ask: Callable[[int | None], Sequence[Numbered]], record: Callable[[Numbered], Record]) -> Extract:
    """Ask for page after page of what is numbered, the newest first, up to `MOST` of it."""
    rows: list[Numbered] = []
    while len(rows) < MOST:
        page = ask(rows[-1].number if rows else None)
        if not page:
            return Extract([record(row) for row in rows])
        rows += page
    return Extract([record(row) for row in rows[:MOST]], f"These are the last {MOST:,}.")


# -- records ---------------------------------------------------------------------------------------------------


def job_record(row: JobRow) -> Record:
    """Return a job as a line of a list."""
    return {
        "id": _key(row.key),
        "state": row.state,
        "task": row.task.plain,
        "queue": row.queue.plain,
        "attempt": row.attempt,
        "attempts_max": row.attempts_max,
        "priority": row.priority,
        "created_at": _instant(row.created_at),
        "at": _instant(row.at),
        "seconds": row.seconds,
        "worker": row.worker.plain,
        "error" if row.note_is_error else "arguments": row.note.plain,
    }


def whole_job(view: JobView, lines: Iterable[LogLineView]) -> Record:
    """Return a job with all that is known of it."""
    return {
        **{name: value for name, value in job_record(view.row).items() if name not in ("error", "arguments")},
        "task": view.task.plain,
        "run_at": _instant(view.run_at),
        "started_at": _instant(view.started_at),
        "finished_at": _instant(view.finished_at),
        "retries": view.retries,
        "retries_left": view.retries_left,
        "crashes": view.crashes,
        "reason": view.reason.plain,
        "error": view.error.plain,
        "parent": view.parent.plain,
        "arguments": _tree(view.argument_lines),
        "result": _tree(view.result_lines) if view.has_result else None,
        "unreadable": view.undecoded.plain,
        "is_recorded": view.is_recorded,
        "attempts": [_attempt(one) for one in view.attempts],
        "log": [_line(one) for one in lines],
    }


def log_record(line: LogLineView) -> Record:
    """Return a line of the log of everything."""
    return {"job": _key(line.job_key), "task": line.task.plain, "queue": line.queue.plain, **_line(line)}


def queue_record(row: QueueRow) -> Record:
    """Return a queue."""
    pause = row.pause
    return {
        "queue": row.name.plain,
        **{name: getattr(row, name) for name in ("queued", "running", "scheduled", "retrying", "blocked", "dead")},
        "finished": row.finished,
        "oldest_waiting_s": row.oldest_waiting_s,
        "consumers": row.consumers,
        "paused_by": pause.by.plain if pause else None,
        "paused_reason": pause.reason.plain if pause else None,
        "paused_at": _instant(pause.at) if pause else None,
        "minutes": [list(minute) for minute in row.minutes],
    }


def entry_record(row: EntryRow) -> Record:
    """Return an action of the audit."""
    return {
        "number": row.number,
        "at": _instant(row.at),
        "actor": row.actor.plain,
        "host": row.host.plain,
        "reason": row.reason.plain,
        "action": _key(row.action),
        "command": f"dewey {row.command.plain}",
        "items": row.items,
        "done": row.done,
        "refused": row.refused,
        "is_finished": row.is_finished,
        "undoes": row.undoes,
        "undone_by": row.undone_by,
    }


def trash_record(row: TrashRow) -> Record:
    """Return a job of the trash."""
    return {
        "job": _key(row.job_key),
        "task": row.task.plain,
        "queue": row.queue.plain,
        "state": row.state.plain,
        "size_bytes": row.size_bytes,
        "at": _instant(row.at),
    }


def _key(key: str) -> str:
    return safe_text(key, limit=200).plain


def _instant(at: datetime | None) -> str | None:
    return None if at is None else at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _line(line: LogLineView) -> Record:
    return {
        "at": _instant(line.at),
        "attempt": line.attempt,
        "level": safe_text(line.level, limit=20).plain,
        "logger": line.logger.plain,
        "message": line.message.plain,
    }


def _attempt(attempt: AttemptView) -> Record:
    parts = []
    for part in attempt.traceback:
        parts += [*(frame.text.plain for frame in part.frames), part.exception.plain]
        parts += [part.link.plain] if part.link else []
    return {
        "number": attempt.number,
        "outcome": _key(attempt.outcome),
        "started_at": _instant(attempt.started_at),
        "finished_at": _instant(attempt.finished_at),
        "worker": attempt.worker.plain,
        "error": attempt.error.plain,
        "traceback": "\n".join(parts),
    }


def _tree(branches: Sequence[Branch]) -> Any:
    """Return values as they are drawn, nested as they are drawn."""
    if len(branches) == 1 and not branches[0].label:
        return branches[0].value.plain
    found: dict[str, Any] = {}
    above: list[dict[str, Any]] = [found]
    for index, branch in enumerate(branches):
        del above[branch.depth + 1 :]
        has_more = index + 1 < len(branches) and branches[index + 1].depth > branch.depth
        if has_more:
            inner: dict[str, Any] = {}
            above[-1][branch.label.plain] = inner
            above.append(inner)
        else:
            above[-1][branch.label.plain] = branch.value.plain
    return found
