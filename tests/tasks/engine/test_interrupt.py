"""Tasks that are ended from outside: for their timeout, or called off, in threads and in processes."""

import threading
import time
from collections.abc import Iterator

import pytest
from huey.exceptions import TaskException, TaskTimeout

from storage.errors import Refused
from tasks.engine.consumer import DeweyConsumer
from tasks.engine.huey import DeweyHuey
from tasks.engine.interrupt import CalledOff, TimedOut
from tests.servers import wait_until
from tests.tasks.engine.conftest import Shop


@pytest.fixture
def huey(redis_url: str, redis_client: object, namespace: str) -> Iterator[DeweyHuey]:
    huey = DeweyHuey(namespace, url=redis_url, lease_s=2.0, grace_s=1.0)
    yield huey
    huey.storage.close()


class Running:
    """A consumer in this process, stopped at the end."""

    def __init__(self, huey: DeweyHuey, kind: str) -> None:
        self.consumer: DeweyConsumer = huey.create_consumer(workers=2, worker_type=kind, periodic=False)

    def __enter__(self) -> None:
        self.consumer._set_signal_handlers = lambda: None
        self.consumer.start()
        self.thread = threading.Thread(target=self._tend)
        self.ended = threading.Event()
        self.thread.start()

    def _tend(self) -> None:
        while not self.ended.wait(0.1):
            self.consumer.check_worker_health()
            if self.consumer.environment.forks:
                self.consumer._end_stuck_workers()

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        self.thread.join()
        self.consumer.stop(graceful=True)
        self.consumer.process.stop()


KINDS = pytest.mark.parametrize("kind", ["thread", "process"])


@KINDS
def test_a_task_that_takes_too_long_is_interrupted(huey: DeweyHuey, kind: str) -> None:
    @huey.task(timeout=0.3)
    def dawdle() -> None:
        while True:
            time.sleep(0.01)  # what a slow task does

    handle = dawdle()
    with Running(huey, kind):
        wait_until(lambda: huey.storage.inspector.job(handle.id).state == "dead", "the timeout")
    job = huey.storage.inspector.job(handle.id)
    assert job.error_type == "TaskTimeout"
    assert job.started_at is not None
    assert job.finished_at is not None
    assert (job.finished_at - job.started_at).total_seconds() < 2


@KINDS
def test_a_task_that_swallows_every_exception_is_interrupted(huey: DeweyHuey, kind: str) -> None:
    @huey.task(timeout=0.3)
    def stubborn() -> None:
        while True:
            try:
                while True:
                    sum(range(1000))
            except Exception:
                continue

    handle = stubborn()
    with Running(huey, kind):
        wait_until(lambda: huey.storage.inspector.job(handle.id).state == "dead", "the timeout")
        assert huey.storage.inspector.job(handle.id).error_type == "TaskTimeout"


def test_a_process_whose_task_swallows_even_interruptions_is_ended(huey: DeweyHuey) -> None:
    @huey.task(timeout=0.3)
    def deaf() -> None:
        while True:
            try:
                while True:
                    sum(range(1000))
            except BaseException:
                continue

    @huey.task()
    def after() -> str:
        return "alive"

    handle = deaf()
    with Running(huey, "process"):
        wait_until(lambda: huey.storage.inspector.job(handle.id).state == "dead", "the end of the process")
        job = huey.storage.inspector.job(handle.id)
        assert "it went on for 1s more and was ended" in job.error
        assert job.crashes == 0
        assert [after().get(blocking=True, timeout=10) for _ in range(4)] == ["alive"] * 4


def test_a_worker_that_takes_the_place_of_an_ended_one_has_its_own_time(huey: DeweyHuey) -> None:
    @huey.task(timeout=0.3)
    def deaf() -> None:
        while True:
            try:
                while True:
                    sum(range(1000))
            except BaseException:
                continue

    @huey.task()
    def long() -> str:
        time.sleep(3)  # longer than the ended worker would have had left
        return "done"

    ended = [deaf(), deaf()]
    with Running(huey, "process"):
        inspector = huey.storage.inspector
        wait_until(lambda: all(inspector.job(one.id).state == "dead" for one in ended), "the end of both processes")
        handles = [long(), long()]
        assert [handle.get(blocking=True, timeout=20) for handle in handles] == ["done"] * 2
    assert [inspector.job(handle.id).attempt for handle in handles] == [1, 1]


def test_a_call_into_c_is_broken_off_in_a_process(huey: DeweyHuey) -> None:
    @huey.task(timeout=0.3)
    def asleep() -> None:
        time.sleep(60)  # one long call

    handle = asleep()
    with Running(huey, "process"):
        wait_until(lambda: huey.storage.inspector.job(handle.id).state == "dead", "the timeout", timeout_s=10)


@KINDS
def test_a_running_job_is_called_off(huey: DeweyHuey, kind: str) -> None:
    @huey.task(retries=3)
    def endless() -> None:
        while True:
            time.sleep(0.01)  # what a long task does

    handle = endless()
    with Running(huey, kind):
        inspector = huey.storage.inspector
        wait_until(lambda: inspector.job(handle.id).state == "running", "the start")
        assert not huey.broker.cancel(handle.id, "canceled by ann: wrong month")
        wait_until(lambda: inspector.job(handle.id).state == "canceled", "the end")
    job = inspector.job(handle.id)
    assert job.reason == "canceled by ann: wrong month"
    assert [attempt.outcome for attempt in job.attempts] == ["canceled"]
    with pytest.raises(Refused):
        huey.broker.cancel(handle.id, "again")


