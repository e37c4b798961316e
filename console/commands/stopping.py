"""What SIGINT, SIGTERM and a closed terminal ask of a command that runs until it is told to stop."""

import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

from storage.stop_flag import StopFlag


class Stop:
    """What SIGINT, SIGTERM and a closed terminal ask for: the first one to stop, a second one to stop at once."""

    def __init__(self) -> None:
        self._asked = StopFlag()
        self._count = 0

    def ask(self, *_: object) -> None:
        """Note a signal."""
        self._count += 1
        self._asked.set()

    def wait(self, seconds: float) -> bool:
        """Whether stopping was asked for, at the latest after so long."""
        return self._asked.wait(seconds)

    @property
    def is_asked(self) -> bool:
        """Whether it was asked for."""
        return self._asked.is_set()

    @property
    def is_urgent(self) -> bool:
        """Whether it was asked for again."""
        return self._count > 1


@contextmanager
def told_to_stop() -> Iterator[Stop]:
    """Signals that would end the process ask a stop to be made instead."""
    stop = Stop()
    with on_signals((signal.SIGINT, signal.SIGTERM, signal.SIGHUP), stop.ask):
        yield stop


@contextmanager
def on_signals(numbers: Sequence[signal.Signals], act: Callable[[int, FrameType | None], object]) -> Iterator[None]:
    """Let signals do something while in the block; one that is ignored (as by ``nohup``) stays so."""
    before = {number: signal.getsignal(number) for number in numbers}
    for number, handler in before.items():
        if handler is not signal.SIG_IGN:
            signal.signal(number, act)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
