"""PostgreSQL is stopped for some minutes under load: do the jobs go on as fast, and is all of it in history after?

A consumer with its recorder serves a steady stream of jobs; every now and then a burst of no-op jobs tells how fast it
is at its fastest. First with PostgreSQL, then without, then with it again until history has caught up. At the end each
job must be in history, once, as ended, and no event may have been dropped.
"""

import argparse
import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import redis

from storage.broker.connection import connect as connect_redis
from storage.database import migrations
from storage.database.connection import connect
from storage.history.lag import lag
from storage.servers.postgres import PostgresServer
from tests.bench.history import CONSUMER
from tests.servers import redis_server, running, short_directory, wait_until

BURST_JOBS = 2_000


@dataclass(frozen=True, slots=True)
class Load:
    """A steady stream of jobs, and bursts on top of it."""

    client: "redis.Redis"
    per_s: float
    burst_s: float
    started: float
    made: list[int]

    def keep_up(self, stop: threading.Event) -> None:
        """Enqueue so many jobs a second until told to stop."""
        from tests.bench import jobs as applications  # noqa: PLC0415 - reads the addresses from the environment

        begun, made = time.monotonic(), 0
        while not stop.wait(0.05):
            due = int((time.monotonic() - begun) * self.per_s)
            while made < due:
                applications.recorded_job(200)
                made += 1
                self.made[0] += 1

    def burst(self) -> float:
        """Jobs per second from a queue that is full at once until it is empty."""
        from tests.bench import jobs as applications  # noqa: PLC0415 - as above

        start = time.perf_counter()
        for _ in range(BURST_JOBS):
            applications.recorded_job(0)
        self.made[0] += BURST_JOBS
        wait_until(lambda: len(applications.recorded) < 20, "the burst is over", timeout_s=300)
        return BURST_JOBS / (time.perf_counter() - start)

    def phase(self, name: str, minutes: float) -> list[float]:
        """Bursts for some minutes, each with a line on how history stands."""
        until, found = time.monotonic() + minutes * 60, []
        while time.monotonic() < until:
            next_at = time.monotonic() + self.burst_s
            found.append(self.burst())
            self.tell(name, f"burst at {found[-1]:6.0f} jobs/s")
            time.sleep(max(0.0, min(next_at, until) - time.monotonic()))
        return found

    def tell(self, name: str, words: str) -> None:
        """Print how history stands."""
        now = lag(self.client, "bench")
        used_mb = int(self.client.info("memory")["used_memory"]) / 2**20
        stands = f"{now.events_behind:>8,} events and {now.seconds_behind:5.0f} s behind; Redis {used_mb:4.0f} MiB"
        print(f"{time.monotonic() - self.started:6.0f} s  {name:<8}{words}; {stands}; {now.trouble[:60]}", flush=True)


def main(arguments: Sequence[str]) -> int:
    """Print what was seen; answers 1 when anything is missing in history."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench outage", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0, help="how long PostgreSQL is away")
    parser.add_argument("--with-minutes", type=float, default=2.0, help="how long it is measured before that")
    parser.add_argument("--per-s", type=float, default=50.0, help="jobs per second all the while")
    parser.add_argument("--burst-s", type=float, default=30.0, help="seconds from one burst to the next")
    options = parser.parse_args(arguments)
    with short_directory() as directory, redis_server() as redis_at:
        server = PostgresServer(directory / "postgres", directory / "run", durable=True)
        log, url, stop = directory / "postgres.log", server.url_of("postgres"), threading.Event()
        client = connect_redis(redis_at.url)
        os.environ |= {"BENCH_REDIS_URL": redis_at.url, "BENCH_DATABASE_URL": url}
        load = Load(client, options.per_s, options.burst_s, time.monotonic(), [0])
        with running(server, log):
            migrations.apply(url)
            consumer = _consumer()
            wait_until(lambda: lag(client, "bench").leader != "", "a recorder leads", timeout_s=60)
            steady = threading.Thread(target=load.keep_up, args=(stop,), daemon=True)
            steady.start()
            before = load.phase("with", options.with_minutes)
        away = load.phase("without", options.minutes)
        with running(server, log), _ended(consumer):
            waited, began = lag(client, "bench").events_behind, time.perf_counter()
            wait_until(lambda: lag(client, "bench").seconds_behind < 5, "it has caught up", timeout_s=1800)
            caught_up_s = time.perf_counter() - began
            load.tell("again", f"caught up in {caught_up_s:.0f} s")
            after = load.phase("again", options.with_minutes)
            stop.set()
            steady.join()
            wait_until(lambda: lag(client, "bench").events_behind == 0, "nothing waits", timeout_s=300)
            missing = load.made[0] - _ended_in(url)
            stands = lag(client, "bench")
    print(f"\nbursts, jobs/s: {_spread(before)} before, {_spread(away)} without PostgreSQL, {_spread(after)} after")
    print(f"{waited:,} events waited after {options.minutes:g} minutes, caught up in {caught_up_s:.0f} s")
    dropped = f"{stands.dropped_events} events and {stands.dropped_jobs} jobs dropped"
    print(f"{load.made[0]:,} jobs made; {missing} missing in history; {dropped}")
    return 1 if missing or stands.dropped_events else 0


def _consumer() -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-c", CONSUMER, "tests.bench.jobs.recorded", "-w", "8", "-q", "-n"]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


@contextmanager
def _ended(process: "subprocess.Popen[bytes]") -> Iterator[None]:
    try:
        yield
    finally:
        process.terminate()
        process.wait()


def _ended_in(url: str) -> int:
    with connect(url).session() as session:
        ((count,),) = session.rows("SELECT count(*) FROM jobs WHERE state = 'succeeded'")
    return int(count)


def _spread(values: Sequence[float]) -> str:
    return f"{statistics.median(values):.0f} ({min(values):.0f} to {max(values):.0f})"
