"""A recorder over real Redis and PostgreSQL, and short ways to put jobs through their lives."""

import pytest
import redis

from storage.broker.broker import Broker
from storage.broker.inspector import Inspector
from storage.database.connection import Database
from storage.history.recorder import Recorder
from tests.storage.history.lives import Lives


@pytest.fixture
def broker(redis_client: "redis.Redis", namespace: str) -> Broker:
    return Broker(redis_client, namespace)


@pytest.fixture
def inspector(redis_client: "redis.Redis", namespace: str) -> Inspector:
    return Inspector(redis_client, namespace)


@pytest.fixture
def lives(broker: Broker) -> Lives:
    return Lives(broker)


@pytest.fixture
def recorder(broker: Broker, database: Database) -> Recorder:
    return Recorder(broker, database)
