"""The demo's past: the night as it went since nine in the evening, with minutes in which nobody recorded it."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from textual.content import Content

from console.gateway import demo_night, demo_records
from console.gateway.demo_failures import DemoFailures
from console.gateway.demo_fleet import FLEET
from console.gateway.demo_night import UNSEEN, gap, oldest_s, waited
from console.gateway.demo_records import NOW, chance, job_id
from console.gateway.glance import Waits
from console.gateway.past import PastFailures, PastView, past_failures, past_view
from storage.broker.records import STATES, Job, Limits
from storage.history.failures import Group, GroupState
from storage.history.past import Past, PastConsumer, PastQueue, PastRun, Rates
from storage.values import replace

BEGAN_AT: Final = NOW.replace(hour=21, minute=0, second=0, microsecond=0) - timedelta(days=1)
RECORDED: Final = NOW - timedelta(hours=1)
"""Since when the canned jobs themselves say how it was."""
MINUTES: Final = 60
_TASKS: Final = {"default": "tasks.contacts.sync_contacts", "email": "tasks.email.send_email",
                 "ingestion": "tasks.ingestion.ingest_file"}  # fmt: skip


class DemoPast(DemoFailures):
    """Canned answers about any instant of the night."""

    def past(self, at: datetime) -> PastView:
        """Return how things stood, or why that is not known."""
        problem = self._unseen(at)
        if problem:
            return PastView(at, problem=Content(problem), is_never_known=True)
        with self._lock:
            jobs = [canned.job for canned in self._jobs.values()]
        queues = tuple(_queue(name, at, jobs) for name in self._queues)
        consumers = tuple(_consumer(number, at) for number in range(2))
        rates = {name: _rates(name, at) for name in self._queues}
        seconds = tuple(_waited(at - timedelta(minutes=ago), jobs) for ago in range(MINUTES - 1, -1, -1))
        found = Past(at, at, 0, queues, consumers, _running(at))
        return past_view(found, rates, Waits(seconds, Content("")))

    def past_failures(self, at: datetime) -> PastFailures:
        """Return the groups that had failed by then."""
        if at < BEGAN_AT:
            return PastFailures(at, problem=Content(self._unseen(at)), is_never_known=True)
        with self._lock:
            groups = [_as_of(group, at) for group in self._groups(at) if group.first_seen_at <= at]
        return past_failures(at, sorted(groups, key=lambda group: group.last_seen_at, reverse=True))

    def _unseen(self, at: datetime) -> str:
        if not self._queues or at < BEGAN_AT:
            return (
                f"no recorder was running at {at:%Y-%m-%d %H:%M:%S} UTC: what is known begins at {BEGAN_AT:%H:%M} UTC"
            )
        between = gap(at)
        if between is not None:
            return (
                f"no recorder was running at {at:%Y-%m-%d %H:%M:%S} UTC: the last sample before it is of "
                f"{between[0]:%H:%M:%S} UTC, the next one of {between[1]:%H:%M:%S} UTC"
            )
        return ""


def _as_of(group: Group, at: datetime) -> Group:
    """A group as it was: what failed since is left out, and what was said since."""
    earlier = at - timedelta(minutes=1 + 40 * chance("as of", group.fingerprint))
    last_seen_at = group.last_seen_at if group.last_seen_at <= at else earlier
    mark = group.mark if group.mark is not None and group.mark.at <= at else None
    state: GroupState = "open" if mark is None else mark.state
    if mark is not None and mark.state == "resolved" and last_seen_at > mark.at:
        state = "regressed"
    first_seen_at = min(group.first_seen_at, last_seen_at)
    return replace(group, first_seen_at=first_seen_at, last_seen_at=last_seen_at, mark=mark, state=state)


def _minutes_since(at: datetime) -> int:
    return round((at - BEGAN_AT).total_seconds() / 60)


def _queue(name: str, at: datetime, jobs: Sequence[Job]) -> PastQueue:
    minute = _minutes_since(at)
    busy = {"default": 3, "email": 12, "ingestion": 9, "maintenance": 1, "reports": 4}[name]
    queued = int(busy * (0.4 + chance("past", name, minute // 5)))
    is_paused = name == "reports" and at >= NOW - timedelta(minutes=38)
    counts = dict.fromkeys(STATES, 0) | {
        "queued": queued,
        "running": sum(1 for run in _running(at) if run.queue == name),
        "retrying": int(3 * chance("retry", name, minute // 4)),
        "dead": minute // 60 if name in ("email", "ingestion") else 0,
        "succeeded": minute * busy // 4,
    }
    oldest = queued * 4.0
    if at > RECORDED:
        ours = [job for job in jobs if job.queue == name]
        dead = sum(1 for job in ours if job.state == "dead" and job.finished_at is not None and job.finished_at <= at)
        counts |= {"queued": sum(1 for job in ours if waited(job, at)), "dead": dead}
        oldest = oldest_s(ours, at)
    enqueued, succeeded, failed = _rates(name, at)[-2]
    return PastQueue(
        *(name, counts, oldest, demo_records.CONSUMERS[name]),
        *("ada" if is_paused else "", "ledger is being migrated, see #ops" if is_paused else ""),
        *(enqueued, succeeded, failed),
        paused_at=NOW - timedelta(minutes=38) if is_paused else None,
        limits=Limits(rate=(30, 60.0)) if name == "reports" else Limits(),
    )


def _rates(name: str, at: datetime) -> Rates:
    """Thirty minutes, or as many as there are since the recorder began again."""
    since = max((end for _, end in UNSEEN if end <= at), default=BEGAN_AT)
    known = min(30, max(0, round((at - since).total_seconds() / 60)) + 1)
    minutes = demo_night.minutes(name)
    shift = _minutes_since(at) % 30
    return tuple(minutes[(shift + place) % 29] for place in range(30 - known, 30)) if known > 1 else ((0, 0, 0),) * 2


def _waited(at: datetime, jobs: Sequence[Job]) -> float | None:
    if at < BEGAN_AT or gap(at):
        return None
    return oldest_s(jobs, at) if at > RECORDED else 15 + 60 * chance("waited", _minutes_since(at))


def _running(at: datetime) -> tuple[PastRun, ...]:
    minute = _minutes_since(at)
    runs = []
    for place, (queue, task) in enumerate(_TASKS.items()):
        if chance("ran", queue, minute) > 0.25:
            started_at = at - timedelta(seconds=2 + 40 * chance("since", queue, minute))
            worker = f"{FLEET[place % 2].id}/Worker-{place + 1}"
            number = 20_000 + minute * 4 + place
            runs.append(
                PastRun(job_id(number), task, queue, 1, worker, started_at, at + timedelta(seconds=9), "succeeded")
            )
    return tuple(runs)


def _consumer(number: int, at: datetime) -> PastConsumer:
    info = FLEET[number]
    ids = tuple(run.job_id for run in _running(at) if run.worker.startswith(f"{info.id}/"))
    return PastConsumer(
        *(info.id, info.host, info.pid, info.kind, info.workers, info.queues, info.version),
        *(info.memory_bytes - (NOW - at) // timedelta(minutes=1) * 2**16, min(info.started_at, at), at, ids),
        order="",
    )
