"""The demo's schedules: some on time, one late, one paused, one that can not be read."""

from datetime import datetime, timedelta
from itertools import islice, takewhile
from typing import Final

from console.gateway.demo_part import DemoPart
from console.gateway.demo_records import NOW, CannedJob
from console.gateway.timetable import ScheduleRow, schedule_row
from storage.broker.records import ScheduleInfo, SchedulePause, ScheduleRun
from storage.broker.timetable import Schedule
from storage.values import replace
from storage.wording import error_line


def _info(name: str, queue: str, rule: str, zone: str, policy: str) -> ScheduleInfo:
    return ScheduleInfo(f"tasks.{name}", queue, rule, zone, policy, None, None, (), ())


SCHEDULES: Final = (
    replace(
        _info("contacts.sync_contacts", "default", "*/15 * * * *", "UTC", "latest"), enqueued=2_871, late=14, missed=3
    ),
    replace(_info("digest.send_daily_digest", "email", "30 7 * * 1-5", "Europe/Berlin", "skip"), enqueued=218),
    replace(_info("files.clean_abandoned_files", "maintenance", "0 0 * * *", "UTC", "latest"), enqueued=341, missed=1),
    replace(_info("reports.build_report", "reports", "0 3 1 * *", "America/New_York", "all"), enqueued=11, skipped=1),
    replace(
        _info("tokens.clean_expired_tokens", "maintenance", "0 * * * *", "UTC", "latest"), enqueued=8_190, by_hand=1
    ),
    replace(
        _info("warehouse.refresh", "default", "", "", ""),
        problem="its rule is Huey's own crontab(), which says yes or no when it is asked: use cron()",
    ),
)
HOLDS: Final = {
    "tasks.reports.build_report": SchedulePause(
        "ada", "ledger is being migrated, see #ops", NOW - timedelta(minutes=38), NOW + timedelta(hours=5, minutes=13)
    )
}


class DemoSchedules(DemoPart):
    """Canned schedules whose next ticks come with the clock."""

    def schedules(self) -> tuple[ScheduleRow, ...]:
        """Return the canned schedules."""
        with self._lock:
            return tuple(schedule_row(self._schedule(info)) for info in (SCHEDULES if self._queues else ()))

    def _schedule(self, info: ScheduleInfo) -> ScheduleInfo:
        now, pause = self.now(), self._holds.get(info.name)
        after = max(now, pause.until_at - timedelta(seconds=1)) if pause is not None and pause.until_at else now
        is_held = pause is not None and pause.until_at is None
        coming: tuple[datetime, ...] = ()
        if info.expression and not is_held:
            coming = tuple(islice(Schedule(info.expression, info.timezone).ticks(after), 5))
        return replace(info, pause=pause, next_at=coming, runs=self._runs(info))

    def _runs(self, info: ScheduleInfo) -> tuple[ScheduleRun, ...]:
        ended = [one for one in self._jobs.values() if one.job.task == info.name]
        runs = [_run(one, one.by or self._by_hand.get(one.job.id, "")) for one in ended]
        found = [run for run in runs if run.tick_at is not None or run.by]
        if not found:
            return tuple(reversed([_forgotten(info, tick) for tick in _ticks_before(info)]))
        return tuple(sorted(found, key=lambda run: run.enqueued_at, reverse=True))[:10]


def _ticks_before(info: ScheduleInfo) -> list[datetime]:
    """Return the last ten ticks before the demo's instant."""
    if not info.expression:
        return []
    ticks = Schedule(info.expression, info.timezone).ticks(NOW - timedelta(days=20))
    return list(takewhile(lambda tick: tick < NOW, ticks))[-10:]


def _forgotten(info: ScheduleInfo, tick: datetime) -> ScheduleRun:
    """Make a run whose job is past its retention."""
    at = tick + timedelta(seconds=0.3)
    return ScheduleRun(f"cron:{info.name}:{tick:%d%H%M%S}", tick, at, 0.3, "", None, "")


def _run(canned: CannedJob, by: str) -> ScheduleRun:
    """Make a job into a run of its tick, or of an operator; of neither, it is not the schedule's."""
    job, tick = canned.job, canned.tick_at
    seconds = (job.finished_at - job.started_at).total_seconds() if job.finished_at and job.started_at else None
    return ScheduleRun(
        job_id=job.id,
        tick_at=tick,
        enqueued_at=job.created_at,
        late_s=0.0 if tick is None else (job.created_at - tick).total_seconds(),
        state=job.state,
        duration_s=seconds,
        error=error_line(job.error_type, job.error),
        by=by,
    )
