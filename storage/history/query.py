"""The filter grammar: ``state:dead queue:email err:Timeout args.user_id:42 attempt:>=3 dur:>5s last:24h -invoice``.

Words side by side must all match; ``OR`` between them, ``-`` or ``NOT`` before one, parentheses and quotes do what they
do elsewhere; ``state:dead,canceled`` is either. A word without a field searches task, error and arguments. `parse` is
the only door: what it does not understand is a `FilterError` that says where it is and what may be meant.
"""

import difflib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo

from storage.broker.records import STATES
from storage.errors import FilterError
from storage.history import instants, texts
from storage.history.filters import All, Any, Argument, Between, During, Filter, Is, Node, Not, Span, Word

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
MEANT_STATES = {
    **{"failed": "dead", "failure": "dead", "error": "dead", "buried": "dead", "success": "succeeded"},
    **{"done": "succeeded", "finished": "succeeded", "completed": "succeeded", "ok": "succeeded"},
    **{"cancelled": "canceled", "revoked": "canceled", "pending": "queued", "waiting": "queued", "ready": "queued"},
    **{"active": "running", "started": "running", "retry": "retrying", "delayed": "scheduled"},
}
MOST_CHARS, MOST_TERMS, DEEPEST = 4_000, 100, 40
LARGEST_ATTEMPT = 1_000_000_000
_SPACE = re.compile(r"\s*")
_BARE_WORD = re.compile(r'[^\s"(),:]+')
_BARE_VALUE = re.compile(r'[^\s"(),]+')
_BARE_SEGMENT = re.compile(r'[^\s"(),:.]+')
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_COMPARED = re.compile(r"(>=|<=|>|<|)(.*)\Z", re.DOTALL)
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


@dataclass(frozen=True, slots=True)
class _Value:
    """A value as it stands in the text."""

    text: str
    position: int
    length: int


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
        nodes = _flat(self._all(), Any)
        while self._keyword("OR"):
            nodes += _flat(self._all(), Any)
        return Any(tuple(nodes)) if len(nodes) > 1 else nodes[0]

    def _all(self) -> Node:
        nodes = _flat(self._one(), All)
        while self._keyword("AND") or (self._peek() not in ("", ")") and not self._sees("OR")):
            nodes += _flat(self._one(), All)
        return All(tuple(nodes)) if len(nodes) > 1 else nodes[0]

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
            return Not(self._one())
        return Not(self._one()) if self._keyword("NOT") else None

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

    def _condition(self, field: str, values: list[_Value]) -> Node:
        if field == "state":
            return Is(field, tuple(_state(value) for value in values))
        if field in ("dur", "wait", "age", "attempt"):
            return Between(field, tuple(_span(field, value) for value in values))
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

    def _values(self, field: str) -> list[_Value]:
        values = [self._value(field)]
        while self._next() == ",":
            self._at += 1
            values.append(self._value(field))
        return values

    def _value(self, field: str) -> _Value:
        start, parts = self._at, []
        while self._next() not in ("", "(", ")", ",") and not self._next().isspace():
            parts.append(self._quoted() if self._next() == '"' else self._match(_BARE_VALUE))
        text = "".join(parts)
        if not text.strip():
            hint = self._fields.get(field, "a value, as in args.user_id:42")
            raise FilterError(f"{field}: names nothing; it wants {hint}", start, self._at - start)
        return _Value(text, start, self._at - start)

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


# -- values ----------------------------------------------------------------------------------------------------


def _state(value: _Value) -> str:
    word = value.text.lower()
    if word in STATES:
        return word
    suggestion = MEANT_STATES.get(word) or next(iter(difflib.get_close_matches(word, STATES, 1)), "")
    raise FilterError(unknown(value.text, "state", STATES, suggestion), value.position, value.length, suggestion)


def _span(field: str, value: _Value) -> Span:
    """The numbers that a value says: 3, >=3, 2..4."""
    read: Callable[[str, int], int] = _attempt if field == "attempt" else instants.duration_ms
    low, dots, high = value.text.partition("..")
    if dots:
        return _ordered(
            Span(
                read(low, value.position) if low else None,
                read(high, value.position + len(low) + 2) if high else None,
            ),
            value,
        )
    sign, number = _COMPARED.match(value.text).groups()  # type: ignore[union-attr]  # it matches any text
    position = value.position + len(sign)
    found = read(number, position)
    if not sign and field != "attempt":
        better = f">{number}" if field != "age" else f"<{number}"
        raise FilterError(
            f"exactly {number}? Write >{number}, <{number} or {number}..{instants.longer(found)}",
            value.position,
            value.length,
            better,
        )
    spans = {">=": Span(found, None), ">": Span(found + 1, None), "<=": Span(None, found), "<": Span(None, found - 1)}
    return spans.get(sign, Span(found, found))


def _ordered(span: Span, value: _Value) -> Span:
    if span.low is None and span.high is None:
        raise FilterError("“..” has a number on one side at least", value.position, value.length)
    if span.low is not None and span.high is not None and span.low > span.high:
        low, _, high = value.text.partition("..")
        raise FilterError(f"“{value.text}” ends before it begins", value.position, value.length, f"{high}..{low}")
    return span


def _attempt(text: str, position: int) -> int:
    if not (text.isascii() and text.isdigit()) or len(text) > 10 or int(text) > LARGEST_ATTEMPT:
        raise FilterError(f"“{text}” is no number of attempts: write 3, >=3 or 2..4", position, len(text))
    return int(text)


def unknown(name: str, kind: str, known: Iterable[str], suggestion: str) -> str:
    """Say that a name is none of a kind, which there are, and which of them may be meant."""
    listed = f"{kind}s are {' '.join(known)}"
    if suggestion:
        return f"“{name}” is no {kind}: did you mean {suggestion}? The {listed}"
    return f"“{name}” is no {kind}; the {listed}"
