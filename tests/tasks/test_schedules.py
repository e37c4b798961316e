"""When the periodic tasks are enqueued, by the engine's clock, over a whole day."""

import time
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from tasks.app import huey
from tasks.engine.cron import Clock
from tests.tasks.jobs import Jobs

MIDNIGHT = datetime(2026, 3, 29, tzinfo=UTC)
"""The day on which Europe's clocks go forward."""
MINUTE = timedelta(minutes=1)


@pytest.fixture
def far_from_utc() -> Iterator[None]:
    """This process lives where clocks show something else."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "Asia/Kolkata")
        time.tzset()
        yield
    time.tzset()


def ticks_of_a_day() -> dict[str, list[str]]:
    """The minutes (HH:MM) at which each task was enqueued, as the jobs' ids say."""
    now = MIDNIGHT - MINUTE
    clock = Clock(huey.broker, lambda: int(now.timestamp() * 1000))
    for _ in range(24 * 60):
        now += MINUTE
        clock.run(huey.entries())
    found = defaultdict(list)
    for job in huey.storage.inspector.jobs(limit=10_000).jobs:
        _, name, minute = job.id.split(":", 2)
        assert name == job.task
        assert job.queue == "maintenance"
        found[name.rpartition(".")[2]].append(minute.partition("T")[2])
    return {name: sorted(minutes) for name, minutes in found.items()}


def every(minutes: int) -> list[str]:
    return [f"{hour:02}:{minute:02}" for hour in range(24) for minute in range(0, 60, minutes)]


@pytest.mark.usefixtures("far_from_utc")
def test_every_periodic_task_comes_at_its_minutes_in_utc_and_at_no_other(jobs: Jobs) -> None:
    assert ticks_of_a_day() == {
        "clean_expired_tokens": every(60),
        "clean_abandoned_files": ["00:00"],
        "clean_public_files": every(10),
        "clean_private_files": every(30),
        "fail_stranded_files": every(5),
    }


def test_the_console_is_told_of_the_schedules(jobs: Jobs) -> None:
    told = {one.name.rpartition(".")[2]: (one.schedule, one.timezone) for one in huey.task_infos() if one.schedule}
    assert told == {
        "clean_expired_tokens": ("0 * * * *", "UTC"),
        "clean_abandoned_files": ("0 0 * * *", "UTC"),
        "clean_public_files": ("*/10 * * * *", "UTC"),
        "clean_private_files": ("*/30 * * * *", "UTC"),
        "fail_stranded_files": ("*/5 * * * *", "UTC"),
    }
