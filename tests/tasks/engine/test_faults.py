"""Faults between a worker and Redis: nothing is lost, nothing is done twice, and no job is held for ever."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from huey import group

from storage.broker.requests import Claim, Settlement
from storage.errors import StoreRefused, StoreUnavailable
from storage.values import replace
from tasks.engine.consumer import DeweyWorker
from tasks.engine.huey import DeweyHuey
from tests.servers import wait_until
from tests.tasks.engine.conftest import Shop, attempt
from tests.tasks.engine.faults import When, broken

Make = Callable[..., Shop]
WHEN: tuple[When, ...] = ("before", "after")


def snapshot(shop: Shop) -> dict[str, tuple[str, int, int]]:
    """Each job's state, attempt number and crashes."""
    return {job.task: (job.state, job.attempt, job.crashes) for job in shop.inspector.jobs().jobs}


def pipeline(shop: Shop) -> Any:
    @shop.huey.task()
    def first() -> int:
        return 1

    @shop.huey.task()
    def second(n: int) -> int:
        return n + 1

    return shop.huey.enqueue(first.s().then(second))


def test_a_success_and_its_successor_are_one_step(shop: Shop) -> None:
    results = pipeline(shop)
    unit, task = shop.huey.open(shop.claim())
    shop.huey.perform(unit, task)
    # The worker may die here: nothing of what Huey did while it finished the task has happened.
    assert [job.state for job in shop.inspector.jobs().jobs] == ["running"]
    assert shop.data() == set()
    shop.huey.settle(unit)
    assert [job.state for job in shop.inspector.jobs().jobs] == ["queued", "succeeded"]
    shop.run_all()
    assert results.get() == [1, 2]


@pytest.mark.parametrize("when", WHEN)
@pytest.mark.parametrize("times", [1, 4])
def test_a_settlement_that_lost_its_connection_is_done_once(
    shop: Shop, when: When, times: int, caplog: pytest.LogCaptureFixture
) -> None:
    results = pipeline(shop)
    with broken(shop.huey.broker, "settle", when, times) as faults:
        shop.run_one()
    assert faults.fired == times
    assert "had lost its lease" not in caplog.text  # a repeated settlement is known as one, not taken for a late one
    assert sorted(one[:2] for one in snapshot(shop).values()) == [("queued", 0), ("succeeded", 1)]
    shop.run_all()
    assert results.get() == [1, 2]
    assert shop.inspector.count() == 2
    minutes = shop.inspector.queues()[0].minutes
    assert sum(minute[1] for minute in minutes) == 2  # counted once each


@pytest.mark.parametrize("when", WHEN)
def test_a_settlement_that_never_gets_through_leaves_the_job_to_the_end_of_its_lease(
    make_shop: Make, when: When
) -> None:
    shop = make_shop(lease_s=0.05)
    results = pipeline(shop)
    unit, task = shop.huey.open(shop.claim())
    shop.huey.perform(unit, task)
    with broken(shop.huey.broker, "settle", when, times=1_000):
        assert shop.huey.settle(unit, patience_s=0) is None
    assert shop.huey.held.all() == ()
    if when == "before":
        wait_until(lambda: bool(shop.huey.broker.reap(crashes_allowed=3)), "the lease has ended", timeout_s=10)
    assert shop.inspector.count(("running",)) == 0
    shop.run_all()
    assert results.get() == [1, 2]
    assert shop.inspector.count(("succeeded",)) == shop.inspector.count() == 2


@pytest.mark.parametrize("when", WHEN)
@pytest.mark.parametrize("outcome", ["retry", "dead", "delayed"])
def test_a_failure_whose_settlement_lost_its_connection_is_counted_once(shop: Shop, when: When, outcome: str) -> None:
    @shop.huey.task(retries=0 if outcome == "dead" else 1, retry_delay=60 if outcome == "delayed" else 0)
    def fail() -> None:
        raise ValueError(f"no {attempt()}")

    handle = fail()
    with broken(shop.huey.broker, "settle", when, 2):
        shop.run_one()
    job = shop.job(handle)
    assert job.state == {"retry": "queued", "dead": "dead", "delayed": "retrying"}[outcome]
    assert (job.retries_left, len(job.attempts), job.attempts[0].error) == (0, 1, "no 1")


