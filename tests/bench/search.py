"""Filters over a month of jobs: how long the first page, a deep page and the capped count take, and by which plans.

The first pages are asked on one open connection, as a console does; "cold" is the same on a connection of its own, as a
command does. A page has 100 jobs. Times are of the whole call, in ms.
"""

import argparse
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

from storage.database import migrations
from storage.database.connection import connect
from storage.history import jobs
from storage.history.filters import Filter
from storage.history.query import parse
from storage.history.walking import Place
from tests.bench import population
from tests.bench.plans import WatchedDatabase
from tests.servers import postgres_server

SINGLE = (
    *("state:succeeded", "state:dead", "state:retrying", "state:running", "state:dead,canceled", "-state:succeeded"),
    *("queue:email", "queue:rare", "queue:nowhere", "-queue:email", "task:order", "task:review", "host:w4-spot"),
    *("worker:w2:1011", "worker:w2:1001", "attempt:>=3", "attempt:1", "attempt:>=30", "dur:>5s", "dur:>60s"),
    *(
        "dur:<1ms",
        "wait:>1m",
        "wait:<1ms",
        "age:<1h",
        "age:>20d",
        "at:2026-11-05",
        "id:3f2a",
        "parent:3f2a",
        "parent:*",
    ),
    *("err:no", "err:*"),
    *("unique:shop.orders.confirm_order:ada:77", "group:0", "group:a", "err:Timeout", "err:diskfull", "err:nothing"),
    *("args.user_id:4242", "args.order.id:770077", "args.path:/uploads/ada/7.pdf", "args.user_id:none"),
    *("ada", "ada4242@example.org", "nothing", 'log:"attempt 2 failed"', 'log:"DiskFullError"', 'log:"on 4242 things"'),
)
COMBINED = (
    *("state:dead err:Timeout -queue:email last:24h", "state:dead err:Timeout -queue:email", "queue:email dur:>5s"),
    *("(err:diskfull OR queue:rare) -host:w1", "state:dead ada", "task:order args.user_id:4242 state:succeeded"),
    *("queue:reports wait:>1m attempt:>=2", "-ada state:canceled", "ada OR grace"),
)
DEEP_DAYS = 17
ROUNDS = 15


@dataclass(frozen=True, slots=True)
class Timed:
    """Times of one question, sorted, in ms."""

    ms: tuple[float, ...]

    @property
    def p50(self) -> float:
        return self.ms[len(self.ms) // 2]

    @property
    def p95(self) -> float:
        return self.ms[min(len(self.ms) - 1, int(len(self.ms) * 0.95))]

    def __str__(self) -> str:
        return f"{self.p50:7.1f}{self.p95:7.1f}"


def main(arguments: Sequence[str]) -> int:
    """Print a line for each filter; answers 1 when a plan reads whole days for a filter of one field."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench search", description=__doc__)
    parser.add_argument("--jobs", type=int, default=1_000_000, help="jobs over 30 days")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="how often each question is asked")
    options = parser.parse_args(arguments)
    with postgres_server() as server:
        url = server.url_of("postgres")
        migrations.apply(url)
        begun_s = time.perf_counter()
        made = population.fill(connect(url), options.jobs)
        print(f"{made.jobs:,} jobs, {made.attempts:,} attempts, {made.logs:,} lines", end="; ")
        print(f"made in {time.perf_counter() - begun_s:.0f} s; {datetime.now(UTC):%Y-%m-%d}; ms at p50 and p95")
        return report(url, options.rounds)


def report(url: str, rounds: int) -> int:
    """Ask everything, and print it."""
    database, watched = connect(url), WatchedDatabase(url)
    print(f"{'filter':<50}{'first page':>14}{'deep page':>14}{'count':>14}{'cold':>7}  matches  reads whole days")
    wrong, pages = 0, list[float]()
    for text in (*SINGLE, *COMBINED):
        asked = parse(text, now=population.END_AT, zone=UTC)
        search, deeper, count = (
            partial(jobs.search, database, asked),
            deep_place(),
            partial(jobs.count, database, asked),
        )
        with database.session():
            first, deep = timed(search, rounds), timed(partial(search, deeper), rounds)
            counted, matches = timed(count, max(3, rounds // 3)), count()
        cold = timed(search, 3)
        readings = readings_of(watched, asked)
        # The jobs of many log lines are found among all of that time, by key.
        wrong += text in SINGLE and any("Seq Scan" in one or not text.startswith("log:") for one in readings)
        pages += [first.p95, deep.p95]
        print(f"{text:<50}{first}{deep}{counted}{cold.p50:7.1f}  {matches!s:>7}  {len(readings) or ''}", flush=True)
    slow = sum(one >= 50 for one in pages)
    print(f"{len(pages) - slow} of {len(pages)} pages take less than 50 ms at p95; the slowest {max(pages):.0f} ms")
    return 1 if wrong else 0


def deep_place() -> str:
    """Where a reader is who has paged back for more than half of the month."""
    return str(Place(population.END_AT - timedelta(days=DEEP_DAYS), "8"))


def readings_of(watched: WatchedDatabase, asked: Filter) -> list[str]:
    """What is read from end to end for the first page, a deep one, and the count."""
    with watched.session():
        watched.asked.clear()
        jobs.search(watched, asked)
        jobs.search(watched, asked, deep_place())
        jobs.count(watched, asked)
        return watched.readings()


def timed(ask: Callable[[], object], rounds: int) -> Timed:
    """How long it takes, after one time that does not count."""
    ask()
    return Timed(tuple(sorted(_times(ask, rounds))))


def _times(ask: Callable[[], object], rounds: int) -> Iterator[float]:
    for _ in range(rounds):
        begun_s = time.perf_counter()
        ask()
        yield (time.perf_counter() - begun_s) * 1_000
