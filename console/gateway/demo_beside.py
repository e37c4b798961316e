"""The demo's jobs beside others of their task: a week of canned run times, and the last canned success."""

from typing import Final

from console.formats import safe_text
from console.gateway.beside import BesideView, DiffView, RunTimes, diff_view
from console.gateway.demo_fleet import FLEET
from console.gateway.demo_jobs import entry_of
from console.gateway.demo_looking import REDACTOR
from console.gateway.demo_part import DemoPart
from console.gateway.demo_records import CannedJob, chance
from console.gateway.errors import GatewayRefused
from storage.history.diff import compared
from storage.history.entries import Entry
from storage.history.histogram import bucket_of, dense
from storage.values import replace

RUNS: Final = 1_204
DAYS: Final = 7
_VERSIONS: Final = {one.host: one.version for one in FLEET}


class DemoBeside(DemoPart):
    """Compares canned jobs."""

    def beside(self, key: str) -> BesideView:
        """Return a canned job beside others of its task."""
        with self._lock:
            canned, jobs = self._jobs.get(key), list(self._jobs.values())
        if canned is None:
            raise GatewayRefused(f"there is no job {key}")
        return BesideView(key, self._times(canned), _diff(canned, jobs))

    def _times(self, canned: CannedJob) -> RunTimes:
        job = canned.job
        if job.task == "import_note":
            return RunTimes((), DAYS, 1.0)
        counts: dict[int, int] = {}
        for number in range(RUNS):
            seconds = 0.2 + 9 * chance("week", job.task, number) ** 3 + 30 * chance("tail", job.task, number) ** 24
            bucket = bucket_of(round(seconds * 1000))
            counts[bucket] = counts.get(bucket, 0) + 1
        last = job.attempts[-1] if job.attempts else None
        mine_s = None if last is None else ((last.finished_at or self.now()) - last.started_at).total_seconds()
        return RunTimes(tuple(dense(counts)), DAYS, mine_s, last is not None and last.finished_at is None)


def _diff(canned: CannedJob, jobs: list[CannedJob]) -> DiffView:
    others = [one for one in jobs if one.job.task == canned.job.task and one.job.state == "succeeded"]
    others = [one for one in others if one.job.id != canned.job.id]
    before = [one for one in others if one.job.created_at < canned.job.created_at]
    if not others:
        said = f"no other job of {canned.job.task} has succeeded, as far as history goes: there is nothing to compare"
        return DiffView(problem=safe_text(said))
    other = max(before or others, key=lambda one: one.job.created_at)
    return diff_view(compared(_entry(canned), _entry(other), is_before=bool(before)), REDACTOR)


def _entry(canned: CannedJob) -> Entry:
    entry = entry_of(canned)
    return replace(entry, consumer_version=_VERSIONS.get(entry.host, ""))
