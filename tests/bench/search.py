"""Filters over a month of jobs: how long the first page, a deep page and the capped count take, and by which plans.

The first pages are asked on one open connection, as a console does; "cold" is the same on a connection of its own, as a
command does. A page has 100 jobs. Times are of the whole call, in ms; "cpu" is what of it was processor time, of this
process and of PostgreSQL's: what the call takes on a machine that does nothing else, whoever uses it now.
"""

import argparse
import statistics
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
from tests.bench.cpu import own_ms
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
    """Times of one question, sorted, in ms, and the median of its processor time."""

    ms: tuple[float, ...]
    cpu_ms: float

    @property
    def p50(self) -> float:
        return self.ms[len(self.ms) // 2]

    @property
    def p95(self) -> float:
        return self.ms[min(len(self.ms) - 1, int(len(self.ms) * 0.95))]

    def __str__(self) -> str:
        return f"{self.p50:7.1f}{self.p95:7.1f}{self.cpu_ms:6.1f}"


def main(arguments: Sequence[str]) -> int:
    """Print a line for each filter; answers 1 when a plan reads whole days for a filter of one field."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench search", description=__doc__)
    parser.add_argument("--jobs", type=int, default=1_000_000, help="jobs over 30 days")
    parser.add_argument("--times", type=int, default=1, help="how many times each of them is there")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="how often each question is asked")
    options = parser.parse_args(arguments)
    with postgres_server() as server:
        url = server.url_of("postgres")
        migrations.apply(url)
        begun_s = time.perf_counter()
        made = population.multiply(connect(url), population.fill(connect(url), options.jobs), options.times)
        print(f"{made.jobs:,} jobs, {made.attempts:,} attempts, {made.logs:,} lines", end="; ")
        print(f"made in {time.perf_counter() - begun_s:.0f} s; {datetime.now(UTC):%Y-%m-%d}; ms at p50 and p95")
        return report(url, options.rounds)


def report(url: str, rounds: int) -> int:
    """Ask everything, and print it."""
    database, watched = connect(url), WatchedDatabase(url)
    heads = "".join(f"{name:>14}{'cpu':>6}" for name in ("first page", "deep page", "count"))
    print(f"{'filter':<50}{heads}{'cold':>7}  matches  reads whole days")
    wrong, pages, used = 0, list[float](), list[float]()
    for text in (*SINGLE, *COMBINED):
        asked = parse(text, now=population.END_AT, zone=UTC)
        search, deeper, count = (
            partial(jobs.search, database, asked),
            deep_place(),
            partial(jobs.count, database, asked),
        )
        with database.session() as session:
            ((pid,),) = session.rows("SELECT pg_backend_pid()")
            first, deep = timed(search, rounds, pid), timed(partial(search, deeper), rounds, pid)
            counted, matches = timed(count, max(3, rounds // 3), pid), count()
        cold = timed(search, 3, None)
        readings = readings_of(watched, asked)
        # The jobs of many log lines are found among all of that time, by key.
        wrong += text in SINGLE and any("Seq Scan" in one or not text.startswith("log:") for one in readings)
        pages += [first.p95, deep.p95]
        used += [first.cpu_ms, deep.cpu_ms]
        print(f"{text:<50}{first}{deep}{counted}{cold.p50:7.1f}  {matches!s:>7}  {len(readings) or ''}", flush=True)
    slow = sum(one >= 50 for one in pages)
    print(f"{len(pages) - slow} of {len(pages)} pages take less than 50 ms at p95; the slowest {max(pages):.0f} ms")
    busy = sum(one >= 50 for one in used)
    print(
        f"{len(used) - busy} of {len(used)} pages take less than 50 ms of processor time; the most {max(used):.0f} ms"
    )
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


def timed(ask: Callable[[], object], rounds: int, pid: int | None) -> Timed:
    """How long it takes, after one time that does not count; ``pid`` is PostgreSQL's process for this connection."""
    ask()
    found = list(_times(ask, rounds, pid))
    return Timed(tuple(sorted(wall_ms for wall_ms, _ in found)), statistics.median(cpu_ms for _, cpu_ms in found))


def _times(ask: Callable[[], object], rounds: int, pid: int | None) -> Iterator[tuple[float, float]]:
    for _ in range(rounds):
        begun_s, used_ms = time.perf_counter(), _used_ms(pid)
        ask()
        yield (time.perf_counter() - begun_s) * 1_000, _used_ms(pid) - used_ms


def _used_ms(pid: int | None) -> float:
    return time.thread_time() * 1_000 + (own_ms(pid) if pid is not None else 0.0)
