"""Limits of a queue and unique keys: exact over all consumers, and free again on every way to an end."""

import threading
from collections.abc import Callable

import pytest
import redis

from storage.broker.broker import Broker
from storage.broker.inspector import Inspector
from storage.broker.records import Limits, NewJob
from storage.broker.requests import Claim, Settlement
from storage.errors import AlreadyThere, QueueFull, Refused
from storage.values import replace
from tests.servers import wait_until
from tests.storage.broker.conftest import REQUEST

Add = Callable[..., str]


def done(claim: Claim) -> Settlement:
    return Settlement(claim.id, claim.token, "succeeded", "succeeded", 0)


def unique(job_id: str, **fields: object) -> NewJob:
    return NewJob(job_id, "t", "default", b"{}", unique="k", **fields)  # type: ignore[arg-type]  # a test's own mix


def test_at_most_the_cap_runs_at_once(broker: Broker, add: Add) -> None:
    broker.limit("default", Limits(cap=2))
    for _ in range(4):
        add()
    first, second = broker.claim(REQUEST), broker.claim(REQUEST)
    assert first is not None
    assert second is not None
    assert broker.claim(REQUEST) is None
    assert broker.settle(done(first), REQUEST)[1] is not None
    assert broker.claim(REQUEST) is None


def test_a_rate_lets_so_many_start_in_any_window(broker: Broker, add: Add) -> None:
    broker.limit("default", Limits(rate=(3, 0.5)))
    for _ in range(7):
        add()
    starts: list[int] = []

    def claim() -> bool:
        found = broker.claim(REQUEST, 0.05)
        if found is not None:
            starts.append(found.claimed_at_ms)
        return len(starts) == 7

    wait_until(claim, "all seven to start")
    assert all(later - earlier >= 500 for earlier, later in zip(starts, starts[3:], strict=False))
    assert starts[-1] - starts[0] < 3_000


def test_other_queues_go_on_when_one_is_at_its_limit(broker: Broker, add: Add) -> None:
    broker.limit("slow", Limits(rate=(1, 3600)))
    add(queue="slow")
    add(queue="slow")
    other = add(queue="fast")
    found = {claim.id for claim in (broker.claim(REQUEST) for _ in range(3)) if claim is not None}
    assert other in found
    assert len(found) == 2


def test_lifted_limits_let_everything_through(broker: Broker, add: Add) -> None:
    limits = Limits(rate=(1, 3600), cap=5, max_jobs=9, max_bytes=99, keep={"dead": (60.0, 5)})
    assert broker.limit("default", limits) is None
    add()
    add()
    assert broker.claim(REQUEST) is not None
    assert broker.claim(REQUEST) is None
    assert broker.limit("default", None) == limits
    assert broker.claim(REQUEST) is not None


@pytest.mark.parametrize("limits", [Limits(cap=0), Limits(rate=(0, 1)), Limits(rate=(1, 0)), Limits(max_jobs=-1)])
def test_a_limit_that_can_not_be_meant_is_refused(broker: Broker, limits: Limits) -> None:
    with pytest.raises(Refused, match="above 0"):
        broker.limit("default", limits)


@pytest.mark.parametrize(
    "limits",
    [
        Limits(cap=10**15 + 1),
        Limits(max_bytes=10**400),
        Limits(rate=(10**400, 1)),
        Limits(rate=(1, 10.0**10)),
        Limits(rate=(1, float("inf"))),
        Limits(rate=(1, float("nan"))),
    ],
)
def test_a_limit_beyond_all_measure_is_refused(broker: Broker, limits: Limits) -> None:
    with pytest.raises(Refused, match=r"more than 1,000,000,000,000,000"):
        broker.limit("default", limits)
    assert broker.limit("default", Limits(cap=10**15, rate=(10**15, 10.0**9))) is None


