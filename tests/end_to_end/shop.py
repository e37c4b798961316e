"""A small application whose jobs write their own history to a file, so that no store has to be believed.

Each line is ``event id attempt pid``, on disk before the job goes on.
"""

import logging
import os
import signal
import time
from pathlib import Path

from tasks.engine.context import current_job, progress
from tasks.engine.cron import cron
from tasks.engine.huey import DeweyHuey
from tests.servers import wait_until

logger = logging.getLogger("shop")

huey = DeweyHuey(
    os.environ.get("SHOP_NAMESPACE", "shop"),
    url=lambda: os.environ["SHOP_REDIS_URL"],
    lease_s=float(os.environ.get("SHOP_LEASE_S", "1.5")),
    queues=tuple(name for name in os.environ.get("SHOP_QUEUES", "").split(",") if name),
    read_timeout_s=0.2,
)


def directory() -> Path:
    """Where this shop keeps its history and its gates."""
    return Path(os.environ["SHOP_DIRECTORY"])


def note(event: str) -> None:
    """Append one line to the history and see it on disk."""
    job = current_job()
    assert job is not None, "a job runs"
    line = f"{event} {job.id} {job.attempt} {os.getpid()}\n"
    handle = os.open(directory() / "history", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(handle, line.encode())
        os.fsync(handle)
    finally:
        os.close(handle)


def wait_at(gate: str) -> None:
    """Wait until the test opens a gate."""
    wait_until((directory() / gate).exists, f"the gate {gate} is open", timeout_s=60)


@huey.task()
def work(seconds: float = 0.0) -> str:
    """Take a while."""
    note("start")
    time.sleep(seconds)  # the work itself
    note("end")
    return "done"


@huey.task(queue="email")
def send() -> None:
    """Work of another queue."""
    note("start")
    note("end")


@huey.task()
def guarded(gate: str) -> int:
    """Wait at a gate that is each attempt's own, telling of it in the log and as progress."""
    job = current_job()
    assert job is not None, "a job runs"
    note("start")
    logger.info("attempt %s waits", job.attempt)
    progress(job.attempt, 9, "attempts")
    wait_at(f"{gate}-{job.attempt}")
    logger.info("attempt %s goes on", job.attempt)
    note("end")
    return job.attempt


@huey.task(retries=5)
def poison() -> None:
    """Kill the process that runs it."""
    note("start")
    os.kill(os.getpid(), signal.SIGKILL)


@huey.periodic_task(cron("* * * * *"), queue="cron")
def tick() -> None:
    """Come once a minute."""
    note("start")
    note("end")
