"""What an operator can do, for the console and the command line alike.

Each operation says what it did, or raises one of storage.errors with a sentence that says why not.
"""

import json
import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal

from huey.registry import Message
from huey.utils import Error, normalize_expire_time
from msgspec import Struct

from storage.broker.broker import Broker
from storage.broker.inspector import Inspector
from storage.broker.records import NewJob, TaskInfo
from storage.broker.requests import Order
from storage.errors import JobMissing, Refused
from storage.values import replace
from tasks.engine.codec import encode

REQUEUED_AT_ONCE = 100


class Requeued(Struct, frozen=True):
    """What became of one job that was to be requeued; ``reason`` says why not."""

    job_id: str
    done: bool
    reason: str = ""


class Canceled(Struct, frozen=True):
    """What became of one job that was to be called off: it ended, was asked to end, or was not (``reason``)."""

    job_id: str
    verdict: Literal["ended", "asked", "refused"]
    reason: str = ""


class Operations:
    """Actions on the jobs of one namespace."""

    def __init__(self, broker: Broker, inspector: Inspector) -> None:
        self._broker = broker
        self._inspector = inspector

    @property
    def broker(self) -> Broker:
        """The broker that they act on."""
        return self._broker

    def trigger(
        self,
        task: str,
        kwargs: Mapping[str, object],
        *,
        queue: str | None = None,
        priority: float | None = None,
        delay_s: float = 0,
    ) -> str:
        """Launch a task that some consumer has published; answers the job's id.

        ``task`` may be the end of a published name ("ingest_file") when only one matches.

        Raises:
            Refused: no such task, or the arguments do not fit its signature; the message names them.
            EncodeError: an argument has no JSON form.
        """
        info = self.find_task(task)
        self.check(info, kwargs)
        if delay_s < 0:
            raise Refused(f"a delay of {delay_s} s is in the past: use 0 or more")
        job = new_job(info, str(uuid.uuid4()), kwargs, priority)
        self._broker.enqueue([replace(job, queue=queue or info.queue, delay_ms=round(delay_s * 1000))])
        return job.id

    def find_task(self, name: str) -> TaskInfo:
        """The published task of that name, or the only one whose name ends so. Raises Refused."""
        return _named(self._inspector.tasks(), name, "task")

    def check(self, info: TaskInfo, kwargs: Mapping[str, object]) -> None:
        """See that the arguments fit the task's signature. Raises Refused, which names those that do not."""
        known = {parameter.name for parameter in info.parameters}
        unknown = [name for name in kwargs if name not in known]
        if unknown:
            takes = ", ".join(sorted(known)) or "nothing"
            raise Refused(f"{info.name} takes no {', '.join(unknown)}; it takes {takes}")
        missing = [one.name for one in info.parameters if one.default is None and one.name not in kwargs]
        if missing:
            raise Refused(f"{info.name} needs {', '.join(missing)}: give a value for each")

    def requeue(self, job_ids: Sequence[str]) -> tuple[Requeued, ...]:
        """Try jobs again, each by itself: one that can not be requeued does not keep the others."""
        done: list[Requeued] = []
        for start in range(0, len(job_ids), REQUEUED_AT_ONCE):
            batch = job_ids[start : start + REQUEUED_AT_ONCE]
            for job_id, refusal in zip(batch, self._broker.requeue_many(batch), strict=True):
                done.append(Requeued(job_id, refusal is None, str(refusal or "")))
        return tuple(done)

    def requeue_group(self, fingerprint: str, limit: int | None = None) -> tuple[Requeued, ...]:
        """Try the dead jobs of a group of failures again, oldest first; each once, also when it dies again meanwhile.

        ``fingerprint`` may be the beginning of one.

        Raises:
            JobMissing: there is no such group.
        """
        group = self._inspector.failure_group(fingerprint)
        job_ids = self._inspector.failed_jobs(group.fingerprint, -1 if limit is None else limit)
        return self.requeue(job_ids)

    def cancel(self, job_ids: Sequence[str], *, by: str, reason: str = "") -> tuple[Canceled, ...]:
        """Call jobs off, each by itself. One that waits ends at once, and its callers are told; one that runs is
        interrupted with its worker's next heartbeat."""
        why = f"canceled by {by}" + (f": {reason}" if reason else "")
        done = []
        for job_id in job_ids:
            told = encode(Error({"error": why, "retries": 0, "traceback": "", "task_id": job_id}))
            try:
                ended = self._broker.cancel(job_id, why, [("set", job_id, told)])
                done.append(Canceled(job_id, "ended" if ended else "asked"))
            except (JobMissing, Refused) as error:
                done.append(Canceled(job_id, "refused", str(error)))
        return tuple(done)

    def pause(self, queue: str, *, by: str, reason: str) -> None:
        """Stop claims from a queue; what runs goes on. Raises Refused when there is no such queue."""
        self._broker.pause(queue, json.dumps({"by": by, "reason": reason}))

    def resume(self, queue: str, *, by: str) -> None:
        """Let a queue be claimed from again. Raises Refused when there is no such queue, or it is not paused."""
        if not self._broker.resume(queue):
            raise Refused(f"queue {queue!r} is not paused; {by} changed nothing")

    def order(self, consumer: str, order: Order) -> None:
        """Tell a consumer to claim nothing more ("quiet"), to end when its jobs have ("stop"), or to go on ("").

        Raises:
            Refused: no such consumer lives.
        """
        self._broker.order(consumer, order)

    # -- schedules ---------------------------------------------------------------------------------------------

    def pause_schedule(self, name: str, until: datetime | None = None, *, by: str, reason: str = "") -> None:
        """Let a schedule enqueue nothing until an instant, or with None until it is resumed. Its ticks meanwhile are
        skipped: they are not made up later. Raises Refused."""
        if until is not None and until.tzinfo is None:
            raise Refused(f"until {until.isoformat()}: say in which time zone")
        until_ms = round(until.timestamp() * 1000) if until is not None else 0
        who = {"by": by, "reason": reason, "until_ms": until_ms}
        self._broker.hold_schedule(self.schedule(name).name, json.dumps(who))

    def resume_schedule(self, name: str, *, by: str) -> None:
        """Let a schedule tick again, from its next tick on. Raises Refused when it is not paused."""
        info = self.schedule(name)
        if not self._broker.resume_schedule(info.name):
            raise Refused(f"schedule {info.name!r} is not paused; {by} changed nothing")

    def run_now(self, name: str, *, by: str) -> str:
        """Launch one job of a schedule outside of its ticks, also while it is paused; answers the job's id.

        Raises:
            Refused: there is no such schedule.
            AlreadyThere: its unique key is held.
        """
        info = self.schedule(name)
        job = new_job(info, f"cron:{info.name}:now:{uuid.uuid4().hex[:12]}", {}, None)
        self._broker.run_now(info.name, job, by)
        return job.id

    def schedule(self, name: str) -> TaskInfo:
        """The task of a schedule, by its name or the end of it. Raises Refused."""
        tasks = self._inspector.tasks()
        scheduled = [task for task in tasks if task.periodic or task.schedule]
        if not any(_is_named(task, name) for task in scheduled):
            for task in tasks:
                if _is_named(task, name):
                    raise Refused(f"{task.name} has no schedule: trigger it instead")
        return _named(scheduled, name, "schedule")


