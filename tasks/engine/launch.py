"""How jobs come into being: single ones, groups, pipelines and chords as new records of the broker."""

import copy
import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from huey import signals
from huey.api import ChordResult, Result, ResultGroup, Task, chord, group
from huey.utils import ChordConfig

from storage.broker.records import NewJob, OnFailure, State
from storage.broker.requests import Write, job_table
from storage.errors import AlreadyThere
from tasks.engine import context, retry, unique
from tasks.engine.books import BookedHuey
from tasks.engine.cron import Entry

_logger = logging.getLogger(__name__)

DEFAULT_QUEUE = "default"
MOST_TOGETHER = 5_000
"""Most jobs of a chord or a flow, which are laid out in one step: it keeps Redis for about a fifth of a second."""


class Launching(BookedHuey):
    """The half of DeweyHuey that enqueues. Inside a unit of work, what it enqueues is collected."""

    def enqueue(self, task: Any) -> Any:
        if not self._keeps_books:
            return super().enqueue(task)
        if isinstance(task, chord):
            return self._enqueue_chord(task)
        if isinstance(task, group):
            members = list(task.tasks)
            if any(isinstance(member, chord | group) for member in members):
                return ResultGroup([self.enqueue(member) for member in members])
            holders = self._add([self._new_job(member) for member in members], members)
            return ResultGroup([self._handle(member, holders) for member in members])
        holders = self._add([self._new_job(task)], [task])
        return self._handle(task, holders) if self.results else None

    def _add(self, jobs: Sequence[NewJob], tasks: Sequence[Any]) -> Mapping[str, str]:
        """Add jobs now, or with the unit of work; answers who holds the unique keys of those that were not added.

        Raises:
            QueueFull: a queue has reached its limit.
            AlreadyThere: a unique key is held, and its task rejects a second job.
        """
        for task in tasks:
            self._emit(signals.SIGNAL_ENQUEUED, task)
        unit = self._units.now
        if unit is not None and unit.collects:
            unit.writes += [("enqueue", job_table(job)) for job in jobs]
            return {}
        running = context.current_job()
        if running is not None and any(job.id == running.id for job in jobs):
            _logger.warning(
                "job %s enqueued itself while it runs, which adds nothing: raise RetryTask, or launch a new one (.s())",
                running.id,
            )
        held_by = self.broker.enqueue(jobs).held_by
        for job in jobs:
            holder = held_by.get(job.id)
            if holder is not None and job.conflict == "reject":
                raise AlreadyThere(f"{job.task} is unique, and job {holder} holds the key {job.unique!r}", holder)
        return held_by

    def _handle(self, task: Any, holders: Mapping[str, str]) -> Any:
        if task.id in holders:  # the job that was there is the one to wait for
            return Result(self, Task(id=holders[task.id]))
        results = self._pipeline_results(task)
        return ResultGroup(results) if len(results) > 1 else results[0]

    def _new_job(self, task: Any, *, blocked: bool = False, chord_id: str = "", on_failure: OnFailure = "") -> NewJob:
        if task.expires:
            task.resolve_expires(self.utc)
        delay_ms = 0
        if task.eta is not None and not blocked:
            delay_ms = max(0, self.instant_ms(task.eta) - self.instant_ms(self._get_timestamp()))
        running = context.current_job()
        name = self._registry.task_to_string(type(task))
        member = member_of(task)
        joins = bool(member) or blocked  # a join waits for each of its members: none is left out
        return NewJob(
            id=task.id,
            task=name,
            queue=getattr(task, "queue", None) or DEFAULT_QUEUE,
            payload=self.serialize_task(task),
            priority=task.priority or 0,
            delay_ms=delay_ms,
            retries=int(task.retries or 0),
            retry_delay_s=retry.seconds(task.retry_delay),
            parent=running.id if running is not None else "",
            chord=chord_id,
            blocked=blocked,
            lifo=bool(getattr(task, "lifo", False)),
            unique="" if joins else unique.key_of(name, task),
            unique_ttl_ms=round(retry.seconds(getattr(task, "unique_for", 0)) * 1000),
            conflict=unique.policy_of(task),
            member=member,
            on_failure=on_failure,
        )

    def _enqueue_chord(self, chord_obj: Any) -> Any:
        if not self._keeps_books:
            return super()._enqueue_chord(chord_obj)
        writes: list[Write] = []
        handle = self._lay_out(chord_obj, writes)
        self._write(writes)
        return handle

    def _write(self, writes: list[Write]) -> None:
        """Write in one step, now or with the unit of work.

        Raises:
            ValueError: the step would keep Redis from everybody else for too long.
        """
        jobs = sum(write[0] == "enqueue" for write in writes)
        if jobs > MOST_TOGETHER:
            raise ValueError(
                f"{jobs:,} jobs can not be launched in one step, which keeps Redis from everybody else: at most "
                f"{MOST_TOGETHER:,} can. Make parts of it, each a chord or a flow, and join those"
            )
        unit = self._units.now
        if unit is not None and unit.collects:
            unit.writes += writes
        else:
            self.broker.write(writes)

    def _lay_out(self, chord_obj: Any, writes: list[Write]) -> Any:
        """A chord's jobs, nested ones too, as writes of one step: the callback waits, blocked, for its members."""
        callback = chord_obj.callback
        chord_id, results, children = callback.id, [], []
        members = list(chord_obj.tasks)
        for index, member in enumerate(members):
            if isinstance(member, group):
                raise ValueError(  # noqa: TRY004 - as Huey raises it
                    "cannot use `group` as a chord member - use .then() to convert to a `chord` first."
                )
            head = member.callback if isinstance(member, chord) else member
            chain = chain_of(head)
            tail = chain[-1]
            children.append(" ".join(one.id for one in chain))
            tail.chord_config = ChordConfig(chord_id, len(members), index, callback)
            if isinstance(member, chord):
                self._lay_out(member, writes)
            else:
                writes.append(("enqueue", job_table(self._new_job(head))))
                self._emit(signals.SIGNAL_ENQUEUED, head)
            results.append(Result(self, tail))
        if members:
            writes.insert(0, ("chord", chord_id, callback.id, children))
            writes.insert(1, ("enqueue", job_table(self._new_job(callback, blocked=True, chord_id=chord_id))))
        else:
            callback = copy.copy(callback)
            callback.extend_data(([],))
            writes.append(("enqueue", job_table(self._new_job(callback))))
        pipeline = self._pipeline_results(chord_obj.callback)
        return ChordResult(results, pipeline[0], ResultGroup(pipeline) if len(pipeline) > 1 else None)

    # -- what waits, as tasks ----------------------------------------------------------------------------------

    def pending(self, limit: int | None = None) -> list[Any]:
        return self._waiting(("queued",), limit) if self._keeps_books else super().pending(limit)

    def scheduled(self, limit: int | None = None) -> list[Any]:
        return self._waiting(("scheduled", "retrying"), limit) if self._keeps_books else super().scheduled(limit)

    def _waiting(self, states: Sequence[State], limit: int | None) -> list[Any]:
        """Tasks as they will run: with the retries they have left, and due when the broker says."""
        page = self.storage.inspector.jobs(states, limit=limit or 1_000_000)
        tasks = []
        for job in page.jobs:
            for task in self._deserialize_all([job.payload]):
                if states == ("scheduled", "retrying") and job.run_at is not None:
                    task.eta = (
                        job.run_at.replace(tzinfo=None) if self.utc else job.run_at.astimezone().replace(tzinfo=None)
                    )
                task.retries, task.retry_delay = job.retries_left, job.retry_delay_s
                tasks.append(task)
        return tasks

    # -- the clock's entries -----------------------------------------------------------------------------------

    def entries(self) -> list[Entry]:
        """The periodic tasks, as the clock takes them."""
        return [self._entry(task_class) for task_class in self._registry._periodic_tasks]

    def _entry(self, task_class: Any) -> Entry:
        name = self._registry.task_to_string(task_class)
        rule = getattr(task_class, "schedule", None) or self._in_our_time(task_class().validate_datetime)
        return Entry(name, rule, lambda job_id: self._new_job(task_class(id=job_id)))

    def _in_our_time(self, validate: Callable[[datetime], bool]) -> Callable[[datetime], bool]:
        """Huey's own rules are asked in UTC or in local time, as the instance is set; the clock speaks UTC."""
        if self.utc:
            return validate
        return lambda minute: validate(minute.replace(tzinfo=UTC).astimezone().replace(tzinfo=None))


def chain_of(task: Any) -> list[Any]:
    """A pipeline's tasks, in the order they run."""
    chain = [task]
    while chain[-1].on_complete is not None:
        chain.append(chain[-1].on_complete)
    return chain


def member_of(task: Any) -> str:
    """The place in a join of a task, or of the pipeline that it begins, as the broker takes it."""
    for one in chain_of(task):
        if one.chord_config is not None:
            config = one.chord_config
            return f"{config.cid}:{config.idx}:{config.size}"
    return ""
