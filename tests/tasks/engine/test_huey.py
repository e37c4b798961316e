"""What becomes of an attempt: success, failure, retry, burial, cancellation, and what is on record of each."""

import sys
from collections.abc import Callable
from typing import Any

import pytest
import redis
from huey import CancelExecution, RetryTask
from huey.api import TaskException
from huey.exceptions import ConfigurationError, TaskLockedException

from tasks.engine.context import current_job
from tasks.engine.huey import DeweyHuey
from tasks.errors import Permanent, Transient
from tests.tasks.engine.conftest import Shop, attempt, typed

Make = Callable[..., Shop]


def test_a_success_is_on_record_with_its_result(shop: Shop) -> None:
    @shop.huey.task(queue="sums")
    def add(a: int, b: int) -> int:
        return a + b

    handle = add(1, b=2)
    assert shop.job(handle).state == "queued"
    assert shop.run_one() == 3
    job = shop.job(handle)
    assert (job.state, job.queue, job.result, job.attempt) == ("succeeded", "sums", b"3", 1)
    assert handle.get() == 3
    assert shop.huey.held.all() == ()
    assert shop.job(handle).result == b"3"  # on record still, though its caller has taken it


def test_each_failed_attempt_is_on_record_with_its_traceback(shop: Shop) -> None:
    @shop.huey.task(retries=2)
    def fail() -> None:
        raise ValueError(f"no {attempt()}")

    handle = fail()
    assert shop.run_all() == 3
    job = shop.job(handle)
    assert (job.state, job.error_type, job.error, job.retries_left) == ("dead", "ValueError", "no 3", 0)
    assert [(one.number, one.outcome, one.error) for one in job.attempts] == [
        (1, "failed", "no 1"),
        (2, "failed", "no 2"),
        (3, "failed", "no 3"),
    ]
    for one in job.attempts:
        lines = one.traceback.splitlines()
        assert lines[0] == "Traceback (most recent call last):"
        assert "test_huey.py" in lines[1]  # the task's own frame comes first, not the engine's
        assert lines[-1] == f"ValueError: no {one.number}"
    with pytest.raises(TaskException, match="ValueError"):
        handle.get()


def test_retries_wait_longer_each_time_by_the_backoff(shop: Shop) -> None:
    @shop.huey.task(retries=3, retry_delay=10, retry_backoff=3)
    def fail() -> None:
        raise ValueError("no")

    handle, waits = fail(), []
    for _ in range(3):
        shop.run_one()
        assert shop.job(handle).state == "retrying"
        waits.append(shop.pause_s(handle))
        shop.make_due(handle)
    assert waits == [10, 30, 90]
    shop.run_one()
    assert shop.job(handle).state == "dead"


def test_a_requeued_job_has_all_its_retries_and_its_first_delay_again(shop: Shop) -> None:
    @shop.huey.task(retries=1, retry_delay=10, retry_backoff=3)
    def fail() -> None:
        raise ValueError("no")

    handle = fail()
    shop.run_one()
    shop.make_due(handle)
    shop.run_one()
    shop.huey.broker.requeue(handle.id)
    shop.run_one()
    assert shop.pause_s(handle) == 10
    assert shop.job(handle).retries_left == 0
    assert [one.number for one in shop.job(handle).attempts] == [1, 2, 3]


def test_a_permanent_failure_is_buried_at_once(shop: Shop) -> None:
    @shop.huey.task(retries=5, retry_delay=1)
    def decline() -> None:
        raise Permanent("the card was declined")

    handle = decline()
    assert shop.run_all() == 1
    job = shop.job(handle)
    assert (job.state, job.error, len(job.attempts)) == ("dead", "the card was declined", 1)
    with pytest.raises(TaskException, match="declined"):
        handle.get()


