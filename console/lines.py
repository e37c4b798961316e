"""The filter of log lines: the grammar of jobs' filters, with the fields that a line has, over lines that are held."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from console.gateway.views import LogLineView
from storage.errors import FilterError
from storage.history import query, values
from storage.history.filters import All, Any, Between, Filter, Is, Leaf, Node, Not, Word
from storage.history.texts import glob, lowered, names_task

LEVELS: Final = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
FIELDS: Final[Mapping[str, str]] = {
    "level": f"one of {' '.join(LEVELS)}; >=WARNING is that one or a worse one",
    "queue": query.FIELDS["queue"],
    "task": query.FIELDS["task"],
    "id": "how the job's id begins",
    "attempt": "the number of the attempt: 3, >=3, 2..4",
    "logger": "a part of the logger's name, or the whole of it with * for anything",
}
"""Every field of a line, and what it asks for."""
_AT_LEAST: Final = ">="


def read(text: str) -> Filter:
    """Read a filter of lines. Raises FilterError."""
    given = query.parse(text, now=datetime.now(UTC), zone=UTC, fields=FIELDS)
    for leaf in given.leaves():
        if isinstance(leaf, Is) and leaf.field == "level":
            for value in leaf.values:
                _see_that_it_is_a_level(value, text)
    return given


def _see_that_it_is_a_level(value: str, text: str) -> None:
    name = value.removeprefix(_AT_LEAST)
    if name.upper() not in LEVELS:
        close = next((level for level in LEVELS if name and level.startswith(name.upper()[:4])), "")
        said = values.unknown(name, "level", LEVELS, close)
        raise FilterError(said, max(0, text.rfind(name)), len(name), close)


def matches(given: Filter, line: LogLineView) -> bool:
    """Say whether a filter lets a line through."""
    return given.node is None or _node(given.node, line)


def _node(node: Node, line: LogLineView) -> bool:
    match node:
        case Not():
            return not _node(node.node, line)
        case All():
            return all(_node(one, line) for one in node.nodes)
        case Any():
            return any(_node(one, line) for one in node.nodes)
        case _:
            return _leaf(node, line)


def _leaf(leaf: Leaf, line: LogLineView) -> bool:
    if isinstance(leaf, Word):
        word = lowered(leaf.text)
        return any(word in lowered(text.plain) for text in (line.message, line.task, line.logger))
    if isinstance(leaf, Between):
        return any(span.holds(line.attempt) for span in leaf.spans)
    assert isinstance(leaf, Is)
    return any(_is(leaf.field, value, line) for value in leaf.values)


def _is(field: str, value: str, line: LogLineView) -> bool:
    match field:
        case "level":
            return _is_level(value, line.level)
        case "queue":
            return glob(value, line.queue.plain)
        case "task":
            return names_task(value, line.task.plain)
        case "logger":
            return names_task(value, line.logger.plain)
        case _:
            return bool(line.job_key) and line.job_key.startswith(value.rstrip("*"))


def _is_level(value: str, level: str) -> bool:
    name = value.removeprefix(_AT_LEAST).upper()
    if value.startswith(_AT_LEAST):
        return level in LEVELS and LEVELS.index(level) >= LEVELS.index(name)
    return level == name


def words(values: Mapping[str, tuple[str, ...]]) -> Mapping[str, tuple[str, ...]]:
    """Return values to complete a filter of lines with, of those for filters of jobs."""
    levels = (f"{_AT_LEAST}WARNING", f"{_AT_LEAST}ERROR", *LEVELS)
    return {"queue": values.get("queue", ()), "task": values.get("task", ()), "level": levels}
