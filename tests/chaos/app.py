"""The application of the storms: small jobs that write their own history. Consumers load ``tests.chaos.app.huey``."""

import os
import time
from pathlib import Path

from huey import crontab

from tasks.engine.context import current_job
from tasks.engine.huey import DeweyHuey
from tests.chaos import faults
from tests.chaos.history import Event, Writer

HISTORY = Writer(Path(os.environ["CHAOS_HISTORY"]))


class ChaosHuey(DeweyHuey):
    """Dewey with a fault registry at the seam between the broker and Redis."""

    def _open_books(self):  # type: ignore[no-untyped-def]  # the broker, with its scripts wrapped
        broker = super()._open_books()
        faults.install(broker)
        return broker


huey = ChaosHuey(
    os.environ.get("CHAOS_NAMESPACE", "chaos"),
    url=os.environ["CHAOS_REDIS_URL"],
    lease_s=float(os.environ.get("CHAOS_LEASE_S", "1.5")),
    crashes_allowed=int(os.environ.get("CHAOS_CRASHES", "1000")),
)


def note(what: str, *, due_ms: int = 0, detail: str = "") -> None:
    """Write down what happens to the current job."""
    job = current_job()
    assert job is not None
    clock_ms = huey.storage.inspector.clock_ms() if due_ms else 0
    HISTORY.write(Event(what, job.id, job.task, job.attempt, clock_ms=clock_ms, due_ms=due_ms, detail=detail))  # type: ignore[arg-type]  # one of its words


@huey.task()
def work(number: int, seconds: float = 0.01) -> int:
    """A short job."""
    note("start")
    time.sleep(seconds)  # the work itself
    note("done")
    return number


@huey.task(retries=3, retry_delay=0.1)
def flaky(number: int) -> int:
    """Fails in its first attempt."""
    note("start")
    job = current_job()
    assert job is not None
    if job.attempt == 1:
        note("failed")
        raise RuntimeError(f"first attempt of {number}")
    note("done")
    return number


@huey.task()
def later(number: int, due_ms: int) -> int:
    """A job that may not start before an instant of Redis's clock."""
    note("start", due_ms=due_ms)
    note("done")
    return number


@huey.task()
def successor(number: int) -> int:
    """What follows a job of a pipeline."""
    note("start")
    note("done")
    return number


@huey.task()
def member(number: int) -> int:
    """One of a chord."""
    note("start")
    time.sleep(0.005)  # the work itself
    note("done")
    return number


@huey.task()
def join(results: list[int]) -> int:
    """The callback of a chord: how many results it has seen is its detail."""
    note("start")
    note("done", detail=str(len(results)))
    return len(results)


@huey.periodic_task(crontab(minute="*"))
def tick() -> None:
    """Once a minute."""
    note("start")
    note("done")
