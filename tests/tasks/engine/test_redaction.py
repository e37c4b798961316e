"""What a job says leaves its process without secrets: log lines, errors, tracebacks, progress."""

import logging
from typing import Any

import pytest

from storage.broker.inspector import Inspector
from storage.redaction import MASK, Redactor
from tasks.engine.context import progress
from tasks.engine.huey import DeweyHuey
from tests.tasks.jobs import Capture

SECRET = "canary-5f3a77"


@pytest.fixture
def huey(redis_url: str, namespace: str) -> DeweyHuey:
    return DeweyHuey(namespace, url=redis_url, redactor=Redactor(("patient",), (r"MRN-\d+",)))


def run(huey: DeweyHuey, task: Any, *args: object, **kwargs: object) -> str:
    """Run one job of a task; its log, its error and its traceback, as the books have them."""
    job_id: str = task(*args, **kwargs).id
    with Capture():
        huey.execute(huey.dequeue())
    inspector: Inspector = huey.storage.inspector
    job = inspector.job(job_id)
    said = [line.message for line in inspector.log(job_id).lines]
    said += [job.error, job.reason, *(attempt.traceback + attempt.error + attempt.shape for attempt in job.attempts)]
    said += [job.progress.note if job.progress else "", *(group.message for group in inspector.failure_groups())]
    return "\n".join(said)


def test_a_secret_in_a_log_line_an_error_or_a_traceback_is_not_kept(huey: DeweyHuey) -> None:
    @huey.task()
    def fail(order: int) -> None:
        logging.getLogger("shop").warning("calling with password=%s", SECRET)
        progress(1, 2, f"token={SECRET}")
        raise ValueError(f"redis://:{SECRET}@host is away for order {order}")

    said = run(huey, fail, 7)
    assert "order 7" in said
    assert said.count(MASK) >= 4
    assert SECRET not in said


def test_a_secret_argument_is_masked_also_where_it_stands_without_its_name(huey: DeweyHuey) -> None:
    @huey.task()
    def login(user: str, password: str, options: dict[str, str]) -> None:
        logging.getLogger("shop").warning("trying %s for %s", password, user)
        raise PermissionError(f"{user} may not enter with {password} and {options['api_key']}")

    said = run(huey, login, "ada", SECRET, {"api_key": "second-canary-11"})
    assert f"trying {MASK} for ada" in said
    assert SECRET not in said
    assert "second-canary-11" not in said


def test_names_and_patterns_of_ones_own_are_masked(huey: DeweyHuey) -> None:
    @huey.task()
    def admit(patient: str) -> None:
        raise LookupError(f"no bed for {patient}, MRN-48213")

    said = run(huey, admit, SECRET)
    assert f"no bed for {MASK}, {MASK}" in said
    assert SECRET not in said


def test_the_job_itself_gets_its_arguments_whole(huey: DeweyHuey) -> None:
    @huey.task()
    def echo(token: str) -> str:
        return token

    result = echo(SECRET)
    huey.execute(huey.dequeue())
    assert result.get() == SECRET
