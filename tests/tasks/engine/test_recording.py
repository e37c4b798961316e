"""A consumer sees that its jobs are recorded, by a process of its own, and never suffers from it."""

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
from huey.exceptions import ConfigurationError

from storage.broker.connection import connect as connect_redis
from storage.broker.inspector import Inspector
from storage.database.connection import Database, connect
from storage.history.ages import Ages
from storage.history.lag import lag
from tasks.engine.assignment import Assignment, History
from tasks.engine.huey import DeweyHuey
from tasks.operations import Operations
from tests.servers import is_alive, wait_until

ROOT = Path(__file__).parents[3]
SHOP = """
    import os
    from tasks.engine.assignment import History
    from tasks.engine.huey import DeweyHuey

    huey = DeweyHuey(os.environ["NAMESPACE"], url=os.environ["REDIS"], history=History(os.environ["DATABASE"]))

    @huey.task(name="shop.greet")
    def greet(name, password=""):
        return f"hello {name}"
"""


class Shop:
    """An application with a history, and its consumers."""

    def __init__(self, directory: Path, redis_url: str, database_url: str, namespace: str) -> None:
        (directory / "recorded_shop.py").write_text(textwrap.dedent(SHOP))
        self._directory = directory
        self._environment = {"REDIS": redis_url, "DATABASE": database_url, "NAMESPACE": namespace}
        self.huey = DeweyHuey(namespace, url=redis_url)
        self.inspector = Inspector(connect_redis(redis_url), namespace)
        self.consumers: list[subprocess.Popen[bytes]] = []

    def start(self, kind: str = "thread") -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-m", "huey.bin.huey_consumer", "recorded_shop.huey", "-w", "2", "-k", kind, "-n"]
        path = os.pathsep.join((str(ROOT), str(self._directory)))
        log = (self._directory / "log").open("ab")
        with log:
            one = subprocess.Popen(
                command, env={**os.environ, **self._environment, "PYTHONPATH": path}, stdout=log, stderr=log
            )
        self.consumers.append(one)
        return one

    def leader_pid(self) -> int:
        leader = lag(self.inspector).leader
        return int(leader.partition("/")[0].rpartition(":")[2]) if leader else 0

    def log(self) -> str:
        return (self._directory / "log").read_text()


@pytest.fixture
def shop(tmp_path: Path, redis_url: str, database_url: str, namespace: str) -> Iterator[Shop]:
    made = Shop(tmp_path, redis_url, database_url, namespace)
    try:
        yield made
    finally:
        for consumer in made.consumers:
            consumer.kill()
            consumer.wait()
        made.huey.storage.close()


def recorded(database: Database) -> list[tuple[object, ...]]:
    with database.session() as session:
        return session.rows("SELECT state, args, result, consumer_version <> '' FROM jobs ORDER BY created_at")


@pytest.mark.parametrize("kind", ["thread", "process"])
def test_a_consumer_has_its_jobs_recorded(shop: Shop, database_url: str, kind: str) -> None:
    database = connect(database_url)
    consumer = shop.start(kind)
    wait_until(lambda: shop.leader_pid() > 0, "a recorder leads", timeout_s=60)
    Operations(shop.huey.broker, shop.inspector).trigger("greet", {"name": "ada", "password": "hunter2"})
    expected = ("succeeded", {"name": "ada", "password": "[redacted]"}, "hello ada", True)
    wait_until(lambda: recorded(database) == [expected], f"it is recorded: {shop.log()}", timeout_s=30)
    pid = shop.leader_pid()
    assert pid not in (0, consumer.pid)
    consumer.send_signal(signal.SIGINT)
    assert consumer.wait(20) == 0
    wait_until(lambda: not is_alive(pid), "the recorder ends with its consumer")
    assert lag(shop.inspector).leader == ""


def test_a_recorder_that_is_killed_is_started_again(shop: Shop, database_url: str) -> None:
    consumer = shop.start()
    wait_until(lambda: shop.leader_pid() > 0, "a recorder leads", timeout_s=60)
    first = shop.leader_pid()
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: shop.leader_pid() not in (0, first), "another one leads", timeout_s=60)
    assert consumer.poll() is None


def test_a_recorder_does_not_outlive_a_killed_consumer_and_another_one_takes_over(shop: Shop) -> None:
    first = shop.start()
    wait_until(lambda: shop.leader_pid() > 0, "a recorder leads", timeout_s=60)
    second = shop.start()
    pid = shop.leader_pid()
    first.kill()
    first.wait()
    wait_until(lambda: not is_alive(pid), "it ends")
    wait_until(lambda: shop.leader_pid() not in (0, pid), "the other consumer's leads", timeout_s=60)
    assert second.poll() is None


def test_an_assignment_survives_its_journey() -> None:
    given = Assignment("redis://x", "postgresql://y", "n", 20_000, Ages(jobs=3), ("patient",), ("MRN",))
    assert Assignment.read(given.as_json()) == given
    assert "postgresql" not in repr(given)


def test_without_a_history_nothing_is_recorded(redis_url: str, namespace: str) -> None:
    with pytest.raises(ConfigurationError, match="history"):
        DeweyHuey(namespace, url=redis_url).assignment()
    pool = connect_redis(redis_url).connection_pool
    with pytest.raises(ConfigurationError, match="url="):
        DeweyHuey(namespace, connection_pool=pool, history=History("postgresql://"))
