"""How SIGTERM and SIGHUP end the console, whatever it waits for, so that the terminal is given back.

A signal can come while the console starts, while an answer is awaited from a store that is frozen, and while the
terminal reads no more, as when its ssh connection hangs; and a terminal that is gone is as good as one. Only a thread
of its own can see to all of these: the loop is told to end; then what the terminal does not read is written nowhere,
for the loop waits until it is written; and when all of that was in vain, the process ends with the terminal's modes as
they were.
"""

import contextlib
import os
import queue
import select
import signal
import termios
import threading
import time
from typing import TYPE_CHECKING, Any, Final, Self

if TYPE_CHECKING:
    from console.app import DeweyApp

READS_WITHIN_S: Final = 2.0
"""How long a terminal may take to read what is written to it."""
ENDS_WITHIN_S: Final = 10.0
"""How long an action that is under way, or a question that nobody answers, may take until the process is cut off."""
PAUSE_S: Final = 0.05
WATCH_S: Final = 1.0
CUT_OFF: Final = 1


class Ending:
    """A way out of a console that is about to run; in the block, signals may `ask` for it."""

    def __init__(self, screen: "DeweyApp") -> None:
        self._screen = screen
        self._asked, self._ask = os.pipe()
        self._modes = _modes()
        self._number = 0
        self._thread = threading.Thread(target=self._see_to_it, name="dewey-ending", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._ask)
        self._thread.join()
        os.close(self._asked)

    def ask(self, number: int, _: object = None) -> None:
        """Handle a signal. It may interrupt anything, also one that holds a lock: so it writes a byte, no more.

        Raises:
            SystemExit: the console has not begun.
        """
        is_first, self._number = not self._number, number
        os.write(self._ask, b".")
        if is_first and self._screen._loop is None:
            raise SystemExit(0)

    def _see_to_it(self) -> None:
        while not select.select([self._asked], [], [], WATCH_S)[0]:
            if self._has_no_terminal():
                break
        else:
            if not os.read(self._asked, 1):
                return
        asked_at = time.monotonic()
        while not self._is_over():
            waited_s = time.monotonic() - asked_at
            self._tell()
            self._let_go_of(waited_s > READS_WITHIN_S)
            if waited_s > ENDS_WITHIN_S:
                self._cut_off()

    def _has_no_terminal(self) -> bool:
        """Whether the terminal went away: nothing can be written to it, and nobody would send a signal."""
        writer = getattr(self._screen._driver, "_writer_thread", None)
        return writer is not None and not writer.is_alive() and self._screen._loop is not None

    def _is_over(self) -> bool:
        """Wait a little; whether the block was left meanwhile."""
        while select.select([self._asked], [], [], PAUSE_S)[0]:
            if not os.read(self._asked, 64):
                return True
        return False

    def _tell(self) -> None:
        """Let the loop end; again, if it dropped that because it was not ready."""
        loop = self._screen._loop
        if loop is not None and not self._screen._exit:
            with contextlib.suppress(RuntimeError):  # it was closed just now
                loop.call_soon_threadsafe(self._screen.call_later, self._screen.exit)

    def _let_go_of(self, is_late: bool) -> None:
        """Let nobody wait for a terminal that is gone, or, when it is late, for one that reads nothing."""
        writer = getattr(self._screen._driver, "_writer_thread", None)
        if writer is None:
            return
        if is_late and writer.is_alive():
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, writer.fileno())
            os.close(nowhere)
            # What it writes just now goes on only when a signal interrupts it; there is a handler, or none had come.
            signal.pthread_kill(writer.ident, self._number)
        if not writer.is_alive():
            with contextlib.suppress(queue.Empty):
                writer._queue.get_nowait()

    def _cut_off(self) -> None:
        if self._modes is not None:
            descriptor, modes = self._modes
            with contextlib.suppress(termios.error, OSError):
                termios.tcsetattr(descriptor, termios.TCSANOW, modes)
        os._exit(CUT_OFF)


def _modes() -> tuple[int, list[Any]] | None:
    """The terminal and its modes, before the console changes them."""
    for descriptor in (0, 2):
        with contextlib.suppress(termios.error, OSError):
            return descriptor, termios.tcgetattr(descriptor)
    return None
