"""The demo's groups of failures: those of its dead and retrying jobs, and some that only history remembers."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final, cast

from msgspec import Struct

from console.gateway import demo_tracebacks
from console.gateway.demo_book import DemoBook
from console.gateway.demo_part import DemoPart
from console.gateway.demo_records import NOW, chance, group_named, group_of, job_id
from console.gateway.errors import GatewayRefused
from console.gateway.failures import FailuresView, PlaceView, group_row, place_view
from storage.broker.records import Job
from storage.history.failures import Group, GroupState, Mark, Trend
from storage.history.tallies import HOURS_SHOWN
from storage.values import replace
from tasks.engine.fingerprint import shape_of

_VERSIONS: Final = ("2026.3.12", "2026.3.9")
_HOSTS: Final = ("w1", "w2")


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
        "7be0c41d22f09a36": Mark("resolved", "accounts without orders, fixed in 2026.3.12", "ada", NOW),
    }


_REFUSED: Final = ("tasks.email.send_email", "MailRefused")
_TIMEOUT: Final = ("tasks.contacts.sync_contacts", "TimeoutError")


class DemoFailures(DemoPart):
    """Groups of failures, and where they broke."""

    _book: DemoBook

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
        found = [_group(jobs, now) for jobs in self._failed().values()]
        found += [_remembered(one, now) for one in REMEMBERED]
        with_marks = [_marked(group, marks.get(group.fingerprint)) for group in found]
        return sorted(with_marks, key=lambda group: group.last_seen_at, reverse=True)

    def _failed(self) -> dict[str, list[Job]]:
        found: dict[str, list[Job]] = {}
        for canned in self._jobs.values():
            if canned.job.state in ("dead", "retrying"):
                found.setdefault(group_of(canned.job), []).append(canned.job)
        return found

    def place(self, sample_key: str) -> PlaceView:
        """Return where a canned job broke."""
        with self._lock:
            canned = self._jobs.get(sample_key)
        if canned is None:
            raise GatewayRefused("its record is gone: history keeps jobs for 30 days")
        return place_view(sample_key, canned.job.attempts[-1].traceback if canned.job.attempts else "")


def _group(jobs: list[Job], now: datetime) -> Group:
    ends = [attempt.finished_at or job.created_at for job in jobs for attempt in job.attempts]
    last = max(jobs, key=lambda job: job.attempts[-1].finished_at or job.created_at)
    fingerprint = group_of(last)
    base = len(ends)
    hours = tuple(_failed_in(fingerprint, hour, base, now) for hour in range(HOURS_SHOWN))
    hour, three, day = hours[-1], sum(hours[-3:]), sum(hours)
    week = day + int(day * (1 + 2 * chance("week", fingerprint)))
    permanent = demo_tracebacks.failure_of(last.task, 0).permanent
    return Group(
        fingerprint=fingerprint,
        task=last.task,
        error_type=last.error_type,
        message=shape_of(last.error),
        state="open",
        mark=None,
        attempts=week + int(40 * chance("older", fingerprint)),
        dead=sum(1 for job in jobs if job.state == "dead"),
        first_seen_at=min(ends) - timedelta(hours=3 + 90 * chance("first", fingerprint)),
        last_seen_at=max(ends),
        sample=last.id,
        trend=Trend(hour, three, day, week, hours),
        hosts=_HOSTS[: 1 + permanent + len(jobs) // 4],
        versions=_VERSIONS[: 1 + len(jobs) // 3],
    )


def _failed_in(fingerprint: str, hour: int, base: int, now: datetime) -> int:
    """What failed in one of the last hours: more of late, as with an outage that has just begun."""
    del now
    since = HOURS_SHOWN - hour
    if since <= 2:
        return max(1, base // since)
    return int(base * chance("hour", fingerprint, hour) ** 3 / 3)


def _remembered(one: Remembered, now: datetime) -> Group:
    hours = tuple(
        int(one.per_hour + 2 * one.per_hour * chance("hour", one.fingerprint, hour))
        if HOURS_SHOWN - hour > one.last_hours_ago
        else 0
        for hour in range(HOURS_SHOWN)
    )
    week = sum(hours) + int(one.per_hour * max(0.0, min(168, one.first_hours_ago) - HOURS_SHOWN))
    return Group(
        *(one.fingerprint, one.task, one.error_type, one.message, "open", None, week, 0),
        *(now - timedelta(hours=one.first_hours_ago), now - timedelta(hours=one.last_hours_ago)),
        *(job_id(9_000 + len(one.message)), Trend(hours[-1], sum(hours[-3:]), sum(hours), week, hours)),
        hosts=_HOSTS[:1],
        versions=_VERSIONS[1:],
    )


def _marked(group: Group, mark: Mark | None) -> Group:
    if mark is None:
        return group
    state: GroupState = mark.state
    if mark.state == "resolved" and group.last_seen_at > mark.at:
        state = "regressed"
    return replace(group, mark=mark, state=state)
