"""Failed jobs and the group of their errors, from the task to the operator's requeue."""

import pytest

from storage.errors import JobMissing
from tasks.errors import Permanent
from tasks.operations import Operations
from tests.tasks.engine.conftest import Shop


def test_jobs_that_fail_alike_are_one_group_and_are_requeued_together(shop: Shop) -> None:
    broken = True

    @shop.huey.task()
    def read(number: int) -> int:
        if broken:
            raise ValueError(f"no user {number} in '{number}.txt'")
        return number

    @shop.huey.task()
    def write(number: int) -> None:
        raise Permanent(f"no user {number}")

    handles = [read(number) for number in range(250)]
    write(1)
    shop.run_all()
    groups = {group.error_type: group for group in shop.inspector.failure_groups()}
    assert {kind: (group.count, group.message) for kind, group in groups.items()} == {
        "ValueError": (250, "no user # in <text>"),
        "Permanent": (1, "no user #"),
    }
    operations = Operations(shop.huey.broker, shop.inspector)
    fingerprint = groups["ValueError"].fingerprint
    some = operations.requeue_group(fingerprint[:6], limit=3)
    ended = {handle.id: shop.job(handle).attempts[0].finished_at for handle in handles}
    oldest = sorted(handles, key=lambda handle: (ended[handle.id], handle.id))[:3]  # several may die in one millisecond
    assert [one.job_id for one in some] == [handle.id for handle in oldest]
    shop.run_all()
    assert shop.inspector.failure_group(fingerprint).count == 250  # they died again
    broken = False
    assert all(one.done for one in operations.requeue_group(fingerprint))
    shop.run_all()
    assert [group.error_type for group in shop.inspector.failure_groups()] == ["Permanent"]
    assert handles[249].get(preserve=True) == 249 or handles[249].get() == 249
    with pytest.raises(JobMissing, match=r"no group of failures .* with a dead job: `dewey failures`"):
        operations.requeue_group(fingerprint)


def test_an_attempt_that_is_retried_is_in_no_group_until_the_job_is_dead(shop: Shop) -> None:
    @shop.huey.task(retries=1)
    def fail() -> None:
        raise KeyError("no")

    fail()
    shop.run_one()
    assert shop.inspector.failure_groups() == ()
    shop.run_one()
    (group,) = shop.inspector.failure_groups()
    assert (group.count, group.error_type, group.message) == (1, "KeyError", "<text>")


def test_an_error_raised_elsewhere_in_the_application_is_another_group(shop: Shop) -> None:
    def first() -> None:
        raise ValueError("no")

    def second() -> None:
        raise ValueError("no")

    @shop.huey.task()
    def work(number: int) -> None:
        (first if number else second)()

    work(0)
    work(1)
    shop.run_all()
    assert len(shop.inspector.failure_groups()) == 2


def test_each_failed_attempt_says_which_errors_it_is_like(shop: Shop) -> None:
    @shop.huey.task(retries=1)
    def charge(order: int) -> None:
        raise ValueError(f"order {order} is {['unpaid', 'gone'][shop.job(work).attempt - 1]}")

    work = charge(17)
    shop.run_one()
    shop.make_due(work)
    shop.run_one()
    first, second = shop.job(work).attempts
    assert (first.shape, second.shape) == ("order # is unpaid", "order # is gone")
    assert first.fingerprint != second.fingerprint
    (group,) = shop.inspector.failure_groups()
    assert group.fingerprint == second.fingerprint
