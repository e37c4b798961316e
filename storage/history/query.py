"""The filter grammar: ``state:dead queue:email err:Timeout args.user_id:42 attempt:>=3 dur:>5s last:24h -invoice``.

Words side by side must all match; ``OR`` between them, ``-`` or ``NOT`` before one, parentheses and quotes do what they
do elsewhere; ``state:dead,canceled`` is either. A word without a field searches task, error and arguments. `parse` is
the only door: what it does not understand is a `FilterError` that says where it is and what may be meant.
"""

import difflib
import re
from collections.abc import Mapping
from datetime import datetime, tzinfo
from itertools import pairwise

from msgspec import Struct

from storage.broker.records import STATES
from storage.errors import FilterError
from storage.history import instants, texts
from storage.history.filters import All, Any, Argument, Between, During, Filter, Is, Node, Not, Span, Word
from storage.history.values import Value, span_of, state_of, unknown

FIELDS = {
    "state": f"one of {' '.join(STATES)}",
    "queue": "the queue's name; * stands for anything",
    "task": "a part of the task's name, or the whole of it with * for anything",
    "err": "a part of the error's type or message",
    "args": "an argument by its path: args.user_id:42",
    "host": "the host of the last attempt; * stands for anything",
    "worker": "how the name of the worker of the last attempt begins",
    "attempt": "the number of the last attempt: 3, >=3, 2..4",
    "dur": "how long the last attempt took, or runs: >5s, <20ms, 1m..5m",
    "wait": "how long it waited for that, or waits: >1m",
    "age": "how long ago it was created: <1h",
    "last": "created within this time: 24h",
    "at": "created in this time: 02:40..03:10, 2026-11-21, yesterday",
    "id": "how its id begins",
    "group": "how the fingerprint of its error begins",
    "parent": "how the id of its parent begins; * for any",
    "unique": "its unique key; * for any",
    "log": "words of one line of its log",
}
"""Every field, and what it asks for."""

MEANT = {
    **{"status": "state", "error": "err", "errors": "err", "exception": "err", "name": "task", "func": "task"},
    **{"arg": "args", "kwargs": "args", "duration": "dur", "took": "dur", "runtime": "dur", "latency": "wait"},
    **{"waited": "wait", "created": "at", "since": "last", "attempts": "attempt", "tries": "attempt"},
    **{"fingerprint": "group", "job": "id", "node": "host", "logs": "log", "message": "log", "key": "unique"},
}
MOST_CHARS, MOST_TERMS, DEEPEST = 4_000, 100, 40
_SPACE = re.compile(r"\s*")
_BARE_WORD = re.compile(r'[^\s"(),:]+')
_BARE_VALUE = re.compile(r'[^\s"(),]+')
_BARE_SEGMENT = re.compile(r'[^\s"(),:.]+')
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_UNHELD = re.compile("[\x00\ud800-\udfff]")
"""Characters that PostgreSQL's texts can not hold."""


def parse(
    text: str,
    *,
    now: datetime,
    zone: tzinfo,
    fields: Mapping[str, str] = FIELDS,
    meant: Mapping[str, str] = MEANT,
) -> Filter:
    """Read a filter. Ages count from ``now``; clock times and dates are those of ``zone``. ``fields`` are those of what
    is filtered, when it is not jobs: one that jobs do not have takes any text. ``meant`` is which of them is meant by
    another name.

    Raises:
        FilterError: it is not understood.
    """
    if len(text) > MOST_CHARS:
        raise FilterError(f"a filter has at most {MOST_CHARS:,} characters", MOST_CHARS, len(text) - MOST_CHARS)
    if unheld := _UNHELD.search(text):
        raise FilterError("no text that is stored has this character", unheld.start(), 1)
    return Filter(_Parser(text, now, zone, (fields, meant)).whole(), now)


def state_parts(text: str, *, now: datetime, zone: tzinfo) -> tuple[tuple[int, int], ...]:
    """Where a filter of jobs says, by itself, which states all that match are in: start and end of each such part, in
    order, with what binds it to its neighbour. What is left without these parts says all the rest.

    Raises:
        FilterError: the filter is not understood.
    """
    parser = _Parser(text, now, zone, (FIELDS, MEANT))
    node = parser.whole()
    if node is not None and is_state(node):
        return ((0, len(text)),)
    return tuple(sorted(parser.state_parts))


