"""Random filters and random jobs, with few names, so that they often meet."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any as Anything

from hypothesis import strategies as st

from storage.broker.records import STATES
from storage.history.filters import All, Any, Argument, Between, During, Filter, Is, Leaf, Node, Not, Span, Window, Word

NOW = datetime(2026, 11, 22, 3, 30, 0, 123_000, tzinfo=UTC)
OLDEST_AT = NOW - timedelta(days=3)
TEXTS = st.text(st.sampled_from("ab1_%\\'\"*-:.,/ (){}é日Ä\n"), min_size=1, max_size=6).filter(
    lambda text: text.strip()
)
NAMES = st.sampled_from(
    ["email", "Mail", "e*l", "*", "sync", "shop.pack", "pack", "é_a", "a%", "w1", "w2:7", "ab", "ok"]
)
VALUES = st.one_of(NAMES, TEXTS)
WORDS = st.one_of(NAMES, TEXTS, st.sampled_from(["Timeout", "timeOUT", "no page", "ada", "Ada@x", "42", "true", "a b"]))
LONG = "x" * 70


def _few(values: st.SearchStrategy[Anything]) -> st.SearchStrategy[tuple[Anything, ...]]:
    return st.lists(values, min_size=1, max_size=3).map(tuple)


def _is_ordered(ends: tuple[Anything, Anything]) -> bool:
    low, high = ends
    return (low is None) != (high is None) or (low is not None and low < high)


def _spans(numbers: st.SearchStrategy[int]) -> st.SearchStrategy[tuple[Span, ...]]:
    alone = numbers.map(lambda number: Span(number, number))
    return _few(alone | st.tuples(st.none() | numbers, st.none() | numbers).filter(_is_ordered).map(lambda e: Span(*e)))


INSTANTS = st.integers(0, 3 * 86_400_000).map(lambda ms: OLDEST_AT + timedelta(milliseconds=ms))
WINDOWS = st.tuples(st.none() | INSTANTS, st.none() | INSTANTS).filter(_is_ordered).map(lambda e: Window(*e))
LENGTHS = st.sampled_from([0, 1, 20, 1_000, 5_001, 60_000, 3_600_000, 86_400_000])
PATHS = st.sampled_from(
    [("user_id",), ("a", "b"), ("a", "1"), ("args", "0"), ("args",), ("k e.y",), ("note",), ("-1",)]
)
FIELDS = st.sampled_from(["queue", "task", "err", "host", "worker", "id", "group", "parent", "unique"])
LEAVES: st.SearchStrategy[Leaf] = st.one_of(
    st.builds(Word, WORDS),
    st.builds(Is, st.just("state"), _few(st.sampled_from(STATES))),
    st.builds(Is, FIELDS, _few(VALUES)),
    st.builds(Is, st.just("err"), _few(WORDS)),
    st.builds(Is, st.just("log"), _few(st.sampled_from(["page", "no page", "begun", "PAGE 42", "nothing"]))),
    st.builds(Argument, PATHS, _few(st.one_of(VALUES, st.sampled_from(["42", "null", "true", "-1.5", "x y", LONG])))),
    st.builds(Between, st.just("attempt"), _spans(st.integers(0, 5))),
    st.builds(Between, st.sampled_from(["dur", "wait", "age"]), _spans(LENGTHS)),
    st.builds(During, _few(WINDOWS)),
)


def _grown(nodes: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    def joined(kind: type[All] | type[Any]) -> st.SearchStrategy[Node]:
        others = nodes.filter(lambda node: not isinstance(node, kind))
        return st.lists(others, min_size=2, max_size=3).map(lambda found: kind(tuple(found)))

    return st.one_of(nodes.map(Not), joined(All), joined(Any))


NODES: st.SearchStrategy[Node] = st.recursive(LEAVES, _grown, max_leaves=6)
FILTERS = st.none().map(lambda node: Filter(node, NOW)) | NODES.map(lambda node: Filter(node, NOW))

JSON_LEAVES = st.one_of(st.none(), st.booleans(), st.integers(-3, 50), st.just(-1.5), VALUES, st.just("Ada@x y"))
JSON = st.one_of(
    JSON_LEAVES, st.lists(JSON_LEAVES, max_size=3), st.dictionaries(st.sampled_from(["b", "1"]), JSON_LEAVES)
)
ARGUMENTS = st.one_of(
    st.none(),
    st.dictionaries(st.sampled_from(["user_id", "a", "args", "k e.y", "note", "-1"]), JSON, max_size=4),
    st.just({"note": LONG, "user_id": "y" * 3_000}),
    st.just({"a": "z " * 4_500, "user_id": 42}),
)


@st.composite
def rows(draw: st.DrawFn) -> dict[str, object]:
    """A row of jobs, whatever it says."""
    maybe_at = st.none() | INSTANTS
    maybe_ms = st.none() | LENGTHS
    error_type, error = draw(
        st.sampled_from([("", ""), ("TimeoutError", "no page 42"), ("", "Ä%_x"), ("E", "y" * 1_200)])
    )
    return {
        "id": draw(st.sampled_from(["ab", "é_a", "ok"])) + str(draw(st.integers(0, 10**9))),
        "created_at": draw(INSTANTS),
        "version": 1,
        "task": draw(st.sampled_from(["shop.pack", "shop.Email", "é_a.%", "x"])),
        "queue": draw(st.sampled_from(["email", "Mail", "sync", "é_a"])),
        "state": draw(st.sampled_from(STATES)),
        "queued_at": draw(maybe_at),
        "started_at": draw(maybe_at),
        "wait_ms": draw(maybe_ms),
        "duration_ms": draw(maybe_ms),
        "attempt": draw(st.integers(0, 5)),
        "host": draw(st.sampled_from(["", "w1", "w2"])),
        "worker": draw(st.sampled_from(["", "w1:7/Worker-1", "w2:7/x"])),
        "error_type": error_type,
        "error": error,
        "fingerprint": draw(st.sampled_from(["", "ab12", "ok9"])),
        "parent": draw(st.sampled_from(["", "ab", "é_a1"])),
        "unique_key": draw(st.sampled_from(["", "a%", "shop.pack:1", "ok"])),
        "args": None if (args := draw(ARGUMENTS)) is None else json.dumps(args),
    }
