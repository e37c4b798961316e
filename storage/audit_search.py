"""The filter of the audit: the grammar of jobs' filters, with the fields that an action has.

``actor:ada outcome:refused item:3f2a last:24h -purge``: bare words search the command line, the reason and who it was.
What `condition` says in SQL, `matches` says in Python, of one action with its items.
"""

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta, tzinfo

from storage.audit import Condition, Entry, Item
from storage.errors import FilterError
from storage.history import query, values
from storage.history.conditions import like
from storage.history.filters import All, Any, Between, During, Filter, Is, Leaf, Node, Not, Span, Window, Word
from storage.history.texts import glob, lowered

OUTCOMES = ("done", "refused", "undone", "unfinished")
FIELDS: Mapping[str, str] = {
    "actor": "who did it; * stands for anything",
    "action": "what was done: requeue, purge, pause …; * stands for anything",
    "outcome": f"one of {' '.join(OUTCOMES)}",
    "item": "how the id of a job that it was done to begins, or the name of a queue",
    "reason": "a part of the reason",
    "host": "the host that it was done from; * stands for anything",
    "age": "how long ago it was done: <1h",
    "last": "done within this time: 24h",
    "at": "done in this time: 02:40..03:10, 2026-11-21, yesterday",
}
"""Every field of an action, and what it asks for."""
MEANT: Mapping[str, str] = {
    **{"who": "actor", "by": "actor", "user": "actor", "what": "action", "verb": "action", "why": "reason"},
    **{"state": "outcome", "status": "outcome", "result": "outcome", "job": "item", "id": "item", "queue": "item"},
    **{"from": "host", "since": "last", "when": "at"},
}
MEANT_OUTCOMES = {"ok": "done", "success": "done", "failed": "refused", "not": "refused", "open": "unfinished"}
_SEARCHED = ("command", "reason", "actor")
_OUTCOMES = {
    "done": "finished_at IS NOT NULL AND refused = 0",
    "refused": "refused > 0",
    "undone": "undone_by IS NOT NULL",
    "unfinished": "finished_at IS NULL",
}


def parse(text: str, *, now: datetime, zone: tzinfo) -> Filter:
    """Read a filter of actions. Ages count from ``now``; clock times and dates are those of ``zone``.

    Raises:
        FilterError: it is not understood.
    """
    given = query.parse(text, now=now, zone=zone, fields=FIELDS, meant=MEANT)
    for leaf in given.leaves():
        if isinstance(leaf, Is) and leaf.field == "outcome":
            for value in leaf.values:
                _see_that_it_is_an_outcome(value, text)
    return given


def _see_that_it_is_an_outcome(value: str, text: str) -> None:
    if value in OUTCOMES:
        return
    close = MEANT_OUTCOMES.get(value) or next(iter(difflib.get_close_matches(value.lower(), OUTCOMES, 1)), "")
    said = values.unknown(value, "outcome", OUTCOMES, close)
    raise FilterError(said, max(0, text.rfind(value)), len(value), close)


def _bounds(span: Span, now: datetime) -> tuple[datetime | None, datetime | None]:
    """When what is so old was done: after the first instant, until the second."""
    after = None if span.high is None else now - timedelta(milliseconds=span.high + 1)
    until = None if span.low is None else now - timedelta(milliseconds=span.low)
    return after, until


# -- in SQL ----------------------------------------------------------------------------------------------------


def condition(given: Filter) -> Condition:
    """The condition of a filter over the table of actions, with its parameters."""
    return ("true", ()) if given.node is None else _node(given.node, given.now)


def _node(node: Node, now: datetime) -> Condition:
    match node:
        case Not():
            sql, parameters = _node(node.node, now)
            return f"NOT ({sql})", parameters
        case All():
            return _joined(" AND ", (_node(one, now) for one in node.nodes))
        case Any():
            return _joined(" OR ", (_node(one, now) for one in node.nodes))
        case _:
            return _leaf(node, now)


def _leaf(leaf: Leaf, now: datetime) -> Condition:
    match leaf:
        case Word():
            return _joined(" OR ", (_part(column, leaf.text) for column in _SEARCHED))
        case Between():
            return _joined(" OR ", (_since(*_bounds(span, now)) for span in leaf.spans))
        case During():
            return _joined(" OR ", (_within(window) for window in leaf.windows))
        case Is():
            return _joined(" OR ", (_is(leaf.field, value) for value in leaf.values))
        case _:
            raise FilterError("an action has no such field")


def _is(field: str, value: str) -> Condition:
    if field == "outcome":
        return _OUTCOMES[value], ()
    if field == "reason":
        return _part(field, value)
    if field == "item":
        begins = like(value.rstrip("*")) + "%"
        return "id IN (SELECT audit_id FROM audit_items WHERE item LIKE %s)", (begins,)
    if "*" in value:
        return f"{field} LIKE %s", ("%".join(map(like, value.split("*"))),)
    return f"{field} = %s", (value,)


def _part(column: str, text: str) -> Condition:
    return f"strpos(lower({column}), %s) > 0", (lowered(text),)


def _since(after: datetime | None, until: datetime | None) -> Condition:
    return _joined(" AND ", [(f"at {sign} %s", (end,)) for sign, end in ((">", after), ("<=", until)) if end])


def _within(window: Window) -> Condition:
    ends = ((">=", window.start_at), ("<", window.end_at))
    return _joined(" AND ", [(f"at {sign} %s", (end,)) for sign, end in ends if end])


def _joined(word: str, conditions: Iterable[Condition]) -> Condition:
    given = list(conditions)
    sql = word.join(f"({one})" for one, _ in given) or "true"
    return sql, tuple(parameter for _, parameters in given for parameter in parameters)


# -- in Python -------------------------------------------------------------------------------------------------


def matches(given: Filter, entry: Entry, items: Sequence[Item]) -> bool:
    """Whether a filter lets an action through."""

    def node(one: Node) -> bool:
        match one:
            case Not():
                return not node(one.node)
            case All():
                return all(map(node, one.nodes))
            case Any():
                return any(map(node, one.nodes))
            case Is():
                return any(_has(one.field, value, entry, items) for value in one.values)
            case _:
                return _lets(one, entry, given.now)

    return given.node is None or node(given.node)


def _lets(leaf: Leaf, entry: Entry, now: datetime) -> bool:
    if isinstance(leaf, Word):
        return any(lowered(leaf.text) in lowered(getattr(entry, name)) for name in _SEARCHED)
    if isinstance(leaf, During):
        return any(window.holds(entry.at) for window in leaf.windows)
    assert isinstance(leaf, Between)
    bounds = [_bounds(span, now) for span in leaf.spans]
    return any((not after or entry.at > after) and (not until or entry.at <= until) for after, until in bounds)


def _has(field: str, value: str, entry: Entry, items: Sequence[Item]) -> bool:
    asked: Mapping[str, Callable[[], bool]] = {
        "done": lambda: entry.finished_at is not None and entry.refused == 0,
        "refused": lambda: entry.refused > 0,
        "undone": lambda: entry.undone_by is not None,
        "unfinished": lambda: entry.finished_at is None,
    }
    if field == "outcome":
        return asked[value]()
    if field == "item":
        return any(one.item.startswith(value.rstrip("*")) for one in items)
    if field == "reason":
        return lowered(value) in lowered(entry.reason)
    return glob(value, getattr(entry, field))
