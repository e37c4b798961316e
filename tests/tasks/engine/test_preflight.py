"""What a consumer looks at before it starts."""

from collections.abc import Iterator

import pytest
import redis
from huey.exceptions import ConfigurationError

from storage.broker.broker import Broker
from tasks.engine import preflight
from tasks.engine.huey import DeweyHuey


@pytest.fixture
def broker(redis_client: "redis.Redis", namespace: str) -> Iterator[Broker]:
    yield Broker(redis_client, namespace)
    redis_client.config_set("maxmemory-policy", "noeviction")
    redis_client.config_set("maxmemory", 0)


def found(broker: Broker, workers: int = 4) -> dict[str, str]:
    return {problem.level: problem.message for problem in preflight.find(broker, workers)}


def test_a_redis_that_evicts_is_refused_with_the_remedy(broker: Broker) -> None:
    broker.client.config_set("maxmemory", 2**30)
    broker.client.config_set("maxmemory-policy", "allkeys-lru")
    with pytest.raises(ConfigurationError, match=r"allkeys-lru.*set maxmemory-policy noeviction"):
        preflight.check(broker, 4)


def test_an_eviction_policy_that_can_not_strike_is_a_warning(broker: Broker) -> None:
    broker.client.config_set("maxmemory-policy", "volatile-ttl")
    assert "refuse" not in found(broker)


def test_a_redis_without_an_append_only_file_is_a_warning(broker: Broker, caplog: pytest.LogCaptureFixture) -> None:
    preflight.check(broker, 4)
    assert "set appendonly yes" in caplog.text


def test_a_pool_too_small_for_the_workers_is_refused(redis_url: str, namespace: str) -> None:
    pool = redis.ConnectionPool.from_url(redis_url, max_connections=6)
    huey = DeweyHuey(namespace, connection_pool=pool)
    with pytest.raises(ConfigurationError, match="allow 12 for 8 workers"):
        preflight.check(huey.broker, 8)
    preflight.check(huey.broker, 2)
    pool.disconnect()


def test_an_old_redis_is_refused(broker: Broker, monkeypatch: pytest.MonkeyPatch) -> None:
    call = broker.call
    monkeypatch.setattr(
        broker, "call", lambda name, *args: {"redis_version": "5.0.7"} if name == "info" else call(name, *args)
    )
    with pytest.raises(ConfigurationError, match=r"Redis 5\.0\.7 is older than 6\.2"):
        preflight.check(broker, 1)


def test_a_clock_that_is_off_is_a_warning(broker: Broker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time", lambda: 1_000_000_000.0)
    assert any("clock" in problem.message for problem in preflight.find(broker, 1))


def test_a_redis_that_is_away_is_waited_for_by_the_workers(namespace: str) -> None:
    broker = Broker(redis.Redis(port=1), namespace)
    preflight.check(broker, 1)
