"""How reads reach Redis: one command or many in one round trip, with the driver's errors translated."""

from datetime import UTC, datetime
from typing import Any

import redis
from redis.exceptions import RedisError

from storage.broker.keys import Keys
from storage.broker.scripts import translated


class Reads:
    """Reads of one namespace."""

    def __init__(self, client: "redis.Redis", namespace: str = "dewey") -> None:
        self._client = client
        self._keys = Keys(namespace)

    def _call(self, command: str, *args: Any, **kwargs: Any) -> Any:
        try:
            return getattr(self._client, command)(*args, **kwargs)
        except RedisError as error:
            raise translated(error) from error

    def _pipe(self) -> Any:
        return self._client.pipeline(transaction=False)

    def _run(self, pipe: Any) -> list[Any]:
        try:
            return list(pipe.execute())
        except RedisError as error:
            raise translated(error) from error


def instant(ms: Any) -> datetime | None:
    """Milliseconds since the epoch, as Redis holds them, or None for none."""
    return datetime.fromtimestamp(float(ms) / 1000, UTC) if ms not in (None, b"") else None


def text(value: bytes | None) -> str:
    """Redis's bytes as text, whatever they are."""
    return value.decode("utf-8", "backslashreplace") if value else ""
