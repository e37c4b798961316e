"""The part of the demo gateway that lists jobs: by the whole grammar of filters, over canned jobs."""

from collections.abc import Iterable, Mapping

from console.gateway import building
from console.gateway.building import Call
from console.gateway.criteria import parsed, plain
from console.gateway.demo_night import progressed
from console.gateway.demo_part import DemoPart
from console.gateway.demo_records import TASKS, CannedJob, group_of
from console.gateway.reading import translated
from console.gateway.views import JobPage, JobRow, Tally
from storage.broker.inspector import ORDER
from storage.broker.records import FINISHED, STATES, Job, LogLine, State
from storage.history import texts
from storage.history.entries import Entry
from storage.history.filters import Filter, Is, Leaf
from storage.history.matching import matches
from storage.wording import short_name


class DemoJobs(DemoPart):
    """Lists of canned jobs."""

    _log: list[LogLine]

    def jobs(self, criteria: str, offset: int, limit: int) -> JobPage:
        """Return a slice: what is open by state and queue, then what has ended, created last first; or all so."""
        chosen = self._chosen(criteria)
        return JobPage(len(chosen), offset, tuple(self._row(canned) for canned in chosen[offset : offset + limit]))

    def count(self, criteria: str) -> Tally:
        """Count the jobs that match."""
        return Tally(len(self._chosen(criteria)), True)

    def states(self, criteria: str) -> Mapping[State, Tally]:
        """Count the canned jobs of a filter's queues by state."""
        with translated():
            said = plain(parsed(criteria, self.now()))
        if said is None:
            return {}
        with self._lock:
            found = [one.job.state for one in self._jobs.values() if not said[1] or one.job.queue in said[1]]
        return {state: Tally(found.count(state), True) for state in STATES}

    def matching(self, criteria: str) -> tuple[str, ...]:
        """Return the ids of the jobs that match."""
        return tuple(canned.job.id for canned in self._chosen(criteria))

    def words(self) -> Mapping[str, tuple[str, ...]]:
        """Return values of a filter's fields as they occur among the canned jobs."""
        with self._lock:
            jobs = [canned.job for canned in self._jobs.values()]
        tasks = TASKS if self._queues else ()
        return {
            "state": STATES,
            "queue": self._queues,
            "task": _sorted(short_name(task.name) for task in tasks),
            "err": _sorted(job.error_type for job in jobs),
            "group": _sorted(group_of(job)[:12] for job in jobs if job.error_type),
            "host": _sorted(_host(job) for job in jobs),
            "worker": _sorted(job.worker for job in jobs),
            "args": _sorted(parameter.name for task in tasks for parameter in task.parameters),
        }

    def _chosen(self, criteria: str) -> list[CannedJob]:
        with translated():
            given = parsed(criteria, self.now())
        logged = self._logged(given)
        with self._lock:
            chosen = [canned for canned in self._jobs.values() if matches(given, entry_of(canned), logged)]
        if plain(given) is None:
            chosen.sort(key=lambda canned: (canned.job.created_at, canned.job.id), reverse=True)
        else:
            chosen.sort(key=lambda canned: (canned.job.created_at, canned.job.id), reverse=True)
            chosen.sort(key=_place)
        return chosen

    def _logged(self, given: Filter) -> Mapping[Leaf, frozenset[str]]:
        leaves = [leaf for leaf in given.leaves() if isinstance(leaf, Is) and leaf.field == "log"]
        return {
            leaf: frozenset(line.job for line in self._log if line.at <= self.now() and _says(line, leaf))
            for leaf in leaves
        }

    def _row(self, canned: CannedJob) -> JobRow:
        return building.job_row(progressed(canned.job, self.now()), Call(kwargs=canned.kwargs), self.now())


def _place(canned: CannedJob) -> tuple[int, str]:
    """Where a job stands in a list of states and queues: as live, what has ended is in one line after the rest."""
    job = canned.job
    return (len(ORDER), "") if job.state in FINISHED else (ORDER.index(job.state), job.queue)


def _sorted(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({value for value in values if value}))


def _says(line: LogLine, leaf: Is) -> bool:
    text = texts.lowered(line.message)
    return any(texts.lowered(value) in text and texts.begins_words(value, line.message) for value in leaf.values)


def _host(job: Job) -> str:
    return job.worker.partition(":")[0]


def entry_of(canned: CannedJob) -> Entry:
    """Return a canned job as history would have it."""
    job = canned.job
    started_at, ended_at = job.started_at, job.finished_at
    last = job.attempts[-1] if job.attempts else None
    if started_at is not None and ended_at is None and last is not None:
        ended_at = last.finished_at
    wait_ms = None if started_at is None else round((started_at - job.created_at).total_seconds() * 1000)
    ran_ms = None
    if started_at is not None and ended_at is not None:
        ran_ms = round((ended_at - started_at).total_seconds() * 1000)
    return Entry(
        *(job.id, job.created_at, job.version, job.task, job.queue, job.state, job.priority, job.created_at),
        *(job.run_at, started_at, job.finished_at, wait_ms, ran_ms, job.attempt, job.crashes, job.retries),
        *(job.retries_left, _host(job), job.worker, "", job.reason, job.error_type, job.error),
        *(group_of(job) if job.error_type else "", job.parent, "", canned.kwargs),
    )
