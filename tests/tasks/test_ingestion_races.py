"""Several attempts at once: at the same bytes, at the same file, and of workers that were given up for dead."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from storage import files
from storage.values import replace
from tasks.app import huey
from tasks.ingestion import fail_stranded_files, ingest_file
from tasks.services.extraction.extractor import Extraction, extract
from tests.servers import wait_until
from tests.tasks.jobs import Jobs


@contextmanager
def running(task: Any) -> Iterator[threading.Thread]:
    """A claimed job that runs in another thread; it has ended after the block."""
    thread = threading.Thread(target=huey.execute, args=(task,))
    thread.start()
    try:
        yield thread
    finally:
        thread.join(20)
        assert not thread.is_alive()


class SlowReader:
    """Reads documents; the first one is read wrongly, and not before that is allowed."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.may_end = threading.Event()

    def __call__(self, *args: Any, **kwargs: Any) -> Extraction:
        found = extract(*args, **kwargs)
        if self.begun.is_set():
            return found
        self.begun.set()
        assert self.may_end.wait(20)
        return replace(found, text="What a late attempt would write.")


@pytest.fixture
def reader(monkeypatch: pytest.MonkeyPatch) -> SlowReader:
    made = SlowReader()
    monkeypatch.setattr("tasks.ingestion.extract", made)
    return made


