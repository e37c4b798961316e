"""More tasks of the storms: long ones, hungry ones, and those that take their worker down."""

import ctypes
import logging
import os
import resource
import signal
import time

from tasks.engine.context import current_job, progress
from tests.chaos import app
from tests.chaos.app import note

huey = app.huey
_logger = logging.getLogger(__name__)
STEP_S = 0.05
HOG_BYTES = 64 * 2**20
TIMEOUT_S = float(os.environ.get("CHAOS_TIMEOUT_S", "1"))
ASLEEP_S = float(os.environ.get("CHAOS_ASLEEP_S", "3"))


def _attempt() -> int:
    job = current_job()
    assert job is not None
    return job.attempt


@huey.task()
def hold(seconds: float) -> int:
    """Says, every moment, in which attempt it is: as log, as progress, and at the end as its result."""
    attempt = _attempt()
    note("start")
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        progress(1, 2, f"attempt {attempt}")
        _logger.info("attempt %s", attempt)
        time.sleep(STEP_S)  # the work itself
    note("done", detail=str(attempt))
    return attempt


@huey.task()
def crunch(seconds: float) -> int:
    """Python code that never rests."""
    note("start")
    end, rounds = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        rounds += sum(range(1_000)) % 7
    note("done")
    return rounds


@huey.task()
def kill_itself() -> None:
    """SIGKILLs its process."""
    note("start")
    os.kill(os.getpid(), signal.SIGKILL)


@huey.task()
def leave() -> None:
    """Ends its process without a word."""
    note("start")
    os._exit(3)


@huey.task()
def break_memory() -> None:
    """Reads where nothing is."""
    note("start")
    ctypes.string_at(0)


@huey.task()
def hog() -> int:
    """Takes more memory than its process may have."""
    note("start")
    before = resource.getrlimit(resource.RLIMIT_AS)
    used = int(open("/proc/self/statm", encoding="ascii").read().split()[0]) * os.sysconf("SC_PAGE_SIZE")  # noqa: SIM115 - closed with the process, at the latest
    resource.setrlimit(resource.RLIMIT_AS, (used + HOG_BYTES, before[1]))
    try:
        return len(bytearray(4 * HOG_BYTES))
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def _deaf() -> None:
    """Goes on whatever is raised in it, until it is killed."""
    note("start")
    while True:
        try:
            while True:
                time.sleep(STEP_S)  # what it does for ever
        except BaseException:
            _logger.info("not heard")


def _stubborn() -> None:
    """Goes on whatever error is raised in it."""
    note("start")
    while True:
        try:
            while True:
                time.sleep(STEP_S)  # what it does for ever
        except Exception:
            _logger.info("not heard")


def _asleep() -> None:
    """One long call into C after the other."""
    note("start")
    while True:
        time.sleep(ASLEEP_S)  # the call


def _tight() -> None:
    """Never waits for anything."""
    note("start")
    rounds = 0
    while True:
        rounds += 1


# Each once with a timeout, and once without one, to be called off.
deaf, stubborn, asleep, tight = (
    huey.task(name=body.__name__[1:], timeout=TIMEOUT_S)(body) for body in (_deaf, _stubborn, _asleep, _tight)
)
deaf_on, stubborn_on, asleep_on, tight_on = (
    huey.task(name=f"{body.__name__[1:]}_on")(body) for body in (_deaf, _stubborn, _asleep, _tight)
)


@huey.task(retries=1)
def stumble(number: int) -> int:
    """Logs, and fails now and then, sometimes for good."""
    note("start")
    _logger.info("number %s", number)
    if number % 3 == 0:
        note("failed")
        raise RuntimeError(f"{number} is not right")
    note("done")
    return number


@huey.task(unique="one of {number}")
def alone(number: int) -> int:
    """One at a time for each number."""
    note("start")
    note("done")
    return number
