"""What is looked at before an action, who allows it, and what became of it: frozen, and complete enough to be shown."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from msgspec import Struct, field

if TYPE_CHECKING:
    from storage.audit import Item

Permission = Literal["read", "write", "dangerous"]
"""What must be allowed: looking, changing what can be changed back, or what can not (or shows a secret)."""
Scope = Literal["job", "queue", "consumer", "schedule", "task", "group", "canary", "key", "audit"]
"""What the items of an action are."""

_FAR = 10**18
"""Beyond all that an option can be meant to be: a whole number of any length is no more than this."""
SAMPLE = 5
"""How many of the items a preview names."""


class Armed(Struct, frozen=True):
    """Writing is allowed, by somebody, for a reason, for a time."""

    by: str
    reason: str
    until_at: datetime


class Approval(Struct, frozen=True):
    """Who does it, from where, why, and what they typed where a name was asked for. Without ``armed`` only looking is
    allowed."""

    actor: str
    host: str
    reason: str = ""
    armed: Armed | None = None
    typed: str = ""


class Request(Struct, frozen=True):
    """What is asked for: an action on named things, on a group of failures or a queue (in ``options``), or on
    everything that matches ``query``, a filter. ``options`` are what else the action takes."""

    action: str
    subjects: tuple[str, ...] = ()
    query: str = ""
    options: Mapping[str, object] = field(default_factory=dict)

    def text(self, name: str) -> str:
        """An option as text; "" when it is not given."""
        value = self.options.get(name)
        return "" if value is None else str(value)

    def number(self, name: str, default: float) -> float:
        """An option as a number."""
        value = self.options.get(name)
        if isinstance(value, int):
            return float(max(-_FAR, min(value, _FAR)))
        return value if isinstance(value, float) else default


class Subject(Struct, frozen=True):
    """One thing that an action will be done to. ``seen`` is what it is now: when that has changed, it is refused.
    ``label`` says what it is, for a person."""

    id: str
    seen: str
    label: str


class NotEligible(Struct, frozen=True):
    """One thing that an action can not be done to, and why."""

    id: str
    why: str


class Found(Struct, frozen=True):
    """What a look found: what the action can be done to, and what not. ``confirm`` is a name to be typed."""

    subjects: tuple[Subject, ...] = ()
    not_eligible: tuple[NotEligible, ...] = ()
    sentence: str = ""
    confirm: str = ""


class Preview(Struct, frozen=True):
    """What an action would do, as of an instant: performing it does exactly this, once, to what has not changed since.

    ``undo`` is how it is undone, or why it can not be; ``can_undo`` says which. ``command`` is the command line that
    does the same. ``confirm`` is what must be typed, "" for nothing.
    """

    key: str
    action: str
    does: str
    request: Request
    permission: Permission
    scope: Scope
    sentence: str
    subjects: tuple[Subject, ...]
    not_eligible: tuple[NotEligible, ...]
    undo: str
    can_undo: bool
    command: str
    confirm: str
    made_at: datetime

    @property
    def count(self) -> int:
        """How many things it would be done to."""
        return len(self.subjects)

    @property
    def sample(self) -> tuple[str, ...]:
        """The first of them, for a person."""
        return tuple(subject.label for subject in self.subjects[:SAMPLE])


class Performed(Struct, frozen=True):
    """What became of an action, item by item. ``audit_id`` is None when it was not recorded. ``is_repeat`` says that
    it was done before; ``unsaved`` why its outcome is not in the audit. ``values`` are what it shows: of a revealing
    action."""

    action: str
    audit_id: int | None
    items: tuple[Item, ...]
    is_repeat: bool = False
    unsaved: str = ""
    values: Mapping[str, object] = field(default_factory=dict)

    @property
    def done(self) -> tuple[Item, ...]:
        """The items that it was done to."""
        return tuple(item for item in self.items if item.outcome == "done")

    @property
    def refused(self) -> tuple[Item, ...]:
        """The items that it was not done to; their detail says why."""
        return tuple(item for item in self.items if item.outcome != "done")


def command_line(*words: str) -> str:
    """A command line of ours, quoted so that it can be pasted."""
    return shlex.join(["dewey", *words])
