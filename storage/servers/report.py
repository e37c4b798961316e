"""What a keeper says of its server, in a file that is replaced whole: nobody ever reads half of one."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from msgspec import Struct
from msgspec.structs import asdict

from storage.values import replace

Phase = Literal["starting", "ready", "failed"]


class Report(Struct, frozen=True):
    """The state of one server, as its keeper saw it last."""

    phase: Phase
    url: str
    version: str
    keeper_pid: int
    server_pid: int | None
    started_at: datetime
    restarts: int = 0
    error: str = ""

    def write(self, path: Path) -> None:
        values = asdict(self) | {"started_at": self.started_at.isoformat()}
        unfinished = path.with_suffix(f".{os.getpid()}.new")
        unfinished.write_text(json.dumps(values), encoding="utf-8")
        unfinished.replace(path)


def read(path: Path) -> Report | None:
    """The last report; None when there is none, or none that this version understands."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        report = Report(**values)
        return replace(report, started_at=datetime.fromisoformat(values["started_at"]).astimezone(UTC))
    except (FileNotFoundError, ValueError, TypeError, KeyError):
        return None
