"""The part of the live gateway that puts a job beside others of its task, as history knows them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from console.formats import safe_text
from console.gateway.live_part import LivePart
from console.gateway.live_past import UNTOLD
from console.gateway.reading import translated
from storage.errors import JobMissing, StorageError

if TYPE_CHECKING:
    from console.gateway.beside import BesideView

DAYS = 7
"""How far back run times are counted."""
Ran = tuple[str, float | None, bool]
"""The task of a job, how long its last run took or takes, and whether it still runs."""


class LiveBeside(LivePart):
    """Run times of a task, and what differs from its last success. That history is away is an answer too."""

    def beside(self, key: str) -> BesideView:
        """Return a job beside others of its task."""
        from console.gateway.beside import BesideView, DiffView, RunTimes, diff_view  # noqa: PLC0415 - as those below

        if self._held is None:
            return BesideView(key, RunTimes(problem=UNTOLD), DiffView(problem=UNTOLD))
        from storage.history import diff as differences  # noqa: PLC0415 - history is asked later than the first screen is drawn
        from storage.history.measures import run_times  # noqa: PLC0415 - the same

        database, now = self._held.database, self.now()
        with translated():
            held = self._of_broker(key, now)
        try:
            task, mine_s, is_running = held or self._of_history(key)
            counts = run_times(database, now - timedelta(days=DAYS), now, task=task)
            times = RunTimes(counts, DAYS, mine_s, is_running)
        except StorageError as error:
            times = RunTimes(problem=safe_text(error, limit=300))
        try:
            diff = diff_view(differences.diff(database, key), self._redactor)
        except StorageError as error:
            diff = DiffView(problem=safe_text(error, limit=300))
        return BesideView(key, times, diff)

    def _of_broker(self, key: str, now: datetime) -> Ran | None:
        """What the broker knows of a job's last run; None when it does not have the job."""
        try:
            job = self._inspector.job(key)
        except JobMissing:
            return None
        if not job.attempts:
            return job.task, None, False
        last = job.attempts[-1]
        return job.task, ((last.finished_at or now) - last.started_at).total_seconds(), last.finished_at is None

    def _of_history(self, key: str) -> Ran:
        from storage.history import jobs as recorded  # noqa: PLC0415 - the same

        assert self._held is not None
        entry = recorded.job(self._held.database, key).entry
        return entry.task, None if entry.duration_ms is None else entry.duration_ms / 1000, False
