"""What operators read of jobs, without secrets: the broker's records as they may be shown, on any surface.

The jobs themselves stay whole. An action that needs them whole (tasks/actions) reads them with the plain Inspector, and
showing a masked value is an action of its own.
"""

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from storage.broker.inspector import Inspector
from storage.broker.records import (
    Attempt,
    FailureGroup,
    Job,
    LogLine,
    LogPage,
    Progress,
    ScheduleInfo,
    ScheduleRun,
)
from storage.redaction import Redactor
from storage.values import replace

if TYPE_CHECKING:
    import redis

NAMES_KEPT_S = 30.0


class MaskedInspector(Inspector):
    """An Inspector whose answers may be shown: texts, arguments and results are without secrets."""

    def __init__(self, client: "redis.Redis", namespace: str, redactor: Redactor) -> None:
        super().__init__(client, namespace)
        self._redactor = redactor
        self._names: dict[str, tuple[str, ...]] = {}
        self._names_until = 0.0

    def job(self, job_id: str) -> Job:
        return self._masked(super().job(job_id))

    def _rows(self, ids: Sequence[str]) -> tuple[Job, ...]:
        return tuple(self._masked(job) for job in super()._rows(ids))

    def log(self, job_id: str, after: str = "0", limit: int = 1000) -> LogPage:
        return self._page(super().log(job_id, after, limit))

    def tail(self, after: str = "", limit: int = 1000) -> LogPage:
        return self._page(super().tail(after, limit))

    def failure_groups(self, limit: int = 1_000) -> tuple[FailureGroup, ...]:
        return tuple(replace(group, message=self._text(group.message)) for group in super().failure_groups(limit))

    def schedules(self, *, ticks: int = 5, runs: int = 10) -> tuple[ScheduleInfo, ...]:
        found = super().schedules(ticks=ticks, runs=runs)
        return tuple(replace(one, runs=tuple(self._run_of(run) for run in one.runs)) for one in found)

    # -- parts -------------------------------------------------------------------------------------------------

    def _text(self, text: str) -> str:
        return self._redactor.redact_text(text)

    def _run_of(self, run: ScheduleRun) -> ScheduleRun:
        return replace(run, error=self._text(run.error))

    def _page(self, page: LogPage) -> LogPage:
        return replace(page, lines=tuple(self._line(line) for line in page.lines))

    def _line(self, line: LogLine) -> LogLine:
        return replace(line, message=self._text(line.message))

    def _masked(self, job: Job) -> Job:
        return replace(
            job,
            reason=self._text(job.reason),
            error=self._text(job.error),
            payload=self._encoded(job.payload, job.task),
            result=None if job.result is None else self._encoded(job.result, job.task),
            progress=self._progress(job.progress),
            attempts=tuple(self._attempt(attempt) for attempt in job.attempts),
        )

    def _progress(self, progress: Progress | None) -> Progress | None:
        return None if progress is None else replace(progress, note=self._text(progress.note))

    def _attempt(self, attempt: Attempt) -> Attempt:
        return replace(
            attempt,
            error=self._text(attempt.error),
            traceback=self._text(attempt.traceback),
            shape=self._text(attempt.shape),
        )

    def _encoded(self, data: bytes, task: str) -> bytes:
        from tasks.payloads import masked  # noqa: PLC0415 - loads Huey, and lists without jobs are read without

        return masked(data, task, self._redactor, self._parameters)

    def _parameters(self, task: str) -> tuple[str, ...]:
        if time.monotonic() >= self._names_until:
            self._names_until = time.monotonic() + NAMES_KEPT_S
            self._names = {one.name: tuple(p.name for p in one.parameters) for one in self.tasks()}
        return self._names.get(task, ())
