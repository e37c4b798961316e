"""The applications that the engine benchmark runs: the same no-op task on stock Huey and on Dewey."""

import os

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


@recorded.task(name="dewey_noop")
def recorded_noop(number: int) -> None:
    """Nothing."""
