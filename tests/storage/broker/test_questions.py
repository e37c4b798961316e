"""What is asked of Redis now and answered later, on connections that are given back whatever happens."""

from collections.abc import Callable, Iterator

import pytest
import redis

from storage.broker.broker import Broker
from storage.broker.connection import connect
from storage.broker.scripts import unpack
from storage.errors import StoreRefused, StoreUnavailable

READ = ("record", "0-0", 500, 250, 100_000)
NOW = 2
"""Where an answer says what time it is."""


def told(answer: bytes) -> list[object]:
    return [value for place, value in enumerate(unpack(answer)) if place != NOW]


@pytest.fixture
def narrow(redis_url: str, namespace: str) -> Iterator[Broker]:
    """A broker that has one connection, so that one which is not given back is missed."""
    client = connect(redis_url)
    client.connection_pool.max_connections = 1
    broker = Broker(client, namespace)
    broker.run(*READ)
    yield broker
    broker.close()


def test_the_answer_is_that_of_a_call(narrow: Broker, add: Callable[..., str]) -> None:
    add()
    expected = told(narrow.run(*READ))
    assert told(narrow.ask(*READ).answer()) == expected
    assert told(narrow.ask(*READ).answer()) == expected


def test_a_dropped_question_leaves_its_answer_to_nobody(narrow: Broker, add: Callable[..., str]) -> None:
    before = told(narrow.run(*READ))
    narrow.ask(*READ).drop()
    add()
    assert told(narrow.ask(*READ).answer()) != before


def test_a_question_that_redis_knows_no_script_for_is_asked_again(
    narrow: Broker, redis_client: "redis.Redis", add: Callable[..., str]
) -> None:
    add()
    expected = told(narrow.run(*READ))
    redis_client.script_flush()
    assert told(narrow.ask(*READ).answer()) == expected
    assert told(narrow.ask(*READ).answer()) == expected


def test_a_question_whose_connection_is_cut_is_not_answered(narrow: Broker, redis_client: "redis.Redis") -> None:
    ours = narrow.call("client_id")
    asked = narrow.ask(*READ)
    asked._connection.read_response()
    redis_client.client_kill_filter(_id=ours)
    with pytest.raises(StoreUnavailable, match="Redis did not answer"):
        asked.answer()
    assert told(narrow.ask(*READ).answer()) == told(narrow.run(*READ))


def test_a_question_that_redis_refuses_says_so(narrow: Broker) -> None:
    with pytest.raises(StoreRefused, match="Redis refused"):
        narrow.ask("record", "no position", 500, 250, 100_000).answer()
    assert told(narrow.ask(*READ).answer()) == told(narrow.run(*READ))


def test_a_question_to_a_redis_that_is_not_there_is_not_asked(namespace: str) -> None:
    with pytest.raises(StoreUnavailable, match="Redis did not answer"):
        Broker(connect("redis://127.0.0.1:1/0"), namespace).ask(*READ)
