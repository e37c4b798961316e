"""Looks at Redis before a consumer starts: what would lose jobs is refused, the rest is said, with the remedy."""

import logging
import time
from typing import Literal

from huey.exceptions import ConfigurationError
from msgspec import Struct

from storage.broker.broker import Broker
from storage.errors import StorageError

_logger = logging.getLogger(__name__)

OLDEST_REDIS = (6, 2)
LARGEST_SKEW_S = 5.0
CONNECTIONS_BESIDE_WORKERS = 4
"""The scheduler's, the heart's, the shipper's, and one for a task that enqueues."""


class Problem(Struct, frozen=True):
    """Something about Redis that jobs would suffer from. ``refuse``: a consumer does not start with it."""

    level: Literal["refuse", "warn"]
    message: str
    remedy: str


def check(broker: Broker, workers: int) -> None:
    """Refuse or warn, before anything runs. A Redis that does not answer yet is waited for by the workers themselves.

    Raises:
        ConfigurationError: jobs could be lost; the message has the remedy.
    """
    try:
        problems = find(broker, workers)
    except StorageError as error:
        _logger.warning("Redis could not be looked at before the start: %s", error)
        return
    for problem in problems:
        if problem.level == "warn":
            _logger.warning("%s: %s", problem.message, problem.remedy)
    refused = [f"{problem.message}: {problem.remedy}" for problem in problems if problem.level == "refuse"]
    if refused:
        raise ConfigurationError("; ".join(refused))


def find(broker: Broker, workers: int) -> list[Problem]:
    """What is wrong with this Redis for a consumer with so many workers. Raises StoreUnavailable."""
    problems = _server(broker.call("info"))
    most = getattr(broker.client.connection_pool, "max_connections", None)
    needed = workers + CONNECTIONS_BESIDE_WORKERS
    if most is not None and most < needed:
        remedy = f"allow {needed} for {workers} workers"
        problems.append(Problem("refuse", f"the connection pool ends at {most} connections", remedy))
    seconds, micros = broker.call("time")
    skew_s = abs(int(seconds) + int(micros) / 1e6 - time.time())
    if skew_s > LARGEST_SKEW_S:
        message = f"this machine's clock and Redis's differ by {skew_s:.0f} s"
        problems.append(Problem("warn", message, "keep both by NTP"))
    return problems


def _server(info: dict[str, object]) -> list[Problem]:
    problems = []
    told = str(info.get("redis_version", "0"))
    if tuple(int(part) for part in told.split(".")[:2] if part.isdigit()) < OLDEST_REDIS:
        problems.append(Problem("refuse", f"Redis {told} is older than 6.2", "use Redis 6.2 or later, or Valkey"))
    policy = info.get("maxmemory_policy", "noeviction")
    if policy != "noeviction":
        strikes = int(str(info.get("maxmemory", 0))) > 0
        message = f"Redis throws keys away when it is full ({policy})"
        problems.append(Problem("refuse" if strikes else "warn", message, "set maxmemory-policy noeviction"))
    if not int(str(info.get("aof_enabled", 0))):
        problems.append(Problem("warn", "Redis forgets what it did last when it crashes", "set appendonly yes"))
    if info.get("role", "master") != "master":
        problems.append(Problem("refuse", "this Redis is a replica", "name the primary in REDIS_URL"))
    return problems
