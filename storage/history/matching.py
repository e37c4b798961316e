"""Whether a job matches a filter, without asking PostgreSQL: what conditions.py says in SQL, said in Python.

For jobs that history does not have yet, or has as they were a moment ago.
"""

from collections.abc import Container, Mapping
from datetime import datetime, timedelta
from typing import Any as Anything

from msgspec import Struct, field

from storage.history import texts
from storage.history.conditions import BY_BEGINNING, OPEN
from storage.history.entries import Entry
from storage.history.filters import All, Any, Argument, Between, During, Filter, Is, Leaf, Node, Not, Span, Word

Logged = Mapping[Leaf, Container[str]]
"""By leaf on logs, the ids of the jobs that have such a line."""


def matches(given: Filter, entry: Entry, logged: Logged | None = None) -> bool:
    """Whether a filter lets a job through. A leaf on logs that is not in ``logged`` matches nothing."""
    return given.node is None or _Reader(entry, given.now, logged or {}).node(given.node)


class _Reader(Struct, frozen=True):
    entry: Entry
    now: datetime
    logged: Logged = field(default_factory=dict)

    def node(self, node: Node) -> bool:
        match node:
            case Not():
                return not self.node(node.node)
            case All():
                return all(map(self.node, node.nodes))
            case Any():
                return any(map(self.node, node.nodes))
            case _:
                return self._leaf(node)

    def _leaf(self, node: Leaf) -> bool:
        match node:
            case Word():
                return self._word(node.text)
            case Argument():
                return any(self._argument(node.path, value) for value in node.values)
            case Between():
                return any(self._span(node.field, span) for span in node.spans)
            case During():
                return any(window.holds(self.entry.created_at) for window in node.windows)
            case Is():
                return self._is(node)

    def _is(self, leaf: Is) -> bool:
        if leaf.field == "log":
            return self.entry.id in self.logged.get(leaf, ())
        if leaf.field == "state":
            return self.entry.state in leaf.values
        return any(self._value(leaf.field, value) for value in leaf.values)

    def _value(self, name: str, value: str) -> bool:
        entry = self.entry
        if name == "task":
            return texts.names_task(value, entry.task)
        if name == "queue":
            return texts.glob(value, entry.queue)
        if name == "host":
            return entry.host != "" and texts.glob(value, entry.host)
        if name == "err":
            return self._has_error if value == "*" else self._error(value)
        if name == "unique" and not value.endswith("*"):
            return entry.unique_key != "" and entry.unique_key == value
        given: str = entry.unique_key if name == "unique" else getattr(entry, BY_BEGINNING[name])
        return given != "" and given.startswith(value.rstrip("*"))

    @property
    def _has_error(self) -> bool:
        return bool(self.entry.error_type or self.entry.error)

    def _error(self, value: str) -> bool:
        return self._has_error and texts.lowered(value) in texts.error_text(self.entry.error_type, self.entry.error)

    def _word(self, text: str) -> bool:
        in_task = texts.lowered(text) in texts.lowered(self.entry.task)
        return in_task or self._error(text) or texts.begins_words(text, self._arguments)

    @property
    def _arguments(self) -> str:
        return "" if self.entry.args is None else texts.json_text(self.entry.args)

    def _argument(self, path: tuple[str, ...], value: str) -> bool:
        return _holds(_at(self.entry.args, path), value) and (
            self.entry.state in OPEN or texts.are_whole(path, value, self._arguments)
        )

    def _span(self, name: str, span: Span) -> bool:
        entry = self.entry
        if name == "attempt":
            return span.holds(entry.attempt)
        if name == "age":
            return self._elapsed(entry.created_at, span)
        if name == "dur":
            growing, since_at, ms = entry.state == "running", entry.started_at, entry.duration_ms
        else:
            growing, since_at, ms = entry.state == "queued", entry.queued_at, entry.wait_ms
        if growing:
            return since_at is not None and self._elapsed(since_at, span)
        return ms is not None and span.holds(ms)

    def _elapsed(self, since_at: datetime, span: Span) -> bool:
        return span.holds((self.now - since_at) // timedelta(milliseconds=1))


_MISSING = object()


def _at(value: Anything, path: tuple[str, ...]) -> Anything:
    """What is at a path of a JSON value; a number counts in a list, from its end when it is negative."""
    for part in path:
        if isinstance(value, dict):
            value = value.get(part, _MISSING)
        elif isinstance(value, list):
            value = _item(value, part)
        else:
            return _MISSING
    return value


def _item(items: list[Anything], part: str) -> Anything:
    if not (part.isascii() and part.removeprefix("-").isdigit()) or len(part) > 9:
        return _MISSING
    place = int(part)
    return items[place] if -len(items) <= place < len(items) else _MISSING


def _holds(found: Anything, value: str) -> bool:
    if found is _MISSING:
        return False
    if value == "*":
        return found is not None
    if found is None:
        return value == "null"
    if isinstance(found, list) and any(item is not None and _text(item) == value for item in found):
        return True
    return _text(found) == value


def _text(value: Anything) -> str:
    return value if isinstance(value, str) else texts.json_text(value)
