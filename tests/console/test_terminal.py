"""The console in a real pseudo-terminal: what is written to it holds no sequence that the toolkit did not make."""

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
from collections.abc import Sequence
from fcntl import ioctl
from pathlib import Path

import pytest

from console.bindings import KEYS

ROOT = Path(__file__).parents[2]
ALLOWED = re.compile(
    rb"""
    \x1b\[[0-9;:]*[mHJKABCDsuGd]        # colours, cursor, erase
    | \x1b\[[?>=<]?[0-9;]*[hlu]         # modes, keyboard protocol
    | \x1b\[\?[0-9;]*\$p                # mode requests
    | \x1b\[>?[0-9;]*q                  # name and version request
    | \x1b\]22;[a-z]*\x1b\\             # pointer shape
    | \x1b\]22;[a-z]*(\x07)?
    | \x1bP\+q[0-9a-f;]*\x1b\\          # capability request
    | \x1b_G[^\x1b]*\x1b\\              # graphics query
    | \x1b\[[0-9;]*[tc]                 # window reports
    | \x1b[78]
    """,
    re.VERBOSE,
)
SCREENS = tuple(key.keys.split(",")[0].encode() for key in KEYS if key.id.startswith("screen."))
HOSTILE = """
from tests.console.gateways import HostileGateway
from tests.console.payloads import PAYLOADS
from tests.console.stage import still_app

gateway = HostileGateway(PAYLOADS)
app = still_app(gateway, environment=PAYLOADS[0], write=PAYLOADS[3], start="overview")
app.run()
print("acted:", gateway.acted, "bugs:", app.bugs)
raise SystemExit(len(app.bugs))
"""
EVIL = (b"\x1b]52", b"\x1b]0;", b"\x1b]8;", b"\x1bc", b"\x9b", b"\xc2\x9b")


