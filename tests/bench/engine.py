"""No-op jobs through stock ``PriorityRedisHuey`` and through Dewey, in turn, on one Redis, in one run.

Stock Huey records nothing: no attempt, no lease, no log, no event. The ratio is Dewey's jobs per second over stock's;
above 1 Dewey is the faster one. Each round runs both, so that noise of the machine falls on both.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence

import redis

from tests.servers import redis_server, wait_until

CONSUMER = "from huey.bin.huey_consumer import consumer_main; consumer_main()"


def main(arguments: Sequence[str]) -> int:
    """Print a table of jobs per second and ratios."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench engine", description=__doc__)
    parser.add_argument("--jobs", type=int, default=3_000, help="jobs per measurement")
    parser.add_argument("--rounds", type=int, default=3, help="how often both are measured")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 8], help="thread workers of the consumer")
    options = parser.parse_args(arguments)
    with redis_server() as server:
        os.environ["BENCH_REDIS_URL"] = server.url
        client = redis.Redis.from_url(server.url)
        print(f"{options.jobs} no-op jobs, median of {options.rounds} rounds, jobs per second")
        print(f"{'':<22}{'stock':>10}{'dewey':>10}{'ratio':>8}")
        _report("enqueue, one by one", options.rounds, _enqueue(client, options.jobs))
        _report("enqueue, by map()", options.rounds, _enqueue(client, options.jobs, together=True))
        for workers in options.workers:
            _report(f"consume, {workers} threads", options.rounds, _consume(client, options.jobs, workers))
        client.close()
    return 0


def _report(name: str, rounds: int, measure: Callable[[str], float]) -> None:
    pairs = [(measure("stock"), measure("dewey")) for _ in range(rounds)]
    stock, dewey = (statistics.median(pair[side] for pair in pairs) for side in (0, 1))
    ratio = statistics.median(pair[1] / pair[0] for pair in pairs)
    print(f"{name:<22}{stock:>10.0f}{dewey:>10.0f}{ratio:>7.2f}x", flush=True)


def _enqueue(client: "redis.Redis", jobs: int, *, together: bool = False) -> Callable[[str], float]:
    def measure(engine: str) -> float:
        from tests.bench import jobs as applications  # noqa: PLC0415 - reads the address from the environment

        client.flushall()
        task = getattr(applications, f"{engine}_noop")
        start = time.perf_counter()
        if together:
            task.map(range(jobs))
        else:
            for number in range(jobs):
                task(number)
        return jobs / (time.perf_counter() - start)

    return measure


def _consume(client: "redis.Redis", jobs: int, workers: int) -> Callable[[str], float]:
    def measure(engine: str) -> float:
        from tests.bench import jobs as applications  # noqa: PLC0415 - as above

        client.flushall()
        task, huey = getattr(applications, f"{engine}_noop"), getattr(applications, engine)
        for number in range(jobs):
            task(number)
        command = [sys.executable, "-c", CONSUMER, f"tests.bench.jobs.{engine}", "-w", str(workers), "-q", "-n"]
        consumer = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            wait_until(lambda: len(huey) < jobs, "the first job", timeout_s=30)
            begun, start = len(huey), time.perf_counter()
            wait_until(lambda: len(huey) == 0, "the last job", timeout_s=300)
            return begun / (time.perf_counter() - start)
        finally:
            consumer.terminate()
            consumer.wait()

    return measure
