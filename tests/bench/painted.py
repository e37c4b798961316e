"""A console in a pseudo-terminal, with the instants of what it paints."""

import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Mapping
from fcntl import ioctl
from pathlib import Path
from typing import Self

ROOT = Path(__file__).resolve().parents[2]
LINES, COLUMNS = 40, 120
QUIET_S = 0.03
"""A key is pressed when nothing was painted for so long, so that what comes next is its answer, and not a poll's."""
RUN = "from tests.bench import observed; observed.main()"


class PaintedConsole:
    """A console of its own process while in the block."""

    def __init__(self, environment: Mapping[str, str], *start: str, refresh_s: float = 1.0) -> None:
        self._master, slave = pty.openpty()
        ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
        self._pipe, told = os.pipe()
        self.launched_s = time.monotonic()
        self.child = subprocess.Popen(
            [sys.executable, "-c", RUN, str(told), str(refresh_s), *start],
            stdin=slave, stdout=slave, stderr=slave, pass_fds=(told,), cwd=ROOT, start_new_session=True,
            env=_told(environment),
        )  # fmt: skip
        os.close(slave)
        os.close(told)
        self.painted = b""
        self._told = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.child.poll() is None:
            self.child.send_signal(signal.SIGKILL)
        self.child.wait()
        os.close(self._master)
        os.close(self._pipe)

    @property
    def rss_mib(self) -> float:
        """Resident memory."""
        status = Path(f"/proc/{self.child.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) / 1024

    def told(self, word: str) -> float:
        """The newest number that the console told under a word; 0 for none."""
        while select.select([self._pipe], [], [], 0)[0] and (more := os.read(self._pipe, 65_536)):
            self._told += more.decode()
        found = [line.split()[1] for line in self._told.splitlines() if line.startswith(f"{word} ")]
        return float(found[-1]) if found else 0.0

    def read(self, timeout_s: float) -> bytes:
        """What is painted within a time; b"" for nothing."""
        if not select.select([self._master], [], [], timeout_s)[0]:
            return b""
        try:
            got = os.read(self._master, 262_144)
        except OSError as error:  # Linux says so when the last writer is gone
            raise AssertionError(f"the console ended: {_plain(self.painted)[-3000:]}") from error
        self.painted = (self.painted + got)[-4_000_000:]
        return got

    def until(self, *texts: bytes, timeout_s: float = 60.0) -> float:
        """Read until all texts have come since the last key; answers the instant of the last one."""
        deadline_s = time.monotonic() + timeout_s
        while not all(text in self.painted for text in texts):
            if time.monotonic() > deadline_s or self.child.poll() is not None:
                raise AssertionError(f"{texts!r} did not come: {_plain(self.painted)[-3000:]}")
            self.read(0.05)
        return time.monotonic()

    def press(self, key: bytes, text: bytes = b"") -> float:
        """Press a key when all is quiet; answers the seconds until something, or a text, was painted for it."""
        deadline_s = time.monotonic() + 5
        while self.read(QUIET_S) and time.monotonic() < deadline_s:
            pass
        self.painted = b""
        pressed_s = time.monotonic()
        os.write(self._master, key)
        while not self.painted or text not in self.painted:
            if time.monotonic() > pressed_s + 10:
                raise AssertionError(f"{key!r} painted nothing with {text!r}: {_plain(self.painted)[-2000:]}")
            self.read(0.5)
        return time.monotonic() - pressed_s

    def wait_for(self, text: bytes) -> float:
        """Read until a text has come since the last key; answers for how long."""
        begun_s = time.monotonic()
        while text not in self.painted:
            if time.monotonic() > begun_s + 10:
                raise AssertionError(f"{text!r} did not come: {_plain(self.painted)[-2000:]}")
            self.read(0.5)
        return time.monotonic() - begun_s

    def watch(self, seconds: float) -> None:
        """Read for a while, so that it can paint."""
        until_s = time.monotonic() + seconds
        while (left_s := until_s - time.monotonic()) > 0:
            self.read(left_s)


def _told(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment of a console that finds its modules compiled, as one that is installed does."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    compiled = {"PYTHONPYCACHEPREFIX": str(Path(environment["DEWEY_HOME"]) / "compiled")}
    return {**kept, **environment, **compiled, "TERM": "xterm-256color", "COLORTERM": "truecolor"}


def _plain(painted: bytes) -> str:
    """The words of what was painted, in the order of painting."""
    return re.sub(rb"\x1b\[[0-9;?]*[a-zA-Z]", b"", painted).decode(errors="replace")
