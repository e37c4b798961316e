"""How long history is kept, and how long it may wait."""

from msgspec import Struct

EVENTS_WAITING = 1_000_000
"""Most events that wait for a recorder: about 70 MB of Redis, and the records of the jobs that ended meanwhile."""


class Ages(Struct, frozen=True):
    """How many days each kind is kept; attempts are as old as their jobs."""

    jobs: int = 30
    logs: int = 14
    samples: int = 30
    audit: int = 365
    trash: int = 7
