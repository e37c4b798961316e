"""Ends a task from outside: because its time is up, or because an operator called it off.

In a thread worker the interruption arrives at the next bytecode, so a call into C delays it until it returns. In a
process worker a signal breaks such a call off; and a task that goes on all the same loses its process when its grace
is over. Interruptions are no ``Exception``, so that a task that catches everything it knows of does not catch them.
"""

import ctypes
import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

_logger = logging.getLogger(__name__)

ASK_AGAIN_S = 1.0
WATCH_S = 0.1
SIGNAL = signal.SIGUSR1


class Interrupted(BaseException):
    """The task is to end now."""


class TimedOut(Interrupted):
    """Its time is up."""


class CalledOff(Interrupted):
    """An operator called it off."""


class Stop:
    """How one running task is told to end, by another thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._thread_id = 0
        self._asked: Interrupted | None = None
        self._asked_at = 0.0
        self._told_at = 0.0
        self.deadline: float | None = None

    @contextmanager
    def listening(self, timeout_s: float | None) -> Iterator[None]:
        """Around the task's own code, in its own thread: only in here does an interruption arrive."""
        with self._lock:
            self._thread_id = threading.get_ident()
            self.deadline = time.monotonic() + timeout_s if timeout_s else None
        try:
            yield
        finally:
            self._leave()

    def _leave(self) -> None:
        while True:
            try:
                with self._lock:
                    if self._thread_id and self._asked is not None:
                        _raise_in(self._thread_id, None)  # one that is on its way is taken back
                    self._thread_id = 0
                    self.deadline = None
            except Interrupted:
                continue  # it arrived just here, when the task had ended already
            return

    @property
    def listens(self) -> bool:
        """Whether the task's own code runs."""
        return self._thread_id != 0

    @property
    def asked(self) -> Interrupted | None:
        """What the task was told, if it was."""
        return self._asked

    def ask(self, why: Interrupted) -> None:
        """Have the task told; the first reason stays."""
        with self._lock:
            if self._asked is None:
                self._asked, self._asked_at = why, time.monotonic()

    def tell(self, by_signal: bool) -> None:
        """Interrupt the task, now and again until it ends. Nothing happens when it has not begun or has ended."""
        with self._lock:
            now = time.monotonic()
            if self._asked is None or not self._thread_id or now - self._told_at < ASK_AGAIN_S:
                return
            self._told_at = now
            if by_signal:
                os.kill(os.getpid(), SIGNAL)
            else:
                _raise_in(self._thread_id, type(self._asked))

    def overdue(self, grace_s: float) -> bool:
        """Whether the task goes on although it was told, longer than its grace."""
        return self._asked is not None and self.listens and time.monotonic() - self._asked_at > grace_s


def _raise_in(thread_id: int, kind: type[Interrupted] | None) -> None:
    """Raise in a thread at its next bytecode; None takes back what has not arrived yet."""
    target = ctypes.py_object(kind) if kind is not None else None
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread_id), target)


def install_signal(current: Callable[[], Stop | None]) -> None:
    """In a process worker: have the signal end the task that its main thread runs."""

    def handle(*_: object) -> None:
        stop = current()
        if stop is not None and stop.listens and stop.asked is not None:
            raise type(stop.asked)

    signal.signal(SIGNAL, handle)


class Watch(threading.Thread):
    """Looks after the deadlines of the tasks of one process, and after those that were told to end.

    ``end_process`` is called, in a process worker, for a unit whose task goes on beyond its grace.
    """

    def __init__(
        self, units: Callable[[], tuple[Any, ...]], grace_s: float, end_process: Callable[[Any], None] | None
    ) -> None:
        super().__init__(name="dewey-watch", daemon=True)
        self._units = units
        self._grace_s = grace_s
        self._end_process = end_process
        self._stopped = threading.Event()

    def run(self) -> None:
        while not self._stopped.wait(WATCH_S):
            for unit in self._units():
                try:
                    self.look(unit)
                except Exception:  # without this thread nothing ends in time
                    _logger.exception("looking after job %s failed", unit.claim.id)

    def look(self, unit: Any) -> None:
        """Look after one unit, once."""
        stop: Stop = unit.stop
        deadline = stop.deadline
        if deadline is not None and time.monotonic() > deadline and stop.asked is None:
            stop.ask(TimedOut())
        if stop.asked is None or not stop.listens:
            return
        if self._end_process is not None and stop.overdue(self._grace_s):
            self._end_process(unit)
        else:
            stop.tell(by_signal=self._end_process is not None)

    def stop(self) -> None:
        """End the thread."""
        self._stopped.set()
