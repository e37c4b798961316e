"""Counts what a batch of jobs adds to measures, by minute, queue and task.

Each attempt is counted once when it is first seen to have begun, and once when it is first seen to have ended: the row
of its job says up to which number that was done, and is written in the same transaction.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from storage.history.histogram import bucket_of, dense
from storage.history.rows import JobRow, Run

MINUTE_MS = 60_000
STEPS_S = (60, 3600, 0)
"""Minutes, hours, and since ever."""
_OUTCOMES = ("succeeded", "failed", "lost")


class Old(NamedTuple):
    """What history had of a job before."""

    version: int
    state: str
    starts_counted: int
    ends_counted: int


NEW = Old(0, "", 0, 0)

Place = tuple[str, str]
"""Queue and task."""


@dataclass(slots=True)
class Tally:
    """What happened within a step; the order of the columns of measures."""

    enqueued: int = 0
    started: int = 0
    succeeded: int = 0
    failed: int = 0
    lost: int = 0
    canceled: int = 0
    dead: int = 0
    wait_ms: int = 0
    run_ms: int = 0
    wait: dict[int, int] = field(default_factory=dict)
    run: dict[int, int] = field(default_factory=dict)

    def add(self, other: "Tally") -> None:
        """Add what happened in another step."""
        for name in ("enqueued", "started", "succeeded", "failed", "lost", "canceled", "dead", "wait_ms", "run_ms"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for mine, theirs in ((self.wait, other.wait), (self.run, other.run)):
            for bucket, count in theirs.items():
                mine[bucket] = mine.get(bucket, 0) + count


class Tallies:
    """The counts of one batch."""

    def __init__(self) -> None:
        self._by_minute: dict[tuple[int, Place], Tally] = {}

    def count(self, row: JobRow, old: Old) -> tuple[int, int]:
        """Count what is new in a job's row; answers up to which attempt starts and ends are counted now."""
        place = row.queue, row.task
        if old is NEW:
            self._at(place, row.created_ms).enqueued += 1
        starts, ends = old.starts_counted, old.ends_counted
        for run in row.runs:
            number, finished_ms = run.number, run.finished_ms
            if number > old.starts_counted:
                self._start(place, run)
                starts = max(starts, number)
            if finished_ms is not None and number > old.ends_counted:
                self._end(place, run, finished_ms)
                ends = max(ends, number)
        if row.state in ("dead", "canceled") and row.state != old.state and row.finished_ms is not None:
            tally = self._at(place, row.finished_ms)
            setattr(tally, row.state, getattr(tally, row.state) + 1)
        return starts, ends

    def rows(self) -> Iterator[tuple[object, ...]]:
        """The rows to add to measures: step_s, at (ms), queue, task and the columns of Tally, histograms as texts."""
        for step_s in STEPS_S:
            merged: dict[tuple[int, Place], Tally] = {}
            for (minute_ms, place), tally in self._by_minute.items():
                at_ms = minute_ms - minute_ms % (step_s * 1000) if step_s else 0
                merged.setdefault((at_ms, place), Tally()).add(tally)
            for (at_ms, (queue, task)), tally in sorted(merged.items()):
                yield (
                    *(step_s, at_ms, queue, task, tally.enqueued, tally.started, tally.succeeded, tally.failed),
                    *(tally.lost, tally.canceled, tally.dead, tally.wait_ms, tally.run_ms),
                    *(_array(tally.wait), _array(tally.run)),
                )

    def _at(self, place: Place, at_ms: int) -> Tally:
        key = at_ms - at_ms % MINUTE_MS, place
        found = self._by_minute.get(key)
        if found is None:
            found = self._by_minute[key] = Tally()
        return found

    def _start(self, place: Place, run: Run) -> None:
        tally = self._at(place, run.started_ms)
        tally.started += 1
        wait_ms = run.wait_ms
        if wait_ms is not None:
            tally.wait_ms += wait_ms
            bucket = bucket_of(wait_ms)
            tally.wait[bucket] = tally.wait.get(bucket, 0) + 1

    def _end(self, place: Place, run: Run, finished_ms: int) -> None:
        tally = self._at(place, finished_ms)
        outcome = run.outcome
        if outcome in _OUTCOMES:
            setattr(tally, outcome, getattr(tally, outcome) + 1)
        if outcome in ("succeeded", "failed"):
            run_ms = run.run_ms or 0
            tally.run_ms += run_ms
            bucket = bucket_of(run_ms)
            tally.run[bucket] = tally.run.get(bucket, 0) + 1


def _array(counts: dict[int, int]) -> str:
    return "{" + ",".join(map(str, dense(counts))) + "}"