@pytest.mark.parametrize("when", WHEN)
def test_a_chord_member_whose_settlement_lost_its_connection_joins_once(shop: Shop, when: When) -> None:
    joined: list[list[int]] = []

    @shop.huey.task()
    def number(n: int) -> int:
        return n

    @shop.huey.task()
    def gather(values: list[int]) -> None:
        joined.append(values)

    shop.huey.enqueue(group([number.s(n) for n in range(3)]).then(gather))
    for _ in range(3):
        with broken(shop.huey.broker, "settle", when):
            shop.run_one()
    shop.run_all()
    assert joined == [[0, 1, 2]]
    assert shop.inspector.count() == 4


@pytest.mark.parametrize("when", WHEN)
def test_an_enqueue_that_lost_its_connection_says_so_and_can_be_repeated(shop: Shop, when: When) -> None:
    @shop.huey.task()
    def work() -> None: ...

    work()  # loads the script
    shop.run_all()
    task = work.s()
    with broken(shop.huey.broker, "enqueue", when), pytest.raises(StoreUnavailable, match="the connection was cut"):
        shop.huey.enqueue(task)
    shop.huey.enqueue(task)
    assert shop.inspector.count(("queued",)) == 1


def test_what_the_tasks_own_code_writes_happens_at_once(shop: Shop) -> None:
    seen: list[tuple[int, bool, bool]] = []

    @shop.huey.task()
    def child() -> None: ...

    @shop.huey.task()
    def parent() -> None:
        child()
        shop.huey.put("mine", 1)
        visible = b"mine" in shop.huey.broker.call("hkeys", shop.huey.broker.keys.data)
        seen.append((shop.inspector.count(("queued",)), visible, shop.huey.get("mine") == 1))
        raise ValueError("its writes stay")

    parent()
    shop.run_one()
    assert seen == [(1, True, True)]
    assert shop.inspector.count(("queued",)) == 1
    assert "mine" not in shop.data()


def test_what_hooks_write_while_huey_finishes_is_collected(shop: Shop) -> None:
    seen: list[tuple[int, object]] = []

    @shop.huey.task()
    def child() -> None: ...

    @shop.huey.task()
    def parent() -> int:
        return 1

    def after(task: Any, value: Any, error: Any) -> None:
        if value == 1:
            child()
            shop.huey.put("hook", 2)
            seen.append((shop.inspector.count(), shop.huey.get("hook", peek=True)))

    shop.huey.post_execute()(after)
    parent()
    shop.run_one()
    assert seen == [(1, 2)]  # the hook sees its own write; nobody else did until the settlement
    assert shop.inspector.count() == 2
    assert "hook" in shop.data()


def test_a_task_that_finds_redis_away_fails_and_is_retried_like_any_other(shop: Shop) -> None:
    @shop.huey.task()
    def child() -> None: ...

    @shop.huey.task(retries=1)
    def parent() -> str:
        child()
        return "done"

    handle = parent()
    with broken(shop.huey.broker, "enqueue", "before"):
        shop.run_one()
    job = shop.job(handle)
    assert (job.state, job.attempts[0].error_type) == ("queued", "StoreUnavailable")
    shop.run_all()
    assert shop.job(handle).state == "succeeded"
    assert shop.inspector.count() == 2


