"""How jobs, tasks, errors and numbers are written in a line: the same in every list, log, sentence and answer."""

from typing import Final

SHORT_ID: Final = 8
"""Characters of an id that stand for it where there is no room for all of it."""


def short_id(job_id: str) -> str:
    """Return what stands for a job where there is no room for its whole id: its beginning, and of one that names its
    schedule the end, which is the tick."""
    return job_id[-SHORT_ID:] if job_id.startswith("cron:") else job_id[:SHORT_ID]


def job_line(job_id: str, task: str, queue: str, state: str) -> str:
    """Return which job it is, and how it stands, as lists of what an action is done to say it."""
    return f"{short_id(job_id)} {short_name(task)} in {queue}, {state}"


def alike(job_id: str, part: str) -> str:
    """Return what several jobs do of which only a part of the id was said, and what helps; this is one of them."""
    does = "begin" if job_id.startswith(part) else "end"
    return f"{does} with {part!r}: write more of the id, as in {job_id}"


def short_name(task: str) -> str:
    """Return a task's own name, without its module."""
    return task.rpartition(".")[2] or task


def error_line(error_type: str, error: str) -> str:
    """Return an error's type and what it says; an error that names its type itself is not named twice."""
    if not error_type or error.startswith(error_type):
        return error
    return f"{error_type}: {error}" if error else error_type


def plural(number: int, one: str, many: str = "") -> str:
    """Return a number of things: "1 file", "2 files"."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"
