"""Pipelines, groups, chords and error handlers: every successor once, with all it needs."""

import random
from typing import Any

import pytest
from huey import chord, group
from huey.api import TaskException
from huey.utils import SKIPPED, Error

from storage.errors import AttemptLost
from tasks.engine import burial
from tests.tasks.engine.conftest import Shop, attempt
from tests.tasks.engine.faults import crash_all


def test_a_pipeline_hands_each_value_on(shop: Shop) -> None:
    @shop.huey.task(queue="one")
    def add(a: int, b: int) -> int:
        return a + b

    @shop.huey.task(queue="two")
    def double(n: int) -> int:
        return 2 * n

    results = shop.huey.enqueue(add.s(1, 2).then(double).then(add, 4))
    assert shop.inspector.count() == 1
    shop.run_all()
    assert results.get() == [3, 6, 10]


def test_the_end_of_a_pipeline_is_told_of_a_failure_at_its_start(shop: Shop) -> None:
    @shop.huey.task()
    def fail() -> None:
        raise ValueError("no")

    @shop.huey.task()
    def after() -> None: ...

    results = shop.huey.enqueue(fail.s().then(after).then(after))
    assert shop.run_all() == 1
    for result in results:
        with pytest.raises(TaskException, match="no"):
            result.get()


def test_an_error_handler_gets_the_exception_of_each_attempt(shop: Shop) -> None:
    seen: list[Exception] = []

    @shop.huey.task()
    def handler(error: Exception) -> None:
        seen.append(error)

    @shop.huey.task(retries=1)
    def fail() -> None:
        raise KeyError(f"no {attempt()}")

    shop.huey.enqueue(fail.s().error(handler))
    shop.run_all()
    assert sorted((type(error), error.args) for error in seen) == [(KeyError, ("no 1",)), (KeyError, ("no 2",))]


def test_a_chord_calls_back_once_with_all_values_in_order(shop: Shop) -> None:
    totals: list[list[int]] = []

    @shop.huey.task(retries=2)
    def square(n: int) -> int:
        if n == 3 and attempt() < 3:
            raise ValueError("twice it fails")
        return n * n

    @shop.huey.task()
    def total(values: list[int]) -> int:
        totals.append(values)
        return sum(values)

    handle = shop.huey.enqueue(group([square.s(n) for n in range(6)]).then(total))
    assert shop.job(handle.callback).state == "blocked"
    shop.run_all()
    assert totals == [[0, 1, 4, 9, 16, 25]]
    assert handle.callback.get() == 55
    assert [result.get() for result in handle.results] == [0, 1, 4, 9, 16, 25]
    assert list(shop.huey.broker.client.scan_iter("*chord:*")) == []


def test_a_chord_is_told_of_members_that_failed_or_never_ran(shop: Shop) -> None:
    @shop.huey.task()
    def work(n: int) -> int:
        if n == 1:
            raise ValueError("no")
        return n

    @shop.huey.task()
    def unfit(n: int) -> object:
        return object()

    seen: list[Any] = []

    @shop.huey.task()
    def gather(values: list[Any]) -> None:
        seen.extend(values)

    revoked = work.s(3)
    shop.huey.enqueue(chord([work.s(0), work.s(1), unfit.s(2), revoked], gather.s()))
    shop.huey.revoke(revoked)
    shop.run_all()
    assert seen[0] == 0
    assert isinstance(seen[1], Error)
    assert "no" in seen[1].metadata["error"]
    assert isinstance(seen[2], Error)
    assert "EncodeError" in seen[2].metadata["error"]
    assert seen[3] is SKIPPED


def test_nested_chords_with_pipelines_join_from_the_inside(shop: Shop) -> None:
    @shop.huey.task()
    def number(n: int) -> int:
        return n

    @shop.huey.task()
    def total(values: list[int]) -> int:
        return sum(values)

    @shop.huey.task()
    def double(n: int) -> int:
        return 2 * n

    inner = group([number.s(1), number.s(2)]).then(total).then(double)
    other = group([number.s(10), group([number.s(20), number.s(30)]).then(total)]).then(total)
    handle = shop.huey.enqueue(chord([inner, number.s(5).then(double), other], total.s()).then(double))
    states = [job.state for job in shop.inspector.jobs().jobs]
    assert (states.count("queued"), states.count("blocked")) == (6, 4)
    shop.run_all()
    assert handle.callback.get() == 6 + 10 + 60
    assert shop.inspector.count(("succeeded",)) == shop.inspector.count() == 13


