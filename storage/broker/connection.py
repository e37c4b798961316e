"""How a Redis client of Dewey is made: no hidden retries, because a repeated claim is not the same claim."""

import redis
from redis.backoff import NoBackoff
from redis.driver_info import DriverInfo
from redis.retry import Retry

from storage.errors import SettingsError

SCHEMES = ("redis://", "rediss://", "unix://")


def connect(url: str, *, timeout_s: float = 10.0) -> "redis.Redis":
    """A client for ``url``; it opens connections when first used, and new ones after a fork.

    Raises:
        SettingsError: the URL is not one of Redis.
    """
    if not url.startswith(SCHEMES):
        raise SettingsError(f"REDIS_URL is {url!r}; expected redis://host:port/db, rediss://… or unix:///path")
    try:
        return redis.Redis.from_url(
            url,
            retry=Retry(NoBackoff(), 0),
            socket_timeout=timeout_s,
            socket_connect_timeout=5.0,
            health_check_interval=30,
            driver_info=DriverInfo("dewey", None),  # looking for its own version takes redis-py longer than to connect
        )
    except ValueError as error:
        raise SettingsError(f"REDIS_URL is {url!r}: {error}") from error