def test_two_uploads_of_the_same_bytes_at_once_end_as_one_completed_and_one_duplicate(
    jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    meet, claim = threading.Barrier(2), files.claim_content

    def claim_together(*args: Any) -> int | None:
        meet.wait(20)
        return claim(*args)

    monkeypatch.setattr(files, "claim_content", claim_together)
    uploads = [jobs.upload(b"The same."), jobs.upload(b"The same.")]
    first, second = (jobs.claim(upload.job_id) for upload in uploads)
    with running(first), running(second):
        pass
    rows = [jobs.rows(upload.file_id) for upload in uploads]
    assert sorted((one.status, one.has_object, len(one.chunks)) for one in rows if one) == [
        ("COMPLETED", True, 1),
        ("DUPLICATE", False, 0),
    ]
    assert {jobs.job(upload.job_id).state for upload in uploads} == {"succeeded"}


def test_an_attempt_whose_lease_ended_writes_nothing_over_what_a_later_one_stored(
    jobs: Jobs, reader: SlowReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = jobs.upload(b"What was uploaded.")
    monkeypatch.setattr(huey, "lease_s", 0.2)
    slow = jobs.claim(upload.job_id)
    monkeypatch.setattr(huey, "lease_s", 30.0)
    with running(slow):
        assert reader.begun.wait(20)
        wait_until(lambda: bool(huey.broker.reap(crashes_allowed=3)), "the lease of the slow attempt ends")
        assert jobs.run(upload.job_id).state == "succeeded"
        stored, record = jobs.rows(upload.file_id), jobs.job(upload.job_id)
        assert stored is not None
        assert [row[1] for row in stored.chunks] == ["What was uploaded."]
        reader.may_end.set()
    assert jobs.rows(upload.file_id) == stored
    assert jobs.job(upload.job_id) == record
    assert [attempt.outcome for attempt in record.attempts] == ["lost", "succeeded"]


def test_an_attempt_whose_lease_ended_does_not_fail_the_file_of_a_later_one(
    jobs: Jobs, reader: SlowReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = jobs.upload()
    monkeypatch.setattr(huey, "lease_s", 0.2)
    slow = jobs.claim(upload.job_id)
    monkeypatch.setattr(huey, "lease_s", 30.0)
    with running(slow):
        assert reader.begun.wait(20)
        wait_until(lambda: bool(huey.broker.reap(crashes_allowed=3)), "the lease of the slow attempt ends")
        later = files.begin_processing(jobs.database, upload.file_id, f"{upload.job_id}/2/later")
        monkeypatch.setattr("tasks.ingestion.chunking.split", lambda _: 1 / 0)
        reader.may_end.set()
    assert later is not None
    assert jobs.file(upload.file_id) == later


def test_a_second_job_takes_the_file_over_and_the_first_one_says_so(jobs: Jobs, reader: SlowReader) -> None:
    upload = jobs.upload(b"What was uploaded.")
    with running(jobs.claim(upload.job_id)):
        assert reader.begun.wait(20)
        second = ingest_file(file_id=upload.file_id).id
        assert jobs.run(second).state == "succeeded"
        stored = jobs.rows(upload.file_id)
        reader.may_end.set()
    assert jobs.result(second)["status"] == "COMPLETED"
    assert jobs.result(upload.job_id) == {"status": "TAKEN_OVER"}
    assert "is not in the hands of attempt" in jobs.log(upload.job_id)
    assert jobs.rows(upload.file_id) == stored


def test_a_file_that_a_given_up_attempt_of_the_same_job_took_is_taken_back(
    jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = jobs.upload()

    def while_a_late_one_begins(*args: Any, **kwargs: Any) -> Extraction:
        files.begin_processing(jobs.database, upload.file_id, f"{upload.job_id}/1/late")
        return extract(*args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr("tasks.ingestion.extract", while_a_late_one_begins)
        job = jobs.run(upload.job_id)
    assert (job.state, job.error_type) == ("retrying", "Transient")
    assert jobs.file(upload.file_id).attempt == f"{upload.job_id}/1/late"
    assert jobs.run(upload.job_id).state == "succeeded"
    assert jobs.file(upload.file_id).status == "COMPLETED"


def test_a_reservation_that_is_another_attempts_now_is_not_deleted(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    upload = jobs.upload(None)
    missing = jobs.objects.open

    def while_another_begins(key: str) -> Any:
        files.begin_processing(jobs.database, upload.file_id, "another/1/1")
        return missing(key)

    monkeypatch.setattr(jobs.objects, "open", while_another_begins)
    jobs.drain()
    assert jobs.result(upload.job_id) == {"status": "TAKEN_OVER"}
    assert jobs.file(upload.file_id).status == "PROCESSING"


# -- stranded --------------------------------------------------------------------------------------------------


def begun_by(jobs: Jobs, attempt: str) -> int:
    file = jobs.reserve()
    assert files.begin_processing(jobs.database, file.id, attempt) is not None
    return file.id


def swept(jobs: Jobs) -> int:
    job_id = fail_stranded_files().id
    jobs.run(job_id)
    count: int = jobs.result(job_id)
    return count


def test_files_whose_job_waits_or_runs_are_left_alone(jobs: Jobs) -> None:
    waiting = ingest_file.schedule(kwargs={"file_id": 0}, delay=600).id
    queued = ingest_file(file_id=0).id
    kept = [begun_by(jobs, f"{job_id}/1/1") for job_id in (waiting, queued)]
    assert swept(jobs) == 0
    assert [jobs.file(file_id).status for file_id in kept] == ["PROCESSING"] * 2


def test_files_whose_job_is_unknown_or_has_ended_are_failed_however_many_they_are(
    jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tasks.ingestion.FILES_PER_PAGE", 2)
    ended = ingest_file(file_id=0).id
    jobs.drain()
    unknown = [begun_by(jobs, f"no-such-job-{number}/1/1") for number in range(5)]
    left = begun_by(jobs, f"{ended}/1/1")
    assert swept(jobs) == 6
    assert {jobs.file(file_id).error for file_id in unknown} == {"the job that worked on it is gone"}
    assert jobs.file(left).error == "the job that worked on it is succeeded"
    assert swept(jobs) == 0


def test_a_file_in_the_hands_of_no_job_is_failed_after_a_day_without_a_word(jobs: Jobs) -> None:
    older, younger = begun_by(jobs, "direct/one"), begun_by(jobs, "direct/two")
    jobs.age([older], 25)
    jobs.age([younger], 23)
    assert swept(jobs) == 1
    assert jobs.file(older).error == "it was begun outside of a job, and has not ended for a day"
    assert jobs.file(younger).status == "PROCESSING"


def test_a_file_that_was_taken_over_while_it_was_looked_at_is_left_alone(
    jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = jobs.upload()
    file_id = begun_by(jobs, "no-such-job/1/1")
    mark = files.mark_failed

    def after_it_was_taken_over(*args: Any) -> bool:
        files.begin_processing(jobs.database, file_id, f"{upload.job_id}/1/1")
        return mark(*args)

    monkeypatch.setattr(files, "mark_failed", after_it_was_taken_over)
    assert swept(jobs) == 0
    assert jobs.file(file_id).status == "PROCESSING"