def test_a_chord_without_members_calls_back_at_once(shop: Shop) -> None:
    @shop.huey.task()
    def total(values: list[int]) -> int:
        return sum(values)

    handle = shop.huey.enqueue(chord([], total.s()))
    shop.run_all()
    assert handle.callback.get() == 0


def test_a_retried_callback_gets_its_values_once(shop: Shop) -> None:
    @shop.huey.task()
    def number(n: int) -> int:
        return n

    @shop.huey.task(retries=1, retry_delay=60)
    def total(*values: Any) -> int:
        if attempt() == 1:
            raise ValueError("first")
        assert len(values) == 1
        return sum(values[0])

    handle = shop.huey.enqueue(group([number.s(n) for n in range(3)]).then(total))
    shop.run_all()
    shop.make_due(handle.callback)
    shop.run_all()
    assert handle.callback.get() == 3


def test_a_chord_launched_by_a_job_that_is_being_finished_belongs_to_its_settlement(shop: Shop) -> None:
    @shop.huey.task()
    def number(n: int) -> int:
        return n

    @shop.huey.task()
    def total(values: list[int]) -> int:
        return sum(values)

    @shop.huey.task()
    def work() -> str:
        return "done"

    def fan_out(task: Any, value: Any, error: Any) -> None:
        if value == "done":
            shop.huey.enqueue(group([number.s(n) for n in range(3)]).then(total))

    shop.huey.post_execute()(fan_out)
    work()
    unit, task = shop.huey.open(shop.claim())
    shop.huey.perform(unit, task)
    assert shop.inspector.count() == 1
    shop.huey.settle(unit)
    assert shop.inspector.count() == 5
    shop.run_all()
    assert shop.inspector.count(("succeeded",)) == 5


def test_a_chord_hears_of_a_member_that_was_buried_by_its_crashes(shop: Shop) -> None:
    seen: list[Any] = []
    handled: list[Exception] = []

    @shop.huey.task()
    def work(n: int) -> int:
        return n

    @shop.huey.task()
    def poison() -> None: ...

    @shop.huey.task()
    def gather(values: list[Any]) -> str:
        seen.extend(values)
        return "gathered"

    @shop.huey.task()
    def handler(error: Exception) -> None:
        handled.append(error)

    handle = shop.huey.enqueue(chord([work.s(1), poison.s().error(handler).then(work)], gather.s()))
    shop.run_one()
    crash_all(shop, times=3)
    (dead,) = shop.inspector.jobs(("dead",)).jobs
    assert shop.huey.broker.buried() == [dead.id]
    assert [burial.tell(shop.huey), burial.tell(shop.huey)] == [1, 0]
    shop.run_all()
    assert seen[0] == 1
    assert "worker lost 3 times" in seen[1].metadata["error"]
    assert handle.callback.get() == "gathered"
    assert [str(error) for error in handled] == [dead.error]
    with pytest.raises(TaskException, match="worker lost 3 times"):
        shop.huey.result(dead.id)


@pytest.mark.parametrize("seed", range(6))
def test_random_trees_join_once_in_whatever_order_their_jobs_end(shop: Shop, seed: int) -> None:
    chance = random.Random(seed)

    @shop.huey.task(retries=1)
    def leaf(n: int) -> int:
        if attempt() == 1 and chance.random() < 0.3:
            raise AttemptLost("again")
        return n

    joined: list[str] = []

    @shop.huey.task()
    def join(values: list[int]) -> int:
        joined.append("join")
        return sum(values)

    leaves, joins = 0, 0

    def tree(depth: int) -> Any:
        nonlocal leaves, joins
        if depth == 0 or chance.random() < 0.3:
            leaves += 1
            return leaf.s(1, priority=chance.randrange(5))
        joins += 1
        return chord([tree(depth - 1) for _ in range(chance.randint(1, 4))], join.s())

    handle = shop.huey.enqueue(chord([tree(3) for _ in range(3)], join.s()))
    shop.run_all()
    assert handle.callback.get() == leaves
    assert len(joined) == joins + 1
    assert shop.inspector.count(("succeeded",)) == shop.inspector.count()