def is_state(node: Node) -> bool:
    """Whether a node says which states jobs are in, and nothing else."""
    return all(isinstance(one, Is) and one.field == "state" for one in _flat(node, All))


class _Part(Struct, frozen=True):
    """One of those that must all match, and where it stands."""

    node: Node
    start: int
    end: int


class _Parser:
    """One pass over one text, by recursive descent."""

    def __init__(
        self, text: str, now: datetime, zone: tzinfo, names: tuple[Mapping[str, str], Mapping[str, str]]
    ) -> None:
        self._text = text
        self._fields, self._meant = names
        self._now = now
        self._zone = zone
        self._at = 0
        self._terms = 0
        self._depth = 0
        self.state_parts: list[tuple[int, int]] = []

    def whole(self) -> Node | None:
        self._skip()
        if self._at == len(self._text):
            return None
        node = self._any()
        if self._at < len(self._text):
            raise FilterError("this parenthesis closes nothing", self._at, 1)
        return node

    # -- structure ---------------------------------------------------------------------------------------------

    def _any(self) -> Node:
        known = len(self.state_parts)
        nodes = _flat(self._all(), Any)
        while self._keyword("OR"):
            nodes += _flat(self._all(), Any)
        if len(nodes) > 1:
            del self.state_parts[known:]
        return Any(tuple(nodes)) if len(nodes) > 1 else nodes[0]

    def _all(self) -> Node:
        parts = [self._part()]
        while self._keyword("AND") or (self._peek() not in ("", ")") and not self._sees("OR")):
            parts.append(self._part())
        self.state_parts += _states_of(parts)
        nodes = [node for part in parts for node in _flat(part.node, All)]
        return All(tuple(nodes)) if len(nodes) > 1 else nodes[0]

    def _part(self) -> _Part:
        self._skip()
        start = self._at
        node = self._one()
        return _Part(node, start, start + len(self._text[start : self._at].rstrip()))

    def _one(self) -> Node:
        self._depth += 1
        if self._depth > DEEPEST:
            raise FilterError(f"more than {DEEPEST} levels of parentheses and negations", self._at, 1)
        node = self._negated() or self._group() or self._term()
        self._depth -= 1
        return node

    def _negated(self) -> Node | None:
        if self._peek() == "-":
            start = self._at
            self._at += 1
            if self._at == len(self._text) or self._text[self._at].isspace() or self._text[self._at] in "),":
                raise FilterError("“-” negates what comes right after it, and nothing does", start, 1)
            return Not(self._apart())
        return Not(self._apart()) if self._keyword("NOT") else None

    def _apart(self) -> Node:
        """What is negated: the states in it are not those of what matches."""
        known = len(self.state_parts)
        node = self._one()
        del self.state_parts[known:]
        return node

    def _group(self) -> Node | None:
        if self._peek() != "(":
            return None
        start = self._at
        self._at += 1
        if self._peek() == ")":
            raise FilterError("there is nothing in these parentheses", start, self._at - start + 1)
        node = self._any()
        if self._peek() != ")":
            raise FilterError("this parenthesis is not closed", start, 1)
        self._at += 1
        self._skip()
        return node

    # -- terms -------------------------------------------------------------------------------------------------

    def _term(self) -> Node:
        self._terms += 1
        if self._terms > MOST_TERMS:
            raise FilterError(f"a filter has at most {MOST_TERMS} words and fields", self._at, 1)
        start = self._at
        if self._peek() in ("", ")") or self._sees("OR") or self._sees("AND"):
            raise FilterError("a word or field is missing here", start)
        if self._text[self._at] in ",:":
            raise FilterError(f"“{self._text[self._at]}” has nothing before it", start, 1)
        if self._text[self._at] == '"':
            node: Node = Word(self._word(self._quoted(), start))
        else:
            name = self._match(_BARE_WORD)
            is_argument = "args" in self._fields and name.partition(".")[0].lower() == "args"
            if is_argument and (self._next() == ":" or "." in name):
                node = self._argument(start)
            elif self._next() == ":":
                node = self._field(name, start)
            elif self._next() == ",":
                raise FilterError("a list of values has a field before it; quote a word with a comma", self._at, 1)
            else:
                node = Word(name)
        self._skip()
        return node

    def _word(self, text: str, start: int) -> str:
        if not text.strip():
            raise FilterError("there is nothing between these quotes", start, self._at - start)
        return text

    def _argument(self, start: int) -> Node:
        self._at = start + len("args")
        path = []
        while self._next() == ".":
            self._at += 1
            part = self._quoted() if self._next() == '"' else self._match(_BARE_SEGMENT)
            if not part:
                raise FilterError("a part of the argument's path is missing: args.user_id:42", self._at)
            path.append(part)
        if self._next() != ":" or not path:
            raise FilterError("an argument is asked for by path and value: args.user_id:42", start, self._at - start)
        self._at += 1
        return Argument(tuple(path), tuple(value.text for value in self._values(f"args.{'.'.join(path)}")))

    def _field(self, name: str, start: int) -> Node:
        field = name.lower()
        if field not in self._fields:
            raise self._no_field(name, start)
        self._at += 1
        return self._condition(field, self._values(field))

    def _no_field(self, name: str, position: int) -> FilterError:
        suggestion = self._meant.get(name.lower(), "")
        if suggestion not in self._fields:
            suggestion = next(iter(difflib.get_close_matches(name.lower(), self._fields, 1)), "")
        said = unknown(name, "field", self._fields, suggestion)
        return FilterError(f"{said} (a text with a colon goes in quotes)", position, len(name), suggestion)

    def _condition(self, field: str, values: list[Value]) -> Node:
        if field == "state":
            return Is(field, tuple(state_of(value) for value in values))
        if field in ("dur", "wait", "age", "attempt"):
            return Between(field, tuple(span_of(field, value) for value in values))
        if field == "last":
            return Between("age", tuple(Span(None, instants.duration_ms(one.text, one.position)) for one in values))
        if field == "at":
            read = (instants.window(one.text, one.position, now=self._now, zone=self._zone) for one in values)
            return During(tuple(read))
        if field == "log":
            for one in values:
                if not texts.words(one.text):
                    raise FilterError("a log line is looked for by words, and here is none", one.position, one.length)
        return Is(field, tuple(value.text for value in values))

    def _values(self, field: str) -> list[Value]:
        values = [self._value(field)]
        while self._next() == ",":
            self._at += 1
            values.append(self._value(field))
        return values

    def _value(self, field: str) -> Value:
        start, parts = self._at, []
        while self._next() not in ("", "(", ")", ",") and not self._next().isspace():
            parts.append(self._quoted() if self._next() == '"' else self._match(_BARE_VALUE))
        text = "".join(parts)
        if not text.strip():
            hint = self._fields.get(field, "a value, as in args.user_id:42")
            raise FilterError(f"{field}: names nothing; it wants {hint}", start, self._at - start)
        return Value(text, start, self._at - start)

    # -- characters --------------------------------------------------------------------------------------------

    def _quoted(self) -> str:
        found = _QUOTED.match(self._text, self._at)
        if found is None:
            raise FilterError("this quote is not closed", self._at, 1)
        self._at = found.end()
        return re.sub(r"\\(.)", r"\1", found[1], flags=re.DOTALL)

    def _match(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self._text, self._at)
        self._at = found.end() if found else self._at
        return found[0] if found else ""

    def _next(self) -> str:
        return self._text[self._at : self._at + 1]

    def _peek(self) -> str:
        """The next character that is no space."""
        self._skip()
        return self._next()

    def _skip(self) -> None:
        self._match(_SPACE)

    def _sees(self, keyword: str) -> bool:
        found = _BARE_WORD.match(self._text, self._at)
        return found is not None and found[0] == keyword and self._text[found.end() : found.end() + 1] != ":"

    def _keyword(self, keyword: str) -> bool:
        self._skip()
        if not self._sees(keyword):
            return False
        self._at += len(keyword)
        self._skip()
        return True


def _flat(node: Node, kind: type[All] | type[Any]) -> list[Node]:
    return list(node.nodes) if isinstance(node, kind) else [node]


def _states_of(parts: list[_Part]) -> list[tuple[int, int]]:
    """Those of some parts that say only states: the first ones up to what follows, others from the end of the one
    before. When all of them do, there is no rest here that they could be told from."""
    found: list[tuple[int, int]] = []
    first = next((n for n, part in enumerate(parts) if not is_state(part.node)), None)
    if first is None:
        return []
    if first:
        found.append((parts[0].start, parts[first].start))
    for before, part in pairwise(parts[first:]):
        if is_state(part.node):
            found.append((before.end, part.end))
    return found