class Terminal:
    """A child in a pseudo-terminal, its output kept whole."""

    def __init__(self, *arguments: str, run: Sequence[str] = ("-m", "console.app", "--demo", "--still")) -> None:
        self.master, slave = pty.openpty()
        ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
        environment = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor", "PYTHONPATH": str(ROOT)}
        self.child = subprocess.Popen(
            [sys.executable, *run, *arguments],
            stdin=slave, stdout=slave, stderr=slave, env=environment, start_new_session=True,
        )  # fmt: skip
        os.close(slave)
        self.output = b""

    def read_until(self, text: bytes, timeout_s: float = 30.0) -> None:
        """Read until a text has come since the last key."""
        start = len(self.output)
        deadline = time.monotonic() + timeout_s
        while text not in self.output[start:]:
            assert time.monotonic() < deadline, f"{text!r} did not come: {self.output[start:][-2000:]!r}"
            if select.select([self.master], [], [], 0.1)[0]:
                self.output += os.read(self.master, 65_536)

    def read_to_end(self, timeout_s: float = 30.0) -> None:
        """Read until the child has ended and everything it wrote was read."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            if select.select([self.master], [], [], 0.1)[0]:
                try:
                    self.output += os.read(self.master, 65_536)
                except OSError:  # Linux says so when the last writer is gone
                    return
        raise AssertionError("the child did not end")

    def read_quiet(self) -> None:
        """Read what is drawn, until nothing more comes for a moment."""
        while select.select([self.master], [], [], 0.1)[0]:
            self.output += os.read(self.master, 65_536)

    def press(self, keys: bytes) -> None:
        """Type."""
        os.write(self.master, keys)

    def close(self) -> None:
        """End the child, if it is still there."""
        if self.child.poll() is None:
            os.killpg(self.child.pid, signal.SIGKILL)
        self.child.wait()
        os.close(self.master)


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_nothing_of_a_hostile_job_reaches_the_terminal_raw() -> None:
    terminal = Terminal("state:dead")
    try:
        terminal.read_until(b"import_note")
        terminal.press(b"j\r")
        terminal.read_until(b"Arguments")
        terminal.press(b"]")
        terminal.read_until(b"started on")
        terminal.press(b"]")
        terminal.read_until(b"Attempt 1")
        terminal.press(b"\x11")
        terminal.read_to_end()
    finally:
        terminal.close()
    assert b"\\x1b]52;c;" in _assert_clean(terminal)


def _assert_clean(terminal: Terminal) -> bytes:
    """It ended well, and wrote no control that the toolkit did not make; answers what it wrote between those."""
    rest = ALLOWED.sub(b"", terminal.output)
    for evil in EVIL:
        assert evil not in terminal.output, evil
    assert re.findall(rb".{0,20}[\x00-\x08\x0b\x0c\x0e-\x1f\x7f].{0,20}", rest) == []
    assert terminal.child.returncode == 0
    return rest


def test_nothing_hostile_reaches_the_terminal_raw_from_any_screen_field_or_dialog() -> None:
    terminal = Terminal(run=("-c", HOSTILE))
    try:
        terminal.read_until(b"Overview")
        for key in SCREENS:
            terminal.press(key)
            for step in (b"jj", b"\r", b"]", b"]", b"]", b"\x1b", b"\x1b", b"i", b"\x1b", b"r", b"\x1b", b"\x1b"):
                terminal.press(step)
                terminal.read_quiet()
        for opens in (b"3/", b":", b"t", b"\x10"):
            terminal.press(opens)
            terminal.read_quiet()
            terminal.press(b"\x1b[200~state:dead \xc2\x9b2J \x1b]52;c;ZXZpbA==\x07 [@click=app.quit]x[/]\x1b[201~")
            terminal.read_quiet()
            terminal.press(b"\r")
            terminal.read_quiet()
            terminal.press(b"\x1b")
            terminal.read_quiet()
            terminal.press(b"\x1b")
            terminal.read_quiet()
        terminal.press(b"\x11")
        terminal.read_to_end()
    finally:
        terminal.close()
    assert b"acted: []" in _assert_clean(terminal)


@pytest.mark.parametrize("bytes_typed", [b"\xff", b"\xc3\x28", b"\x9b", b"\xed\xa0\x80"])
def test_a_byte_that_is_no_text_does_not_end_the_console(bytes_typed: bytes) -> None:
    terminal = Terminal("queues")
    try:
        terminal.read_until(b"maintenance")
        terminal.press(bytes_typed)
        terminal.read_quiet()
        terminal.press(b"3")
        terminal.read_until(b"Jobs")
        terminal.read_quiet()
        terminal.press(b"/")
        terminal.read_quiet()
        terminal.press("œ".encode())
        terminal.read_until("œ".encode(), timeout_s=10)
        terminal.press(b"\x11")
        terminal.read_to_end()
    finally:
        terminal.close()
    assert terminal.child.returncode == 0
    assert b"UnicodeDecodeError" not in terminal.output


@pytest.mark.parametrize(
    "parts",
    [
        (b"some text \xff of a paste, ", b"more of it 3"),
        (b"some text, ", b"more \xff of it, ", b"even more of it 3"),
        (b"some text \xc5", b"\x93 and ", b"even more of it 3"),
        (b"some text \xc5", b"and ", b"even more of it 3"),
    ],
    ids=["a bad byte first", "a bad byte then", "a character in two parts", "half a character"],
)
def test_nothing_of_a_paste_in_parts_is_taken_for_keys(parts: tuple[bytes, ...]) -> None:
    terminal = Terminal("queues")
    try:
        terminal.read_until(b"maintenance")
        terminal.read_quiet()
        before = len(terminal.output)
        terminal.press(b"\x1b[200~")
        for part in parts:
            terminal.press(part)
            terminal.read_quiet()
        terminal.press(b"\x1b[201~")
        terminal.read_quiet()
        drawn = terminal.output[before:]
        terminal.press(b"3")
        terminal.read_until(b"Jobs", timeout_s=10)
        terminal.read_quiet()
        terminal.press(b"/")
        terminal.read_quiet()
        terminal.press(b"\x1b[200~" + b"".join(parts) + b"\x1b[201~")
        terminal.read_until(b"of it 3", timeout_s=10)
        terminal.press(b"\x11")
        terminal.read_to_end()
    finally:
        terminal.close()
    assert terminal.child.returncode == 0
    assert b"Export" not in drawn
    assert b"more of it" not in drawn