def test_a_redis_that_goes_away_while_huey_finishes_gives_the_job_back_unspent(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    @shop.huey.task(retries=1)
    def work() -> str:
        return "done"

    handle = work()
    handle.revoke()  # makes the claim bring a flag, which Huey then reads again

    def away(*_: Any, **__: Any) -> Any:
        raise StoreUnavailable("gone")

    unit, task = shop.huey.open(shop.claim())
    with monkeypatch.context() as patch:
        patch.setattr(shop.huey.storage, "peek_many", away)
        shop.huey.perform(unit, task)
    shop.huey.settle(unit)
    job = shop.job(handle)
    assert (job.state, job.attempt, job.retries_left) == ("queued", 0, 1)
    handle.restore()
    assert shop.run_one() == "done"


@pytest.mark.parametrize("refused", [1, 2])
def test_a_settlement_that_redis_refuses_buries_the_job_instead_of_holding_it_for_ever(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, refused: int
) -> None:
    @shop.huey.task()
    def work() -> str:
        return "done"

    handle = work()
    real = shop.huey.broker.settle
    left = [refused]

    def refuse(settlement: Settlement, following: Any = None) -> Any:
        if left[0]:
            left[0] -= 1
            raise StoreRefused("no")
        return real(settlement, following)

    monkeypatch.setattr(shop.huey.broker, "settle", refuse)
    shop.run_one()
    assert shop.huey.held.all() == ()
    job = shop.job(handle)
    if refused == 1:
        assert (job.state, job.reason, job.error) == ("dead", "its end could not be recorded", "no")
    else:
        assert job.state == "running"  # until the end of its lease, which nobody renews


def test_a_value_that_can_not_be_sent_is_refused_in_our_words(shop: Shop) -> None:
    @shop.huey.task()
    def work() -> None: ...

    with pytest.raises(StoreRefused, match="can not be sent to Redis"):
        shop.huey.enqueue(work.s(retries=2**70))


def worker(huey: DeweyHuey) -> DeweyWorker:
    """A consumer's worker, without its thread."""
    made = huey.create_consumer(workers=1).worker_threads[0][0]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(made.process, "start", lambda: None)  # no heart and no shipper here
        patch.setattr(threading.current_thread(), "name", "Worker-1")
        made.initialize()
    assert isinstance(made, DeweyWorker)
    return made


def test_a_claim_whose_reply_was_lost_finds_its_job_again_and_costs_no_crash(make_shop: Make) -> None:
    shop = make_shop(read_timeout_s=0.01)
    ran: list[tuple[int, int]] = []

    @shop.huey.task()
    def work(n: int) -> None:
        ran.append((n, attempt()))

    handles = [work(n) for n in range(3)]
    one = worker(shop.huey)
    with broken(shop.huey.broker, "claim", "after", 2):
        one.loop()
        one.loop()
        assert ran == []
        assert [shop.job(handle).state for handle in handles] == ["running", "queued", "queued"]
        one.loop()
    assert ran == [(0, 1)]
    while len(ran) < 3:
        one.loop()
    assert ran == [(0, 1), (1, 1), (2, 1)]
    for handle in handles:
        job = shop.job(handle)
        assert (job.state, job.attempt, job.crashes) == ("succeeded", 1, 0)


def test_a_settlement_whose_reply_was_lost_still_gets_the_job_it_claimed(make_shop: Make) -> None:
    shop = make_shop(read_timeout_s=0.01)
    ran: list[tuple[int, int]] = []

    @shop.huey.task()
    def work(n: int) -> None:
        ran.append((n, attempt()))

    handles = [work(n) for n in range(3)]
    one = worker(shop.huey)
    with broken(shop.huey.broker, "settle", "after", 1):
        one.loop()
    assert [shop.job(handle).state for handle in handles] == ["succeeded", "running", "queued"]
    one.loop()
    one.loop()
    assert ran == [(0, 1), (1, 1), (2, 1)]
    assert {shop.job(handle).crashes for handle in handles} == {0}


def test_another_workers_question_never_finds_that_job(shop: Shop) -> None:
    @shop.huey.task()
    def work(n: int) -> None: ...

    work(1)
    work(2)
    broker = shop.huey.broker
    mine = shop.huey.claim_request("host:1/Worker-1").first()
    first = broker.claim(mine)
    other = broker.claim(shop.huey.claim_request("host:1/Worker-1").first().again())
    same = broker.claim(mine.again())
    assert first is not None
    assert other is not None
    assert same is not None
    assert (other.id != first.id, other.attempt) == (True, 1)
    assert replace(same, claimed_at_ms=0) == replace(first, claimed_at_ms=0)
    broker.settle(Settlement(first.id, first.token, "succeeded", "succeeded", 0))
    assert broker.claim(mine.again()) is None  # it was answered and done: there is nothing to find


def test_a_worker_that_stops_hands_back_the_job_it_had_claimed_ahead(make_shop: Make) -> None:
    shop = make_shop(read_timeout_s=0.01)

    @shop.huey.task()
    def work(n: int) -> None: ...

    handles = [work(n) for n in range(3)]
    one = worker(shop.huey)
    one.loop()
    claim = one._claim
    assert isinstance(claim, Claim)
    assert shop.job(handles[1]).state == "running"
    one.shutdown()
    job = shop.job(handles[1])
    assert (job.state, job.attempt, job.attempts) == ("queued", 0, ())
    assert shop.claim().id == handles[1].id  # at its old place in line


def test_a_consumer_that_is_interrupted_hands_back_what_runs(shop: Shop) -> None:
    seen: list[str] = []

    @shop.huey.task()
    def work() -> None:
        shop.huey.notify_interrupted_tasks()  # as the consumer's main thread does while this runs

    handle = work()
    shop.huey.signal()(lambda signal, *_: seen.append(signal))
    shop.run_one()
    job = shop.job(handle)
    assert (job.state, job.attempt, job.reason) == ("queued", 0, "its consumer was stopped")
    assert "interrupted" in seen
    assert shop.huey.held.all() == ()
