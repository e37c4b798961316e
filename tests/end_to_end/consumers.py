"""Real consumer processes of the shop, as a person would start them; none of them outlives its test."""

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from storage.broker.inspector import Inspector
from storage.broker.records import WAITING, Job
from storage.servers import launch
from tests.end_to_end import shop
from tests.servers import is_alive, wait_until

ROOT = Path(__file__).parents[2]


def children(pid: int) -> list[int]:
    """The living child processes of a process."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if fields[0] != "Z" and int(fields[1]) == pid:
            found.append(int(status.parent.name))
    return found


@dataclass
class Consumer:
    """One ``huey_consumer`` with its log."""

    process: subprocess.Popen[bytes]
    log_path: Path
    seen: set[int] = field(default_factory=set)

    @property
    def pid(self) -> int:
        return self.process.pid

    def log(self) -> str:
        return self.log_path.read_text("utf-8", "replace")

    def workers(self) -> list[int]:
        """Its child processes: the workers, and the scheduler, of the kind ``process``."""
        found = children(self.pid)
        self.seen.update(found)
        return found

    def signal(self, number: signal.Signals) -> None:
        self.workers()
        os.kill(self.pid, number)

    def kill(self) -> None:
        """``kill -9`` of the consumer itself, as the kernel's memory killer does it."""
        self.signal(signal.SIGKILL)
        self.process.wait(10)

    def wait(self, timeout_s: float = 20) -> int:
        """Wait for its end; answers its exit code."""
        try:
            return self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"the consumer did not end in {timeout_s} s:\n{self.log()[-3000:]}") from None

    def clear(self) -> None:
        """End it and all of its processes, whatever state they are in."""
        self.workers()
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(10)
        for pid in self.seen:
            if is_alive(pid) and b"huey_consumer" in Path(f"/proc/{pid}/cmdline").read_bytes():
                os.kill(pid, signal.SIGKILL)


class Shop:
    """The application under test: its books, its history, its gates and its consumers."""

    def __init__(self, directory: Path, environment: Mapping[str, str]) -> None:
        self.directory = directory
        self.environment = environment
        self.consumers: list[Consumer] = []

    def start(self, kind: str = "thread", workers: int = 2, *options: str, **settings: str) -> Consumer:
        """Start a consumer and wait until it serves."""
        return self.start_many(1, kind, workers, *options, settings=settings)[0]

    def start_many(
        self,
        count: int,
        kind: str,
        workers: int,
        *options: str,
        periodic: bool = False,
        settings: Mapping[str, str] | None = None,
    ) -> list[Consumer]:
        """Start several at once; only when told so do they enqueue the ticks of schedules."""
        command = [sys.executable, "-m", "huey.bin.huey_consumer", "tests.end_to_end.shop.huey"]
        command += ["-w", str(workers), "-k", kind, "-c", "0.5", *([] if periodic else ["-n"]), *options]
        made = []
        for _ in range(count):
            path = self.directory / f"consumer-{len(self.consumers)}.log"
            with path.open("wb") as log:
                process = subprocess.Popen(
                    launch.wrapped(command, death_signal=signal.SIGKILL),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    cwd=ROOT,
                    env={**os.environ, **self.environment, **(settings or {}), "PYTHONPATH": str(ROOT)},
                    start_new_session=True,
                )
            made.append(Consumer(process, path))
            self.consumers.append(made[-1])
        for consumer in made:
            wait_until(lambda one=consumer: self.serves(one), "the consumer serves", timeout_s=30)  # type: ignore[misc]
        return made

    def serves(self, consumer: Consumer) -> bool:
        assert consumer.process.poll() is None, f"the consumer ended:\n{consumer.log()[-3000:]}"
        return any(one.pid == consumer.pid for one in self.inspector.consumers())

    @property
    def inspector(self) -> Inspector:
        found: Inspector = shop.huey.storage.inspector
        return found

    def job(self, job_id: str) -> Job:
        return self.inspector.job(job_id)

    def open(self, gate: str) -> None:
        (self.directory / gate).touch()

    def history(self) -> list[tuple[str, str, int, int]]:
        """What the jobs wrote: event, id, attempt, pid. A last line that was cut by a kill is left out."""
        path = self.directory / "history"
        lines = path.read_text().split("\n")[:-1] if path.exists() else []
        return [(event, job, int(attempt), int(pid)) for event, job, attempt, pid in map(str.split, lines)]

    def count(self, event: str) -> int:
        return sum(1 for row in self.history() if row[0] == event)

    def starts(self) -> Counter[str]:
        """How often each job started."""
        return Counter(job for event, job, _, _ in self.history() if event == "start")

    def wait_for(self, event: str, count: int, timeout_s: float = 30) -> None:
        """Wait until jobs have written this many of an event."""
        wait_until(lambda: self.count(event) >= count, f"{count} of {event!r} in the history", timeout_s=timeout_s)

    def wait_idle(self, timeout_s: float = 40) -> None:
        """Wait until no job waits or runs."""
        states = (*WAITING, "running")
        wait_until(lambda: self.inspector.count(states) == 0, "no job waits or runs", timeout_s=timeout_s)

    def logs(self) -> str:
        return "\n".join(f"== {one.log_path.name}\n{one.log()}" for one in self.consumers)


@contextmanager
def opened(directory: Path, redis_url: str, namespace: str) -> Iterator[Shop]:
    """The shop on a Redis, in this process too; its consumers end with the block."""
    environment = {"SHOP_REDIS_URL": redis_url, "SHOP_NAMESPACE": namespace, "SHOP_DIRECTORY": str(directory)}
    made = Shop(directory, environment)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        patch.setattr(shop.huey, "name", namespace)
        patch.setattr(shop.huey, "storage", shop.huey.create_storage())
        try:
            yield made
        finally:
            for consumer in made.consumers:
                consumer.clear()
            shop.huey.storage.close()
