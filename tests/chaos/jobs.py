"""The jobs of the storms, the same for Dewey and for stock Huey: small, and they write their own history."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from huey import crontab

from tests.chaos.history import Event, Writer

HISTORY = Writer(Path(os.environ["CHAOS_HISTORY"]))


@dataclass(frozen=True, slots=True)
class Here:
    """The job that this thread runs: its id, its task, and the number of its attempt."""

    id: str
    task: str
    attempt: int


@dataclass(frozen=True, slots=True)
class Jobs:
    """The tasks of one application."""

    work: Any
    flaky: Any
    later: Any
    successor: Any
    member: Any
    join: Any
    doomed: Any


Note = Callable[..., None]


def noter(here: Callable[[], Here], clock_ms: Callable[[], int]) -> Note:
    """A function that writes down what happens to the current job."""

    def note(what: str, *, due_ms: int = 0, detail: str = "") -> None:
        job = here()
        now_ms = clock_ms() if due_ms else 0
        HISTORY.write(Event(what, job.id, job.task, job.attempt, clock_ms=now_ms, due_ms=due_ms, detail=detail))  # type: ignore[arg-type]  # one of its words

    return note


def declare(huey: Any, here: Callable[[], Here], note: Note) -> Jobs:
    """Declare the tasks on a Huey of either kind."""

    @huey.task()  # type: ignore[untyped-decorator]  # huey has no types
    def work(number: int, seconds: float = 0.01) -> int:
        """A short job."""
        note("start")
        time.sleep(seconds)  # the work itself
        note("done")
        return number

    @huey.task(retries=3, retry_delay=0.1)  # type: ignore[untyped-decorator]  # as above
    def flaky(number: int) -> int:
        """Fails in its first attempt."""
        note("start")
        if here().attempt == 1:
            note("failed")
            raise RuntimeError(f"first attempt of {number}")
        note("done")
        return number

    @huey.task()  # type: ignore[untyped-decorator]  # as above
    def later(number: int, due_ms: int) -> int:
        """A job that may not start before an instant of Redis's clock."""
        note("start", due_ms=due_ms)
        note("done")
        return number

    @huey.task()  # type: ignore[untyped-decorator]  # as above
    def successor(number: int) -> int:
        """What follows a job of a pipeline."""
        note("start")
        note("done")
        return number

    @huey.task()  # type: ignore[untyped-decorator]  # as above
    def member(number: int) -> int:
        """One of a chord."""
        note("start")
        time.sleep(0.005)  # the work itself
        note("done")
        return number

    @huey.task()  # type: ignore[untyped-decorator]  # as above
    def join(results: list[int]) -> int:
        """The callback of a chord: its detail is how many results it has seen, and how many of them are errors."""
        note("start")
        errors = sum(not isinstance(result, int) for result in results)
        note("done", detail=f"{len(results)}-{errors}" if errors else str(len(results)))
        return len(results)

    @huey.task()  # type: ignore[untyped-decorator]  # as above
    def doomed(number: int) -> None:
        """Fails for good."""
        note("start")
        note("failed")
        raise ValueError(f"{number} is doomed")

    @huey.periodic_task(crontab(minute="*"))  # type: ignore[untyped-decorator]  # as above
    def tick() -> None:
        """Once a minute."""
        note("start")
        note("done")

    return Jobs(work, flaky, later, successor, member, join, doomed)
