"""What a job costs in round trips and Redis commands, counted exactly: a number that grows fails, and one that falls is
written down here.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis
from huey import chord

from tasks.engine import logcapture
from tasks.engine.huey import DeweyHuey
from tests.servers import redis_server

OURS = frozenset({"info", "config|resetstat", "config", "hello", "client|setinfo", "client", "script", "script|load"})
"""Commands of the counting itself, and of a new connection."""
ONCE_A_MINUTE = frozenset({"expire"})
"""The first job of a minute sets the end of that minute's counts."""

COSTS = {
    # what happens: (calls of a script, commands inside Redis); the calls of a bulk travel together
    "enqueue": (1, 11),
    "bulk enqueue of 1,000": (4, 8_008),
    "a job that succeeds, between two others": (1, 20),
    "a job that fails and waits for its retry": (1, 23),
    "a member of a chord": (1, 24),
}


@pytest.fixture(scope="module")
def own_redis() -> Iterator[str]:
    """A Redis that nobody else talks to, for what it counts is counted for all."""
    with redis_server() as server:
        yield server.url


@pytest.fixture
def own_client(own_redis: str) -> Iterator["redis.Redis"]:
    client = redis.Redis.from_url(own_redis)
    client.flushall()
    yield client
    client.close()


@pytest.fixture
def huey(own_redis: str, own_client: "redis.Redis", namespace: str) -> Iterator[DeweyHuey]:
    logcapture.install()  # as every consumer does: what a failing job logs is part of its cost
    huey = DeweyHuey(namespace, url=own_redis)
    yield huey
    huey.storage.close()


@pytest.fixture
def cost(own_client: "redis.Redis") -> Callable[[Callable[[], object]], tuple[int, int]]:
    """Counts what a call costs: commands sent by clients, and commands run by scripts as well."""

    def count(call: Callable[[], object]) -> tuple[int, int]:
        own_client.config_resetstat()
        call()
        found: dict[str, Any] = own_client.info("commandstats")
        calls = {name.removeprefix("cmdstat_"): int(row["calls"]) for name, row in found.items()}
        trips = calls.get("evalsha", 0)
        inside = sum(number for name, number in calls.items() if name not in OURS | ONCE_A_MINUTE | {"evalsha"})
        return trips, inside

    return count


def settled(huey: DeweyHuey, following: bool = True) -> Callable[[], None]:
    """Claims a job now; the answer settles it and claims the next one, as a busy worker does."""
    request = huey.claim_request("worker")
    claim = huey.broker.claim(request)
    assert claim is not None
    unit, task = huey.open(claim)

    def step() -> None:
        huey.perform(unit, task)
        huey.settle(unit, request if following else None)

    return step


def same(name: str, measured: tuple[int, int]) -> None:
    assert measured == COSTS[name], f"{name}: (round trips, commands) are {measured}, and were {COSTS[name]}"


def test_an_enqueue(huey: DeweyHuey, cost: Callable[..., tuple[int, int]]) -> None:
    @huey.task()
    def work(number: int) -> int:
        return number

    work(0)
    same("enqueue", cost(lambda: work(1)))


def test_a_bulk_enqueue(huey: DeweyHuey, cost: Callable[..., tuple[int, int]]) -> None:
    @huey.task()
    def work(number: int) -> int:
        return number

    work.map(range(1_000))
    same("bulk enqueue of 1,000", cost(lambda: work.map(range(1_000))))


def test_a_successful_job_on_a_busy_worker(huey: DeweyHuey, cost: Callable[..., tuple[int, int]]) -> None:
    @huey.task()
    def work(number: int) -> int:
        return number

    for number in range(4):
        work(number)
    settled(huey)()
    same("a job that succeeds, between two others", cost(settled(huey)))


def test_a_failing_job(huey: DeweyHuey, cost: Callable[..., tuple[int, int]]) -> None:
    @huey.task(retries=2, retry_delay=60)
    def fail(number: int) -> None:
        raise ValueError(number)

    for number in range(4):
        fail(number)
    settled(huey)()
    same("a job that fails and waits for its retry", cost(settled(huey)))


def test_a_member_of_a_chord(huey: DeweyHuey, cost: Callable[..., tuple[int, int]]) -> None:
    @huey.task()
    def work(number: int) -> int:
        return number

    @huey.task()
    def join(results: list[int]) -> int:
        return sum(results)

    huey.enqueue(chord([work.s(number) for number in range(6)], join))
    settled(huey)()
    same("a member of a chord", cost(settled(huey)))
