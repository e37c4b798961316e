"""What recording costs: the recorder alone against what one consumer produces, and jobs end to end with and without it.

End to end: one process calls tasks, one by one, while a consumer runs them. Over a backlog: all of them wait already,
which is worse, as history writes each of them twice, once while it waits. All on one Redis and a PostgreSQL that waits
for its disk as in production, with every index that history has. Each round runs all, so that noise of the machine
falls on all. No-op jobs: the least work there is to record anything of. Processor time is given too, in µs per job and
by process: it tells what bounds what, whoever else uses the machine.
"""

import argparse
import os
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
from storage.broker.inspector import Inspector
from storage.database import migrations
from storage.database.connection import Database, connect
from storage.history.lag import lag
from storage.servers.postgres import PostgresServer
from tasks.engine.assignment import Assignment
from tasks.engine.recorder_process import prepare, recorder_of
from tests.bench.cpu import descendants, used_s
from tests.servers import redis_server, running, short_directory, wait_until

CONSUMER = "from huey.bin.huey_consumer import consumer_main; consumer_main()"
ENDED = ("succeeded", "dead", "canceled")


@dataclass(frozen=True, slots=True)
class Bench:
    """The servers, how many jobs to a measurement, and how long each job computes."""

    client: "redis.Redis"
    redis_url: str
    redis_pid: int
    database_url: str
    database: Database
    postgres_pid: int
    jobs: int
    workers: int
    work_us: int


@dataclass(frozen=True, slots=True)
class Cost:
    """Jobs per second, and µs of processor time per job: of the caller, consumer, recorder, Redis and PostgreSQL."""

    per_s: float
    caller_us: float
    consumer_us: float
    recorder_us: float
    redis_us: float
    postgres_us: float
    behind: int = 0

    @classmethod
    def of(cls, jobs: int, spent_s: float, used: Sequence[float], until: Sequence[float], behind: int = 0) -> "Cost":
        """What so many jobs took, from the processor seconds used before and after."""
        parts = [(b - a) / jobs * 1e6 for a, b in zip(used, until, strict=True)]
        caller, consumer, recorder, redis, postgres = parts
        return cls(jobs / spent_s, caller, consumer, recorder, redis, postgres, behind)

    def __str__(self) -> str:
        parts = [self.caller_us, self.consumer_us, self.recorder_us, self.redis_us, self.postgres_us]
        parts.append(sum(parts))
        return f"{self.per_s:>8.0f}" + "".join(f"{part:>12.0f}" for part in parts) + f"{self.behind:>10}"


@dataclass(frozen=True, slots=True)
class Round:
    """What was measured side by side, as jobs per second: end to end, over a backlog, and the recorder alone."""

    without: float
    with_it: float
    backlog_without: float
    backlog_with_it: float
    alone: float


def main(arguments: Sequence[str]) -> int:
    """Print a table of jobs per second, processor time and ratios."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench history", description=__doc__)
    parser.add_argument("--jobs", type=int, default=10_000, help="jobs per measurement, at most 20000")
    parser.add_argument("--rounds", type=int, default=3, help="how often each is measured")
    parser.add_argument("--workers", type=int, default=8, help="thread workers of the consumer")
    parser.add_argument("--work-us", type=int, default=0, help="how long each job computes, in µs")
    options = parser.parse_args(arguments)
    prepare()  # this process is the recorder when it runs alone
    print(
        f"{options.jobs} jobs that compute {options.work_us} µs, {options.workers} thread workers; µs of processor time"
    )
    head = "".join(f"{name:>12}" for name in ("caller", "consumer", "recorder", "redis", "postgres", "all"))
    print(f"{'':<26}{'jobs/s':>8}{head}{'behind':>10}", flush=True)
    with _servers(options) as bench:
        rounds = [_round(bench, number) for number in range(options.rounds)]
        _explain(bench.database)
    drains = sorted(one.alone / one.backlog_without for one in rounds)
    loses = sorted(1 - one.with_it / one.without for one in rounds)
    backlog = sorted(1 - one.backlog_with_it / one.backlog_without for one in rounds)
    print(f"recorder alone / consumer           {_spread(drains, '{:.1f}x')}   (aim: 4x)")
    print(f"lost with the recorder, end to end  {_spread(loses, '{:.0%}')}   (aim: less than 10 %)")
    print(f"the same over a backlog             {_spread(backlog, '{:.0%}')}")
    return 0


def _spread(values: Sequence[float], form: str) -> str:
    words = [form.format(one) for one in (statistics.median(values), values[0], values[-1])]
    return f"{words[0]} ({words[1]} to {words[2]})"


@contextmanager
def _servers(options: argparse.Namespace) -> Iterator[Bench]:
    with short_directory() as directory, redis_server() as redis_at:
        server = PostgresServer(directory / "postgres", directory / "run", durable=True)
        with running(server, directory / "postgres.log") as postgres_pid:
            url = server.url_of("postgres")
            migrations.apply(url)
            os.environ |= {"BENCH_REDIS_URL": redis_at.url, "BENCH_DATABASE_URL": url}
            client = connect_redis(redis_at.url)
            redis_pid = client.info("server")["process_id"]
            yield Bench(
                *(client, redis_at.url, redis_pid, url, connect(url), postgres_pid),
                *(options.jobs, options.workers, options.work_us),
            )
            client.close()


def _round(bench: Bench, number: int) -> Round:
    engines = ("dewey", "recorded") if number % 2 else ("recorded", "dewey")  # what drifts falls on both
    end_to_end = {engine: _end_to_end(bench, engine) for engine in engines}
    backlog = {"recorded": _backlog(bench, "recorded"), "dewey": _backlog(bench, "dewey")}
    alone = _drain(bench)
    found = {
        "end to end, without": end_to_end["dewey"],
        "end to end, with": end_to_end["recorded"],
        "backlog, without": backlog["dewey"],
        "backlog, with": backlog["recorded"],
        "recorder alone": alone,
    }
    for name, cost in found.items():
        print(f"{name:<26}{cost}", flush=True)
    return Round(*(cost.per_s for cost in found.values()))


def _end_to_end(bench: Bench, engine: str) -> Cost:
    """From the first call to the last job's end; a consumer runs jobs all the while."""
    _, task = _application(bench, engine)
    inspector = Inspector(bench.client, "bench")
    with _consumer(bench, engine) as pid:
        task(0)
        wait_until(lambda: inspector.count(["succeeded"]) == 1, "the consumer to be ready", timeout_s=60)
        start, used = time.perf_counter(), _used_s(bench, pid)
        for _ in range(bench.jobs):
            task(bench.work_us)
        wait_until(lambda: inspector.count(["queued", "running"]) == 0, "the last job", timeout_s=600)
        spent, until = time.perf_counter() - start, _used_s(bench, pid)
        cost = Cost.of(bench.jobs, spent, used, until, _behind(bench, engine))
    _await_history(bench)
    return cost


