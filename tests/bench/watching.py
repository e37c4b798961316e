"""What a console that watches costs the consumer that it watches: jobs per second with it and without, paired.

One consumer works on a backlog without a pause while one console has a screen open in a pseudo-terminal. Time is cut
into slices of two seconds or so, two of them a pair: in one the console runs, in the other it is stopped (SIGSTOP), in
random order. A slice's first moments are cut off, in which a console that goes on catches up. What is told is the
median of the pairs' ratios (jobs that went from the queue in a slice with the console over those without), with a
bootstrap interval that holds 95 of 100: a machine that is slower for a minute slows both slices of a pair, where two
runs of a minute each differ by more than the console costs. Nothing is enqueued while a slice runs; the backlog is
filled up between pairs. ``--work-us`` lets each job compute for so long: jobs of none at all are the worst case, for
each of them is a round trip and little else. The same is told of the processor time that consumer and Redis spend on a
job, which other work on the machine disturbs less.

A ratio that includes 1 says that no effect was seen, not that there is none; it is shown to be less than 2 % when the
whole interval is above 0.98. Next to it stands what the console takes itself: processor time of its process while it
runs, and the time that Redis spends on its commands, measured with the consumer gone.
"""

import argparse
import os
import random
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import redis

from tests.bench.console import CONSUMER, STARTS, Bench, servers
from tests.bench.cpu import used_s
from tests.bench.painted import ROOT, PaintedConsole
from tests.servers import wait_until

RESAMPLES: Final = 10_000
FASTEST: Final = 5_000
"""Jobs a second that a consumer might do, before it is known how many it does."""
CELLS: Final = (10, 8, 16, 26, 26, 17, 10, 6)
"""Widths of the table's columns."""
ASKED_S: Final = 5.0
"""How long Redis is watched for what the console alone asks."""


@dataclass(frozen=True, slots=True)
class Slice:
    """What happened in a slice: jobs that went, how long it was, and the processor time of the console, and of consumer
    and Redis together."""

    jobs: int
    seconds: float
    own_s: float
    worked_s: float

    @property
    def rate(self) -> float:
        """Jobs per second."""
        return self.jobs / self.seconds


@dataclass(frozen=True, slots=True)
class Pair:
    """Two slices next to each other, with the console and without."""

    watched: Slice
    unwatched: Slice

    @property
    def ratio(self) -> float:
        """Jobs per second with the console over those without."""
        return self.watched.rate / self.unwatched.rate

    @property
    def cost(self) -> float:
        """Processor time of consumer and Redis per job with the console over that without."""
        with_it, without = (one.worked_s / one.jobs for one in (self.watched, self.unwatched))
        return with_it / without


def main(arguments: Sequence[str]) -> int:
    """Print a line for each screen and each length of a job."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench watching", description=__doc__)
    parser.add_argument("--screens", nargs="+", default=list(STARTS), choices=list(STARTS), help="what it watches on")
    parser.add_argument("--work-us", type=int, nargs="+", default=[0, 2_000], help="what each job computes")
    parser.add_argument("--pairs", type=int, default=30, help="of slices, for each screen and length of a job")
    parser.add_argument("--slice-s", type=float, default=2.0, help="how long a slice is, without what is cut off")
    parser.add_argument("--cut-s", type=float, default=0.5, help="what is cut off at the beginning of a slice")
    parser.add_argument("--workers", type=int, default=4, help="threads of the consumer")
    parser.add_argument("--jobs", type=int, default=5_000, help="recorded jobs, for the list of jobs to show")
    options = parser.parse_args(arguments)
    with servers(options) as bench:
        print(f"{options.pairs} pairs of {options.slice_s:g} s; {os.cpu_count()} cores")
        names = "", "a job", "jobs/s without", "with / without", "processor per job", "console", "of Redis", "load"
        print("".join(f"{name:>{cells}}" for name, cells in zip(names, CELLS, strict=True)), flush=True)
        for work_us in options.work_us:
            for screen in options.screens:
                print(_watched(bench, screen, work_us), flush=True)
    return 0


def _watched(bench: Bench, screen: str, work_us: int) -> str:
    from tests.bench import jobs as applications  # noqa: PLC0415 - reads the address from the environment

    options = bench.options
    bench.client.flushall()
    applications.dewey_job.map([work_us] * FASTEST)
    with _consumer(options.workers) as consumer, PaintedConsole(bench.environment, screen) as console:
        console.until(b"default")
        console.watch(3)
        redis_pid = bench.client.info("server")["process_id"]
        pairs = list(_pairs(bench.options, console, (consumer.pid, redis_pid), work_us))
        consumer.terminate()
        consumer.wait()
        asked = _asked(bench.client, console)
    own = sum(pair.watched.own_s for pair in pairs) / sum(pair.watched.seconds for pair in pairs)
    without = statistics.median(pair.unwatched.rate for pair in pairs)
    cells = (
        screen,
        f"{work_us / 1_000:g} ms",
        f"{without:,.0f}",
        _said([pair.ratio for pair in pairs]),
        _said([pair.cost for pair in pairs]),
        f"{own:.1%} of a core",
        f"{asked:.2%}",
        f"{os.getloadavg()[0]:.1f}",
    )
    return "".join(f"{cell:>{wide}}" for cell, wide in zip(cells, CELLS, strict=True))


def _said(ratios: Sequence[float]) -> str:
    low, high = interval(ratios)
    return f"{statistics.median(ratios):.3f} ({low:.3f} to {high:.3f})"


def interval(ratios: Sequence[float], resamples: int = RESAMPLES) -> tuple[float, float]:
    """Return the bootstrap's interval of 95 of 100 around the median; the same ratios have the same one."""
    chance = random.Random(0)
    medians = sorted(statistics.median(chance.choices(ratios, k=len(ratios))) for _ in range(resamples))
    return medians[int(resamples * 0.025)], medians[int(resamples * 0.975) - 1]


