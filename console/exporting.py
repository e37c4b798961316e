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
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal, TypeVar

from msgspec import Struct

from console.gateway.acting import EntryRow, TrashRow
from console.gateway.errors import GatewayRefused
from console.gateway.paging import Walk
from console.gateway.views import JobPage, JobRow, JobView, LogLineView, LogPage
from console.records import Record, instant, job_record, log_record, whole_job
from storage.wording import plural

Format = Literal["json", "ndjson", "csv", "svg"]
Numbered = TypeVar("Numbered", EntryRow, TrashRow)
Row = TypeVar("Row")
FORMATS: Final[Mapping[Format, str]] = {
    "json": "JSON, one list",
    "ndjson": "NDJSON, a line of JSON each",
    "csv": "CSV, for a spreadsheet",
    "svg": "SVG, a picture of this screen",
}
NOTE: Final = "export_note"
"""The field, or the column, that says what is to be known of the whole list; there is none where nothing is."""
MOST: Final = 10_000
"""Records of one file."""
FEW: Final = 100
"""Jobs that are asked for one by one."""
_FORMULAS: Final = ("=", "+", "-", "@", "\t", "\r")
"""How texts begin that a spreadsheet would compute."""


class ExportError(Exception):
    """A file could not be written; the message says which, and why."""


class Extract(Struct, frozen=True):
    """What goes into a file. ``note`` says what is left out, and why."""

    records: Sequence[Record]
    note: str = ""

    @property
    def noted(self) -> Sequence[Record]:
        """The records as they go into a file: each says what is to be known of all of them, as it does of which instant
        they are; without any, one has only that. So a file of any format can be read as ever, and its first lines, or
        some of them, still say it."""
        return [{**record, NOTE: self.note} for record in self.records or [{}]] if self.note else self.records


class Sheet(Struct, frozen=True):
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
    """Write a file whole, or not at all. Nobody else may read it: it has arguments of jobs in it.

    Raises:
        ExportError: it is there and was not to be replaced, or can not be written.
    """
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        if path.is_dir():
            raise ExportError(f"{path} is a directory: name a file in it")
        if not replaces and path.exists():
            raise ExportError(f"{path} is there already")
        with open(fresh, "x", encoding="utf-8", newline="", opener=_opened) as file:
            file.write(text)
        if not replaces:
            open(path, "x", opener=_opened).close()
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


def _opened(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


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
    found: dict[str, Record] = {}
    trouble, walk = "", Walk(ask, 0, MOST)
    for page in walk:
        found.update((row.key, job_record(row)) for row in page.rows)
        trouble = page.trouble.plain
    cut = "" if walk.is_all else f"These are the first {len(found):,}: narrow the filter for the others."
    return Extract([*found.values()], " ".join(said for said in (cut, walk.note, trouble) if said))


def whole_list(
    name: str, title: str, ask: Callable[[], Sequence[Row]], record: Callable[[Row], Record], at: datetime | None = None
) -> Sheet:
    """Return the sheet of a list that is asked for at once; the file's name and each record of one of the past say of
    which instant they are."""
    stamp = {} if at is None else {"as_of": instant(at)}
    called = name if at is None else f"{name}-as-of-{at.astimezone(UTC):%Y%m%d-%H%M}"
    return Sheet(called, title, lambda: Extract([{**stamp, **record(row)} for row in ask()]))


def marked_jobs(keys: Sequence[str], ask: Callable[[int, int], JobPage], ask_one: Callable[[str], JobRow]) -> Extract:
    """Ask for the jobs of these keys: many where they are listed, the others one by one. Those that nobody knows any
    more are left out, and that is said."""
    found: dict[str, Record] = {}
    if len(keys) > FEW:
        for page in Walk(ask, 0, MOST):
            found.update((row.key, job_record(row)) for row in page.rows)
    records: list[Record] = []
    for key in keys:
        with suppress(GatewayRefused):
            records.append(found[key] if key in found else job_record(ask_one(key)))
    gone = len(keys) - len(records)
    return Extract(records, f"{plural(gone, 'job')} of them nobody knows any more." if gone else "")


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
