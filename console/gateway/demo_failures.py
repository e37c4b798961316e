"""The demo's groups of failures: those of its dead and retrying jobs, and some that only history remembers."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, cast

from msgspec import Struct

from console.gateway.demo_book import DemoBook
from console.gateway.demo_fleet import FLEET
from console.gateway.demo_night import minutes
from console.gateway.demo_part import DemoPart
from console.gateway.demo_records import NOW, chance, group_named, group_of, job_id
from console.gateway.errors import GatewayRefused
from console.gateway.failures import FailuresView, PlaceView, group_row, place_view
from storage.broker.records import Job
from storage.history.failures import Group, GroupState, Mark, Trend
from storage.history.tallies import HOURS_SHOWN
from storage.values import replace
from tasks.engine.fingerprint import shape_of

_VERSIONS: Final = {one.host: one.version for one in FLEET}


class Remembered(Struct, frozen=True):
    """A group of which no job is left."""

    fingerprint: str
    task: str
    error_type: str
    message: str
    first_hours_ago: float
    last_hours_ago: float
    per_hour: float


REMEMBERED: Final = (
    Remembered("7be0c41d22f09a36", "tasks.reports.build_report", "ZeroDivisionError", "division by zero", 61, 20, 1.2),
    Remembered("b2f9c8d71e3350aa", "tasks.tokens.clean_expired_tokens", "StoreUnavailable",
               "PostgreSQL did not answer within # s: connection refused", 140, 5.2, 0.3),
)  # fmt: skip


def marks_of_night() -> dict[str, object]:
    """What operators had said of groups before the console was opened."""
    refused, timeout = (group_named(task, kind) for task, kind in (_REFUSED, _TIMEOUT))
    return {
        refused: Mark("muted", "people mistype their addresses", "ada", NOW - timedelta(days=3)),
        timeout: Mark("resolved", "partner raised our limit", "grace", NOW - timedelta(hours=20)),
        "7be0c41d22f09a36": Mark("resolved", "accounts without orders, fixed in 1.4.1", "ada", NOW),
    }


_REFUSED: Final = ("tasks.email.send_email", "MailRefused")
_TIMEOUT: Final = ("tasks.contacts.sync_contacts", "TimeoutError")


class DemoFailures(DemoPart):
    """Groups of failures, and where they broke."""

    _book: DemoBook
    _failed: Mapping[str, Sequence[Job]]
    """What had failed when the console was opened, by group."""

    def failures(self, anew: bool = False) -> FailuresView:
        """Return the groups, the one with the latest failure first."""
        del anew
        with self._lock:
            groups = self._groups(self.now())
        return FailuresView(tuple(group_row(group) for group in groups))

    def _groups(self, now: datetime) -> list[Group]:
        if not self._queues:
            return []
        marks = cast(Mapping[str, Mark], self._book.cells["mark"])
        queues: dict[str, int] = {}
        for jobs in self._failed.values():
            queues[jobs[0].queue] = queues.get(jobs[0].queue, 0) + len(jobs)
        found = [
            _group(jobs, len(jobs) / queues[jobs[0].queue], len(self.members(fingerprint)), now)
            for fingerprint, jobs in self._failed.items()
        ]
        found += [_remembered(one, now) for one in REMEMBERED]
        with_marks = [_marked(group, marks.get(group.fingerprint)) for group in found]
        return sorted(with_marks, key=lambda group: group.last_seen_at, reverse=True)

    def members(self, group: str) -> tuple[str, ...]:
        """Return the jobs that are dead of a group."""
        raise NotImplementedError

    def place(self, sample_key: str) -> PlaceView:
        """Return where a canned job broke."""
        with self._lock:
            canned = self._jobs.get(sample_key)
        if canned is None:
            raise GatewayRefused("its record is gone: history keeps jobs for 30 days")
        return place_view(sample_key, canned.job.attempts[-1].traceback if canned.job.attempts else "")


def failed_of_night(jobs: Iterable[Job]) -> dict[str, tuple[Job, ...]]:
    """Return the jobs that have failed by group: requeueing them later takes nothing from what has happened."""
    found: dict[str, tuple[Job, ...]] = {}
    for job in jobs:
        if job.state in ("dead", "retrying"):
            found[group_of(job)] = (*found.get(group_of(job), ()), job)
    return found


def _group(jobs: Sequence[Job], share: float, dead: int, at: datetime) -> Group:
    """A group at an instant; ``share`` is its part of what failed in its queue."""
    attempts = [attempt for job in jobs for attempt in job.attempts]
    ends = sorted(attempt.finished_at for attempt in attempts if attempt.finished_at is not None)
    known = [end for end in ends if end <= at]
    last = max(jobs, key=lambda job: job.attempts[-1].finished_at or job.created_at)
    fingerprint, hosts = group_of(last), sorted({attempt.worker.partition(":")[0] for attempt in attempts})
    first_seen_at = ends[0] - timedelta(hours=26 + 90 * chance("first", fingerprint))
    of_late = math.ceil(share * 1.4 * sum(failed for _, _, failed in minutes(last.queue)))
    hours = tuple(
        0 if end < first_seen_at else _failed_by(end, fingerprint, ends, of_late) for end in _ends_of_hours(at)
    )
    hour, three, day = hours[-1], sum(hours[-3:]), sum(hours)
    week = day + int(day * (1 + 2 * chance("week", fingerprint)))
    return Group(
        fingerprint=fingerprint,
        task=last.task,
        error_type=last.error_type,
        message=shape_of(last.error),
        state="open",
        mark=None,
        attempts=week,
        dead=dead,
        first_seen_at=first_seen_at,
        last_seen_at=max(known, default=_last_of(hours, at, first_seen_at)),
        sample=last.id,
        trend=Trend(hour, three, day, week, hours),
        hosts=tuple(hosts),
        versions=tuple(sorted({_VERSIONS[host] for host in hosts if host in _VERSIONS}, reverse=True)),
    )


def _ends_of_hours(at: datetime) -> Iterator[datetime]:
    return (at - timedelta(hours=since) for since in range(HOURS_SHOWN - 1, -1, -1))


def _failed_by(end: datetime, fingerprint: str, ends: Sequence[datetime], of_late: int) -> int:
    """What failed in the hour before an instant: more of late, as with an outage that has just begun."""
    recorded = sum(1 for one in ends if end - timedelta(hours=1) < one <= end)
    if end > NOW - timedelta(minutes=90):
        return max(recorded, of_late if end > NOW - timedelta(minutes=30) else of_late // 2)
    return recorded + int(len(ends) * chance("hour", fingerprint, int(end.timestamp() // 3_600)) ** 3 / 3)


def _last_of(hours: Sequence[int], at: datetime, otherwise: datetime) -> datetime:
    """When it failed last, as far as its counts by hour tell."""
    since = next((since for since, failed in enumerate(reversed(hours)) if failed), None)
    return otherwise if since is None else at - timedelta(hours=since, minutes=20)


def _remembered(one: Remembered, at: datetime) -> Group:
    first_at, last_at = NOW - timedelta(hours=one.first_hours_ago), NOW - timedelta(hours=one.last_hours_ago)
    hours = tuple(_remembered_by(end, one, first_at, last_at) for end in _ends_of_hours(at))
    week = sum(hours) + int(one.per_hour * max(0.0, one.first_hours_ago - HOURS_SHOWN))
    return Group(
        *(one.fingerprint, one.task, one.error_type, one.message, "open", None, week, 0, first_at, last_at),
        *(job_id(9_000 + len(one.message)), Trend(hours[-1], sum(hours[-3:]), sum(hours), week, hours)),
        hosts=("w1",),
        versions=(_VERSIONS["w1"],),
    )


def _remembered_by(end: datetime, one: Remembered, first_at: datetime, last_at: datetime) -> int:
    start = end - timedelta(hours=1)
    if end < first_at or start >= last_at:
        return 0
    failed = int(one.per_hour * (1 + 2 * chance("hour", one.fingerprint, int(end.timestamp() // 3_600))))
    return max(1, failed) if end >= last_at else failed


def _marked(group: Group, mark: Mark | None) -> Group:
    if mark is None:
        return group
    state: GroupState = mark.state
    if mark.state == "resolved" and group.last_seen_at > mark.at:
        state = "regressed"
    return replace(group, mark=mark, state=state)
