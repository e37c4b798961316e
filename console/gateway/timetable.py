"""Schedules, their ticks and their runs, made into views."""

from datetime import datetime
from typing import Literal

from msgspec import Struct
from textual.content import Content

from console.formats import ROW_LIMIT, safe_text
from console.gateway.building import task_name
from storage.broker.records import ScheduleInfo, SchedulePause, ScheduleRun, State
from storage.wording import short_id


class HoldView(Struct, frozen=True):
    """Who paused a schedule, why, when, and until when (None: until it is resumed)."""

    by: Content
    reason: Content
    at: datetime
    until_at: datetime | None


class TickView(Struct, frozen=True):
    """A job of a schedule. ``tick_at`` is None for one run by hand (``by`` whom); ``state`` "" when it is forgotten."""

    key: str
    short_id: Content
    tick_at: datetime | None
    enqueued_at: datetime
    late_s: float
    state: State | Literal[""]
    duration_s: float | None
    error: Content
    by: Content


class ScheduleRow(Struct, frozen=True):
    """A schedule at a glance. ``rule`` is empty when it can not be read; ``problem`` says why there is no next tick."""

    key: str
    name: Content
    queue: Content
    rule: Content
    timezone: Content
    policy: Content
    hold: HoldView | None
    next_at: tuple[datetime, ...]
    runs: tuple[TickView, ...]
    enqueued: int
    late: int
    missed: int
    skipped: int
    by_hand: int
    problem: Content


def schedule_row(info: ScheduleInfo) -> ScheduleRow:
    """Return the view of a schedule."""
    return ScheduleRow(
        key=info.name,
        name=task_name(info.name),
        queue=safe_text(info.queue, limit=80),
        rule=safe_text(info.expression, limit=80),
        timezone=safe_text(info.timezone or "UTC", limit=60),
        policy=safe_text(info.policy, limit=20),
        hold=None if info.pause is None else _hold(info.pause),
        next_at=info.next_at,
        runs=tuple(_tick(run) for run in info.runs),
        enqueued=info.enqueued,
        late=info.late,
        missed=info.missed,
        skipped=info.skipped,
        by_hand=info.by_hand,
        problem=safe_text(info.problem, limit=ROW_LIMIT),
    )


def _hold(pause: SchedulePause) -> HoldView:
    return HoldView(safe_text(pause.by, limit=80), safe_text(pause.reason, limit=200), pause.at, pause.until_at)


def _tick(run: ScheduleRun) -> TickView:
    return TickView(
        key=run.job_id,
        short_id=safe_text(short_id(run.job_id)),
        tick_at=run.tick_at,
        enqueued_at=run.enqueued_at,
        late_s=run.late_s,
        state=run.state,
        duration_s=run.duration_s,
        error=safe_text(run.error, limit=ROW_LIMIT),
        by=safe_text(run.by, limit=80),
    )
