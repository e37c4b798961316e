"""Recorders are killed, PostgreSQL goes away and comes back: history agrees with the broker afterwards."""

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.broker.broker import Broker
from storage.broker.inspector import Inspector
from storage.broker.requests import Bounds
from storage.database import migrations
from storage.database.connection import Database, connect
from storage.history.lag import lag
from storage.history.recorder import Recorder
from storage.servers.postgres import PostgresServer
from tests import servers
from tests.servers import wait_until
from tests.storage.history import comparison
from tests.storage.history.comparison import differences, measured
from tests.storage.history.doomed import CALLS
from tests.storage.history.lives import Lives

ROOT = Path(__file__).parents[3]


class Load(threading.Thread):
    """Jobs that come, run, fail and are tried again, until it is ended."""

    def __init__(self, broker: Broker) -> None:
        super().__init__(name="load", daemon=True)
        self._lives = Lives(broker)
        self._over = threading.Event()
        self.jobs = 0

    def run(self) -> None:
        while not self._over.wait(0.001):
            self._lives.succeed()
            self._lives.fail(state="queued")
            claim = self._lives.claim()
            said = json.dumps([1, 1, "INFO", "app", f"line {self.jobs}", "t.work", "default"])
            self._lives.log(claim, said.encode())
            self._lives.settle(claim, "dead" if self.jobs % 3 else "succeeded", "failed" if self.jobs % 3 else "")
            self.jobs += 2

    def end(self) -> None:
        self._over.set()
        self.join()


@pytest.fixture
def load(broker: Broker) -> Iterator[Load]:
    thread = Load(broker)
    thread.start()
    try:
        yield thread
    finally:
        thread.end()


def free_the_lead(broker: Broker) -> None:
    """As if the lease of whoever led had run out."""
    broker.call("hset", broker.keys.recording, "until", 0)


def catch_up(recorder: Recorder, broker: Broker, *, few: int = 0) -> None:
    """Record until all jobs were looked at and nothing is left; under load, no more than a few events."""
    if broker.call("exists", broker.keys.recording):
        free_the_lead(broker)
    for _ in range(2000):
        if recorder.step() <= few and not broker.call("hexists", broker.keys.recording, "walk"):
            return
    raise AssertionError("there is no end to it")


def assert_in_agreement(broker: Broker, inspector: Inspector, database: Database, jobs: int) -> None:
    assert differences(inspector, database) == []
    counted = measured(database)
    assert counted["enqueued"] == jobs
    assert counted["started"] == counted["succeeded"] + counted["failed"] == jobs * 3 // 2
    with database.session() as session:
        assert session.rows("SELECT count(*) FROM runs WHERE finished_at IS NOT NULL") == [(jobs * 3 // 2,)]
        assert session.rows("SELECT count(*) FROM jobs WHERE state IN ('succeeded', 'dead')") == [(jobs,)]
        told, different = session.rows("SELECT count(*), count(DISTINCT message) FROM logs")[0]
    assert told == different == jobs // 2


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("call", list(CALLS))
def test_killed_at_any_call_nothing_is_lost_or_counted_twice(
    call: str, when: str, redis_url: str, database_url: str, database: Database, broker: Broker, load: Load
) -> None:
    # From here on nobody walks over all jobs, which would make up for what the cursor passed over.
    catch_up(Recorder(broker, database), broker, few=100)
    command = [sys.executable, "-m", "tests.storage.history.doomed", redis_url, database_url, broker.namespace]
    for number in ("1", "3"):
        free_the_lead(broker) if broker.call("exists", broker.keys.recording) else None
        doomed = subprocess.run([*command, call, when, number], cwd=ROOT, timeout=60, check=False)
        assert doomed.returncode == -signal.SIGKILL, "the fault did not fire"
    load.end()
    catch_up(Recorder(broker, database), broker)
    assert_in_agreement(broker, Inspector(broker.client, broker.namespace), database, load.jobs)


def test_another_recorder_takes_over_when_the_leader_is_killed(
    redis_url: str, database_url: str, database: Database, broker: Broker, load: Load, inspector: Inspector
) -> None:
    """By the lease alone, while both are real processes."""
    command = [sys.executable, "-m", "tests.storage.history.doomed", redis_url, database_url, broker.namespace]
    never = ["ack", "before", "1000000"]
    first = subprocess.Popen([*command, *never], cwd=ROOT)
    wait_until(lambda: lag(inspector).recorded_events > 100, "the first one records")
    second = subprocess.Popen([*command, *never], cwd=ROOT)
    leader = lag(inspector).leader
    assert f":{first.pid}/" in leader
    first.kill()
    first.wait()
    try:
        wait_until(lambda: f":{second.pid}/" in lag(inspector).leader, "the second one leads", timeout_s=40)
        load.end()
        wait_until(lambda: lag(inspector).events_behind == 0, "it has caught up")
    finally:
        second.kill()
        second.wait()
    catch_up(Recorder(broker, database), broker)
    assert_in_agreement(broker, inspector, database, load.jobs)


def test_postgresql_away_under_load_costs_no_job_and_nothing_of_history(broker: Broker, inspector: Inspector) -> None:
    with servers.short_directory() as directory:
        server = PostgresServer(directory / "postgres", directory / "run", durable=True)
        stop = threading.Event()
        with servers.running(server, directory / "log"):
            migrations.apply(server.url_of("postgres"))
            database = connect(server.url_of("postgres"))
            recorder = Recorder(broker, database)
            thread = threading.Thread(target=recorder.run, args=(stop,), daemon=True)
            thread.start()
            load = Load(broker)
            load.start()
            wait_until(lambda: lag(inspector).recorded_events > 200, "it records")
        before = load.jobs
        wait_until(lambda: lag(inspector).trouble != "", "the trouble is known", timeout_s=40)
        wait_until(lambda: lag(inspector).events_behind > 1000, "events wait", timeout_s=60)
        assert load.jobs > before
        Broker(broker.client, broker.namespace, Bounds(succeeded=(0, 0), dead=(0, 0))).retain()
        assert lag(inspector).dropped_jobs == 0
        with servers.running(server, directory / "log"):
            load.end()
            wait_until(lambda: lag(inspector).events_behind == 0, "it has caught up", timeout_s=60)
            wait_until(lambda: lag(inspector).trouble == "", "the trouble is over", timeout_s=20)
            stop.set()
            thread.join(30)
            assert not thread.is_alive()
            catch_up(Recorder(broker, database), broker)
            assert_in_agreement(broker, inspector, database, load.jobs)


def test_the_checker_finds_what_differs(
    broker: Broker, inspector: Inspector, recorder: Recorder, database: Database, lives: Lives
) -> None:
    lives.succeed(), lives.fail()
    catch_up(recorder, broker)
    assert differences(inspector, database) == []
    for damage, told in (
        (
            "UPDATE jobs SET state = 'queued' WHERE id = 'job-1'",
            "job job-1: state is 'succeeded', history says 'queued'",
        ),
        ("DELETE FROM attempts", "attempt 1 of job job-2: failed, history says None"),
        ("DELETE FROM jobs WHERE id = 'job-2'", "history does not know job job-2 (dead)"),
    ):
        with database.session() as session:
            session.run(damage)
        assert told in differences(inspector, database)
    assert comparison.measured(database)["dead"] == 1
