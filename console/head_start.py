"""A head start: while this process loads the command and the toolkit, another one reads what the first screen shows.

On two cores that takes no longer than the toolkit alone; the stores' drivers are loaded after the first paint. It is
only ever a help: when the other process fails, or is late, the gateway asks for itself.

This is loaded before everything else, so it loads next to nothing.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import time
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Sequence

    from console.reading_ahead import Ahead, Errand

COMMAND = (sys.executable, "-P", "-S", "-m", "console.reading_ahead")
"""It is told where modules are: to find out takes longer than to load many of them."""
NONE = (0, -1, -1)
SCREENS = ("overview", "queues")
"""The screens whose first answer is read ahead."""
_VALUED = ("--write", "--environment")
_AT_ONCE_BYTES = 65_536
_HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def is_wanted(words: Sequence[str]) -> bool:
    """Whether the words of a command open a console on one of those screens, as far as a glance can tell."""
    pairs = enumerate(zip(("", *words), words, strict=False))
    begin = next((at for at, (before, word) in pairs if not word.startswith("-") and before != "--profile"), None)
    if begin is None or words[begin] != "console":
        return False
    after = zip(words[begin:], words[begin + 1 :], strict=False)
    return all(word in SCREENS or word.startswith("-") or before in _VALUED for before, word in after)


class HeadStart:
    """A process that loads the drivers, is told what to read, and reads it: while in the block, and not longer.

    Where none can be started, or it was told nothing, there is no answer.
    """

    def __init__(self, *, is_wanted: bool) -> None:
        self._pid, self._tells, self._hears = _started() if is_wanted and _is_of_help() else NONE
        self._got = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def tell(self, errand: Errand | None) -> bool:
        """Say what to read; with nothing to read it ends. Return whether there may be an answer."""
        try:
            if errand is not None and self._pid:
                os.write(self._tells, errand.as_line())
                return True
        except OSError:  # it has ended
            pass
        self.end()
        return False

    def answer(self, within_s: float = 0.0) -> Ahead | None:
        """Return what was read, if all of it comes within a time, and is fresh."""
        from console.reading_ahead import fresh  # noqa: PLC0415 - see above

        until_s = time.monotonic() + within_s
        while self._pid and select.select([self._hears], [], [], max(0.0, until_s - time.monotonic()))[0]:
            more = os.read(self._hears, _AT_ONCE_BYTES)
            if not more:
                return fresh(self._got)
            self._got += more
        return None

    def end(self) -> None:
        """Leave nothing of it behind. May be told twice."""
        pid, self._pid = self._pid, 0
        if pid:
            os.close(self._tells)
            os.close(self._hears)
            with contextlib.suppress(ProcessLookupError, ChildProcessError):  # where nobody waits for children
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)


def _started() -> tuple[int, int, int]:
    """A process, what it is told through, and what it answers through; `NONE` where none can be started."""
    ends: list[int] = []
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, (_HERE, *sys.path)))}
    try:
        ends += os.pipe()
        ends += os.pipe()
        told, tells, hears, heard = ends
        nowhere = (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0)
        pipes = ((os.POSIX_SPAWN_DUP2, told, 0), (os.POSIX_SPAWN_DUP2, heard, 1), nowhere)
        pid = os.posix_spawn(sys.executable, COMMAND, environment, file_actions=pipes)
    except OSError:
        for end in ends:
            os.close(end)
        return NONE
    os.close(told)
    os.close(heard)
    return pid, tells, hears


def _is_of_help() -> bool:
    """Whether another process can run while this one does: one that has to share its core only takes time."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return bool(sys.executable) and _running() < cores


def _running() -> float:
    """How many threads run now or wait to, with this one; where that can not be told, how many did of late."""
    try:
        with open("/proc/loadavg", encoding="ascii") as told:
            return float(told.read().split()[3].partition("/")[0])
    except OSError:
        return os.getloadavg()[0] + 1
