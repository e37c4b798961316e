"""The consumer's own threads: upkeep after an outage, heartbeats that never end, and what is refused at the start."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from huey.exceptions import ConfigurationError

from storage.errors import StoreUnavailable
from tasks.engine.consumer import DeweyScheduler
from tests.tasks.engine.conftest import Shop

Make = Callable[..., Shop]


def scheduler(shop: Shop) -> DeweyScheduler:
    """A consumer's scheduler, without its thread."""
    consumer = shop.huey.create_consumer(workers=1)
    consumer.stop_flag.set()  # so that a turn of its loop does not wait
    made = DeweyScheduler(shop.huey, consumer.stop_flag, 1, True)
    made.process = consumer.process
    made.initialize()
    return made


def test_after_an_outage_the_living_beat_before_leases_are_taken_back(
    make_shop: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = make_shop(lease_s=0.6)
    handle = shop.huey.task()(lambda: None)()
    unit, _ = shop.huey.open(shop.claim())
    upkeep = scheduler(shop)

    def away(*_: Any, **__: Any) -> Any:
        raise StoreUnavailable("away")

    with monkeypatch.context() as patch:
        patch.setattr(shop.huey.broker, "promote", away)
        upkeep.loop()
    key = shop.huey.broker.keys.index("default", "running")
    shop.huey.broker.call("zadd", key, {handle.id: 1})  # the lease ended while Redis was away
    upkeep.loop()
    assert shop.job(handle).state == "running"
    deadline = time.monotonic() + 10
    while shop.job(handle).state == "running":
        assert time.monotonic() < deadline
        upkeep.loop()
    assert (shop.job(handle).state, shop.job(handle).crashes) == ("queued", 1)
    shop.huey.held.drop(unit)


def test_upkeep_goes_on_after_any_outage(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    upkeep = scheduler(shop)

    def away(*_: Any, **__: Any) -> Any:
        raise StoreUnavailable("away")

    handle = shop.huey.task()(lambda: None).schedule(delay=3600)
    for script in ("promote", "reap", "retain", "buried"):
        with monkeypatch.context() as patch:
            patch.setattr(shop.huey.broker, script, away)
            upkeep.loop()
    key = shop.huey.broker.keys.index("default", "scheduled")
    shop.huey.broker.call("zadd", key, {handle.id: 1})
    upkeep.loop()
    assert shop.job(handle).state == "queued"


def test_greenlets_are_refused(shop: Shop) -> None:
    with pytest.raises(ConfigurationError, match="use -k thread or -k process"):
        shop.huey.create_consumer(worker_type="greenlet")


def test_a_huey_in_immediate_mode_has_nothing_to_consume(make_shop: Make) -> None:
    shop = make_shop(immediate=True)
    with pytest.raises(ConfigurationError, match="immediate"):
        shop.huey.create_consumer().start()
