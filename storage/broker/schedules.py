"""Reads of tasks and schedules, from what consumers published: no task is imported."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import msgspec

from storage.broker.reading import Reads, instant, text
from storage.broker.records import Parameter, ScheduleInfo, SchedulePause, ScheduleRun, TaskInfo
from storage.broker.timetable import Schedule
from storage.errors import SettingsError

_NEVER = datetime.fromtimestamp(0, UTC)


class ScheduleReads(Reads):
    """The part of the Inspector that reads tasks and schedules."""

    def tasks(self) -> tuple[TaskInfo, ...]:
        """Every task that some consumer has published, by name."""
        found = self._call("hgetall", self._keys.tasks)
        return tuple(sorted((_task(row) for row in found.values()), key=lambda task: task.name))

    def schedules(self, *, ticks: int = 5, runs: int = 10) -> tuple[ScheduleInfo, ...]:
        """Every schedule that some consumer has published, with its next ``ticks`` and its last ``runs``."""
        tasks = [task for task in self.tasks() if task.schedule or task.periodic]
        with self._pipe() as pipe:
            pipe.time()
            for task in tasks:
                pipe.hget(self._keys.cron, task.name)
                pipe.hget(self._keys.held, task.name)
                pipe.lrange(self._keys.runs(task.name), 0, runs - 1)
                pipe.hgetall(self._keys.tally(task.name))
            (seconds, _), *rows = self._run(pipe)
        now = datetime.fromtimestamp(seconds, UTC)
        noted = [[json.loads(text(row)) for row in rows[4 * number + 2]] for number in range(len(tasks))]
        jobs = self._jobs([run["job"] for runs_of_one in noted for run in runs_of_one])
        found = []
        for number, task in enumerate(tasks):
            last, held, _, tally = rows[4 * number : 4 * number + 4]
            pause = _pause(held)
            next_at, problem = _next(task, pause, now, ticks)
            found.append(
                ScheduleInfo(
                    name=task.name,
                    queue=task.queue,
                    expression=task.schedule,
                    timezone=task.timezone,
                    policy=task.missed,
                    pause=None if pause is None or _is_over(pause, now) else pause,
                    last_tick_at=instant(last),
                    next_at=next_at,
                    runs=tuple(_runs(noted[number], jobs)),
                    problem=problem,
                    **{text(name): int(count) for name, count in tally.items()},
                )
            )
        return tuple(found)

    def _jobs(self, ids: list[str]) -> dict[str, list[str]]:
        with self._pipe() as pipe:
            for job_id in ids:
                pipe.hmget(self._keys.job(job_id), ("state", "started", "finished", "error_type", "error"))
            rows = self._run(pipe)
        return {job_id: [text(value) for value in row] for job_id, row in zip(ids, rows, strict=True)}


def _is_over(pause: SchedulePause, now: datetime) -> bool:
    return pause.until_at is not None and pause.until_at <= now


def _next(task: TaskInfo, pause: SchedulePause | None, now: datetime, count: int) -> tuple[tuple[datetime, ...], str]:
    """The next ticks that will have a job, or why they can not be said."""
    if not task.schedule:
        return (), "its rule is Huey's own crontab(), which says yes or no when it is asked: use cron()"
    if pause is not None and pause.until_at is None:
        return (), ""
    after = now
    if pause is not None and pause.until_at is not None:
        after = max(now, datetime.fromtimestamp(pause.until_at.timestamp() - 1, UTC))
    try:
        return tuple(islice(Schedule(task.schedule, task.timezone or "UTC").ticks(after), count)), ""
    except SettingsError as error:
        return (), str(error)


def _runs(noted: list[dict[str, Any]], jobs: dict[str, list[str]]) -> Iterator[ScheduleRun]:
    for run in noted:
        state, started, finished, kind, error = jobs[run["job"]]
        ended = state in ("succeeded", "dead", "canceled") and started and finished
        yield ScheduleRun(
            job_id=run["job"],
            tick_at=instant(run["tick"]) if run["tick"] else None,
            enqueued_at=instant(run["at"]) or _NEVER,
            late_s=max(0.0, (run["at"] - run["tick"]) / 1000) if run["tick"] else 0.0,
            state=state,  # type: ignore[arg-type]  # only our scripts write it
            duration_s=(int(finished) - int(started)) / 1000 if ended else None,
            error=f"{kind}: {error}" if kind else error,
            by=run["by"],
        )


def _pause(row: bytes | None) -> SchedulePause | None:
    if row is None:
        return None
    who = json.loads(text(row))
    until_at = instant(who["until_ms"]) if who["until_ms"] else None
    return SchedulePause(str(who["by"]), str(who["reason"]), instant(who["at"]) or _NEVER, until_at)


def _task(published: bytes) -> TaskInfo:
    row = msgspec.json.decode(published)
    row["parameters"] = tuple(Parameter(**parameter) for parameter in row["parameters"])
    known = {name: row[name] for name in TaskInfo.__struct_fields__ if name in row}
    return TaskInfo(**known)