@pytest.mark.parametrize(("retry_delay", "expected"), [(0, 60), (5, 60), (300, 300)])
def test_a_transient_failure_waits_at_least_as_long_as_it_was_told(
    shop: Shop, retry_delay: float, expected: float
) -> None:
    @shop.huey.task(retries=1, retry_delay=retry_delay)
    def ask() -> None:
        raise Transient("429", retry_after_s=60)

    handle = ask()
    shop.run_one()
    assert shop.job(handle).state == "retrying"
    assert shop.pause_s(handle) == expected


def test_retry_task_asks_for_another_attempt_without_spending_a_retry(shop: Shop) -> None:
    @shop.huey.task(retries=1)
    def poll() -> str:
        if attempt() < 4:
            raise RetryTask(delay=30 if attempt() == 1 else None)
        return "ready"

    handle = poll()
    shop.run_one()
    assert shop.job(handle).state == "retrying"
    assert shop.pause_s(handle) == 30
    assert shop.job(handle).retries_left == 1
    shop.make_due(handle)
    assert shop.run_all() == 3
    job = shop.job(handle)
    assert (job.state, job.retries_left) == ("succeeded", 1)
    assert [one.outcome for one in job.attempts] == ["released", "released", "released", "succeeded"]


def test_a_job_that_is_tried_for_ever_keeps_its_first_and_last_attempts(shop: Shop) -> None:
    @shop.huey.task()
    def poll() -> None:
        if attempt() <= 70:
            raise RetryTask

    handle = poll()
    shop.run_all()
    numbers = [one.number for one in shop.job(handle).attempts]
    assert numbers == [*range(1, 6), *range(27, 72)]


def test_a_canceled_execution_is_canceled_and_one_with_retry_is_tried_again(shop: Shop) -> None:
    @shop.huey.task(retries=2)
    def stop(retry: bool) -> None:
        raise CancelExecution("enough", retry=retry)

    ended, again = stop(False), stop(True)
    shop.run_one()
    shop.run_one()
    job = shop.job(ended)
    assert (job.state, job.reason, job.error) == ("canceled", "canceled by its own code", "enough")
    assert [one.outcome for one in job.attempts] == ["canceled"]
    assert shop.job(again).state == "queued"


def test_sys_exit_fails_the_attempt_and_not_the_worker(shop: Shop) -> None:
    @shop.huey.task(retries=1)
    def leave() -> None:
        sys.exit(3)

    handle = leave()
    assert shop.run_all() == 2
    job = shop.job(handle)
    assert (job.state, job.error_type, job.error) == ("dead", "TaskExited", "the task called sys.exit(3)")


def test_a_keyboard_interrupt_of_the_tasks_own_fails_its_attempt_instead_of_running_for_ever(shop: Shop) -> None:
    @shop.huey.task()
    def interrupt() -> None:
        raise KeyboardInterrupt

    handle = interrupt()
    assert shop.run_all() == 1
    assert (shop.job(handle).state, shop.job(handle).error_type) == ("dead", "TaskExited")


def test_a_result_that_can_not_be_encoded_ends_the_job_with_a_sentence(shop: Shop) -> None:
    @shop.huey.task(retries=3)
    def build() -> object:
        return {"rows": [1, object()]}

    handle = build()
    assert shop.run_all() == 1
    job = shop.job(handle)
    assert (job.state, job.reason, job.error_type) == ("dead", "it ran, but could not be finished", "EncodeError")
    assert "value['rows'][1] is an object" in job.error
    with pytest.raises(TaskException, match="rows"):
        handle.get()


def test_an_error_whose_text_is_not_unicode_or_is_huge_is_still_retried(shop: Shop) -> None:
    texts = iter(["bad \udcff name", "x" * 10_000_000])

    @shop.huey.task(retries=2)
    def fail() -> str:
        text = next(texts, None)
        if text is None:
            return "done"
        raise ValueError(text)

    handle = fail()
    assert shop.run_all() == 3
    job = shop.job(handle)
    assert job.state == "succeeded"
    assert job.attempts[0].error == "bad \\udcff name"
    assert len(job.attempts[1].error) <= 2_000
    assert len(job.attempts[1].traceback) < 21_000


