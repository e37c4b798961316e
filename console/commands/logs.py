"""The captured logs of jobs: ``dewey logs``."""

import time
from collections import deque
from collections.abc import Iterator
from typing import Annotated

import typer

from console.commands.jobs import find
from console.commands.opening import WrongUse, open_desk
from console.commands.printing import Json, emit, note, visible
from storage.broker.inspector import Inspector
from storage.broker.records import FINISHED, LogLine
from storage.errors import JobMissing
from storage.wording import plural, short_id, short_name

POLL_S = 0.2
PAGE = 1_000

app = typer.Typer()


@app.command()
def logs(
    job_id: Annotated[str, typer.Argument(metavar="ID", help="A job's id, or its beginning; none: all jobs.")] = "",
    follow: Annotated[bool, typer.Option("-f", "--follow", help="Go on until the job ends, or Ctrl-C.")] = False,
    limit: Annotated[int, typer.Option(metavar="N", min=1, max=20_000, help="Most lines to begin with.")] = 1000,
    as_json: Json = False,
) -> None:
    """Print the captured log of a job, or of everything.

    Lines appear while the job runs. Times are UTC.
    """
    if follow and as_json:
        raise WrongUse("--follow and --json do not go together: a log that goes on is not one document")
    inspector = open_desk().inspector
    key = find(inspector, job_id) if job_id else ""
    lines, cursor = _last(inspector, key, limit)
    if follow:
        emit(None, False, _lines(lines, key))
        _follow(inspector, key, cursor)
    else:
        emit(lines, as_json, _lines(lines, key) if lines else ["Nothing was logged."])


def _last(inspector: Inspector, key: str, limit: int) -> tuple[list[LogLine], str]:
    """The last lines, and the place after them."""
    if not key:
        page = inspector.tail(limit=limit)
        return list(page.lines), page.cursor
    lines: deque[LogLine] = deque(maxlen=limit)
    page = inspector.log(key, limit=PAGE)
    dropped = page.dropped
    while page.lines:
        lines += page.lines
        page = inspector.log(key, page.cursor, PAGE)
        dropped += page.dropped
    if dropped:
        note(f"{plural(dropped, 'line')} of this log were lost.")
    return list(lines), page.cursor


def _follow(inspector: Inspector, key: str, cursor: str) -> None:
    """Print what comes, until the job has ended and its last line is printed."""
    if key:
        state = inspector.job(key).state
        if state not in FINISHED and state != "running":
            note(f"The job is {state}; its lines appear when it runs.")
    while True:
        has_ended = bool(key) and _has_ended(inspector, key)
        page = inspector.log(key, cursor, PAGE) if key else inspector.tail(cursor, PAGE)
        cursor = page.cursor
        emit(None, False, _lines(page.lines, key))
        if has_ended and not page.lines:
            return
        if not page.lines:
            time.sleep(POLL_S)


def _has_ended(inspector: Inspector, key: str) -> bool:
    try:
        return inspector.job(key).state in FINISHED
    except JobMissing:  # past its retention
        return True


def _lines(lines: "list[LogLine] | tuple[LogLine, ...]", key: str) -> Iterator[str]:
    for line in lines:
        at = f"{line.at:%Y-%m-%d %H:%M:%S}.{line.at.microsecond // 1000:03}"
        who = f"#{line.attempt}" if key else f"{short_id(line.job)} {short_name(line.task)}"
        head = f"{at} {visible(line.level):<7} {visible(who)}: "
        first, *rest = visible(line.message, lines=True).rstrip("\n").split("\n")
        yield head + first
        yield from (f"    {one}" for one in rest)
