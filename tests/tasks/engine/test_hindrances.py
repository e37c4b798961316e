"""What keeps a job from running: revocation, expiry, locks and rate limits."""

from datetime import timedelta
from typing import Any

from huey import signals
from huey.exceptions import RateLimitExceeded

from tests.tasks.engine.conftest import Shop, typed


def test_a_job_revoked_while_it_waits_is_canceled_and_leaves_no_flag(shop: Shop) -> None:
    ran = []

    @shop.huey.task()
    def work(n: int) -> None:
        ran.append(n)

    first, second = work(1), work(2)
    first.revoke()
    second.revoke(revoke_once=True)
    assert second.is_revoked()
    shop.run_all()
    for handle in (first, second):
        job = shop.job(handle)
        assert (job.state, job.reason) == ("canceled", "revoked")
    assert ran == []
    assert f"r:{second.id}" not in shop.data()
    first.restore()
    shop.huey.broker.requeue(first.id)
    shop.run_all()
    assert ran == [1]


def test_a_revoked_task_stops_all_its_jobs_until_it_is_restored(shop: Shop) -> None:
    ran = []

    @shop.huey.task()
    def work(n: int) -> None:
        ran.append(n)

    work.revoke()
    refused = work(1)
    shop.run_all()
    assert shop.job(refused).state == "canceled"
    work.restore()
    work(2)
    shop.run_all()
    assert ran == [2]


def test_a_revocation_between_claim_and_run_is_lifted_by_a_restoration(shop: Shop) -> None:
    ran = []

    @shop.huey.task()
    def work() -> None:
        ran.append(1)

    handle = work()
    handle.revoke()
    unit, task = shop.huey.open(shop.claim())
    handle.restore()
    shop.huey.perform(unit, task)
    shop.huey.settle(unit)
    assert ran == [1]


def test_an_expired_job_is_canceled(shop: Shop) -> None:
    @shop.huey.task(expires=timedelta(seconds=-1))
    def late() -> None:
        raise AssertionError

    handle = late()
    shop.run_one()
    assert (shop.job(handle).state, shop.job(handle).reason) == ("canceled", "expired")


def test_a_locked_task_is_retried_when_it_may_and_says_why(shop: Shop) -> None:
    @shop.huey.task(retries=1, retry_delay=60)
    @typed(shop.huey.lock_task("ledger"))
    def write() -> str:
        return "written"

    handle = write()
    with shop.huey.lock_task("ledger"):
        shop.run_one()
    job = shop.job(handle)
    assert (job.state, job.error_type, job.attempts[0].outcome) == ("retrying", "TaskLockedException", "released")
    shop.make_due(handle)
    assert shop.run_one() == "written"
    assert not shop.huey.is_locked("ledger")


def test_a_receiver_may_launch_the_very_job_that_just_failed(shop: Shop) -> None:
    """Huey's own recipe for locked tasks: `huey.enqueue(task)` in a receiver of SIGNAL_LOCKED."""

    @shop.huey.task()
    @typed(shop.huey.lock_task("ledger"))
    def write() -> str:
        return "written"

    @typed(shop.huey.signal(signals.SIGNAL_LOCKED))
    def again(signal: str, task: Any, *args: Any) -> None:
        shop.huey.enqueue(task)

    handle = write()
    with shop.huey.lock_task("ledger"):
        shop.run_one()
    assert shop.job(handle).state == "queued"
    assert shop.run_one() == "written"


def test_a_rate_limited_task_waits_for_its_window(shop: Shop) -> None:
    @shop.huey.task()
    @typed(shop.huey.rate_limit("api", limit=1, per=3600))
    def call() -> str:
        return "called"

    first, second = call(), call()
    shop.run_all()
    assert shop.job(first).state == "succeeded"
    job = shop.job(second)
    assert (job.state, job.error_type) == ("retrying", RateLimitExceeded.__name__)
    assert 0 < shop.wait_s(second) <= 3600