def _backlog(bench: Bench, engine: str) -> Cost:
    """One consumer over a full queue."""
    huey, task = _application(bench, engine)
    for _ in range(bench.jobs):
        task(bench.work_us)
    with _consumer(bench, engine) as pid:
        wait_until(lambda: len(huey) < bench.jobs * 0.9, "the first jobs", timeout_s=60)
        begun, start, used = len(huey), time.perf_counter(), _used_s(bench, pid)
        wait_until(lambda: len(huey) == 0, "the last job", timeout_s=600)
        spent, until = time.perf_counter() - start, _used_s(bench, pid)
        cost = Cost.of(begun, spent, used, until, _behind(bench, engine))
    if engine == "recorded":
        _await_history(bench)
    return cost


def _application(bench: Bench, engine: str):  # type: ignore[no-untyped-def]  # a Huey and its task, which have no types
    from tests.bench import jobs as applications  # noqa: PLC0415 - reads the addresses from the environment

    bench.client.flushall()
    first = _recorder(bench)  # from now on everything waits for a recorder, and there is nothing from before
    while lag(bench.client, "bench").is_walking or not lag(bench.client, "bench").exists:
        first.step()
    first._stream.leave()
    return getattr(applications, engine), getattr(applications, f"{engine}_job")


@contextmanager
def _consumer(bench: Bench, engine: str) -> Iterator[int]:
    """A consumer's pid; with its recorder at work, if it has one."""
    command = [sys.executable, "-c", CONSUMER, f"tests.bench.jobs.{engine}", "-w", str(bench.workers), "-q", "-n"]
    consumer = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        if engine == "recorded":
            wait_until(lambda: lag(bench.client, "bench").leader != "", "a recorder leads", timeout_s=60)
        yield consumer.pid
    finally:
        consumer.terminate()
        consumer.wait()


def _behind(bench: Bench, engine: str) -> int:
    return lag(bench.client, "bench").events_behind if engine == "recorded" else 0


def _used_s(bench: Bench, consumer_pid: int) -> tuple[float, ...]:
    """Processor seconds so far of the caller, the consumer, its recorder, Redis and PostgreSQL."""
    below = sum(used_s(pid) for pid in set(descendants(consumer_pid)))
    consumer = used_s(consumer_pid) - below
    return time.process_time(), consumer, below, used_s(bench.redis_pid), used_s(bench.postgres_pid)


def _drain(bench: Bench) -> Cost:
    """The recorder over everything that one consumer left behind; on one open connection, as it has in production."""
    recorder = _recorder(bench)
    with recorder._database.session():
        used, start = _alone_s(bench), time.perf_counter()
        while recorder.step():
            pass
        spent, until = time.perf_counter() - start, _alone_s(bench)
    recorder._stream.leave()
    return Cost.of(bench.jobs, spent, used, until)


def _alone_s(bench: Bench) -> tuple[float, ...]:
    return 0.0, 0.0, time.process_time(), used_s(bench.redis_pid), used_s(bench.postgres_pid)


def _await_history(bench: Bench) -> None:
    recorder = _recorder(bench)
    bench.client.hset(Broker(bench.client, "bench").keys.recording, "until", 0)
    while recorder.step():
        pass
    recorder._stream.leave()


def _recorder(bench: Bench):  # type: ignore[no-untyped-def]  # a Recorder
    return recorder_of(Assignment(bench.redis_url, bench.database_url, "bench"))


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
