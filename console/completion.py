"""What can stand at the cursor of a filter's text: the grammar's fields, and values of them as they occur.

Only what can be drawn as it is, is offered: what is taken in is what was seen.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from msgspec import Struct

from console.formats import safe_text
from storage.history.filters import segment, written

MOST: Final = 60
"""Options of one place."""
LONGEST: Final = 60
SAMPLES: Final[Mapping[str, tuple[str, ...]]] = {
    "attempt": (">=2", "1", "2..4"),
    "dur": (">1s", ">10s", ">1m", "<100ms"),
    "wait": (">10s", ">1m", ">10m"),
    "age": ("<10m", "<1h", "<24h", ">1h"),
    "last": ("10m", "1h", "24h", "7d"),
    "at": ("today", "yesterday", "02:40..03:10"),
    "parent": ("*",),
    "unique": ("*",),
}
"""How values look that no list can hold."""
_ENDS: Final = " \t\n()"


class Completion(Struct, frozen=True):
    """What may stand from ``start`` to ``end`` of a text. ``field`` is whose values they are; "" for fields."""

    start: int
    end: int
    options: tuple[str, ...]
    field: str = ""

    def taken(self, text: str, option: str) -> tuple[str, int]:
        """Return the text with an option in its place, and where the cursor is then."""
        return text[: self.start] + option + text[self.end :], self.start + len(option)


def complete(text: str, cursor: int, fields: Iterable[str], words: Mapping[str, tuple[str, ...]]) -> Completion:
    """Say what can stand at the cursor. ``words`` are values by field; "args" has the names of arguments."""
    start = _begin(text, cursor)
    typed = text[start:cursor]
    name, colon, listed = _divided(typed)
    if colon and name.lower() in fields:
        field = name.lower()
        at = cursor - len(listed) + _last_comma(listed)
        values = map(written, (*words.get(field, ()), *SAMPLES.get(field, ())))
        return Completion(at, cursor, matching(text[at:cursor], values), field)
    if colon:
        return Completion(cursor, cursor, (), name.partition(".")[0].lower())
    if typed.lower().startswith("args.") and "args" in fields:
        paths = (f"args.{segment(one)}:" for one in words.get("args", ()))
        return Completion(start, cursor, matching(typed, paths), "args")
    names = (f"{one}." if one == "args" else f"{one}:" for one in fields)
    return Completion(start, cursor, tuple(one for one in names if one.startswith(typed.lower())))


def _begin(text: str, cursor: int) -> int:
    """Where the term at the cursor begins, behind its negation."""
    start, is_quoted = 0, False
    for index, character in enumerate(text[:cursor]):
        if character == '"':
            is_quoted = not is_quoted
        elif not is_quoted and character in _ENDS:
            start = index + 1
    return start + (text[start : start + 1] == "-" and start < cursor)


def _divided(term: str) -> tuple[str, str, str]:
    name, colon, listed = term.partition(":")
    return (name, colon, listed) if '"' not in name else (term, "", "")


def _last_comma(listed: str) -> int:
    found, is_quoted = 0, False
    for index, character in enumerate(listed):
        if character == '"':
            is_quoted = not is_quoted
        elif not is_quoted and character == ",":
            found = index + 1
    return found


def matching(typed: str, options: Iterable[str]) -> tuple[str, ...]:
    """Those that go on from what was typed; then those that have it in them."""
    begun = typed.replace('"', "").lower()
    shown = [one for one in options if len(one) <= LONGEST and safe_text(one).plain == one and one != typed]
    first = [one for one in shown if one.replace('"', "").lower().startswith(begun)]
    return tuple(dict.fromkeys([*first, *(one for one in shown if begun in one.lower())]))[:MOST]
