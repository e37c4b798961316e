"""Tells those who wait for a job that is dead without a last attempt to do it: it took its workers down, or it waited
for another one that failed."""

import copy
import logging
from typing import Any

from huey.api import PeriodicTask
from huey.exceptions import HueyException
from huey.utils import Error

from storage.broker.records import Job
from storage.broker.requests import Claim, Write
from storage.errors import JobMissing
from tasks.engine.context import RunningJob
from tasks.engine.unit import Unit

_logger = logging.getLogger(__name__)


class WorkerLost(Exception):
    """A job took its workers down, again and again."""


class ChildFailed(Exception):
    """A job waited for another one, and that one is dead or canceled."""


def tell(huey: Any) -> int:
    """Store the error as the result, join the chord, launch the error handler; answers for how many jobs."""
    return sum(_tell(huey, job_id) for job_id in huey.broker.buried())


def _tell(huey: Any, job_id: str) -> bool:
    try:
        job = huey.storage.inspector.job(job_id)
        task = huey.deserialize_task(job.payload)
    except HueyException:
        return False  # a consumer that knows the task will do it
    except JobMissing:
        return bool(huey.broker.tell(job_id, ()))
    except Exception as error:  # noqa: BLE001 - whatever a serializer makes of bytes that are not its own
        _logger.warning("nobody can be told that job %s is buried: %s", job_id, error)
        return bool(huey.broker.tell(job_id, ()))
    return bool(huey.broker.tell(job_id, _writes(huey, job, task)))


def _writes(huey: Any, job: Job, task: Any) -> tuple[Write, ...]:
    """What Huey writes when a task has failed for good."""
    claim = Claim(job.id, job.queue, "", job.attempt, job.payload, 0, 0, job.task, None, None, None, 0)
    unit = Unit(claim, RunningJob(job.id, job.task, job.queue, job.attempt, ""), 0, 0)
    kind = ChildFailed if job.error_type == ChildFailed.__name__ else WorkerLost
    failure, task.retries = kind(job.error), 0
    with huey.collecting(unit):
        tell_failure(huey, task, failure)
    return tuple(unit.writes)


def tell_failure(huey: Any, task: Any, failure: Exception) -> None:
    """Write, into the unit of this thread, what Huey writes when a task has failed for good."""
    error = Error(huey.build_error_result(task, failure))
    following = task if huey.results and not isinstance(task, PeriodicTask) else None
    while following is not None:
        huey.put_result(following.id, error)
        following = following.on_complete
    if task.on_error:
        handler = copy.copy(task.on_error)
        handler.extend_data(failure)
        huey.enqueue(handler)
    huey._abort_chord_member(task, error)
