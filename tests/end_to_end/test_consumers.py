"""Real consumers in an ordinary life: they run jobs, stop when asked, share the work, and can be watched."""

import signal

import pytest

from tests.end_to_end import shop as application
from tests.end_to_end.consumers import Shop
from tests.servers import wait_until

KINDS = ("thread", "process")


@pytest.mark.parametrize("kind", KINDS)
def test_jobs_run_once_on_several_workers_and_the_consumer_is_seen(shop: Shop, kind: str) -> None:
    consumer = shop.start(kind, 3)
    handles = [application.work(0.1) for _ in range(30)]
    assert [handle.get(blocking=True, timeout=30) for handle in handles] == ["done"] * 30
    assert set(shop.starts().values()) == {1}
    pids = {pid for _, _, _, pid in shop.history()}
    assert len(pids) == (1 if kind == "thread" else 3)
    (seen,) = shop.inspector.consumers()
    assert (seen.pid, seen.kind, seen.workers, seen.queues) == (consumer.pid, kind, 3, ())
    assert {task.name for task in shop.inspector.tasks()} >= {"tests.end_to_end.shop.work"}
    workers = {shop.job(handle.id).worker for handle in handles}
    assert len(workers) > 1
    consumer.signal(signal.SIGINT)
    assert consumer.wait() == 0
    assert shop.inspector.consumers() == ()


@pytest.mark.parametrize("kind", KINDS)
def test_a_graceful_stop_lets_jobs_finish_and_leaves_the_rest_unspent(shop: Shop, kind: str) -> None:
    consumer = shop.start(kind, 2, "-g", "TERM")
    busy = [application.guarded("gate") for _ in range(2)]
    shop.wait_for("start", 2)
    waiting = [application.work() for _ in range(5)]
    consumer.signal(signal.SIGTERM)
    wait_until(lambda: "gracefully" in consumer.log(), "it has heard")
    shop.open("gate-1")
    assert consumer.wait() == 0
    for handle in busy:
        job = shop.job(handle.id)
        assert (job.state, job.attempt, job.crashes) == ("succeeded", 1, 0)
    for handle in waiting:
        job = shop.job(handle.id)
        assert (job.state, job.attempt, job.attempts) == ("queued", 0, ())
    assert shop.count("start") == 2


@pytest.mark.parametrize("kind", KINDS)
def test_a_stop_at_once_hands_jobs_back_without_spending_an_attempt(shop: Shop, kind: str) -> None:
    consumer = shop.start(kind, 2)
    busy = [application.guarded("gate") for _ in range(2)]
    shop.wait_for("start", 2)
    consumer.signal(signal.SIGTERM)
    consumer.wait()
    for handle in busy:
        job = shop.job(handle.id)
        assert (job.state, job.attempt, job.crashes, job.attempts) == ("queued", 0, 0, ()), shop.logs()
    shop.open("gate-1")
    shop.start(kind, 2)
    shop.wait_idle()
    assert {shop.job(handle.id).state for handle in busy} == {"succeeded"}


def test_consumers_serve_only_the_queues_they_are_told_to(shop: Shop) -> None:
    work, mail = [application.work() for _ in range(10)], [application.send() for _ in range(10)]
    default = shop.start("thread", 2, SHOP_QUEUES="default,cron")
    shop.wait_for("end", 10)
    assert {shop.job(handle.id).state for handle in mail} == {"queued"}
    email = shop.start("thread", 2, SHOP_QUEUES="email")
    shop.wait_for("end", 20)
    more = [application.work().id for _ in range(10)]
    shop.wait_idle()
    pids = {job: pid for event, job, _, pid in shop.history() if event == "end"}
    assert {pids[handle.id] for handle in mail} == {email.pid}
    assert {pids[job_id] for job_id in [*more, *(handle.id for handle in work)]} == {default.pid}
    assert {one.queues for one in shop.inspector.consumers()} == {("default", "cron"), ("email",)}


@pytest.mark.parametrize("kind", KINDS)
def test_log_and_progress_are_read_while_the_job_runs(shop: Shop, kind: str) -> None:
    shop.start(kind, 1)
    handle = application.guarded("gate")
    wait_until(lambda: bool(shop.inspector.log(handle.id).lines), "a line is there")
    job = shop.job(handle.id)
    assert job.state == "running"
    page = shop.inspector.log(handle.id)
    assert [line.message for line in page.lines] == ["attempt 1 waits"]
    assert job.progress is not None
    assert (job.progress.done, job.progress.total, job.progress.note) == (1, 9, "attempts")
    (consumer,) = shop.inspector.consumers()
    wait_until(lambda: shop.inspector.consumers()[0].running == (handle.id,), "the consumer says what it runs")
    assert consumer.memory_bytes > 0
    shop.open("gate-1")
    shop.wait_idle()
    assert [line.message for line in shop.inspector.log(handle.id, page.cursor).lines] == ["attempt 1 goes on"]


def test_a_tick_comes_once_however_many_consumers_there_are(shop: Shop) -> None:
    shop.start_many(3, "thread", 1, periodic=True)
    wait_until(lambda: shop.inspector.count(("succeeded",), ("cron",)) > 0, "the tick of this minute has run")
    handles = [application.work() for _ in range(3)]
    for handle in handles:
        handle.get(blocking=True, timeout=20)
    ticks = shop.inspector.jobs((), ("cron",)).jobs
    assert all(job.id.startswith("cron:tests.end_to_end.shop.tick:") for job in ticks)
    assert len(ticks) <= 2  # two only when the minute has just changed
    assert all(shop.starts()[job.id] == 1 for job in ticks if job.state == "succeeded")


@pytest.mark.parametrize("kind", KINDS)
def test_a_worker_is_replaced_after_its_number_of_jobs(shop: Shop, kind: str) -> None:
    consumer = shop.start(kind, 1, "-M", "3")
    handles = [application.work() for _ in range(7)]
    shop.wait_idle()
    for handle in handles:
        job = shop.job(handle.id)
        assert (job.state, job.attempt, job.crashes) == ("succeeded", 1, 0)
    assert consumer.log().count("restarting (max tasks)") == 2
    assert "died!" not in consumer.log()
    if kind == "process":
        assert len({pid for _, _, _, pid in shop.history()}) == 3


def test_a_kind_of_workers_that_is_not_supported_is_refused_with_a_sentence(shop: Shop) -> None:
    with pytest.raises(AssertionError, match="workers of kind 'greenlet' are not supported: use -k thread"):
        shop.start("greenlet", 1)
