"""How long a job waits before it is tried again. Pure: the same job waits as long in every run of a test.

    @huey.task(retries=5, retry_delay=2)                                       # 2 s each time
    @huey.task(retries=5, retry_delay=2, retry_backoff=3)                      # 2, 6, 18, 54, 162 s
    @huey.task(retries=9, retry_delay=2, retry_backoff=3, retry_max_delay=60)  # 2, 6, 18, 54, 60, 60 … s
    @huey.task(retries=5, retry_delay=60, retry_jitter=0.5)                    # somewhere in 30..60 s each time

All of them can be said per call too, for one job: ``work.s(1, retry_delay=9, retry_jitter=0.5)``. A delay that the
task asks for itself (RetryTask, a rate limit of Huey's, ``Transient.retry_after_s``) is neither cut nor spread.
"""

import math
import random
from datetime import timedelta
from typing import Any

from huey.exceptions import ConfigurationError


def seconds(value: Any) -> float:
    """A delay as Huey takes it, a number or a timedelta, in seconds."""
    return value.total_seconds() if hasattr(value, "total_seconds") else float(value or 0)


def check(settings: dict[str, Any]) -> None:
    """Refuse settings of a task that can not be meant. Raises ConfigurationError."""
    jitter, longest = settings.get("retry_jitter"), settings.get("retry_max_delay")
    if jitter is not None and not (_is_number(jitter) and 0 <= jitter <= 1):
        raise ConfigurationError(f"retry_jitter={jitter!r}: use a share from 0 (none) to 1 (anything up to the delay)")
    if longest is not None and not ((_is_number(longest) or isinstance(longest, timedelta)) and seconds(longest) > 0):
        raise ConfigurationError(f"retry_max_delay={longest!r}: use a number of seconds above 0, or a timedelta")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def delays(task: Any, job_id: str, attempt: int) -> tuple[float, float]:
    """Seconds until the attempt after this one, and the delay that the one after that begins with.

    The delay grows by ``retry_backoff`` up to ``retry_max_delay``. Jitter takes a random share off, up to
    ``retry_jitter`` of it, so that jobs that failed together do not come back together, and none later than said.
    """
    longest_s = seconds(getattr(task, "retry_max_delay", None)) or math.inf
    delay_s = min(seconds(task.retry_delay), longest_s)
    following_s = min(delay_s * task.retry_backoff, longest_s) if task.retry_backoff else delay_s
    share = float(getattr(task, "retry_jitter", None) or 0)
    chance = random.Random(f"{job_id}:{attempt}").random()
    return delay_s * (1 - share * chance), following_s
