"""Runs one benchmark by name: ``python -m tests.bench engine [options]``."""

import argparse
import importlib
import sys

BENCHMARKS = {
    "console": "the console against its budgets: first paint, keys under load, log tail, memory",
    "engine": "no-op jobs through stock Huey on Redis and through Dewey, in turn",
    "history": "the recorder alone against one consumer, and a consumer with and without it",
    "outage": "PostgreSQL away for some minutes under load: the jobs' speed, the lag, and what is missing afterwards",
    "search": "pages and counts of filters over a month of jobs, with their plans",
    "watching": "a consumer's jobs per second while a console watches it, and while none does",
}


def main() -> None:
    """Pick the benchmark and hand it the rest of the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("name", choices=sorted(BENCHMARKS), help="; ".join(f"{k}: {v}" for k, v in BENCHMARKS.items()))
    options, rest = parser.parse_known_args()
    sys.exit(importlib.import_module(f"tests.bench.{options.name}").main(rest))


if __name__ == "__main__":
    main()
