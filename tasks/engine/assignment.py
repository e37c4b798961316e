"""What a recorder is told: where the history of a Huey is kept, and how."""

from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec

from storage.history.ages import EVENTS_WAITING, Ages


@dataclass(frozen=True, slots=True)
class History:
    """Where a Huey's history is kept: the address of a migrated PostgreSQL (or a function that answers it when it is
    first needed), how many events may wait for it, and how long its parts are kept."""

    database_url: str | Callable[[], str]
    events_waiting: int = EVENTS_WAITING
    ages: Ages = field(default_factory=Ages)


@dataclass(frozen=True, slots=True)
class Assignment:
    """What to record, and where."""

    redis_url: str
    database_url: str = field(repr=False)
    namespace: str
    events_waiting: int = EVENTS_WAITING
    ages: Ages = field(default_factory=Ages)
    redact_keys: tuple[str, ...] = ()
    redact_patterns: tuple[str, ...] = ()

    def as_json(self) -> str:
        """As a line for `read`."""
        return msgspec.json.encode(self).decode()

    @classmethod
    def read(cls, line: str) -> "Assignment":
        """What `as_json` wrote."""
        return msgspec.json.decode(line, type=cls)
