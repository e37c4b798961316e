"""A signal ends ``dewey console`` at any moment, whatever it waits for, and the terminal is as it was."""

import contextlib
import fcntl
import os
import signal
import struct
import termios
from collections.abc import Iterator, Sequence
from pathlib import Path

import psycopg2
import pytest

from console.commands.ending import CUT_OFF, ENDS_WITHIN_S
from tests.console.commands.office import HEARING, Office
from tests.console.commands.test_terminal import LEAVE_SCREEN, LONGEST_S, Terminal
from tests.servers import wait_until

READY = b"email"
OWNING = [
    *HEARING[:-1],
    "import fcntl, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); " + HEARING[-1],
]
"""Becomes a command whose terminal is its own, as in a shell: it hears when that is closed."""


@pytest.fixture
def busy_office(office: Office) -> Office:
    """An office with a job to show."""
    office.add("aaaa-1", "email")
    return office


@contextlib.contextmanager
def console(office: Office, *words: str, start: Sequence[str] = HEARING, **told: str) -> Iterator[Terminal]:
    """A console in a terminal while in the block."""
    terminal = Terminal("console", *words, environment={**office.environment, **told}, start=start)
    try:
        yield terminal
    finally:
        terminal.close()


def assert_it_ends(terminal: Terminal, number: int = signal.SIGHUP) -> None:
    """The signal ends it well, and gives the terminal back."""
    terminal.popen.send_signal(number)
    terminal.read_until(LEAVE_SCREEN)
    assert terminal.popen.wait(LONGEST_S) == 0
    assert termios.tcgetattr(terminal.slave) == terminal.modes


def hears(terminal: Terminal, number: int) -> bool:
    """Whether the process has a handler for the signal by now."""
    status = Path(f"/proc/{terminal.popen.pid}/status").read_text()
    caught = int(status.partition("SigCgt:")[2].split()[0], 16)
    return bool(caught >> (number - 1) & 1)


def test_a_signal_before_anything_is_drawn_ends_it_with_nothing_drawn(busy_office: Office) -> None:
    with console(busy_office) as terminal:
        wait_until(lambda: hears(terminal, signal.SIGHUP), "it hears signals", timeout_s=LONGEST_S)
        terminal.popen.send_signal(signal.SIGHUP)
        while terminal.popen.poll() is None:
            terminal.read(0.01)
        assert terminal.popen.returncode == 0
        assert b"\x1b[?1049h" not in terminal.output or LEAVE_SCREEN in terminal.output
        assert termios.tcgetattr(terminal.slave) == terminal.modes


@pytest.mark.parametrize("first", [b"\x1b[?1049h", b"Overview"])
def test_a_signal_while_the_first_screen_comes_up_ends_it(busy_office: Office, first: bytes) -> None:
    with console(busy_office) as terminal:
        terminal.read_until(first)
        assert_it_ends(terminal)


@pytest.mark.parametrize(
    ("keys", "shown"),
    [(b"3/", b"filter"), (b"W", b"reason")],
    ids=["filter", "dialog"],
)
def test_a_signal_while_something_else_has_the_focus_ends_it(busy_office: Office, keys: bytes, shown: bytes) -> None:
    with console(busy_office) as terminal:
        terminal.read_until(READY)
        terminal.output = b""
        os.write(terminal.master, keys)
        terminal.read_until(shown)
        assert_it_ends(terminal, signal.SIGTERM)


def test_a_signal_ends_it_although_postgresql_never_answers(busy_office: Office) -> None:
    url = busy_office.jobs.database_url
    with contextlib.closing(psycopg2.connect(url)) as holder, contextlib.closing(psycopg2.connect(url)) as watcher:
        watcher.autocommit = True

        def is_asked() -> bool:
            with watcher.cursor() as cursor:
                cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'files'::regclass")
                return bool(cursor.fetchall() != [(0,)])

        holder.cursor().execute("LOCK TABLE files IN ACCESS EXCLUSIVE MODE")
        with console(busy_office, "files") as terminal:
            wait_until(lambda: terminal.read(0.01) is not None and is_asked(), "it asks", timeout_s=LONGEST_S)
            terminal.popen.send_signal(signal.SIGHUP)
            terminal.read_until(LEAVE_SCREEN)
            assert terminal.popen.poll() is None, "it gives an action the time to come to its end"
            assert terminal.popen.wait(ENDS_WITHIN_S + 5) == CUT_OFF
            assert termios.tcgetattr(terminal.slave) == terminal.modes


def test_a_signal_while_redis_is_frozen_ends_it(busy_office: Office) -> None:
    pid = busy_office.broker.client.info("server")["process_id"]
    with console(busy_office) as terminal:
        terminal.read_until(READY)
        os.kill(pid, signal.SIGSTOP)
        try:
            terminal.popen.send_signal(signal.SIGHUP)
            terminal.read_until(LEAVE_SCREEN)
        finally:
            os.kill(pid, signal.SIGCONT)
        assert terminal.popen.wait(LONGEST_S) == 0
        assert termios.tcgetattr(terminal.slave) == terminal.modes


def test_a_terminal_that_reads_nothing_does_not_keep_it(busy_office: Office) -> None:
    with console(busy_office) as terminal:
        terminal.read_until(READY)
        termios.tcflow(terminal.slave, termios.TCOOFF)
        os.write(terminal.master, b"12" * 10)
        terminal.popen.send_signal(signal.SIGTERM)
        assert terminal.popen.wait(ENDS_WITHIN_S) == 0, "it ended by itself, and was not cut off"
        assert termios.tcgetattr(terminal.slave) == terminal.modes


@pytest.mark.parametrize("start", [OWNING, HEARING], ids=["told by a signal", "told by nobody"])
def test_it_ends_with_its_terminal_also_when_that_read_nothing_for_long(
    busy_office: Office, start: Sequence[str]
) -> None:
    with console(busy_office, start=start) as terminal:
        terminal.read_until(READY)
        fcntl.ioctl(terminal.master, termios.TIOCSWINSZ, struct.pack("HHHH", 90, 300, 0, 0))
        terminal.popen.send_signal(signal.SIGWINCH)
        os.write(terminal.master, b"12" * 25)
        master, terminal.master = terminal.master, os.open(os.devnull, os.O_RDONLY)
        os.close(master)
        assert terminal.popen.wait(ENDS_WITHIN_S) == 0
