"""What the values of a filter's fields say: a state, or numbers; and what is said of names that nothing has."""

import difflib
import re
from collections.abc import Callable, Iterable

from msgspec import Struct

from storage.broker.records import STATES
from storage.errors import FilterError
from storage.history import instants
from storage.history.filters import Span

MEANT_STATES = {
    **{"failed": "dead", "failure": "dead", "error": "dead", "buried": "dead", "success": "succeeded"},
    **{"done": "succeeded", "finished": "succeeded", "completed": "succeeded", "ok": "succeeded"},
    **{"cancelled": "canceled", "revoked": "canceled", "pending": "queued", "waiting": "queued", "ready": "queued"},
    **{"active": "running", "started": "running", "retry": "retrying", "delayed": "scheduled"},
}
LARGEST_ATTEMPT = 1_000_000_000
_COMPARED = re.compile(r"(>=|<=|>|<|)(.*)\Z", re.DOTALL)


class Value(Struct, frozen=True):
    """A value as it stands in the text."""

    text: str
    position: int
    length: int


def state_of(value: Value) -> str:
    """The state that a value names. Raises FilterError."""
    word = value.text.lower()
    if word in STATES:
        return word
    suggestion = MEANT_STATES.get(word) or next(iter(difflib.get_close_matches(word, STATES, 1)), "")
    raise FilterError(unknown(value.text, "state", STATES, suggestion), value.position, value.length, suggestion)


def span_of(field: str, value: Value) -> Span:
    """The numbers that a value says: 3, >=3, 2..4. Raises FilterError."""
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


def _ordered(span: Span, value: Value) -> Span:
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
