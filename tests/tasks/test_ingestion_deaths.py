"""Wherever an attempt dies, the next one leaves the rows that an undisturbed one would have left."""

import signal
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from storage import files
from storage.broker.records import Job
from tasks import resources
from tasks.app import huey
from tasks.ingestion import fail_stranded_files
from tests.servers import wait_until
from tests.tasks.deaths import POINTS, die_at
from tests.tasks.jobs import Jobs, Upload
from tests.tasks.services import documents

LONG = "".join(f"{number}. The keeper trims the lamp at dusk. " for number in range(200)).encode()


def a_text(jobs: Jobs, owner: str) -> Upload:
    return jobs.upload(LONG, owner=owner)


def a_pdf(jobs: Jobs, owner: str) -> Upload:
    return jobs.upload(documents.pdf(["Fog.", "Wind."]), "log.pdf", owner=owner)


def a_duplicate(jobs: Jobs, owner: str) -> Upload:
    jobs.upload(LONG, owner=owner)
    jobs.drain()
    return jobs.upload(LONG, owner=owner)


def a_reservation(jobs: Jobs, owner: str) -> Upload:
    return jobs.upload(None, owner=owner)


def an_unreadable_file(jobs: Jobs, owner: str) -> Upload:
    return jobs.upload(bytes(range(256)), "noise.bin", owner=owner)


@dataclass(frozen=True, slots=True)
class Death:
    """Where the attempt at a file dies, and what an undisturbed one ends as; None when its row is deleted."""

    made: Callable[[Jobs, str], Upload]
    point: str
    ends_as: str | None

    def __str__(self) -> str:
        return f"{self.made.__name__}, {self.point}"


DEATHS = [
    Death(a_text, "before it begins", "COMPLETED"),
    Death(a_text, "after it began", "COMPLETED"),
    Death(a_text, "in the middle of the download", "COMPLETED"),
    Death(a_text, "before the content is claimed", "COMPLETED"),
    Death(a_text, "after the content was claimed", "COMPLETED"),
    Death(a_pdf, "after the extraction", "COMPLETED"),
    Death(a_text, "before the chunks are embedded", "COMPLETED"),
    Death(a_text, "after the chunks were embedded", "COMPLETED"),
    Death(a_text, "before the transaction commits", "COMPLETED"),
    Death(a_text, "after the transaction committed", "COMPLETED"),
    Death(a_duplicate, "before the duplicate is committed", "DUPLICATE"),
    Death(a_duplicate, "before the object of the duplicate is dropped", "DUPLICATE"),
    Death(a_duplicate, "after the object of the duplicate was dropped", "DUPLICATE"),
    Death(a_reservation, "after the reservation was deleted", None),
    Death(an_unreadable_file, "before the failure is noted", "FAILED"),
    Death(an_unreadable_file, "after the failure was noted", "FAILED"),
]
ON_S3 = [
    death
    for death in DEATHS
    if death.point
    in (
        "in the middle of the download",
        "before the object of the duplicate is dropped",
        "after the object of the duplicate was dropped",
        "after the reservation was deleted",
    )
]


def killed(jobs: Jobs, job_id: str, point: str, *, crashes_allowed: int = 3) -> Job:
    """The job after an attempt of it was killed at that point, and its lease has ended."""
    held = resources.current()
    assert die_at(point, huey.name, held.settings, held.endpoints) == -signal.SIGKILL
    wait_until(lambda: bool(huey.broker.reap(crashes_allowed=crashes_allowed)), "the lease ends")
    return jobs.job(job_id)


def leaves_the_same_rows(jobs: Jobs, death: Death) -> None:
    undisturbed = death.made(jobs, "undisturbed@example.com")
    jobs.drain()
    expected = jobs.rows(undisturbed.file_id)
    assert (expected.status if expected else None) == death.ends_as
    upload = death.made(jobs, "ada@example.com")
    assert killed(jobs, upload.job_id, death.point).state == "queued"
    assert jobs.drain() == 1
    job = jobs.job(upload.job_id)
    assert job.state == ("dead" if death.ends_as == "FAILED" else "succeeded")
    assert [attempt.outcome for attempt in job.attempts][:1] == ["lost"]
    assert jobs.rows(upload.file_id) == expected


@pytest.mark.parametrize("death", DEATHS, ids=str)
def test_an_attempt_that_dies_is_made_good_by_the_next(jobs: Jobs, death: Death) -> None:
    leaves_the_same_rows(jobs, death)


@pytest.mark.parametrize("death", ON_S3, ids=str)
def test_an_attempt_that_dies_over_a_bucket_is_made_good_by_the_next(s3: Jobs, death: Death) -> None:
    leaves_the_same_rows(s3, death)


def test_every_point_of_death_is_tried() -> None:
    assert {death.point for death in DEATHS} == set(POINTS)


def test_an_attempt_that_dies_again_and_again_at_other_points_is_made_good_too(jobs: Jobs) -> None:
    upload = a_text(jobs, "ada@example.com")
    killed(jobs, upload.job_id, "before the transaction commits")
    killed(jobs, upload.job_id, "after the transaction committed")
    jobs.drain()
    assert jobs.job(upload.job_id).state == "succeeded"
    assert jobs.file(upload.file_id).status == "COMPLETED"


def test_a_file_whose_job_was_buried_for_its_deaths_is_marked_failed_with_the_reason(jobs: Jobs) -> None:
    upload = a_text(jobs, "ada@example.com")
    job = killed(jobs, upload.job_id, "after it began", crashes_allowed=1)
    assert job.state == "dead"
    assert jobs.file(upload.file_id).status == "PROCESSING"
    job_id = fail_stranded_files().id
    jobs.drain()
    assert jobs.result(job_id) == 1
    file = files.get(jobs.database, upload.file_id)
    assert file is not None
    assert (file.status, file.attempt, file.error) == ("FAILED", None, job.error)
    assert "worker lost" in job.error
    assert f"WARNING file {upload.file_id} was stranded: {job.error}" in jobs.log(job_id)
    huey.broker.requeue(upload.job_id)
    jobs.drain()
    assert jobs.file(upload.file_id).status == "COMPLETED"
