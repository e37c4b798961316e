"""The application of the storms on Dewey. Consumers load ``tests.chaos.app.huey``."""

import os
import time

from storage.broker.requests import Bounds
from storage.errors import StoreUnavailable
from tasks.engine import huey as engine
from tasks.engine.context import current_job
from tasks.engine.huey import DeweyHuey
from tests.chaos import faults
from tests.chaos.jobs import HISTORY, Here, declare, noter

__all__ = ["HISTORY", "JOBS", "UNAVAILABLE", "clock_ms", "huey", "note"]

UNAVAILABLE = (StoreUnavailable,)
"""What an enqueue raises when it is not known to have happened."""


AWAY_S = 0.05


class ChaosHuey(DeweyHuey):
    """Dewey with a fault registry at the seam between the broker and Redis."""

    def _open_books(self):  # type: ignore[no-untyped-def]  # the broker, with its scripts wrapped
        broker = super()._open_books()
        faults.install(broker)
        return broker


engine.UNKNOWN_DELAY_MS = int(os.environ.get("CHAOS_UNKNOWN_MS", engine.UNKNOWN_DELAY_MS))


def _bounds() -> Bounds | None:
    kept = os.environ.get("CHAOS_KEPT")
    if not kept:
        return None
    limit = (float(os.environ.get("CHAOS_KEPT_S", "3600")), int(kept))
    return Bounds(log_lines=20, tail_lines=200, succeeded=limit, canceled=limit, dead=limit)


huey = ChaosHuey(
    os.environ.get("CHAOS_NAMESPACE", "chaos"),
    url=os.environ["CHAOS_REDIS_URL"],
    lease_s=float(os.environ.get("CHAOS_LEASE_S", "1.5")),
    crashes_allowed=int(os.environ.get("CHAOS_CRASHES", "1000")),
    bounds=_bounds(),
    grace_s=float(os.environ.get("CHAOS_GRACE_S", "5")),
)


def clock_ms() -> int:
    """Redis's clock."""
    return int(huey.storage.inspector.clock_ms())


def _here() -> Here:
    job = current_job()
    assert job is not None
    return Here(job.id, job.task, job.attempt)


def _clock_ms_at_last() -> int:
    """Redis's clock, as soon as it can be asked: a job that raises because Redis is away fails by its own doing."""
    while True:
        try:
            return clock_ms()
        except StoreUnavailable:
            time.sleep(AWAY_S)


note = noter(_here, _clock_ms_at_last)
JOBS = declare(huey, _here, note)