def test_a_timeout_leaves_its_retries(huey: DeweyHuey) -> None:
    @huey.task(timeout=0.2, retries=1, retry_delay=0.1)
    def dawdle() -> None:
        while True:
            time.sleep(0.01)  # what a slow task does

    handle = dawdle()
    with Running(huey, "thread"):
        wait_until(lambda: huey.storage.inspector.job(handle.id).state == "dead", "the second timeout")
    job = huey.storage.inspector.job(handle.id)
    assert [attempt.error_type for attempt in job.attempts] == ["TaskTimeout"] * 2


def test_an_interruption_arrives_nowhere_but_in_the_task(huey: DeweyHuey) -> None:
    """A thousand tasks that end around their deadline: each is either done or timed out, and no worker dies."""

    @huey.task(timeout=0.002)
    def brink(number: int) -> int:
        until = time.monotonic() + 0.0015 + (number % 10) / 10_000
        while time.monotonic() < until:
            pass
        return number

    for number in range(300):
        brink(number)
    with Running(huey, "thread"):
        inspector = huey.storage.inspector
        wait_until(lambda: inspector.count(("succeeded", "dead")) == 300, "all to end", timeout_s=60)
    jobs = inspector.jobs(("succeeded", "dead"), limit=300).jobs
    assert all(job.state == "succeeded" or job.error_type == "TaskTimeout" for job in jobs)
    assert all(job.crashes == 0 for job in jobs)


@KINDS
def test_a_consumer_told_to_be_quiet_claims_nothing_until_it_may(huey: DeweyHuey, kind: str) -> None:
    @huey.task()
    def work() -> str:
        return "done"

    with Running(huey, kind):
        assert work().get(blocking=True, timeout=10) == "done"
        inspector = huey.storage.inspector
        (consumer,) = inspector.consumers()
        huey.broker.order(consumer.id, "quiet")
        wait_until(lambda: _quiet(huey), "the consumer to hear it")
        handle = work()
        waited = threading.Event()
        assert not waited.wait(1.5)  # longer than a worker waits for a job
        assert inspector.job(handle.id).state == "queued"
        huey.broker.order(consumer.id, "")
        assert handle.get(blocking=True, timeout=10) == "done"


def _quiet(huey: DeweyHuey) -> bool:
    """Whether every worker has heard: a job that would be claimed at once is not."""
    probe = huey.broker.client.hget(huey.broker.keys.orders, huey.storage.inspector.consumers()[0].id)
    time.sleep(1.2)  # longer than the pause between two heartbeats
    return probe is not None


def test_an_order_for_a_consumer_that_does_not_live_is_refused(huey: DeweyHuey) -> None:
    with pytest.raises(Refused, match="no consumer 'nowhere:1'"):
        huey.broker.order("nowhere:1", "stop")


class Late:
    """Stands around a task's own code, and raises when that code has been left, as an interruption may."""

    def __init__(self, error: BaseException) -> None:
        self.error = error

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        raise self.error


def test_an_error_that_comes_while_the_task_is_left_is_no_success(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    @shop.huey.task()
    def work() -> int:
        return 1

    handle = work()
    monkeypatch.setattr(shop.huey, "_timeout_context", lambda _: Late(TaskTimeout("timeout (1s)")))
    shop.run_one()
    job = shop.job(handle)
    assert (job.state, job.error_type) == ("dead", "TaskTimeout")
    assert [one.outcome for one in job.attempts] == ["failed"]


def test_a_time_that_is_up_while_the_task_is_left_fails_the_attempt_and_no_worker(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    @shop.huey.task(retries=1)
    def work() -> int:
        return 1

    handle = work()
    monkeypatch.setattr(shop.huey, "_timeout_context", lambda _: Late(TimedOut()))
    for state in ("queued", "dead"):
        shop.run_one()
        job = shop.job(handle)
        assert (job.state, job.crashes, job.attempts[-1].error_type) == (state, 0, "TaskTimeout")
    with pytest.raises(TaskException, match="timeout"):
        handle.get()


def test_who_is_called_off_while_the_task_is_left_is_canceled(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    @shop.huey.task()
    def work() -> int:
        return 1

    handle = work()
    monkeypatch.setattr(shop.huey, "_timeout_context", lambda _: Late(CalledOff()))
    shop.run_one()
    job = shop.job(handle)
    assert (job.state, job.error_type, [one.outcome for one in job.attempts]) == ("canceled", "", ["canceled"])
    with pytest.raises(TaskException):
        handle.get()


def test_the_alarm_of_huey_never_rings_beside_the_watch(huey: DeweyHuey) -> None:
    rung: list[float] = []

    @huey.task(timeout=30)
    def work() -> None:
        pass

    handle = work()
    huey._timeout_handler = rung.append
    claim = huey.broker.claim(huey.claim_request("test"))
    assert claim is not None
    unit, task = huey.open(claim)
    huey.perform(unit, task)
    huey.settle(unit)
    assert (huey.storage.inspector.job(handle.id).state, rung) == ("succeeded", [])