def _pairs(
    options: argparse.Namespace, console: PaintedConsole, workers: tuple[int, ...], work_us: int
) -> Iterator[Pair]:
    from tests.bench import jobs as applications  # noqa: PLC0415 - as above

    chance = random.Random(0)
    fastest = min(FASTEST, 1e6 / work_us) if work_us else FASTEST  # one process computes one job at a time
    needed = int(1.5 * fastest * 2 * (options.slice_s + options.cut_s))
    try:
        for _ in range(options.pairs):
            missing = needed - len(applications.dewey)
            if missing > 0:
                applications.dewey_job.map([work_us] * missing)
            found: dict[bool, Slice] = {}
            for is_watched in chance.sample((True, False), 2):
                console.child.send_signal(signal.SIGCONT if is_watched else signal.SIGSTOP)
                found[is_watched] = _slice(console, workers, options)
            yield Pair(found[True], found[False])
    finally:
        console.child.send_signal(signal.SIGCONT)


def _slice(console: PaintedConsole, workers: tuple[int, ...], options: argparse.Namespace) -> Slice:
    from tests.bench import jobs as applications  # noqa: PLC0415 - as above

    console.watch(options.cut_s)
    console.painted = b""
    pids = console.child.pid, *workers
    waited, begun_s, used = len(applications.dewey), time.perf_counter(), [used_s(pid) for pid in pids]
    console.watch(options.slice_s)
    left, ended_s = len(applications.dewey), time.perf_counter()
    assert left, "the backlog was empty before the slice was over"
    own_s, *worked_s = (used_s(pid) - before_s for pid, before_s in zip(pids, used, strict=True))
    return Slice(waited - left, ended_s - begun_s, own_s, sum(worked_s))


def _asked(client: "redis.Redis", console: PaintedConsole) -> float:
    """Return which part of its time Redis spends on the commands of the console, which is alone with it."""
    before_us, begun_s = _spent_us(client), time.perf_counter()
    console.watch(ASKED_S)
    return (_spent_us(client) - before_us) / 1e6 / (time.perf_counter() - begun_s)


def _spent_us(client: "redis.Redis") -> float:
    """Microseconds of all commands so far, but of this one."""
    found = client.info("commandstats")
    return sum(float(one["usec"]) for name, one in found.items() if name != "cmdstat_info")


@contextmanager
def _consumer(workers: int) -> Iterator["subprocess.Popen[bytes]"]:
    """A consumer while in the block, which has begun to work."""
    from tests.bench import jobs as applications  # noqa: PLC0415 - as above

    waiting = len(applications.dewey)
    command = [sys.executable, "-c", CONSUMER, "tests.bench.jobs.dewey", "-w", str(workers), "-q", "-n"]
    consumer = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: len(applications.dewey) < waiting, "the first jobs", timeout_s=60)
        yield consumer
    finally:
        if consumer.poll() is None:
            consumer.terminate()
        consumer.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
