"""What is different about a job, beside the last one of its task that succeeded before it."""

import json
from typing import Any

from msgspec import Struct

from storage.database.connection import Database
from storage.errors import JobMissing
from storage.history import jobs, walking
from storage.history.conditions import Condition
from storage.history.entries import COLUMNS, Entry
from storage.history.filters import Window

COMPARED = ("queue", "attempt", "duration_ms", "wait_ms", "host", "consumer_version", "priority", "parent")
"""Fields of a job that are compared beside its arguments."""
LABELS = {"consumer_version": "version"}
MOST_PATHS = 500


class Difference(Struct, frozen=True):
    """One thing that is not the same. ``path`` names it: ``host``, ``args.user.id``. A value that is not there is None
    and not among ``present`` ("both", "job", "other")."""

    path: str
    job: Any
    other: Any
    present: str = "both"


class Diff(Struct, frozen=True):
    """A job beside the last success of its task. ``is_before``: that was before this job; else there is only a later
    one. ``same`` names what is equal; ``is_cut``: there are more differences in the arguments than are listed."""

    job: Entry
    other: Entry
    is_before: bool
    differences: tuple[Difference, ...]
    same: tuple[str, ...]
    is_cut: bool = False


def diff(database: Database, id_or_prefix: str) -> Diff:
    """What is different about a job.

    Raises:
        JobMissing: there is no such job, or its task has no other one that succeeded.
        StoreUnavailable, StoreRefused: as `storage.history.jobs.search`.
    """
    entry = jobs.job(database, id_or_prefix).entry
    succeeded = Condition("task = %s AND state = 'succeeded' AND id <> %s", (entry.task, entry.id))
    with walking.reading(database) as session:
        for window in (Window(None, entry.created_at), Window(entry.created_at, None)):
            for row in walking.Walk(session, window).rows(COLUMNS, succeeded, 1):
                return compared(entry, Entry(*row), is_before=window.start_at is None)
    raise JobMissing(f"no other job of {entry.task} has succeeded, as far as history goes: there is nothing to compare")


def compared(job: Entry, other: Entry, *, is_before: bool) -> Diff:
    """Two jobs, side by side."""
    pairs = [(LABELS.get(name, name), getattr(job, name), getattr(other, name)) for name in COMPARED]
    found = [Difference(name, mine, theirs) for name, mine, theirs in pairs if mine != theirs]
    same = [name for name, mine, theirs in pairs if mine == theirs]
    mine, theirs = (dict(_leaves("args", one.args)) for one in (job, other))
    for path in [*mine, *(path for path in theirs if path not in mine)]:
        if path not in mine or path not in theirs:
            present = "job" if path in mine else "other"
            found.append(Difference(path, mine.get(path), theirs.get(path), present))
        elif _text(mine[path]) != _text(theirs[path]):
            found.append(Difference(path, mine[path], theirs[path]))
        else:
            same.append(path)
    return Diff(job, other, is_before, tuple(found[:MOST_PATHS]), tuple(same[:MOST_PATHS]), len(found) > MOST_PATHS)


def _leaves(path: str, value: Any) -> list[tuple[str, Any]]:
    """Every value in a JSON value by its path; an empty object or list is one of its own."""
    found: list[tuple[str, Any]] = []
    waiting = [(path, value)]
    while waiting:
        at, one = waiting.pop()
        parts = one.items() if isinstance(one, dict) else enumerate(one) if isinstance(one, list) else ()
        inner = [(f"{at}.{key}", item) for key, item in parts]
        if inner:
            waiting += reversed(inner)
        else:
            found.append((at, one))
    return found


def _text(value: Any) -> str:
    """A value so that 1, 1.0, true and "1" are not the same."""
    return json.dumps(value, ensure_ascii=False)
