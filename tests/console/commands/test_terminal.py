"""``dewey console`` and ``dewey demo`` in a real pseudo-terminal: signals end them, and the terminal is as it was."""

import os
import pty
import select
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Sequence

import pytest

from tests.bench.cpu import descendants
from tests.console.commands.office import DEWEY, HEARING, Office
from tests.servers import is_alive, wait_until

LONGEST_S = 40.0
DEAF = [
    *(sys.executable, "-I", "-S", "-c"),
    "import os, signal, sys; signal.signal(signal.SIGHUP, signal.SIG_IGN); os.execv(sys.argv[1], sys.argv[1:])",
]
LEAVE_SCREEN = b"\x1b[?1049l"


class Terminal:
    """A command in a pseudo-terminal."""

    def __init__(
        self, *words: str, environment: dict[str, str], start: Sequence[str] = HEARING, command: Sequence[str] = DEWEY
    ) -> None:
        self.master, self.slave = pty.openpty()
        self.modes = termios.tcgetattr(self.slave)
        self.output = b""
        self.popen = subprocess.Popen(
            [*start, *command, *words],
            stdin=self.slave,
            stdout=self.slave,
            stderr=self.slave,
            env={**environment, "TERM": "xterm-256color", "PYTHONFAULTHANDLER": "1"},
            start_new_session=True,
        )

    def read_until(self, text: bytes) -> None:
        """Read until a text has come; if it does not, say what the command was doing instead."""
        deadline = time.monotonic() + LONGEST_S
        while text not in self.output:
            assert time.monotonic() < deadline, f"{text!r} did not come: {self.output[-1000:]!r}\n{self._stacks()}"
            self.read(0.1)

    def read(self, timeout_s: float) -> bool:
        """Read what has come; whether anything came in time."""
        ready = bool(select.select([self.master], [], [], timeout_s)[0])
        if ready:
            self.output += os.read(self.master, 65_536)
        return ready

    def _stacks(self) -> str:
        """End the command, and return what it had to say of all of its threads."""
        if self.popen.poll() is not None:
            return f"it had ended with {self.popen.returncode}"
        had = len(self.output)
        self.popen.send_signal(signal.SIGABRT)
        while self.read(3.0):
            pass
        return self.output[had:].decode(errors="replace")

    def close(self) -> None:
        """End what still runs."""
        self.popen.kill()
        self.popen.wait()
        os.close(self.master)
        os.close(self.slave)


@pytest.mark.parametrize(
    ("words", "shown", "number"),
    [(["console"], b"email", signal.SIGHUP), (["demo", "--workers", "2"], b"reports", signal.SIGTERM)],
    ids=["console", "demo"],
)
def test_a_signal_ends_the_console_and_gives_the_terminal_back(
    office: Office, words: list[str], shown: bytes, number: signal.Signals
) -> None:
    office.add("aaaa-1", "email")
    terminal = Terminal(*words, environment=office.environment)
    try:
        terminal.read_until(shown)
        pids = [one.pid for one in office.inspector.consumers()]
        terminal.popen.send_signal(number)
        terminal.read_until(LEAVE_SCREEN)
        assert terminal.popen.wait(LONGEST_S) == 0
        assert termios.tcgetattr(terminal.slave) == terminal.modes
        assert not any(map(is_alive, pids))
    finally:
        terminal.close()


def test_a_console_that_was_told_to_ignore_a_hangup_goes_on(office: Office) -> None:
    office.add("aaaa-1", "email")
    terminal = Terminal("console", environment=office.environment, start=DEAF)
    try:
        terminal.read_until(b"email")
        terminal.popen.send_signal(signal.SIGHUP)
        terminal.output = b""
        os.write(terminal.master, b"2")
        terminal.read_until(b"Queues")
        terminal.popen.send_signal(signal.SIGTERM)
        terminal.read_until(LEAVE_SCREEN)
        assert terminal.popen.wait(LONGEST_S) == 0
    finally:
        terminal.close()


@pytest.mark.parametrize("start", [(), ("queues",), ("jobs",), ("queue email",), ("--read-only",)])
def test_a_console_that_is_there_has_no_other_process(office: Office, start: tuple[str, ...]) -> None:
    office.add("aaaa-1", "email")
    terminal = Terminal("console", *start, environment=office.environment)
    try:
        terminal.read_until(b"email")
        wait_until(lambda: not list(descendants(terminal.popen.pid)), "it is alone")
    finally:
        terminal.close()


@pytest.mark.parametrize("start", ["overview", "queues"])
def test_a_redis_that_is_away_is_said_to_be(office: Office, start: str) -> None:
    terminal = Terminal("console", start, environment=office.environment | {"REDIS_URL": "redis://127.0.0.1:1/0"})
    try:
        terminal.read_until(b"Connection refused")
        wait_until(lambda: not list(descendants(terminal.popen.pid)), "it is alone")
    finally:
        terminal.close()


def test_a_wrong_option_of_an_address_is_refused_before_the_console_opens(office: Office) -> None:
    wrong = "redis://127.0.0.1:1/0?socket_timeout=soon"
    terminal = Terminal("console", environment=office.environment | {"REDIS_URL": wrong})
    try:
        terminal.read_until(b"REDIS_URL")
        assert terminal.popen.wait(LONGEST_S) == 2
        assert b"\x1b[?1049h" not in terminal.output
    finally:
        terminal.close()
