"""Consumers, workers and Redis itself are killed in the middle of jobs: nothing is lost, and little is done twice."""

import os
import signal
from pathlib import Path

import pytest

from storage.servers.redis import RedisServer
from tests.end_to_end import shop as application
from tests.end_to_end.consumers import Shop, opened
from tests.servers import is_alive, running, short_directory, wait_until


@pytest.mark.parametrize("kind", ["thread", "process"])
def test_kill_9_in_the_middle_of_jobs_loses_none(shop: Shop, kind: str) -> None:
    acked = [application.work(0.15).id for _ in range(60)]
    kills = 3
    for kill in range(kills):
        consumer = shop.start(kind, 4)
        shop.wait_for("start", 10 * (kill + 1))
        consumer.kill()
    shop.start(kind, 4)
    shop.wait_idle()
    starts, ended = shop.starts(), {job for event, job, _, _ in shop.history() if event == "end"}
    assert ended == set(acked)
    for job_id in acked:
        job = shop.job(job_id)
        assert job.state == "succeeded", shop.logs()
        assert starts[job_id] <= 1 + job.crashes
        assert [one.outcome for one in job.attempts[:-1]] == ["lost"] * job.crashes
    assert sum(starts.values()) <= len(acked) + kills * 4
    if kind == "thread":
        assert sum(starts.values()) > len(acked), "no kill met a job: the trial proved nothing"


def test_a_whole_tree_of_processes_killed_at_once_loses_nothing(shop: Shop) -> None:
    acked = [application.work(0.3).id for _ in range(16)]
    consumer = shop.start("process", 4)
    shop.wait_for("start", 4)
    consumer.workers()
    os.killpg(consumer.pid, signal.SIGKILL)
    shop.start("process", 4)
    shop.wait_idle()
    assert {shop.job(job_id).state for job_id in acked} == {"succeeded"}
    crashes = sum(shop.job(job_id).crashes for job_id in acked)
    assert 1 <= crashes <= 4
    assert sum(shop.starts().values()) <= len(acked) + crashes


def test_workers_whose_consumer_was_killed_finish_their_job_and_end(shop: Shop) -> None:
    busy = application.guarded("gate")
    consumer = shop.start("process", 2)
    shop.wait_for("start", 1)
    workers = consumer.workers()
    assert len(workers) == 3  # two workers and the scheduler
    (runner,) = {pid for _, _, _, pid in shop.history()}
    consumer.kill()
    idle = [pid for pid in workers if pid != runner]
    wait_until(lambda: not any(map(is_alive, idle)), "the idle workers have ended")
    assert is_alive(runner)
    assert shop.job(busy.id).state == "running"
    shop.open("gate-1")
    wait_until(lambda: not is_alive(runner), "the busy worker has ended")
    job = shop.job(busy.id)
    assert (job.state, job.attempt, job.crashes) == ("succeeded", 1, 0)


def test_a_worker_that_was_stopped_for_longer_than_its_lease_changes_nothing(shop: Shop) -> None:
    handle = application.guarded("gate")
    stale = shop.start("thread", 1)
    shop.wait_for("start", 1)
    stale.signal(signal.SIGSTOP)
    shop.start("thread", 1)
    shop.wait_for("start", 2)
    shop.open("gate-1")
    stale.signal(signal.SIGCONT)
    wait_until(lambda: "had lost its lease" in stale.log(), "the stale worker was refused")
    job = shop.job(handle.id)
    assert (job.state, job.attempt, job.crashes, job.result) == ("running", 2, 1, None)
    assert not handle.is_ready()
    shop.open("gate-2")
    shop.wait_idle()
    job = shop.job(handle.id)
    assert (job.state, job.result) == ("succeeded", b"2")
    assert [(one.number, one.outcome) for one in job.attempts] == [(1, "lost"), (2, "succeeded")]
    assert stale.log().count("had lost its lease") == 1  # said once, though two loggers could
    assert "attempt 1 goes on" not in [line.message for line in shop.inspector.log(handle.id).lines]


def test_a_job_that_kills_its_workers_is_buried_while_the_others_flow(shop: Shop) -> None:
    shop.start("process", 2, SHOP_LEASE_S="0.8")
    bad = application.poison()
    good = [application.work(0.05).id for _ in range(40)]
    shop.wait_idle()
    job = shop.job(bad.id)
    assert (job.state, job.reason, job.crashes) == ("dead", "poison", 3)
    assert job.error.startswith("worker lost 3 times; last on ")
    assert shop.starts()[bad.id] == 3
    assert {shop.job(job_id).state for job_id in good} == {"succeeded"}
    assert max(shop.starts()[job_id] for job_id in good) <= 1 + max(shop.job(job_id).crashes for job_id in good)
    wait_until(bad.is_ready, "the caller is told")


def test_a_consumer_survives_a_redis_that_is_killed_and_comes_back(tmp_path: Path, namespace: str) -> None:
    with short_directory() as directory:
        server = RedisServer(directory / "redis", directory / "run", durable=True)
        log = tmp_path / "redis.log"
        with opened(tmp_path, server.url, namespace) as shop:
            with running(server, log) as pid:
                acked = [application.work(0.1).id for _ in range(40)]
                consumer = shop.start("thread", 4)
                shop.wait_for("end", 8)
                os.kill(pid, signal.SIGKILL)
                wait_until(lambda: "waits for Redis" in consumer.log(), "the consumer has seen it")
            with running(server, log):
                shop.wait_idle()
                for job_id in acked:
                    job = shop.job(job_id)
                    assert job.state == "succeeded", shop.logs()
                    assert shop.starts()[job_id] <= 1 + job.crashes
                assert consumer.process.poll() is None
                assert application.work().get(blocking=True, timeout=20) == "done"
                assert "died!" not in consumer.log()