def test_a_full_queue_refuses_the_whole_call(broker: Broker, inspector: Inspector, add: Add) -> None:
    broker.limit("default", Limits(max_jobs=3))
    add()
    with pytest.raises(QueueFull, match="queue 'default' is full: 1 jobs wait") as refusal:
        broker.enqueue([NewJob(f"j{n}", "t", "default", b"{}") for n in range(3)])
    assert (refusal.value.queue, refusal.value.limit) == ("default", "max_jobs")
    assert inspector.count() == 1
    broker.enqueue([NewJob(f"j{n}", "t", "default", b"{}") for n in range(2)])
    assert broker.claim(REQUEST) is not None
    add()


def test_bytes_on_their_way_count_until_their_job_ends(broker: Broker, add: Add) -> None:
    broker.limit("default", Limits(max_bytes=10))
    add(payload=b"12345678")
    with pytest.raises(QueueFull, match="8 bytes"):
        add(payload=b"123")
    claim = broker.claim(REQUEST)
    assert claim is not None
    with pytest.raises(QueueFull):
        add(payload=b"123")
    broker.settle(done(claim))
    add(payload=b"1234567890")


def test_producers_in_a_crowd_never_overshoot_a_limit(redis_url: str, broker: Broker, inspector: Inspector) -> None:
    broker.limit("default", Limits(max_jobs=50))
    refused: list[int] = []

    def produce(number: int) -> None:
        client = redis.Redis.from_url(redis_url)
        own = Broker(client, broker.namespace)
        for n in range(10):
            try:
                own.enqueue([NewJob(f"{number}-{n}", "t", "default", b"{}")])
            except QueueFull:
                refused.append(n)
        client.close()

    threads = [threading.Thread(target=produce, args=(n,)) for n in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert inspector.count() == 50
    assert len(refused) == 110


def test_the_newest_of_a_lifo_queue_runs_first_within_its_priority(broker: Broker, add: Add) -> None:
    for name, priority, lifo in [("a", 0, True), ("b", 0, True), ("c", 0, False), ("d", 1, False), ("e", 0, True)]:
        add(id=name, priority=priority, lifo=lifo)
    assert [claim.id for claim in (broker.claim(REQUEST) for _ in range(5)) if claim] == ["d", "e", "b", "a", "c"]


def test_a_second_job_with_a_live_key_is_not_added_and_the_first_is_named(broker: Broker, inspector: Inspector) -> None:
    assert broker.enqueue([unique("a")]).held_by == {}
    answer = broker.enqueue([unique("b"), NewJob("c", "t", "default", b"{}")])
    assert (answer.added, answer.held_by) == (1, {"b": "a"})
    assert inspector.count() == 2


@pytest.mark.parametrize("end", ["succeeded", "dead", "canceled", "reaped", "cancelled while it waits"])
def test_a_key_is_free_on_every_way_to_an_end(broker: Broker, end: str) -> None:
    broker.enqueue([unique("a")])
    if end == "cancelled while it waits":
        assert broker.cancel("a", "enough")
    elif end == "reaped":
        assert broker.claim(replace(REQUEST, lease_ms=1)) is not None
        wait_until(lambda: bool(broker.reap(crashes_allowed=1)), "the lease to end")
    else:
        claim = broker.claim(REQUEST)
        assert claim is not None
        broker.settle(replace(done(claim), state=end, outcome="failed"))  # type: ignore[arg-type]  # one of the states
    assert broker.enqueue([unique("b")]).added == 1


def test_a_key_is_held_through_retries_and_crashes(broker: Broker) -> None:
    broker.enqueue([unique("a")])
    claim = broker.claim(replace(REQUEST, lease_ms=1))
    assert claim is not None
    wait_until(lambda: bool(broker.reap(crashes_allowed=3)), "the lease to end")
    assert broker.enqueue([unique("b")]).added == 0
    claim = broker.claim(REQUEST)
    assert claim is not None
    broker.settle(replace(done(claim), state="retrying", outcome="failed", delay_ms=60_000))
    assert broker.enqueue([unique("b")]).added == 0


def test_a_waiting_job_is_replaced_and_a_running_one_is_kept(broker: Broker, inspector: Inspector) -> None:
    broker.enqueue([unique("a", delay_ms=60_000)])
    assert broker.enqueue([unique("b", conflict="replace")]).added == 1
    assert (inspector.job("a").state, inspector.job("a").reason) == ("canceled", "replaced by b")
    assert broker.claim(REQUEST) is not None
    assert broker.enqueue([unique("c", conflict="replace")]).held_by == {"c": "b"}


def test_a_key_for_a_time_outlives_its_job_and_then_is_free(broker: Broker) -> None:
    broker.enqueue([unique("a", unique_ttl_ms=150)])
    claim = broker.claim(REQUEST)
    assert claim is not None
    broker.settle(done(claim))
    assert broker.enqueue([unique("b", unique_ttl_ms=150)]).held_by == {"b": "a"}
    wait_until(lambda: broker.enqueue([unique("c", unique_ttl_ms=150)]).added == 1, "the key to be free")


def test_a_dead_unique_job_is_not_requeued_beside_a_live_one(broker: Broker) -> None:
    broker.enqueue([unique("a")])
    claim = broker.claim(REQUEST)
    assert claim is not None
    broker.settle(replace(done(claim), state="dead", outcome="failed"))
    broker.enqueue([unique("b")])
    with pytest.raises(AlreadyThere, match="job b holds its key") as refusal:
        broker.requeue("a")
    assert refusal.value.holder == "b"
    broker.cancel("b", "enough")
    broker.requeue("a")
    assert broker.enqueue([unique("c")]).held_by == {"c": "a"}


def test_one_of_many_racing_enqueues_wins(redis_url: str, broker: Broker) -> None:
    winners: list[str] = []
    barrier = threading.Barrier(16)

    def race(number: int) -> None:
        client = redis.Redis.from_url(redis_url)
        own = Broker(client, broker.namespace)
        for turn in range(40):
            barrier.wait()
            job = NewJob(f"{turn}-{number}", "t", "default", b"{}", unique=f"key {turn}")
            if own.enqueue([job]).added:
                winners.append(job.unique)
        client.close()

    threads = [threading.Thread(target=race, args=(n,)) for n in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(winners) == sorted(f"key {turn}" for turn in range(40))


def test_a_job_that_waits_is_called_off_at_once_and_one_that_runs_is_asked(
    broker: Broker, inspector: Inspector, add: Add
) -> None:
    waiting = add()
    assert broker.cancel(waiting, "not needed", [("set", waiting, b"told")])
    job = inspector.job(waiting)
    assert (job.state, job.reason) == ("canceled", "not needed")
    assert broker.call("hget", broker.keys.data, waiting) == b"told"
    with pytest.raises(Refused, match="has ended already"):
        broker.cancel(waiting, "again")
    running = add()
    assert broker.claim(REQUEST) is not None
    assert not broker.cancel(running, "stop it")
    assert inspector.job(running).state == "running"


def test_a_queue_has_its_own_retention(broker: Broker, inspector: Inspector) -> None:
    broker.limit("short", Limits(keep={"succeeded": (3600.0, 1)}))
    for queue in ("short", "default"):
        for n in range(3):
            broker.enqueue([NewJob(f"{queue}{n}", "t", queue, b"{}")])
    for _ in range(6):
        claim = broker.claim(REQUEST)
        assert claim is not None
        broker.settle(done(claim))
    assert broker.retain() == 2
    assert inspector.count(queues=("short",)) == 1
    assert inspector.count(queues=("default",)) == 3


def test_a_queue_at_a_glance_tells_its_limits(broker: Broker, inspector: Inspector, add: Add) -> None:
    limits = Limits(rate=(100, 60.0), cap=4)
    broker.limit("default", limits)
    add()
    add(queue="other")
    found = {queue.name: queue.limits for queue in inspector.queues()}
    assert found == {"default": limits, "other": None}
    broker.limit("default", None)
    assert [queue.limits for queue in inspector.queues()] == [None, None]