def test_an_error_that_can_not_speak_is_still_retried(shop: Shop) -> None:
    class Mute(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no words")

        __repr__ = __str__

    failed: list[Exception] = []

    @shop.huey.task()
    def handle_it(error: Exception) -> None:
        failed.append(error)

    @shop.huey.task(retries=1)
    def fail() -> None:
        raise Mute

    handle = shop.huey.enqueue(fail.s().error(handle_it))
    shop.run_all()
    job = shop.job(handle)
    assert (job.state, len(job.attempts)) == ("dead", 2)
    assert "its text can not be read" in job.error
    assert len(failed) == 2


def test_a_hook_that_exits_does_not_leave_the_job_running_for_ever(shop: Shop) -> None:
    @shop.huey.task()
    def work() -> int:
        return 1

    @typed(shop.huey.post_execute())
    def leave(task: Any, value: Any, error: Any) -> None:
        sys.exit("hook")

    handle = work()
    shop.run_one()
    job = shop.job(handle)
    assert (job.state, job.reason) == ("dead", "it ran, but could not be finished")
    assert shop.huey.held.all() == ()


def test_a_task_may_run_another_one_inside_of_itself(shop: Shop) -> None:
    @shop.huey.task()
    def inner() -> str:
        return "inner"

    @shop.huey.task(retries=1, retry_delay=60)
    def outer() -> None:
        before = current_job()
        task = inner.s()
        shop.huey.enqueue(task)
        assert shop.huey.execute(task) == "inner"
        assert current_job() is before
        raise ValueError("after the inner one")

    handle = outer()
    shop.run_one()
    job = shop.job(handle)
    assert (job.state, job.retries_left) == ("retrying", 0)
    assert shop.inspector.count(("succeeded",)) == 1


def test_signals_come_in_hueys_order(shop: Shop) -> None:
    seen: list[str] = []

    @typed(shop.huey.signal())
    def note(signal: str, task: Any, *args: Any) -> None:
        seen.append(signal)

    @shop.huey.task(retries=1)
    def work() -> None:
        if len(seen) < 4:
            raise ValueError("no")

    work()
    shop.run_all()
    assert seen == ["enqueued", "executing", "error", "retrying", "enqueued", "executing", "complete"]


def test_a_lost_attempt_of_the_same_process_can_not_drop_the_newer_one(make_shop: Make) -> None:
    shop = make_shop(lease_s=0.001)

    @shop.huey.task()
    def work() -> str:
        return "done"

    handle = work()
    old, old_task = shop.huey.open(shop.claim())
    while not shop.huey.broker.reap(crashes_allowed=3):
        pass
    new, new_task = shop.huey.open(shop.claim())
    assert old.running.lost
    shop.huey.perform(old, old_task)
    shop.huey.settle(old)
    assert shop.huey.held.tokens() == {handle.id: new.claim.token}
    assert shop.job(handle).state == "running"
    shop.huey.perform(new, new_task)
    shop.huey.settle(new)
    assert shop.job(handle).state == "succeeded"
    assert shop.huey.held.tokens() == {}


def test_an_exception_class_of_huey_is_a_failure_like_any_other(shop: Shop) -> None:
    @shop.huey.task()
    def locked() -> None:
        raise TaskLockedException("elsewhere")

    handle = locked()
    shop.run_all()
    assert (shop.job(handle).state, shop.job(handle).error) == ("dead", "elsewhere")


def test_options_that_nobody_knows_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="unknown options \\['host'\\]"):
        DeweyHuey("shop", host="redis.example")
    with pytest.raises(ConfigurationError, match="url or connection_pool, not both"):
        DeweyHuey("shop", url="redis://a", connection_pool=redis.ConnectionPool())
