"""Where one can go in the console, as words: ``queues``, ``queue email``, ``job 3f2a``, ``jobs err:Timeout``, a filter.

The same words stand after ``dewey console`` and after ``:`` in it. `read` is the only door: what names no place is a
`FilterError` that says where the mistake is and what may be meant.
"""

import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Final, Literal

from msgspec import Struct

from console import lines
from console.completion import Completion, complete, matching
from console.gateway.criteria import of_group, of_queue, parsed, parsed_audit
from storage import audit_search
from storage.errors import FilterError
from storage.history.query import FIELDS

Kind = Literal["screen", "jobs", "logs", "audit", "job", "trigger", "canaries", "help", "quit"]


class Place(Struct, frozen=True):
    """A place: of which kind, and which one: the screen's name, the filter, the beginning of the id, the task."""

    kind: Kind
    text: str = ""


WANTED: Final[Mapping[str, str]] = {
    "job": "how the job's id begins: job 3f2a",
    "queue": "the queue's name: queue email",
    "group": "how the fingerprint of the failures begins: group 5f06",
}
"""Words that name nothing without another, and what that is."""
OTHERS: Final[Mapping[str, Kind]] = {
    **{"trigger": "trigger", "canaries": "canaries", "help": "help", "quit": "quit", "q": "quit"},
}
COMMANDS: Final[Mapping[str, str]] = {
    "jobs": "a filter of jobs: err:Timeout queue:email",
    "logs": "a filter of log lines: level:>=WARNING queue:email",
    "audit": "a filter of actions: actor:ada outcome:refused",
    "trigger": "a part of the task's name",
    **WANTED,
}
"""Words that may go on, and what with."""
_WORD: Final = re.compile(r"[A-Za-z]+\Z")


def read(text: str, now: datetime, screens: Sequence[str]) -> Place:
    """Read a place. ``screens`` are the names of all screens. Raises FilterError."""
    lead = len(text) - len(text.lstrip(" :"))
    body = text[lead:].rstrip()
    word, _, rest = body.partition(" ")
    at = lead + len(body) - len(rest.lstrip())
    word, rest = word.lower() or "overview", rest.strip()
    if word.startswith("job:"):
        word, rest = "job", body[4:].strip()
    if word in WANTED:
        found = _one(word, rest, lead + len(body))
    elif word == "logs" and rest:
        found = Place("logs", _understood(lines.read, rest, at))
    elif word == "audit" and rest:
        found = Place("audit", _understood(lambda one: parsed_audit(one, now), rest, at))
    elif word == "jobs" and rest:
        found = Place("jobs", _understood(lambda one: parsed(one, now), rest, at))
    elif word == "trigger" or (word in OTHERS and not rest):
        found = Place(OTHERS[word], rest)
    elif word in screens:
        found = _screen(word, rest, at)
    else:
        _see_that_it_is_no_slip(body, lead, screens)
        found = Place("jobs", _understood(lambda one: parsed(one, now), body, lead))
    return found


def _screen(word: str, rest: str, at: int) -> Place:
    if rest:
        raise FilterError(f"nothing comes after {word}; to look for words: jobs {word} {rest}", at, len(rest))
    return Place("screen", word)


def _one(word: str, name: str, end: int) -> Place:
    if not name:
        raise FilterError(f"{word} wants {WANTED[word]}", end)
    if word == "job":
        return Place("job", name)
    return Place("jobs", of_queue(name) if word == "queue" else of_group(name))


def _understood(understand: Callable[[str], object], text: str, at: int) -> str:
    try:
        understand(text)
    except FilterError as error:
        raise FilterError(str(error), error.position + at, error.length, error.suggestion) from None
    return text


def _see_that_it_is_no_slip(body: str, at: int, screens: Sequence[str]) -> None:
    """A word that is nearly a screen's name is a slip of the finger, and no word to look for."""
    names = (*screens, *OTHERS, *WANTED)
    close = difflib.get_close_matches(body.lower(), names, 1, 0.75) if _WORD.match(body) else []
    if close:
        said = f"“{body}” is no screen: did you mean {close[0]}? To look for the word: jobs {body}"
        raise FilterError(said, at, len(body), close[0])


def completed(text: str, cursor: int, screens: Sequence[str], words: Mapping[str, tuple[str, ...]]) -> Completion:
    """Say what can stand at the cursor of a place's text."""
    lead = len(text) - len(text.lstrip(" :"))
    word, blank, rest = text[lead:cursor].partition(" ")
    word = word.lower()
    if not blank:
        names = dict.fromkeys((*screens, *OTHERS, *WANTED))
        shown = tuple(f"{one} " if one in WANTED else one for one in names if one != "q")
        begun = tuple(one for one in shown if one.startswith(word) and one.strip() != word)
        found = complete(text, cursor, FIELDS, words)
        if found.start != lead or ":" in word:
            return found
        return Completion(lead, cursor, (*begun, *(found.options if word else ())), word if word in COMMANDS else "")
    if word in ("queue", "group", "trigger"):
        start = cursor - len(rest)
        options = words.get("task" if word == "trigger" else word, ())
        return Completion(start, cursor, matching(rest, options), word)
    if word == "job" or (word in screens and word not in COMMANDS):
        return Completion(cursor, cursor, (), word)
    fields = {"logs": lines.FIELDS, "audit": audit_search.FIELDS}.get(word, FIELDS)
    return complete(text, cursor, fields, _values(word, words))


def _values(word: str, words: Mapping[str, tuple[str, ...]]) -> Mapping[str, tuple[str, ...]]:
    if word == "audit":
        return {"outcome": audit_search.OUTCOMES, "item": words.get("queue", ())}
    return lines.words(words) if word == "logs" else words
