"""A head start: while this process loads the toolkit, another one reads what the first screen shows.

On two cores that takes no longer than the toolkit alone; the stores' drivers are loaded after the first paint. It is
only ever a help: when the other process fails, or is late, the gateway asks for itself.
"""

from __future__ import annotations

import os
import re
import select
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

import msgspec

from console.reading_ahead import SCREENS, Ahead, Errand

if TYPE_CHECKING:
    from tasks.resources import Resources

FRESH_S: Final = 2.0
"""What was read longer ago is no answer: things are asked about every second."""
COMMAND: Final = (sys.executable, "-P", "-m", "console.reading_ahead")
_AT_ONCE_BYTES: Final = 65_536
_PLAIN: Final = re.compile(r"[^?]*(?:\?db=\d+)?")
"""An address without options: a wrong option is for the driver to refuse, before the console opens."""
_HERE: Final = str(Path(__file__).resolve().parent.parent)


def errand_of(held: Resources, start: str) -> Errand | None:
    """What is to be read for the screen that a console starts with; None where reading ahead would be of no help."""
    settings, address = held.settings, held.endpoints.redis_url
    screen = start.strip() or SCREENS[0]
    if screen not in SCREENS or _PLAIN.fullmatch(address) is None or _cores() < 2:
        return None
    keys, patterns = settings.dewey_redact_keys, settings.dewey_redact_patterns
    return Errand(screen, address, settings.dewey_namespace, keys, patterns)


class HeadStart:
    """A process that reads while in the block. Without an errand, or where none can be started, there is no answer."""

    def __init__(self, errand: Errand | None) -> None:
        self._got = b""
        self._process = None if errand is None else _started(errand)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def answer(self) -> Ahead | None:
        """Return what was read, if all of it is here and fresh; waits for nothing."""
        if self._process is None or self._process.stdout is None:
            return None
        pipe = self._process.stdout.fileno()
        while select.select([pipe], [], [], 0)[0]:
            more = os.read(pipe, _AT_ONCE_BYTES)
            if not more:
                return _fresh(self._got)
            self._got += more
        return None

    def end(self) -> None:
        """Leave nothing of it behind. May be told twice."""
        process, self._process = self._process, None
        if process is not None:
            assert process.stdout is not None
            process.stdout.close()
            process.kill()
            process.wait()


def _started(errand: Errand) -> subprocess.Popen[bytes] | None:
    path = os.pathsep.join(filter(None, (_HERE, os.environ.get("PYTHONPATH"))))
    try:
        process = subprocess.Popen(
            COMMAND,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": path},
        )
    except OSError:
        return None
    assert process.stdin is not None
    try:
        with process.stdin:
            process.stdin.write(msgspec.json.encode(errand) + b"\n")
    except OSError:  # it ended before it was told: its answer is empty
        pass
    return process


def _fresh(answer: bytes) -> Ahead | None:
    try:
        found = msgspec.msgpack.decode(answer, type=Ahead)
    except msgspec.DecodeError:  # it failed, or was ended
        return None
    return found if time.monotonic() - found.read_at_s < FRESH_S else None


def _cores() -> int:
    """How many processes run at once here."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
