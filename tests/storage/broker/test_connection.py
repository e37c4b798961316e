"""How a client is made: without what it does not need, and refused when its address is none."""

import importlib.metadata

import pytest
import redis
from redis.driver_info import DriverInfo

from storage.broker.connection import connect
from storage.errors import SettingsError


def test_a_client_tells_redis_whose_it_is_and_looks_for_no_version(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(name: str) -> str:
        raise AssertionError(f"it looked for the version of {name}")

    monkeypatch.setattr(importlib.metadata, "version", fail)
    client = connect(redis_url)
    try:
        assert client.ping()
        told = client.connection_pool.connection_kwargs["driver_info"]
        assert isinstance(told, DriverInfo)
        assert (told.formatted_name, told.lib_version) == ("dewey", None)
    finally:
        client.close()


def test_a_claim_is_not_asked_for_again_behind_our_back(namespace: str) -> None:
    client = connect("redis://127.0.0.1:1/0")
    with pytest.raises(redis.ConnectionError):
        client.get(namespace)
    assert client.get_retry() is not None
    assert client.connection_pool.connection_kwargs["retry"].get_retries() == 0


@pytest.mark.parametrize("url", ["http://host", "redis://host:port/0"])
def test_an_address_that_is_not_one_of_redis_is_named(url: str) -> None:
    with pytest.raises(SettingsError, match="REDIS_URL is"):
        connect(url)
