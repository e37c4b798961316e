"""Who serves the queues: consumers that live, obey an order, or fell silent."""

from storage.broker.broker import Broker
from storage.broker.inspector import Inspector
from storage.broker.requests import Beat

FIELDS = {"host": "w1", "pid": "41", "workers": "4", "kind": "thread", "queues": "email,default", "version": "1.2"}


def _beat(broker: Broker, consumer: str) -> None:
    broker.heartbeat(Beat(consumer, 60_000, (), {**FIELDS, "running:41": "a,b", "memory:41": "1024"}, "41"))


def test_a_consumer_says_what_it_is_and_what_it_runs(broker: Broker, inspector: Inspector) -> None:
    _beat(broker, "w1:41")
    (one,) = inspector.consumers()
    assert (one.host, one.pid, one.workers, one.kind, one.version) == ("w1", 41, 4, "thread", "1.2")
    assert (one.queues, one.running, one.memory_bytes) == (("email", "default"), ("a", "b"), 1024)
    assert (one.order, one.is_silent) == ("", False)


def test_an_order_stands_beside_the_consumer_until_it_is_taken_back(broker: Broker, inspector: Inspector) -> None:
    _beat(broker, "w1:41")
    broker.order("w1:41", "quiet")
    assert inspector.consumers()[0].order == "quiet"
    broker.order("w1:41", "")
    assert inspector.consumers()[0].order == ""


def test_a_consumer_that_fell_silent_is_told_of_for_a_minute_but_serves_nothing(
    broker: Broker, inspector: Inspector
) -> None:
    for name in ("w1:41", "w2:7", "w3:9"):
        _beat(broker, name)
    now_ms = inspector.clock_ms()
    broker.call("zadd", broker.keys.consumers, {"w2:7": now_ms - 30_000, "w3:9": now_ms - 61_000})
    assert [one.id for one in inspector.consumers()] == ["w1:41"]
    assert [(one.id, one.is_silent) for one in inspector.consumers(silent=True)] == [("w2:7", True), ("w1:41", False)]


def test_one_that_said_that_it_leaves_is_never_silent(broker: Broker, inspector: Inspector) -> None:
    _beat(broker, "w1:41")
    broker.leave("w1:41")
    assert inspector.consumers(silent=True) == ()
