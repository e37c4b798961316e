"""Where one can go in the console, as words: ``queues``, ``queue email``, ``job 3f2a``, ``jobs err:Timeout``, a filter.

The same words stand after ``dewey console`` and after ``:`` in it. `read` is the only door: what names no place is a
`FilterError` that says where the mistake is and what may be meant.
"""

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from console.completion import Completion, complete, matching
from console.gateway.criteria import of_group, of_queue, parsed
from storage.errors import FilterError
from storage.history.query import FIELDS

Kind = Literal["screen", "jobs", "job", "trigger", "canaries", "help", "quit"]


@dataclass(frozen=True, slots=True)
class Place:
    """A place: of which kind, and which one: the screen's name, the filter, the beginning of the id, the task."""

    kind: Kind
    text: str = ""


WANTED: Final[Mapping[str, str]] = {
    "job": "how the job's id begins: job 3f2a",
    "queue": "the queue's name: queue email",
    "group": "how the fingerprint of the failures begins: group 5f06",
}
"""Words that name nothing without another, and what that is."""
OTHERS: Final[Mapping[str, Kind]] = {"trigger": "trigger", "canaries": "canaries", "help": "help", "quit": "quit"}
COMMANDS: Final[Mapping[str, str]] = {
    "jobs": "a filter of jobs: err:Timeout queue:email",
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
    word, rest = word.lower(), rest.strip()
    if word.startswith("job:"):
        word, rest, at = "job", f"{body[4:]}".strip(), lead + 4
    if not body:
        return Place("screen", "overview")
    if word in WANTED:
        return _one(word, rest, lead + len(body))
    if word == "jobs" and rest:
        return Place("jobs", _filter(rest, at, now))
    if word in ("trigger", "q", *OTHERS) and (word == "trigger" or not rest):
        return Place(OTHERS.get(word, "quit"), rest)
    if word in screens:
        if rest:
            raise FilterError(f"nothing comes after {word}; to look for words: jobs {body}", at, len(rest))
        return Place("screen", word)
    _see_that_it_is_no_slip(body, lead, screens)
    return Place("jobs", _filter(body, lead, now))


def _one(word: str, name: str, end: int) -> Place:
    if not name:
        raise FilterError(f"{word} wants {WANTED[word]}", end)
    if word == "job":
        return Place("job", name)
    return Place("jobs", of_queue(name) if word == "queue" else of_group(name))


def _filter(text: str, at: int, now: datetime) -> str:
    try:
        parsed(text, now)
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
        shown = tuple(f"{one} " if one in WANTED else one for one in names)
        begun = tuple(one for one in shown if one.startswith(word) and one.strip() != word)
        found = complete(text, cursor, FIELDS, words)
        if found.start != lead or ":" in word:
            return found
        return Completion(lead, cursor, (*begun, *(found.options if word else ())), word if word in COMMANDS else "")
    if word in ("queue", "group", "trigger"):
        start = cursor - len(rest)
        options = words.get("task" if word == "trigger" else word, ())
        return Completion(start, cursor, matching(rest, options), word)
    if word == "job" or (word in screens and word != "jobs"):
        return Completion(cursor, cursor, (), word)
    return complete(text, cursor, FIELDS, words)
