"""The filter of a list of jobs: its words, parsed into a `Filter`.

Understood: ``state:dead`` and ``queue:email``, each with several values after commas, each at most once.
`parse` is the only door: what it does not understand is a `FilterError` that names what is.
"""

import shlex
from dataclasses import dataclass

from storage.broker.records import STATES, State

UNDERSTOOD = "understood here: state:dead,queued and queue:email,default"


class FilterError(ValueError):
    """The text is not a filter; the message says which word is wrong and what is understood."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which jobs: those in one of the states and one of the queues; empty means any."""

    states: tuple[State, ...] = ()
    queues: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.states or self.queues)

    def text(self) -> str:
        """Write the filter as `parse` reads it."""
        words = []
        if self.states:
            words.append("state:" + ",".join(self.states))
        if self.queues:
            words.append(shlex.quote("queue:" + ",".join(self.queues)))
        return " ".join(words)


def parse(text: str) -> Filter:
    """Read a filter.

    Raises:
        FilterError: a word is not understood.
    """
    try:
        words = shlex.split(text)
    except ValueError:
        raise FilterError(f"a quote is not closed; {UNDERSTOOD}") from None
    states: tuple[State, ...] = ()
    queues: tuple[str, ...] = ()
    for word in words:
        name, colon, listed = word.partition(":")
        values = [value for value in listed.split(",") if value]
        if not colon or name not in ("state", "queue"):
            raise FilterError(f"“{word}” is not understood; {UNDERSTOOD}")
        if not values:
            raise FilterError(f"“{word}” names no {name}; {UNDERSTOOD}")
        if (name == "state" and states) or (name == "queue" and queues):
            raise FilterError(f"{name}: stands twice; write {name}:one,other")
        if name == "state":
            states = tuple(dict.fromkeys(_state(value) for value in values))
        else:
            queues = tuple(dict.fromkeys(values))
    return Filter(states, queues)


def _state(word: str) -> State:
    for state in STATES:
        if word == state:
            return state
    raise FilterError(f"“{word}” is no state; the states are {' '.join(STATES)}")
