"""The application of the storms on stock Huey, as its documentation has it: the baseline beside Dewey."""

import os
import threading
from datetime import datetime
from typing import Any

from huey import PriorityRedisHuey
from redis.exceptions import RedisError

from tests.chaos.jobs import HISTORY, Here, declare, noter

__all__ = ["HISTORY", "JOBS", "UNAVAILABLE", "clock_ms", "huey"]

UNAVAILABLE = (RedisError,)


class _Thread(threading.local):
    here: Here


_thread = _Thread()


class StockHuey(PriorityRedisHuey):  # type: ignore[misc]  # huey has no types
    """PriorityRedisHuey that only notes which task a thread runs."""

    def execute(self, task: Any, timestamp: datetime | None = None) -> Any:
        attempt = 1 + task.default_retries - task.retries if task.default_retries else 1
        _thread.here = Here(task.id, task.name, attempt)
        return super().execute(task, timestamp)


huey = StockHuey(os.environ.get("CHAOS_NAMESPACE", "chaos"), url=os.environ["CHAOS_REDIS_URL"])


def clock_ms() -> int:
    """Redis's clock."""
    seconds, micros = huey.storage.conn.time()
    return int(seconds) * 1000 + int(micros) // 1000


JOBS = declare(huey, lambda: _thread.here, noter(lambda: _thread.here, clock_ms))
