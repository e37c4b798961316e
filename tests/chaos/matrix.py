"""Every kind of trial with its counts: few for each change, more for a table, and all that the promises name."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from tests.chaos import (
    actions,
    clocks,
    crash_points,
    due,
    freezes,
    looking,
    memory,
    model,
    outages,
    poison,
    races,
    stops,
    storm,
    timeouts,
    watching,
)
from tests.chaos.report import Row
from tests.chaos.storm import Plan

Size = Literal["ci", "short", "full"]
SIZES: tuple[Size, ...] = ("ci", "short", "full")
Run = Callable[[int, str, int], Row]
"""Runs a trial with a seed, the address of a Redis that others use too, and a count."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One row of the table. ``counts`` are those of SIZES; a count of 0 leaves the trial out of that size."""

    promise: str
    name: str
    run: Run
    counts: tuple[int, int, int]

    def row(self, size: Size, seed: int, redis_url: str, count: int = 0) -> Row:
        """Run it, with a count of its own when one is given."""
        return self.run(seed, redis_url, count or self.counts[SIZES.index(size)])

    def has(self, size: Size) -> bool:
        """Whether it is part of that size."""
        return self.counts[SIZES.index(size)] > 0


def _storm(kind: str, app: str = "app") -> Run:
    return lambda seed, _, kills: storm.row(Plan(seed, kind, kills, app=app))


def _outage(outage: outages.Outage, fsync: str = "everysec", kind: str = "thread") -> Run:
    return lambda seed, _, count: outages.row(outages.Plan(seed, outage, count, fsync, kind=kind))


def _stop_of_redis(seed: int, _: str, count: int) -> Row:
    stop_s = (2.0, 3.0) if count == 1 else (2.0, 6.0) if count < 10 else (5.0, 20.0)
    return outages.row(outages.Plan(seed, "stop", count, stop_s=stop_s))


def _long_lives(kind: str) -> Run:
    """The count is that of leases, up to 10; with more than these, it is that of jobs."""
    return lambda seed, _, count: freezes.long_lives(seed, 4 if count <= 10 else count, min(count, 10), kind)


def _model(seed: int, redis_url: str, steps: int) -> Row:
    counts = model.run(redis_url, seed, steps)
    note = f"{counts.steps:,} steps, {counts.claims:,} claims, {counts.expired:,} leases ended; faults are settlements "
    return Row("G4", "Redis beside a model", seed, counts.steps, counts.stale, note=f"{note}with a stale or used token")


def _trees(kinds: str, kind: str = "thread") -> Run:
    return lambda seed, _, kills: storm.row(Plan(seed, kind, kills, pace_s=0.2, kinds=kinds, promise="G14"))


def _no_memory_newer(seed: int, _: str, __: int) -> Row:
    found = memory.newer_redis()
    if found is None:
        return Row("G12", "maxmemory reached, Redis 7", seed, trials=0, note="not tried: no such redis-server on PATH")
    return memory.no_memory(seed, found)


MATRIX: tuple[Trial, ...] = (
    Trial("G1", "storm-thread", _storm("thread"), (0, 60, 200)),
    Trial("G1", "storm-process", _storm("process"), (0, 60, 200)),
    Trial("G1", "stock-thread", _storm("thread", "stock"), (0, 60, 200)),
    Trial("G1", "stock-process", _storm("process", "stock"), (0, 60, 200)),
    Trial("G1", "crash-points", crash_points.row, (0, 1, 20)),
    # With everysec a busy disk delays the write itself, so a SIGKILL may take back what was acked just before it.
    Trial("G2", "redis-killed", _outage("kill"), (0, 10, 50)),
    Trial("G2", "redis-killed-always", _outage("kill", "always", "process"), (2, 10, 50)),
    Trial("G2", "redis-frozen", _stop_of_redis, (1, 3, 10)),
    Trial("G2", "connections-cut", _outage("cut"), (0, 10, 50)),
    Trial("G2", "connections-half-open", _outage("silence"), (1, 3, 10)),
    Trial(
        "G3", "calm", lambda seed, _, jobs: freezes.calm(seed, jobs, 4 if jobs > 5_000 else 3), (800, 6_000, 100_000)
    ),
    Trial("G4", "thaw-thread", lambda seed, _, count: freezes.thaw(seed, count, "thread"), (1, 3, 100)),
    Trial("G4", "thaw-process", lambda seed, _, count: freezes.thaw(seed, count, "process"), (0, 3, 100)),
    Trial("G4", "model", _model, (0, 50_000, 50_000)),
    Trial("G5", "poison", lambda seed, _, each: poison.row(seed, each, each * 25), (1, 3, 20)),
    Trial("G5", "rolling-deploy", lambda seed, _, jobs: poison.rolling_deploy(seed, jobs), (4, 40, 200)),
    Trial("G6", "long-thread", _long_lives("thread"), (2, 10, 20)),
    Trial("G6", "long-process", _long_lives("process"), (0, 10, 20)),
    Trial("G7", "cron", lambda seed, url, hours: clocks.row(seed, url, hours, 1 if hours < 30 else 6), (12, 48, 720)),
    Trial("G7", "restarts", clocks.restarts, (200, 200, 200)),
    Trial("G8", "burst", lambda seed, _, jobs: due.burst(seed, jobs), (5_000, 20_000, 100_000)),
    Trial("G8", "zones", lambda seed, _, jobs: due.zones(seed, jobs), (60, 400, 2_000)),
    Trial("G8", "wrong-clocks", lambda seed, _, jobs: due.wrong_clocks(seed, jobs), (40, 200, 1_000)),
    Trial("G9", "unique", races.unique_keys, (20, 300, 1_000)),
    Trial("G11", "stops-thread", lambda seed, _, count: stops.row(seed, count, "thread"), (2, 15, 100)),
    Trial("G11", "stops-process", lambda seed, _, count: stops.row(seed, count, "process"), (2, 15, 100)),
    Trial("G11", "impatient-thread", lambda seed, _, count: stops.impatient(seed, count, "thread"), (1, 8, 100)),
    Trial("G11", "impatient-process", lambda seed, _, count: stops.impatient(seed, count, "process"), (1, 8, 100)),
    Trial("G12", "full-queue", races.full_queue, (30, 200, 500)),
    Trial("G12", "no-memory", lambda seed, _, __: memory.no_memory(seed, None), (0, 1, 1)),
    Trial("G12", "no-memory-newer", _no_memory_newer, (0, 1, 1)),
    Trial("G13", "bounded", lambda seed, _, jobs: memory.bounded(seed, jobs), (1_000, 20_000, 200_000)),
    Trial("G14", "trees", _trees("tree"), (5, 40, 200)),
    Trial("G14", "flows", _trees("flow", "mixed"), (5, 40, 200)),
    Trial("G14", "tree-crash-points", lambda *given: crash_points.trees("tree", *given), (0, 5, 30)),
    Trial("G14", "flow-crash-points", lambda *given: crash_points.trees("flow", *given), (0, 5, 30)),
    Trial("G15", "reader", lambda seed, _, kills: watching.row(seed, kills * 15, kills), (4, 30, 200)),
    Trial("G15", "screens", lambda seed, _, walks: looking.row(seed, walks), (1, 2, 10)),
    Trial("G15", "actions", lambda seed, _, kills: actions.row(seed, kills), (6, 36, 100)),
    Trial("G16", "endless-thread", lambda seed, _, each: timeouts.row(seed, each, "thread"), (2, 10, 50)),
    Trial("G16", "endless-process", lambda seed, _, each: timeouts.row(seed, each, "process"), (2, 10, 50)),
)
