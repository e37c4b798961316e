"""A command in a pseudo-terminal, driven by keys."""

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Self

from tests.chaos.arena import ROOT

LINES, COLUMNS = 40, 140
QUIET_S = 0.12
"""A screen is drawn when nothing more has come for so long."""


class Terminal:
    """A child process that has a terminal; it ends with the block."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
        told = {**os.environ, **environment, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
        self.child = subprocess.Popen(
            command, stdin=slave, stdout=slave, stderr=slave, env=told, cwd=ROOT, start_new_session=True
        )
        os.close(slave)
        self.output = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.child.poll() is None:
            os.killpg(self.child.pid, signal.SIGKILL)
        self.child.wait()
        os.close(self._master)

    def press(self, keys: bytes) -> int:
        """Press keys, and read what is drawn of it; answers how many bytes that were."""
        before = len(self.output)
        os.write(self._master, keys)
        self.read()
        return len(self.output) - before

    def read(self, longest_s: float = 0.8) -> None:
        """Read until nothing more comes for a moment, or the child has ended."""
        deadline = time.monotonic() + longest_s
        while time.monotonic() < deadline and select.select([self._master], [], [], QUIET_S)[0]:
            try:
                self.output += os.read(self._master, 65_536)
            except OSError:  # Linux says so when the last writer is gone
                return

    def read_until(self, text: bytes, timeout_s: float = 60.0) -> None:
        """Read until a text has come. AssertionError when it does not."""
        deadline = time.monotonic() + timeout_s
        while text not in self.output:
            assert time.monotonic() < deadline, f"{text!r} did not come: {self.output[-2000:]!r}"
            assert self.child.poll() is None or text in self.output, f"it ended: {self.output[-2000:]!r}"
            self.read()

    def wait(self, timeout_s: float = 30.0) -> int:
        """Read until the child has ended: one that can not write does not end. Answers its exit status."""
        deadline = time.monotonic() + timeout_s
        while self.child.poll() is None:
            assert time.monotonic() < deadline, f"it did not end: {self.output[-2000:]!r}"
            self.read()
        return self.child.wait()
