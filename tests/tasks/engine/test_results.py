"""Where results are, and waiting for them: in the record, in a store, until a job ends or is thrown away."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from huey.api import TaskException
from huey.exceptions import HueyException

from storage.broker.custody import Custody, Shown
from tasks.engine import storage
from tests.servers import wait_until
from tests.tasks.engine.conftest import Shop

Make = Callable[..., Shop]


def test_the_result_of_a_periodic_task_is_in_its_record_only(shop: Shop) -> None:
    @shop.huey.periodic_task(lambda minute: True)
    def sweep() -> dict[str, int]:
        return {"swept": 3}

    shop.huey.enqueue(sweep.s())
    shop.run_one()
    (job,) = shop.inspector.jobs(("succeeded",)).jobs
    assert shop.job(job.id).result == b'{"swept":3}'
    assert shop.data() == set()


def test_a_huey_without_a_result_store_keeps_the_result_in_the_record_only(make_shop: Make) -> None:
    shop = make_shop(results=False)

    @shop.huey.task()
    def add(a: int) -> int:
        return a + 1

    assert add(1) is None
    shop.run_one()
    (job,) = shop.inspector.jobs(("succeeded",)).jobs
    assert shop.job(job.id).result == b"2"
    assert shop.data() == set()


def test_a_blocking_get_ends_when_the_job_does(shop: Shop) -> None:
    @shop.huey.task()
    def add(a: int) -> int:
        return a + 1

    handle = add(1)
    found: list[int] = []
    waiter = threading.Thread(target=lambda: found.append(handle.get(blocking=True, timeout=20)))
    waiter.start()
    shop.run_one()
    waiter.join(20)
    assert found == [2]


@pytest.mark.parametrize("delay_s", [0, 60])
def test_a_blocking_get_hears_at_once_that_its_job_was_thrown_away(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, delay_s: int
) -> None:
    monkeypatch.setattr(storage, "LOOK_S", 60.0)

    @shop.huey.task()
    def work() -> str:
        return "done"

    scheduled: Any = work
    handle = scheduled.schedule(delay=delay_s) if delay_s else work()
    heard: list[BaseException] = []

    def wait() -> None:
        try:
            handle.get(blocking=True, timeout=50)
        except (TaskException, HueyException) as error:
            heard.append(error)

    waiter = threading.Thread(target=wait)
    waiter.start()
    broker = shop.huey.broker
    wait_until(lambda: broker.call("pubsub_numsub", broker.keys.done(handle.id))[0][1] == 1, "it listens")
    (answer,) = Custody(broker).discard("", [Shown(handle.id, "1")])
    assert answer.verdict == "done"
    waiter.join(20)
    assert not waiter.is_alive()
    (error,) = heard
    assert isinstance(error, TaskException)
    assert error.metadata["error"] == storage.GONE.format(handle.id)
    assert shop.data() == set()


def test_a_blocking_get_waits_for_what_follows_in_a_pipeline(shop: Shop) -> None:
    @shop.huey.task()
    def add(a: int, b: int = 1) -> int:
        return a + b

    group = shop.huey.enqueue(add.s(1).then(add, 5))
    found: list[object] = []
    waiter = threading.Thread(target=lambda: found.append(group.get(blocking=True, timeout=20)))
    waiter.start()
    shop.run_all()
    waiter.join(20)
    assert found == [[2, 7]]
