"""How things stood, as it is drawn: queues, consumers and failures of an instant, and what can not be known of then."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final

from msgspec import Struct, field
from textual.content import Content

from console.formats import safe_text
from console.gateway.building import Call, job_row, limit_view
from console.gateway.failures import FailuresView, GroupRow, group_row
from console.gateway.fleet import ConsumerView, RunView, view_of, worker_name
from console.gateway.glance import Glance, Waits
from console.gateway.views import PauseView, QueueRow
from storage.broker.records import Job
from storage.values import replace
from storage.wording import plural

if TYPE_CHECKING:
    from storage.history.failures import Group
    from storage.history.past import Past, PastConsumer, PastQueue, PastRun

NOTHING: Final = Content("")


class PastView(Struct, frozen=True):
    """Queues and consumers as they stood at ``at``. ``problem`` says why nothing is known of then, ``is_never_known``
    that nothing will be; ``unknown`` names what, besides what never is, was not recorded then."""

    at: datetime
    glance: Glance = field(default_factory=lambda: Glance((), ()))
    waits: Waits = field(default_factory=lambda: Waits((), NOTHING))
    problem: Content = NOTHING
    unknown: Content = NOTHING
    is_never_known: bool = False


class PastFailures(Struct, frozen=True):
    """Groups of failures as they stood at ``at``."""

    at: datetime
    view: FailuresView = field(default_factory=lambda: FailuresView(()))
    problem: Content = NOTHING
    unknown: Content = NOTHING
    is_never_known: bool = False


def past_view(found: Past, rates: Mapping[str, tuple[tuple[int, int, int], ...]], waits: Waits) -> PastView:
    """Make what history knows of an instant into a view."""
    queues = tuple(_queue(one, rates.get(one.name, ())) for one in found.queues)
    unknown = [] if any(rates.values()) or not queues else ["rates"]
    if any(one.limits is None for one in found.queues):  # sampled before Dewey wrote these down
        unknown += ["limits", "since when a queue was paused", "what consumers had been told"]
    if found.events_behind:
        unknown.append(f"{plural(found.events_behind, 'event')} that history had not heard of then")
    fleet = tuple(_consumer(one, found.running) for one in found.consumers)
    return PastView(found.at, Glance(queues, fleet), waits, NOTHING, Content(", ".join(unknown)))


def past_failures(at: datetime, groups: Sequence[Group]) -> PastFailures:
    """Make groups as they stood into views: how many jobs were dead then nobody knows."""
    rows = tuple(_unburied(group_row(group)) for group in groups)
    return PastFailures(at, FailuresView(rows))


def _unburied(row: GroupRow) -> GroupRow:
    return replace(row, dead=None)


def _queue(one: PastQueue, minutes: tuple[tuple[int, int, int], ...]) -> QueueRow:
    counts = one.counts
    pause = (
        PauseView(safe_text(one.paused_by, 80), safe_text(one.paused_reason, 200), one.paused_at)
        if one.paused_by
        else None
    )
    return QueueRow(
        key=one.name,
        name=safe_text(one.name, limit=80),
        queued=counts["queued"],
        running=counts["running"],
        scheduled=counts["scheduled"],
        retrying=counts["retrying"],
        blocked=counts["blocked"],
        dead=counts["dead"],
        finished=counts["succeeded"] + counts["canceled"],
        oldest_waiting_s=one.oldest_waiting_s,
        consumers=one.consumers,
        pause=pause,
        minutes=minutes,
        limit=limit_view(one.limits),
    )


def _consumer(one: PastConsumer, running: Sequence[PastRun]) -> ConsumerView:
    runs = [_run(run) for run in running if run.worker.rpartition("/")[0] == one.id or run.job_id in one.running]
    return view_of(one, runs, order=one.order or "", is_silent=one.is_silent)


def _run(run: PastRun) -> RunView:
    job = Job(
        *(run.job_id, run.task, run.queue, "running", 0, run.started_at, 0),
        started_at=run.started_at,
        attempt=run.attempt,
        worker=run.worker,
    )
    row = replace(job_row(job, Call(), run.started_at), attempts_max=0)
    return RunView(run.job_id, worker_name(run.worker), row, None)