def _is_named(task: TaskInfo, name: str) -> bool:
    return task.name == name or task.name.endswith(f".{name}")


def _named(tasks: Sequence[TaskInfo], name: str, what: str) -> TaskInfo:
    """The one of that name, or the only one whose name ends so. Raises Refused."""
    exact = [task for task in tasks if task.name == name]
    found = exact or [task for task in tasks if _is_named(task, name)]
    if len(found) == 1:
        return found[0]
    if found:
        raise Refused(f"{name!r} could be {', '.join(task.name for task in found)}: write more of the name")
    if not tasks:
        raise Refused(f"no consumer has published a {what} {name!r}, nor any other: start one, then try again")
    raise Refused(f"no consumer knows a {what} {name!r}; there are {', '.join(task.name for task in tasks)}")


def new_job(info: TaskInfo, job_id: str, kwargs: Mapping[str, object], priority: float | None) -> NewJob:
    """A job of a published task, as its consumers would make it."""
    chosen = info.priority if priority is None else priority
    message = Message(
        id=job_id,
        name=info.name,
        retries=info.retries,
        retry_delay=info.retry_delay_s,
        retry_backoff=info.retry_backoff,
        timeout=info.timeout_s or None,
        priority=chosen or None,
        expires=info.expires_s or None,
        expires_resolved=normalize_expire_time(info.expires_s, info.utc) if info.expires_s else None,
        args=(),
        kwargs=dict(kwargs),
    )
    return NewJob(
        id=job_id,
        task=info.name,
        queue=info.queue,
        payload=encode(message),
        priority=chosen,
        retries=info.retries,
        retry_delay_s=info.retry_delay_s,
    )
