"""Where a trial happens: a Redis of its own that can die and come back, consumers, enqueuers, and what jobs wrote."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import redis
from redis.exceptions import RedisError

from storage.broker.broker import Broker
from storage.broker.connection import connect
from storage.broker.inspector import Inspector
from storage.broker.records import FINISHED, STATES, Job, State
from storage.errors import JobMissing, StorageError
from storage.servers import launch
from tests.chaos.checkers import Books, Verdict, check
from tests.chaos.fleet import Fleet
from tests.chaos.history import History
from tests.servers import ChosenRedis, short_directory, wait_until

NAMESPACE = "chaos"
DRAIN_S = 120.0
ROOT = Path(__file__).parents[2]


@dataclass(slots=True)
class RedisProcess:
    """One redis-server that can be killed, frozen, and started again on the same socket and data."""

    directory: Path
    options: Sequence[str] = ()
    executable: Path | None = None
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def server(self) -> ChosenRedis:
        """Where it lies."""
        return ChosenRedis(self.directory / "redis", self.directory / "run", durable="--appendfsync" in self.options)

    def start(self) -> None:
        """Start it, and wait until it answers."""
        server = self.server
        server.run_dir.mkdir(exist_ok=True)
        server.data_dir.mkdir(exist_ok=True)
        bundled, *options = server.command()
        program = [str(self.executable or bundled), *options, *self.options]
        command = launch.wrapped(program, death_signal=signal.SIGKILL)
        with (self.directory / "redis.log").open("ab") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/")
        wait_until(server.is_ready, "Redis to answer", timeout_s=30)

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        assert self.process is not None
        os.kill(self.process.pid, number)

    def kill(self) -> None:
        """SIGKILL it, and wait until it is gone."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()


@dataclass(slots=True)
class Arena:
    """One trial's place. Use `open_arena`."""

    directory: Path
    store: RedisProcess
    client: "redis.Redis"
    environment: dict[str, str]
    enqueuers: list["subprocess.Popen[bytes]"] = field(default_factory=list)

    @property
    def inspector(self) -> Inspector:
        """Reads of the trial's books."""
        return Inspector(self.client, NAMESPACE)

    @property
    def broker(self) -> Broker:
        """The trial's books."""
        return Broker(self.client, NAMESPACE)

    @property
    def history(self) -> History:
        """What has been written down so far."""
        return History.read(self.directory / "history")

    def fleet(self, size: int, workers: int = 4, kind: str = "thread", app: str = "app") -> Fleet:
        """Consumers of the trial."""
        log_path = self.directory / "consumers.log"
        return Fleet(f"tests.chaos.{app}.huey", kind, size, workers, log_path, self.environment)

    def enqueue(self, seed: int, jobs: int, before: Sequence[str] = (), **more: str) -> "subprocess.Popen[bytes]":
        """Start a process that enqueues so many jobs, by a command that comes ``before`` its own."""
        command = [*before, sys.executable, "-m", "tests.chaos.enqueuer", str(seed), str(jobs)]
        with (self.directory / "enqueuers.log").open("ab") as log:
            one = subprocess.Popen(
                command, env={**os.environ, **self.environment, **more}, cwd=ROOT, stdout=log, stderr=log
            )
        self.enqueuers.append(one)
        return one

    def launch(self, task: str, *arguments: Sequence[object]) -> list[str]:
        """Enqueue a job of `ordeals` for each list of arguments; answers the ids."""
        before = set(self.history.of("acked"))
        subprocess.run(
            [sys.executable, "-m", "tests.chaos.launcher", "ordeals", task, json.dumps(arguments)],
            env={**os.environ, **self.environment},
            cwd=ROOT,
            check=True,
            timeout=60,
        )
        return [job for job in self.history.of("acked") if job not in before]

    def finish(self, fleet: Fleet, *, timeout_s: float = DRAIN_S) -> None:
        """Wait for the enqueuers and then until every job has ended; dead consumers are replaced meanwhile."""
        wait_until(lambda: self._enqueued(fleet), "the enqueuers to end", timeout_s=timeout_s)
        drain(self.inspector, fleet, timeout_s=timeout_s)

    def _enqueued(self, fleet: Fleet) -> bool:
        fleet.replace()
        return all(one.poll() is not None for one in self.enqueuers)

    def verdict(self) -> Verdict:
        """The checker's reading of the history beside the books."""
        history = self.history  # read once: schedules go on while the books are read
        books = read_books(self.inspector, self.broker, history)
        verdict = check(history, books)
        for job_id in verdict.lost[:5]:
            sys.stderr.write(f"lost: {books.jobs.get(job_id, job_id)}\n")
        for job_id in verdict.unexplained[:5]:
            seen = [event for event in history.events if event.job == job_id]
            sys.stderr.write(f"started without a cause: {seen}; the books: {books.jobs.get(job_id)}\n")
        return verdict

    def books(self) -> Books:
        """What the engine says of all jobs of the history."""
        return read_books(self.inspector, self.broker, self.history)

    def logs(self) -> str:
        """The end of what consumers and enqueuers said."""
        paths = [self.directory / name for name in ("consumers.log", "enqueuers.log")]
        return "\n".join(path.read_text("utf-8", "replace")[-2_000:] for path in paths if path.exists())


@contextlib.contextmanager
def open_arena(
    *,
    redis_options: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
    lease_s: float = 1.5,
    executable: Path | None = None,
) -> Iterator[Arena]:
    """A place for one trial; everything in it ends with the block."""
    with short_directory() as directory:
        (directory / "history").touch()
        server = RedisProcess(directory, redis_options, executable)
        try:
            server.start()
            client = connect(server.server.url)
            told = {
                "CHAOS_REDIS_URL": server.server.url,
                "CHAOS_NAMESPACE": NAMESPACE,
                "CHAOS_HISTORY": str(directory / "history"),
                "CHAOS_LEASE_S": str(lease_s),
                **(environment or {}),
            }
            arena = Arena(directory, server, client, told)
            try:
                yield arena
            except Exception as error:
                error.add_note(arena.logs())
                raise
            finally:
                for one in arena.enqueuers:
                    one.kill()
                    one.wait()
                client.close()
        finally:
            server.kill()


def drain(inspector: Inspector, fleet: Fleet, *, timeout_s: float = DRAIN_S) -> None:
    """Wait until nothing waits or runs; consumers that died are replaced, as a supervisor would."""
    open_states: list[State] = [state for state in STATES if state not in FINISHED]

    def empty() -> bool:
        fleet.replace()
        try:
            return inspector.count(open_states) == 0
        except StorageError:
            return False

    wait_until(empty, "every job to end", timeout_s=timeout_s)


def read_books(inspector: Inspector, broker: Broker, history: History) -> Books:
    """The records of all acked jobs, and in which indexes each is."""
    jobs: dict[str, Job] = {}
    places: dict[str, list[str]] = {}
    queues = inspector.queue_names()
    for job_id in history.of("acked"):
        try:
            jobs[job_id] = inspector.job(job_id)
        except JobMissing:
            continue
        spots = [(queue, state) for queue in queues for state in STATES]
        with broker.client.pipeline(transaction=False) as pipe:
            for queue, state in spots:
                pipe.zscore(broker.keys.index(queue, state), job_id)
            scores = pipe.execute()
        places[job_id] = [state for (_, state), score in zip(spots, scores, strict=True) if score is not None]
    for job_id in history.of("start"):
        if job_id not in jobs:
            try:
                jobs[job_id] = inspector.job(job_id)
            except (JobMissing, RedisError):
                continue
    return Books(jobs, places)
