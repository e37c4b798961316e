"""Lets jobs go first: beside a consumer, history is written with what the processor has left, unless it is late.

A job is what somebody waits for; its history may come some seconds later. On a machine that is busy all the while it
would come ever later, so from HURRY_S on, or with a quarter of the events that may wait, it takes its share until it
has caught up. How late it is can be seen all the time (lag.py).

Linux lets a thread give way for good, not come back, so each change of pace is made by a new thread.
"""

import contextlib
import os
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from storage.broker.broker import Broker
from storage.history.lag import lag

NICENESS = 10
"""About a tenth of what another one gets that wants all of a processor."""
HURRY_S = 60.0
CAUGHT_UP_S = 5.0
HURRY_SHARE = 0.25
LOOK_S = 2.0


class Pace:
    """Whether the recorder of a namespace has to hurry; it is asked often, and looks every few seconds."""

    def __init__(self, broker: Broker, events_waiting: int) -> None:
        self._broker = broker
        self._most_events = events_waiting * HURRY_SHARE
        self._look_at = 0.0
        self.hurries = False

    def look(self) -> bool:
        """Whether it has to hurry now. Raises StoreUnavailable."""
        if time.monotonic() >= self._look_at:
            self._look_at = time.monotonic() + LOOK_S
            behind = lag(self._broker.client, self._broker.namespace)
            longest_s = CAUGHT_UP_S if self.hurries else HURRY_S
            self.hurries = behind.seconds_behind > longest_s or behind.events_behind > self._most_events
        return self.hurries

    def work(self, shift: Callable[[], None]) -> None:
        """Do a shift of work at the pace of now, with all threads that it starts. Raises what it raises."""
        hurries = self.look()
        with ThreadPoolExecutor(1, "dewey-shift", initializer=_keep_pace, initargs=(hurries,)) as crew:
            crew.submit(shift).result()


def niceness() -> int:
    """How far this thread gives way."""
    return os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) if sys.platform == "linux" else 0


def _keep_pace(hurries: bool) -> None:
    if sys.platform != "linux":  # elsewhere it would be the whole process, and for ever
        return
    if not hurries:
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), max(NICENESS, niceness()))
    if os.getsid(0) == os.getpid():
        # Where each session gets the same share (sched(7), autogroup), what threads say counts only within it.
        with contextlib.suppress(OSError):
            Path("/proc/self/autogroup").write_text("0" if hurries else str(NICENESS))
