"""A flag that signals set, at any moment, however many there are."""

import signal
import threading
from collections.abc import Iterator

import pytest

from storage.stop_flag import StopFlag
from tests.servers import wait_until


@pytest.fixture
def flag() -> Iterator[StopFlag]:
    flag, before = StopFlag(), signal.getsignal(signal.SIGUSR1)
    signal.signal(signal.SIGUSR1, lambda *_: flag.set())
    yield flag
    signal.signal(signal.SIGUSR1, before)


def test_it_is_not_set_until_somebody_sets_it(flag: StopFlag) -> None:
    assert not flag.wait(0.01)
    assert not flag.wait(-1)
    assert not flag.is_set()
    flag.set()
    assert flag.is_set()
    assert flag.wait(0)


def test_all_who_wait_are_woken(flag: StopFlag) -> None:
    answers: list[bool] = []
    threads = [threading.Thread(target=lambda: answers.append(flag.wait(60))) for _ in range(5)]
    for thread in threads:
        thread.start()
    flag.set()
    for thread in threads:
        thread.join(30)
    assert answers == [True] * 5


def test_a_signal_wakes_the_thread_that_it_interrupts(flag: StopFlag) -> None:
    main = threading.main_thread().ident
    assert main is not None
    threading.Timer(0.05, lambda: signal.pthread_kill(main, signal.SIGUSR1)).start()
    assert flag.wait(30)


def test_signals_within_signals_wait_for_nothing(flag: StopFlag) -> None:
    depth = 0

    class Nested(StopFlag):
        def set(self) -> None:
            nonlocal depth
            depth += 1
            if depth < 20:
                signal.raise_signal(signal.SIGUSR1)
            super().set()

    nested = Nested()
    signal.signal(signal.SIGUSR1, lambda *_: nested.set())
    signal.raise_signal(signal.SIGUSR1)
    wait_until(nested.is_set, "the flag to be set")
    assert nested.wait(0)
