"""Servers that are SIGKILLed and started again on their data."""

import contextlib
import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from storage.servers.postgres import PostgresServer
from tests.bench.cpu import descendants
from tests.servers import ChosenRedis, is_alive, running, short_directory, wait_until


class Restarting:
    """A server that comes and goes."""

    def __init__(self, server: ChosenRedis | PostgresServer, log_path: Path) -> None:
        self.server = server
        self._log_path = log_path
        self._life = ExitStack()
        self._pid = 0

    def start(self) -> None:
        """Start it, on the data that it has."""
        self._pid = self._life.enter_context(running(self.server, self._log_path))

    def kill(self) -> None:
        """SIGKILL it, with every process that it has made."""
        pids = [self._pid, *descendants(self._pid)]
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._life.close()
        wait_until(lambda: not any(map(is_alive, pids)), f"{self.server.name} is gone")

    def close(self) -> None:
        """Stop it for good."""
        self._life.close()


@contextlib.contextmanager
def restarting_redis() -> Iterator[Restarting]:
    """A Redis that keeps its data on a disk, and runs."""
    with short_directory() as directory:
        server = Restarting(ChosenRedis(directory / "redis", directory / "run"), directory / "redis.log")
        yield from _running(server)


@contextlib.contextmanager
def restarting_postgres() -> Iterator[Restarting]:
    """A PostgreSQL that runs; it does not wait for its disk, which outlives a process that is killed anyway."""
    with short_directory() as directory:
        server = PostgresServer(directory / "postgres", directory / "run", durable=False)
        yield from _running(Restarting(server, directory / "postgres.log"))


def _running(server: Restarting) -> Iterator[Restarting]:
    server.start()
    try:
        yield server
    finally:
        server.close()
