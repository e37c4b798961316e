"""What the jobs of a storm write down themselves: one line per event, appended and synced, never through Redis."""

import json
import os
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

What = Literal["acked", "start", "done", "failed"]
DEAD = "dead"
"""The detail of an acked job that must end dead, without ever being done."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a job, as seen by whoever did it. ``clock_ms`` is Redis's clock where it matters.

    ``detail`` of an acked job is what it must come to: DEAD, or what it must see of those that it waits for.
    """

    what: What
    job: str
    task: str = ""
    attempt: int = 0
    pid: int = 0
    at: float = 0.0
    clock_ms: int = 0
    due_ms: int = 0
    detail: str = ""


class Writer:
    """Appends events to a file. Each is on disk before ``write`` returns, so a SIGKILL takes none back."""

    def __init__(self, path: Path) -> None:
        self._handle = os.open(path, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)

    def write(self, event: Event) -> None:
        """Append one event; the write is atomic, for it is short."""
        os.write(self._handle, json.dumps({**asdict(event), "pid": os.getpid(), "at": time.time()}).encode() + b"\n")
        os.fsync(self._handle)


@dataclass(frozen=True, slots=True)
class History:
    """All events of one storm, in the order of the file."""

    events: tuple[Event, ...]

    @classmethod
    def read(cls, path: Path) -> "History":
        """Read a history; a line cut by a kill is the last of its writer, and is left out."""
        events = []
        for line in path.read_text("utf-8").splitlines():
            try:
                events.append(Event(**json.loads(line)))
            except (ValueError, TypeError):
                continue
        return cls(tuple(events))

    def of(self, what: What) -> Mapping[str, Sequence[Event]]:
        """Events of one kind by job."""
        found: dict[str, list[Event]] = defaultdict(list)
        for event in self.events:
            if event.what == what:
                found[event.job].append(event)
        return found
