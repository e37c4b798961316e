"""How long a job waits before it is tried again."""

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from huey.exceptions import ConfigurationError
from hypothesis import given
from hypothesis import strategies as st

from tasks.engine import retry
from tasks.engine.cron import cron
from tasks.errors import Transient
from tests.tasks.engine.conftest import Shop


def task(**settings: Any) -> Any:
    return SimpleNamespace(**({"retry_delay": 0, "retry_backoff": 0} | settings))


def waits(shop: Shop, work: Any, count: int) -> list[float]:
    """Seconds that a job waits after each of its attempts, to the millisecond."""
    found = []
    for _ in range(count):
        shop.run_one()
        found.append(shop.pause_s(work))
        shop.make_due(work)
    return found


@given(
    st.floats(0.001, 1e6),
    st.floats(0, 10),
    st.one_of(st.none(), st.floats(0.001, 1e6)),
    st.floats(0, 1),
    st.uuids(),
    st.integers(1, 50),
)
def test_a_delay_is_within_its_bounds_and_the_same_each_time_it_is_asked(
    delay: float, backoff: float, longest: float | None, jitter: float, job_id: object, attempt: int
) -> None:
    one = task(retry_delay=delay, retry_backoff=backoff, retry_max_delay=longest, retry_jitter=jitter)
    delay_s, following_s = retry.delays(one, str(job_id), attempt)
    whole = min(delay, longest or delay)
    assert whole * (1 - jitter) <= delay_s <= whole
    assert following_s <= (longest or float("inf"))
    assert retry.delays(one, str(job_id), attempt) == (delay_s, following_s)


def test_jobs_and_attempts_are_spread_over_the_whole_of_their_jitter() -> None:
    one = task(retry_delay=100, retry_jitter=0.5)
    for ids in ([(f"job {n}", 1) for n in range(400)], [("job", n) for n in range(400)]):
        found = sorted(retry.delays(one, *each)[0] for each in ids)
        assert 50 <= found[0] < 53
        assert 97 < found[-1] <= 100
        assert 70 < found[200] < 80


def test_without_jitter_and_backoff_every_delay_is_the_same() -> None:
    assert retry.delays(task(retry_delay=timedelta(minutes=1)), "job", 1) == (60.0, 60.0)


def test_an_exponential_delay_stops_growing_at_its_longest(shop: Shop) -> None:
    @shop.huey.task(retries=6, retry_delay=2, retry_backoff=3, retry_max_delay=timedelta(seconds=40))
    def work() -> None:
        raise ValueError("no")

    handle = work()
    assert waits(shop, handle, 6) == [2.0, 6.0, 18.0, 40.0, 40.0, 40.0]
    shop.run_one()
    assert shop.job(handle).state == "dead"


def test_a_requeued_job_begins_with_its_first_delay_again(shop: Shop) -> None:
    @shop.huey.task(retries=2, retry_delay=2, retry_backoff=3, retry_max_delay=5)
    def work() -> None:
        raise ValueError("no")

    handle = work()
    assert waits(shop, handle, 2) == [2.0, 5.0]
    shop.run_one()
    shop.huey.broker.requeue(handle.id)
    assert waits(shop, handle, 2) == [2.0, 5.0]


def test_delays_said_per_call_are_bounded_by_the_task_too(shop: Shop) -> None:
    @shop.huey.task(retry_max_delay=10)
    def work() -> None:
        raise ValueError("no")

    handle = work(retries=3, retry_delay=4, retry_backoff=2)
    other = work(retries=1, retry_delay=99, priority=-1)
    assert waits(shop, handle, 3) == [4.0, 8.0, 10.0]
    shop.run_one()
    assert waits(shop, other, 1) == [10.0]


def test_jobs_that_fail_together_do_not_come_back_together(shop: Shop) -> None:
    @shop.huey.task(retries=1, retry_delay=100, retry_jitter=1.0)
    def work() -> None:
        raise ValueError("no")

    handles = [work() for _ in range(20)]
    shop.run_all()
    found = [shop.pause_s(handle) for handle in handles]
    assert len({round(one, 2) for one in found}) > 15
    expected = [retry.delays(work.s(), handle.id, 1)[0] for handle in handles]
    assert found == [pytest.approx(one, abs=0.001) for one in expected]
    assert all(0 <= one <= 100 for one in found)


