"""A broker on real Redis, and short ways to put jobs in it."""

import uuid
from collections.abc import Callable

import pytest
import redis

from storage.broker.broker import Broker
from storage.broker.inspector import Inspector
from storage.broker.records import NewJob
from storage.broker.requests import ClaimRequest

REQUEST = ClaimRequest("host:1", "host:1/Worker-1", 60_000)


@pytest.fixture
def broker(redis_client: "redis.Redis", namespace: str) -> Broker:
    return Broker(redis_client, namespace)


@pytest.fixture
def inspector(redis_client: "redis.Redis", namespace: str) -> Inspector:
    return Inspector(redis_client, namespace)


@pytest.fixture
def add(broker: Broker) -> Callable[..., str]:
    """Enqueue one job; answers its id."""

    def _add(**fields: object) -> str:
        job_id = str(fields.pop("id", uuid.uuid4()))
        table = {"task": "t.work", "queue": "default", "payload": b"{}", **fields}
        broker.enqueue([NewJob(id=job_id, **table)])  # type: ignore[arg-type]  # a test's own mix of fields
        return job_id

    return _add
