"""The part of the live gateway that knows consumers."""

import logging
from datetime import timedelta
from time import monotonic
from typing import Final

from console.gateway.fleet import ConsumerView, consumer_view
from console.gateway.live_part import LivePart
from console.gateway.reading import translated
from storage.errors import StorageError

logger = logging.getLogger(__name__)

RUNNING_SHOWN: Final = 2_000
"""Running jobs that are read at most."""
USUAL_S: Final = 60.0
"""How long the usual durations of tasks are trusted."""


class LiveFleet(LivePart):
    """Consumers, what they run, and orders to them."""

    _is_first = True
    _usual_read: tuple[float, dict[str, float]] = (float("-inf"), {})

    def fleet(self) -> tuple[ConsumerView, ...]:
        """Return the consumers that live, and those that fell silent of late, by name."""
        with translated():
            self._read_clock()
            found = self._inspector.consumers(silent=True)
            ids = [job_id for consumer in found for job_id in consumer.running][:RUNNING_SHOWN]
            jobs = {job.id: (job, self._call(job)) for job in self._inspector.rows(ids)}
        now, usual_s = self.now(), self._usual_s() if jobs else {}
        views = [consumer_view(one, jobs, usual_s, now) for one in found]
        return tuple(sorted(views, key=lambda view: (not view.is_silent, view.key)))

    def _usual_s(self) -> dict[str, float]:
        """Return the p95 of the last day's runs by task, as history knew it a minute ago at most; at first nothing."""
        is_first, self._is_first = self._is_first, False
        if self._held is None or is_first:
            return {}
        read_at, known = self._usual_read
        if monotonic() - read_at > USUAL_S:
            from storage.history.measures import stats  # noqa: PLC0415 - the first screen is drawn without it

            try:
                now = self.now()
                found = stats(self._held.database, now - timedelta(days=1), now, by=("task",))
                known = {row.task: row.run.p95_s for row in found.rows if row.run.p95_s is not None}
            except StorageError as error:
                logger.warning("what is usual for a task can not be known now: %s", error)
            self._usual_read = (monotonic(), known)
        return known
