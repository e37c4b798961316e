"""How jobs, tasks, errors and numbers are written in a line: the same in every list, log, sentence and answer."""

from typing import Final

SHORT_ID: Final = 8
"""Characters of an id that stand for it where there is no room for all of it."""


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
