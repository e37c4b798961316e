"""What recording costs: the recorder alone against what one consumer produces, and a consumer with and without it.

All on one Redis and one PostgreSQL that waits for its disk as in production, with every index that history has. Each
round runs all, so that noise of the machine falls on all. No-op jobs: the least work there is to record anything of.
"""

import argparse
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import redis

from storage.broker.broker import Broker
from storage.broker.connection import connect as connect_redis
from storage.database import migrations
from storage.database.connection import Database, connect
from storage.history.lag import lag
from storage.servers.postgres import PostgresServer
from tasks.engine.assignment import Assignment
from tasks.engine.recorder_process import recorder_of
from tests.servers import redis_server, running, short_directory, wait_until

CONSUMER = "from huey.bin.huey_consumer import consumer_main; consumer_main()"
ENDED = ("succeeded", "dead", "canceled")


@dataclass(frozen=True, slots=True)
class Bench:
    """The servers, and how many jobs to a measurement."""

    client: "redis.Redis"
    redis_url: str
    database_url: str
    database: Database
    jobs: int
    workers: int


def main(arguments: Sequence[str]) -> int:
    """Print a table of jobs per second and ratios; the exit status says whether the aims were reached."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench history", description=__doc__)
    parser.add_argument("--jobs", type=int, default=10_000, help="jobs per measurement, at most 20000")
    parser.add_argument("--rounds", type=int, default=3, help="how often each is measured")
    parser.add_argument("--workers", type=int, default=8, help="thread workers of the consumer")
    options = parser.parse_args(arguments)
    with _servers(options.jobs, options.workers) as bench:
        rounds = [_round(bench, number) for number in range(options.rounds)]
        _explain(bench.database)
    print(f"\n{options.jobs} no-op jobs, {options.workers} thread workers, median of {options.rounds} rounds, jobs/s")
    names = ("consumer without recorder", "consumer with recorder", "recorder alone", "recorder alone, per CPU second")
    for name, values in zip(names, zip(*rounds, strict=True), strict=True):
        print(f"{name:<34}{statistics.median(values):>10.0f}")
    drains = statistics.median(one[2] / one[0] for one in rounds)
    loses = 1 - statistics.median(one[1] / one[0] for one in rounds)
    print(f"{'recorder alone / consumer':<34}{drains:>9.1f}x   (aim: 4x)")
    print(f"{'lost with the recorder':<34}{loses:>9.1%}    (aim: less than 10 %)")
    return 0


@contextmanager
def _servers(jobs: int, workers: int) -> Iterator[Bench]:
    with short_directory() as directory, redis_server() as redis_at:
        server = PostgresServer(directory / "postgres", directory / "run", durable=True)
        with running(server, directory / "postgres.log"):
            url = server.url_of("postgres")
            migrations.apply(url)
            os.environ |= {"BENCH_REDIS_URL": redis_at.url, "BENCH_DATABASE_URL": url}
            client = connect_redis(redis_at.url)
            yield Bench(client, redis_at.url, url, connect(url), jobs, workers)
            client.close()


def _round(bench: Bench, number: int) -> tuple[float, float, float, float]:
    without = _consume(bench, "dewey")
    alone, per_cpu = _drain(bench)
    with_it = _consume(bench, "recorded")
    behind = lag(bench.client, "bench").events_behind
    _await_history(bench)
    told = f"{without:.0f} without, {with_it:.0f} with ({behind} events behind at its end), {alone:.0f} recorder alone"
    print(f"round {number + 1}: {told}", flush=True)
    return without, with_it, alone, per_cpu


def _consume(bench: Bench, engine: str) -> float:
    """Jobs per second of one consumer over a full queue."""
    from tests.bench import jobs as applications  # noqa: PLC0415 - reads the addresses from the environment

    bench.client.flushall()
    huey, task = getattr(applications, engine), getattr(applications, f"{engine}_noop")
    first = _recorder(bench)  # from now on everything waits for a recorder, and there is nothing from before
    while lag(bench.client, "bench").is_walking or not lag(bench.client, "bench").exists:
        first.step()
    first._stream.leave()
    for number in range(bench.jobs):
        task(number)
    command = [sys.executable, "-c", CONSUMER, f"tests.bench.jobs.{engine}", "-w", str(bench.workers), "-q", "-n"]
    consumer = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        if engine == "recorded":
            wait_until(lambda: lag(bench.client, "bench").leader != "", "a recorder leads", timeout_s=60)
        wait_until(lambda: len(huey) < bench.jobs * 0.9, "the first jobs", timeout_s=60)
        begun, start = len(huey), time.perf_counter()
        wait_until(lambda: len(huey) == 0, "the last job", timeout_s=300)
        return begun / (time.perf_counter() - start)
    finally:
        consumer.terminate()
        consumer.wait()


def _drain(bench: Bench) -> tuple[float, float]:
    """Jobs per second of the recorder over everything that one consumer left behind."""
    recorder = _recorder(bench)
    cpu, start = _cpu_s(), time.perf_counter()
    while recorder.step():
        pass
    spent, cpu_s = time.perf_counter() - start, _cpu_s() - cpu
    recorder._stream.leave()
    return bench.jobs / spent, bench.jobs / cpu_s


def _await_history(bench: Bench) -> None:
    recorder = _recorder(bench)
    bench.client.hset(Broker(bench.client, "bench").keys.recording, "until", 0)
    while recorder.step():
        pass
    recorder._stream.leave()


def _recorder(bench: Bench):  # type: ignore[no-untyped-def]  # a Recorder
    return recorder_of(Assignment(bench.redis_url, bench.database_url, "bench"))


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _explain(database: Database) -> None:
    with database.session() as session:
        rows = session.rows("SELECT state, count(*) FROM jobs GROUP BY state")
        (size,) = session.rows(
            "SELECT sum(pg_total_relation_size(inhrelid)), sum(pg_relation_size(inhrelid)) FROM pg_inherits "
            "WHERE inhparent = 'jobs'::regclass"
        )
    count = sum(rows_of for _, rows_of in rows)
    print(f"history: {dict(rows)}; {size[0] / count:.0f} bytes per job, {size[1] / count:.0f} without indexes")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
