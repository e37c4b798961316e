"""The applications that the engine benchmark runs: the same task on stock Huey, on Dewey, and with history."""

import os
import time

from huey import PriorityRedisHuey

from tasks.engine.assignment import History
from tasks.engine.huey import DeweyHuey

URL = os.environ.get("BENCH_REDIS_URL", "redis://localhost:6379/0")

stock = PriorityRedisHuey("bench", url=URL)
dewey = DeweyHuey("bench", url=URL)
recorded = DeweyHuey("bench", url=URL, history=History(os.environ.get("BENCH_DATABASE_URL", "")))


@stock.task()  # type: ignore[untyped-decorator]  # huey has no types
def stock_noop(number: int) -> None:
    """Nothing."""


@dewey.task()
def dewey_noop(number: int) -> None:
    """Nothing."""


@dewey.task(name="bench_job")
def dewey_job(work_us: int) -> None:
    """Computes for a while."""
    until_s = time.thread_time() + work_us / 1e6
    while work_us and time.thread_time() < until_s:
        pass


@recorded.task(name="bench_job")
def recorded_job(work_us: int) -> None:
    """The same, with a history."""
    dewey_job.call_local(work_us)
