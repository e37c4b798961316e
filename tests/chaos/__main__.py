"""Runs the matrix and prints the table: ``python -m tests.chaos [--full] [--only G1,G2] [--seed N] …``."""

import argparse
import signal
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import redis

from tests.chaos.matrix import MATRIX, Size, Trial
from tests.chaos.report import Row, summed, table
from tests.servers import redis_server


def main(arguments: Sequence[str]) -> int:
    """Run what was asked for; 1 when a promise did not hold."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--full", action="store_true", help="all counts that the promises name: some hours")
    parser.add_argument("--only", default="", help="promises, as G1,G2, or names of trials")
    parser.add_argument("--seed", type=int, default=1, help="the same seed makes the same storm")
    parser.add_argument("--minutes", type=float, default=0, help="go on with further seeds for so long")
    parser.add_argument("--count", type=int, default=0, help="run the chosen trials with this count of theirs")
    parser.add_argument("--list", action="store_true", help="say which trials there are")
    options = parser.parse_args(arguments)
    size: Size = "full" if options.full else "short"
    wanted = {word for word in options.only.split(",") if word}
    chosen = [one for one in MATRIX if not wanted or {one.promise, one.name} & wanted]
    trials = [one for one in chosen if one.has(size) or options.count]
    if options.list or not trials:
        print("\n".join(f"{one.promise:<5}{one.name}" for one in MATRIX))
        return 0 if options.list else 2
    return _report(trials, size, options)


def _report(trials: Sequence[Trial], size: Size, options: argparse.Namespace) -> int:
    seed: int = options.seed
    begun_at = datetime.now(UTC)
    rows: list[Row] = []
    last = seed
    with redis_server() as server:
        client = redis.Redis.from_url(server.url)
        version = client.info("server")["redis_version"]
        start = time.monotonic()
        while True:
            for trial in trials:
                rows.append(_row(trial, lambda: trial.row(size, last, server.url, options.count), last))  # noqa: B023
                client.flushall()
            if time.monotonic() - start >= options.minutes * 60:
                break
            last += 1
        took_s = time.monotonic() - start
        client.close()
    found = summed(rows)
    seeds = f"seed {seed}" if last == seed else f"seeds {seed} to {last}"
    print(f"\n{seeds}, size {size}, {begun_at:%Y-%m-%d %H:%M} UTC, {took_s:.0f} s, Redis {version}\n\n{table(found)}")
    return 0 if all(row.held for row in found) else 1


def _row(trial: Trial, run: Callable[[], Row], seed: int) -> Row:
    start = time.monotonic()
    try:
        row = run()
    except Exception as error:
        traceback.print_exc()
        row = Row(trial.promise, trial.name, seed, failures=(f"{type(error).__name__}: {str(error)[:300]}",))
    end = "baseline" if row.baseline else "held" if row.held else f"FAILED, {'; '.join(row.wrong)}"
    counts = f"faults {row.faults}, jobs {row.jobs}, lost {row.lost}, extra starts {row.extra_starts}"
    print(
        f"{row.promise:<4} {trial.name:<22} seed {seed}: {counts}: {end} ({time.monotonic() - start:.0f} s)", flush=True
    )
    return row


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that nothing of a trial is left running
    sys.exit(main(sys.argv[1:]))
