"""Real servers for tests: each ends with the process that started it, however that process ends."""

import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Protocol

from storage.servers import launch
from storage.servers.postgres import PostgresServer
from storage.servers.redis import RedisServer

# Short, because a unix socket's path has at most about 100 bytes.
_TEMPORARY = Path("/tmp")
_PREFIX = "dwt-"


class Server(Protocol):
    """What this module needs to know of a server; those of storage.servers have it."""

    @property
    def name(self) -> str: ...
    @property
    def identity(self) -> launch.Identity | None: ...
    def prepare(self) -> None: ...
    def command(self) -> list[str]: ...
    def is_ready(self) -> bool: ...


def wait_until(condition: Callable[[], bool], what: str, *, timeout_s: float = 20.0) -> None:
    """Return when `condition` holds; fail, saying `what` was awaited, when it does not in time."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"after {timeout_s:.0f} s still not: {what}")
        time.sleep(0.01)


@contextlib.contextmanager
def short_directory() -> Iterator[Path]:
    """A private directory with a short path; it goes at the end, or when a later run finds it left behind."""
    _remove_abandoned()
    directory = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=_TEMPORARY))
    with _owned(directory) as _:
        try:
            yield directory
        finally:
            shutil.rmtree(directory, ignore_errors=True)


@contextlib.contextmanager
def _owned(directory: Path) -> Iterator[IO[str]]:
    unlocked = directory / "owner"
    with unlocked.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        unlocked.rename(directory / "owner.lock")
        yield lock


def _remove_abandoned() -> None:
    """Remove the directories of test runs that were SIGKILLed: nobody holds their lock any more."""
    for directory in _TEMPORARY.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError), (directory / "owner.lock").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(directory, ignore_errors=True)


@contextlib.contextmanager
def running(server: Server, log_path: Path) -> Iterator[int]:
    """Run `server` while in the block; yields its pid. It also ends when this process is SIGKILLed."""
    server.prepare()
    command = launch.wrapped(server.command(), identity=server.identity, death_signal=signal.SIGKILL)
    with log_path.open("ab") as log:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/", start_new_session=True
        )
    try:
        _wait_ready(server, process, log_path)
        yield process.pid
    finally:
        # SIGQUIT: PostgreSQL ends at once. Redis has no use for it: it gets SIGKILL after a moment.
        process.send_signal(signal.SIGQUIT if server.name == "postgres" else signal.SIGTERM)
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(timeout=10)


def _wait_ready(server: Server, process: subprocess.Popen[bytes], log_path: Path) -> None:
    def is_settled() -> bool:
        return server.is_ready() or process.poll() is not None

    wait_until(is_settled, f"{server.name} answers", timeout_s=30)
    if process.poll() is not None:
        raise AssertionError(f"{server.name} ended with {process.returncode}:\n{log_path.read_text()[-3000:]}")


class ChosenRedis(RedisServer, frozen=True):
    """The redis-server that DEWEY_TEST_REDIS names, else the embedded one."""

    def command(self) -> list[str]:
        bundled, *options = RedisServer.command(self)
        return [os.environ.get("DEWEY_TEST_REDIS") or bundled, *options]


@contextlib.contextmanager
def redis_server() -> Iterator[RedisServer]:
    """A Redis on a unix socket, without persistence."""
    with short_directory() as directory:
        server = ChosenRedis(directory / "redis", directory / "run", durable=False)
        with running(server, directory / "redis.log"):
            yield server


@contextlib.contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    """A PostgreSQL with pgvector on a unix socket, fast because it never waits for a disk."""
    with short_directory() as directory:
        server = PostgresServer(directory / "postgres", directory / "run", durable=False)
        with running(server, directory / "postgres.log"):
            yield server


def is_alive(pid: int) -> bool:
    """Whether the process exists and has not ended (a zombie has)."""
    try:
        os.kill(pid, 0)
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (ProcessLookupError, FileNotFoundError):
        return False
    return state != "Z"
