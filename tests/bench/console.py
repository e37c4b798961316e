"""The console against its budgets, in a pseudo-terminal of 120x40: a table of what was aimed at and what was measured.

Paints are timed from outside: from the key's byte to the first byte that comes back. A key is pressed when nothing was
painted for 30 ms; once in a while a poll's paint comes first and is taken for the key's, which makes few times shorter
and none longer. What a console costs the consumer that it watches is measured by `watching.py`.
"""

import argparse
import os
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import redis

from storage.broker.connection import connect as connect_redis
from storage.database import migrations
from storage.database.connection import connect
from tests.bench import population
from tests.bench.cpu import alone_s, used_s
from tests.bench.finishing import NAMESPACE
from tests.bench.painted import ROOT, PaintedConsole
from tests.servers import postgres_server, redis_server, short_directory

CONSUMER = "from huey.bin.huey_consumer import consumer_main; consumer_main()"
STARTS = {"overview": b"billing", "queues": b"billing", "jobs": b"succeeded"}
"""The screens whose first paint is timed, and what only their data has."""
OPENS = 30
"""How often a job is opened at least: the 95th of fewer would be the slowest of them."""
LINE = re.compile(rb"line (\d+) of an order")


@dataclass(frozen=True, slots=True)
class Bench:
    """The servers, and what to do with them."""

    client: "redis.Redis"
    redis_url: str
    environment: Mapping[str, str]
    options: argparse.Namespace


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the table; ``is_met`` None where there is no budget."""

    what: str
    budget: str
    measured: str
    is_met: bool | None

    def __str__(self) -> str:
        verdict = {True: "met", False: "MISSED", None: ""}[self.is_met]
        return f"{self.what:<46}{self.budget:>10}  {self.measured:<48}{verdict}"


def main(arguments: Sequence[str]) -> int:
    """Print the table; which parts, and how long each takes, can be said."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench console", description=__doc__)
    parser.add_argument("--jobs", type=int, default=50_000, help="recorded jobs (the budget's: 1000000)")
    parser.add_argument("--rounds", type=int, default=5, help="how often each first paint is measured")
    parser.add_argument("--keys", type=int, default=100, help="how often keys are pressed")
    parser.add_argument("--polls", type=int, default=3_600, help="polls of the memory's measurement; an hour has 3600")
    parser.add_argument("--parts", nargs="+", default=list(PARTS), choices=list(PARTS), help="what to measure")
    options = parser.parse_args(arguments)
    with servers(options) as bench:
        print(f"{'':<46}{'budget':>10}  {'measured':<44}", flush=True)
        for part in options.parts:
            try:
                for line in PARTS[part](bench):
                    print(line, flush=True)
            except AssertionError as error:  # the other parts are worth having
                print(f"{part} could not be measured: {error}", flush=True)
    print(f"load of the machine at the end: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    return 0


@contextmanager
def servers(options: argparse.Namespace) -> Iterator[Bench]:
    """A Redis, and a PostgreSQL with recorded jobs, while in the block."""
    with short_directory() as directory, redis_server() as redis_at, postgres_server() as server:
        url = server.url_of("postgres")
        migrations.apply(url)
        made = population.fill(connect(url), options.jobs, end_at=datetime.now(UTC))
        print(f"{made.jobs:,} jobs are recorded; {datetime.now(UTC):%Y-%m-%d}")
        told = {"REDIS_URL": redis_at.url, "DATABASE_URL": url, "DEWEY_HOME": str(directory / "home")}
        os.environ["BENCH_REDIS_URL"] = redis_at.url
        client = connect_redis(redis_at.url)
        yield Bench(client, redis_at.url, told | {"DEWEY_NAMESPACE": NAMESPACE}, options)
        client.close()


@contextmanager
def _load(bench: Bench, kind: str, rate: int) -> Iterator[list[float]]:
    """A load while in the block; afterwards the list has how many there were a second."""
    reached: list[float] = []
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.finishing", bench.redis_url, kind, str(rate)],
        cwd=ROOT, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    process.stdout.readline()
    try:
        yield reached
    finally:
        process.terminate()
        reached.append(float(process.stdout.readline() or 0))
        process.wait()


# -- the parts -------------------------------------------------------------------------------------------------


def _first_paint(bench: Bench) -> Iterator[Line]:
    with _load(bench, "jobs", 100):
        pass  # queues for the console to show
    with PaintedConsole(bench.environment) as console:
        console.until(b"billing")  # and its modules are compiled
    for start, data in STARTS.items():
        found = []
        for _ in range(bench.options.rounds):
            with PaintedConsole(bench.environment, start) as console:
                painted_s = console.until(data)
                up_s, loaded_s = console.told("up"), console.told("loaded")
                pid, load_used = console.child.pid, console.told("used")
                used = (alone_s(pid), load_used, used_s(pid) - alone_s(pid))
                found.append((painted_s - up_s, loaded_s - up_s, painted_s - loaded_s, *used))
        whole, loading, after, used, load_used, ahead = (
            statistics.median(one) * 1_000 for one in zip(*found, strict=True)
        )
        said = f"{whole:.0f} ms: {loading:.0f} to load modules, {after:.0f} after"
        yield Line(f"{start}: interpreter up to data on the screen", "300 ms", said, whole < 300)
        said = f"{used:.0f} ms: {load_used:.0f} to load modules, {used - load_used:.0f} after; {ahead:.0f} beside it"
        yield Line("  of that, processor time", "", said, None)


def _keys(bench: Bench) -> Iterator[Line]:
    for rate in (0, 2_000):
        with _load(bench, "jobs", rate or 1) as reached, PaintedConsole(bench.environment, "queues") as console:
            console.until(b"billing")
            console.watch(3)
            presses = bench.options.keys
            moves = [console.press(b"jk"[one % 2 : one % 2 + 1]) for one in range(presses)]
            for key in b"12378":  # the first time of each makes its screen
                console.press(bytes([key]))
                console.watch(0.5)
            goes = [console.press(b"12378"[one % 5 : one % 5 + 1]) for one in range(presses // 2)]
            console.watch(1)
            console.press(b"3", b"every job")
            opens = []
            wholes = []
            for _ in range(max(OPENS, presses // 2)):
                console.watch(0.5)
                opens.append(console.press(b"\r", b"Summary"))
                wholes.append(opens[-1] + console.wait_for(b"Arguments"))
                console.watch(0.5)
                console.press(b"\x1b")
        said = f"{reached[0]:,.0f} jobs/s end" if rate else "nothing happens"
        for name, times in (("j k", moves), ("1 2 3 7 8", goes), ("enter, a job", opens)):
            yield _pressed(f"key to paint, {name}; {said}", times)
        yield replace(_pressed(f"enter, until the job is there; {said}", wholes), budget="", is_met=None)


def _pressed(what: str, times: list[float]) -> Line:
    ms = sorted(one * 1_000 for one in times)
    p50, p95 = ms[len(ms) // 2], ms[min(len(ms) - 1, int(len(ms) * 0.95))]
    return Line(what, "50 ms p95", f"p50 {p50:.0f} ms, p95 {p95:.0f} ms, of {len(ms)}", p95 < 50)


def _tail(bench: Bench) -> Iterator[Line]:
    with _load(bench, "lines", 10_000) as reached, PaintedConsole(bench.environment, "logs") as console:
        console.until(b"of an order")
        console.watch(2)
        console.painted = b""
        begun_s = time.monotonic()
        console.watch(8)
        shown = [int(number) for number in LINE.findall(console.painted)]
        pace = (max(shown) - min(shown)) / (time.monotonic() - begun_s)
        paints = len(set(shown))
        follows = [console.press(b"f") for _ in range(bench.options.keys // 2)]
    said = f"follows {pace:,.0f} lines/s, draws {paints / 8:,.0f} of them a second"
    yield Line(
        f"log tail; {reached[0]:,.0f} lines/s are logged", "10,000/s", said, pace > 0.95 * min(10_000, reached[0])
    )
    yield _pressed("key to paint, f, meanwhile", follows)


def _memory(bench: Bench) -> Iterator[Line]:
    polls, sizes = bench.options.polls, list[float]()
    with _load(bench, "jobs", 200), PaintedConsole(bench.environment, "queues", refresh_s=0.01) as console:
        console.until(b"billing")
        first_mib, next_screen = console.rss_mib, 0
        while (heard := console.told("heard")) < polls:
            if heard >= len(sizes) * polls / 12:
                sizes.append(console.rss_mib)
                os.write(console._master, b"123456789"[next_screen % 9 :][:1])
                next_screen += 1
            console.watch(0.2)
        last_mib = console.rss_mib
    half = sizes[len(sizes) // 2]
    growth = (last_mib - half) / (polls / 2) * 1_000
    said = f"{last_mib:.0f} MiB after {polls:,} polls of all screens, {first_mib:.0f} at first"
    yield Line("memory after an hour's polls", "150 MB", said, last_mib * 1.048576 < 150)
    yield Line("growth of memory in the second half", "", f"{growth:+.1f} MiB per 1,000 polls", None)


PARTS: dict[str, Callable[[Bench], Iterator[Line]]] = {
    "paint": _first_paint,
    "keys": _keys,
    "tail": _tail,
    "memory": _memory,
}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
