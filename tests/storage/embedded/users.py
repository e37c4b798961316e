"""Processes that use a home, and what a test asks of its servers."""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg2
import redis

from storage import embedded
from storage.embedded import ServerStatus
from storage.secret import Secret
from storage.servers import launch
from storage.servers.home import is_locked
from storage.settings import Settings
from tests import servers

ROOT = Path(__file__).resolve().parents[3]
ELSEWHERE = "postgresql://user:password@127.0.0.1:1/elsewhere"

# A user of a home: attaches, says what it found, and leaves when its stdin ends. With "fork" a child stays.
USER = """
import json, os, sys
from pathlib import Path
from storage import embedded
from storage.settings import load
endpoints = embedded.attach(load(None))
sys.stdin.readline() if "fork" in sys.argv and os.fork() else None
print(json.dumps([os.getpid(), endpoints.redis_url, endpoints.database_url]), flush=True)
sys.stdin.read()
"""


@dataclass
class User:
    """Another process that uses a home."""

    process: subprocess.Popen[str]
    pid: int = 0
    redis_url: str = ""
    database_url: str = ""

    def read(self) -> "User":
        """Wait until it is attached."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, "the user ended before it was attached"
        self.pid, self.redis_url, self.database_url = json.loads(line)
        return self

    def leave(self) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        self.process.wait(timeout=20)
        self.process.stdout.close()

    def kill(self) -> None:
        self.process.kill()
        self.leave()


class Users:
    """The users that one test makes; those left at its end are killed, and their servers awaited."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.made: list[User] = []

    def start(self, *arguments: str, **environment: str) -> User:
        return self.start_as(None, *arguments, **environment)

    def start_as(self, identity: launch.Identity | None, *arguments: str, **environment: str) -> User:
        command = [sys.executable, "-c", USER, *arguments]
        if identity is not None:
            command = launch.wrapped(command, identity=identity)
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT), "DEWEY_HOME": str(self.home), **environment},
        )
        self.made.append(User(process))
        return self.made[-1]

    def redis_only(self, *arguments: str, **environment: str) -> User:
        return self.start(*arguments, DATABASE_URL=ELSEWHERE, **environment)

    def close(self) -> None:
        for user in self.made:
            user.kill()
        wait_stopped(self.home)


def redis_only(home: Path) -> Settings:
    return Settings(dewey_home=home, database_url=Secret(ELSEWHERE))


def status(home: Path, name: str = "redis") -> ServerStatus:
    return next(item for item in embedded.status(home) if item.name == name)


def ready(home: Path, name: str = "redis") -> tuple[int, int]:
    """The pids of the server and of its keeper."""
    found = status(home, name)
    assert found.phase == "ready", found
    assert found.server_pid is not None
    assert found.keeper_pid is not None
    return found.server_pid, found.keeper_pid


def wait_stopped(home: Path) -> None:
    def is_stopped() -> bool:
        locks = [lock for lock in (home / "run").glob("*.lock") if is_locked(lock)]
        return not locks

    servers.wait_until(is_stopped, f"nothing of {home} runs")


def wait_gone(*pids: int) -> None:
    servers.wait_until(lambda: not any(servers.is_alive(pid) for pid in pids), f"{pids} are gone")


@contextlib.contextmanager
def client(url: str) -> Iterator["redis.Redis"]:
    connection = redis.Redis.from_url(url)
    try:
        yield connection
    finally:
        connection.close()


def query(url: str, *statements: str) -> list[tuple[object, ...]]:
    """The rows of the last statement."""
    connection = psycopg2.connect(url)
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
            return list(cursor.fetchall()) if cursor.description is not None else []
    finally:
        connection.close()