def test_what_a_task_asks_for_itself_is_neither_cut_nor_spread(shop: Shop) -> None:
    @shop.huey.task(retries=1, retry_delay=1, retry_max_delay=2, retry_jitter=1.0)
    def work() -> None:
        raise Transient("later", retry_after_s=60)

    assert waits(shop, work(), 1) == [60.0]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"retry_jitter": 1.5}, "a share from 0"),
        ({"retry_jitter": -0.1}, "a share from 0"),
        ({"retry_jitter": True}, "a share from 0"),
        ({"retry_jitter": "half"}, "a share from 0"),
        ({"retry_jitter": float("nan")}, "a share from 0"),
        ({"retry_max_delay": 0}, "seconds above 0"),
        ({"retry_max_delay": "60"}, "seconds above 0"),
        ({"retry_max_delay": timedelta(seconds=-1)}, "seconds above 0"),
    ],
)
def test_settings_that_can_not_be_meant_are_refused(shop: Shop, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        shop.huey.task(**settings)
    with pytest.raises(ConfigurationError, match=message):
        shop.huey.periodic_task(cron("* * * * *"), **settings)


def test_a_call_may_have_a_longest_delay_of_its_own(shop: Shop) -> None:
    @shop.huey.task(retries=4, retry_delay=2, retry_backoff=3, retry_max_delay=100)
    def work() -> None:
        raise ValueError("no")

    called = work(retry_max_delay=timedelta(seconds=5))
    scheduled = work.schedule(delay=0.001, retry_max_delay=7, priority=-1)
    assert waits(shop, called, 4) == [2.0, 5.0, 5.0, 5.0]
    shop.run_one()
    shop.make_due(scheduled)
    assert waits(shop, scheduled, 4) == [2.0, 6.0, 7.0, 7.0]
    shop.run_one()
    assert waits(shop, work(), 4) == [2.0, 6.0, 18.0, 54.0]


def test_a_call_may_have_a_jitter_of_its_own_also_as_a_step_of_a_pipeline(shop: Shop) -> None:
    @shop.huey.task(retries=1, retry_delay=100, retry_jitter=1.0)
    def work(*_: object) -> None:
        raise ValueError("no")

    @shop.huey.task()
    def first() -> int:
        return 1

    assert waits(shop, work(retry_jitter=0), 1) == [100.0]
    shop.run_one()
    step = work.s(retry_jitter=0)
    shop.huey.enqueue(first.s().then(step))
    shop.run_one()
    assert waits(shop, step, 1) == [100.0]
    shop.run_one()
    plain = work()
    assert waits(shop, plain, 1) == [pytest.approx(retry.delays(work.s(), plain.id, 1)[0], abs=0.001)]


@pytest.mark.parametrize("settings", [{"retry_jitter": 2}, {"retry_max_delay": -1}, {"retry_jitter": "some"}])
def test_a_call_that_can_not_be_meant_is_refused_before_anything_is_enqueued(
    shop: Shop, settings: dict[str, Any]
) -> None:
    @shop.huey.task(retries=1)
    def work() -> None:
        pass

    ((name, _),) = settings.items()
    for launch in (work, lambda **given: work.schedule(delay=1, **given)):
        with pytest.raises(ConfigurationError, match=name):
            launch(**settings)
    assert len(shop.huey) == 0


def test_only_a_call_with_settings_of_its_own_writes_more_than_hueys_message(shop: Shop) -> None:
    @shop.huey.task(retry_jitter=0.5)
    def work() -> None:
        pass

    assert b"retry_jitter" not in shop.huey.serialize_task(work.s())
    assert b"retry_jitter" in shop.huey.serialize_task(work.s(retry_jitter=0.25))
    assert shop.huey.deserialize_task(shop.huey.serialize_task(work.s(retry_jitter=0.25))).retry_jitter == 0.25


def test_a_scheduled_call_with_settings_is_as_hueys_own_otherwise(shop: Shop) -> None:
    seen: list[tuple[int, int]] = []

    @shop.huey.task()
    def work(number: int, priority: int = 0) -> None:
        seen.append((number, priority))

    for wrong in (None, (1,)):
        with pytest.raises(ValueError, match="delay="):
            work.schedule(wrong, retry_jitter=0.5)
    work.schedule((1,), {"priority": 5}, delay=timedelta(0), retry_jitter=0.5)
    shop.run_all()
    assert seen == [(1, 5)]
