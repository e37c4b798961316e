"""What must hold of a history, whatever was killed: nothing lost, extra starts explained, joins once, none early."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from storage.broker.records import Job
from tests.chaos.history import DEAD, Event, History

EARLY_MS = 50
"""A scheduled job may start this long before it is due on Redis's clock, and not longer."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a checker found. Every list has ids of jobs."""

    jobs: int
    starts: int
    lost: tuple[str, ...] = ()
    extra_starts: int = 0
    unexplained: tuple[str, ...] = ()
    misplaced: tuple[str, ...] = ()
    early: tuple[str, ...] = ()
    double_joins: tuple[str, ...] = ()
    holes: tuple[str, ...] = ()
    undead: tuple[str, ...] = ()

    @property
    def clean(self) -> bool:
        """Whether every promise held."""
        wrong = (self.unexplained, self.misplaced, self.early, self.double_joins, self.holes, self.undead)
        return not (self.lost or any(wrong))

    @property
    def bound(self) -> float:
        """With no loss in n jobs, 95 % sure that fewer than this share are lost (the rule of three)."""
        return 3 / max(1, self.jobs)


@dataclass(frozen=True, slots=True)
class Books:
    """What the engine says of the same jobs: their records, and in which indexes each id is."""

    jobs: Mapping[str, Job]
    places: Mapping[str, Sequence[str]] = field(default_factory=dict)


def check(history: History, books: Books) -> Verdict:
    """Read a history beside the books."""
    acked, starts, done, failed = (history.of(what) for what in ("acked", "start", "done", "failed"))
    expected = {job: events[0].detail for job, events in acked.items() if events[0].detail}
    joins = {job: detail for job, detail in expected.items() if detail != DEAD}
    return Verdict(
        jobs=len(acked),
        starts=sum(map(len, starts.values())),
        lost=tuple(job for job in acked if job not in done and expected.get(job) != DEAD),
        extra_starts=sum(max(0, len(events) - 1 - len(failed.get(job, ()))) for job, events in starts.items()),
        unexplained=tuple(job for job, events in starts.items() if len(events) > _allowed(books.jobs.get(job))),
        misplaced=tuple(job for job in acked if not _in_one_place(job, books)),
        early=tuple(job for job, events in starts.items() if any(e.due_ms - e.clock_ms > EARLY_MS for e in events)),
        double_joins=tuple(job for job in joins if _joined_twice(job, done.get(job, ()), books)),
        holes=tuple(job for job, seen in joins.items() if any(event.detail != seen for event in done.get(job, ()))),
        undead=tuple(
            job for job, detail in expected.items() if detail == DEAD and (job in done or _state(job, books) != "dead")
        ),
    )


def _allowed(job: Job | None) -> int:
    """One start, and one more for each attempt that the engine recorded as failed, lost or handed back."""
    if job is None:
        return 0
    return 1 + job.released + sum(1 for one in job.attempts if one.outcome != "succeeded")


def _in_one_place(job: str, books: Books) -> bool:
    record = books.jobs.get(job)
    return record is not None and list(books.places.get(job, ())) == [record.state]


def _state(job: str, books: Books) -> str:
    return books.jobs[job].state if job in books.jobs else ""


def _joined_twice(job: str, ends: Sequence[Event], books: Books) -> bool:
    """A join may finish in several attempts only when each but the last was recorded as not settled."""
    finished = {event.attempt for event in ends}
    record = books.jobs.get(job)
    lost = {one.number for one in record.attempts if one.outcome == "lost"} if record is not None else set()
    return len(finished - lost) > 1
