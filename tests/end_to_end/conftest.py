"""The shop on this run's Redis."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from tests.end_to_end import consumers


@pytest.fixture
def shop(redis_url: str, redis_client: "redis.Redis", namespace: str, tmp_path: Path) -> Iterator[consumers.Shop]:
    with consumers.opened(tmp_path, redis_url, namespace) as made:
        yield made
