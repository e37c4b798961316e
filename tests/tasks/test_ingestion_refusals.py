"""Files that can not be ingested: those that nothing was uploaded for, and those that can not get better."""

import pytest

from storage import chunks
from tasks.app import huey
from tasks.ingestion import ingest_file
from tests.tasks.jobs import Jobs
from tests.tasks.services import documents

# -- nothing there ---------------------------------------------------------------------------------------------


def test_a_reservation_without_an_object_is_deleted_and_the_job_ends_well_saying_so(jobs_on_each_store: Jobs) -> None:
    jobs = jobs_on_each_store
    upload = jobs.upload(None)
    jobs.drain()
    assert jobs.result(upload.job_id) == {"status": "NOT_UPLOADED"}
    assert jobs.rows(upload.file_id) is None
    assert "nothing was uploaded: the reservation is deleted" in jobs.log(upload.job_id)


def test_a_missing_bucket_is_not_a_missing_object(s3: Jobs) -> None:
    upload = s3.upload()
    s3.use(s3_bucket="no-such-bucket")
    job = s3.run(upload.job_id)
    assert job.state == "retrying"
    file = s3.file(upload.file_id)
    assert (file.status, file.error) == ("FAILED", job.error)
    assert "there is no bucket no-such-bucket" in (file.error or "")
    s3.use()
    assert s3.run(upload.job_id).state == "succeeded"
    assert s3.file(upload.file_id).status == "COMPLETED"


def test_a_missing_directory_of_objects_is_not_a_missing_object(jobs: Jobs) -> None:
    upload = jobs.upload()
    away = jobs.objects_dir.rename(jobs.objects_dir.with_name("away"))
    assert jobs.run(upload.job_id).state == "retrying"
    away.rename(jobs.objects_dir)
    assert jobs.run(upload.job_id).state == "succeeded"


def test_a_file_that_is_gone_is_nobodys_error(jobs: Jobs) -> None:
    job_id = ingest_file(file_id=404).id
    jobs.drain()
    assert jobs.result(job_id) == {"status": "GONE"}


# -- what can not get better -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("sealed.pdf", documents.encrypted_pdf("secret", user_password="1"), "sealed.pdf is encrypted: it needs a"),
        ("broken.pdf", b"%PDF-1.7 and no more", "broken.pdf can not be read: it is damaged"),
        ("archive.zip", b"PK\x03\x04" + bytes(30), "archive.zip is a ZIP archive or an office document"),
        ("noise.bin", bytes(range(256)), "noise.bin is binary data (a NUL at byte 0)"),
        ("old.txt", b"caf\xe9 au lait", "old.txt is not UTF-8 text: byte 0xE9 at offset 3"),
        ("empty.txt", b"", "empty.txt is empty (0 bytes)"),
        ("blank.txt", b" \n\t\n", "blank.txt holds nothing but white space"),
        ("scan.pdf", documents.scanned_pdf(2), "no text found in scan.pdf: the 2 pages seem to be scanned images"),
        ("large.txt", b"x" * 200_001, "large.txt has more than 200,000 bytes (DEWEY_MAX_FILE_BYTES)"),
    ],
)
def test_what_can_not_get_better_fails_at_once_with_its_reason_on_the_row(
    jobs: Jobs, name: str, content: bytes, reason: str
) -> None:
    jobs.use(max_file_bytes=200_000)
    upload = jobs.upload(content, name, declared="application/octet-stream")
    jobs.drain()
    job, file = jobs.job(upload.job_id), jobs.file(upload.file_id)
    assert (job.state, len(job.attempts)) == ("dead", 1)
    assert (file.status, file.attempt, file.error) == ("FAILED", None, job.error)
    assert file.error is not None
    assert reason in file.error
    assert chunks.count(jobs.database) == 0
    assert jobs.objects.exists(file.object_key)


def test_of_an_object_that_is_too_large_nothing_is_read(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("storage.objects.Body.__iter__", lambda body: pytest.fail("it was read"))
    jobs.use(max_file_bytes=10)
    upload = jobs.upload(b"eleven byte")
    jobs.drain()
    assert "more than 10 bytes" in jobs.job(upload.job_id).error


def test_an_object_that_is_larger_than_it_said_is_given_up_at_the_limit(
    jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocks = iter([b"x" * 600] * 5)
    monkeypatch.setattr("storage.objects.Body.__iter__", lambda body: blocks)
    jobs.use(max_file_bytes=1_000)
    upload = jobs.upload(b"small")
    jobs.drain()
    assert "more than 1,000 bytes" in jobs.job(upload.job_id).error
    assert len(list(blocks)) == 3


def test_a_dead_file_is_ingested_when_its_job_is_requeued_after_the_cause_is_mended(jobs: Jobs) -> None:
    jobs.use(max_file_bytes=5)
    upload = jobs.upload()
    jobs.drain()
    jobs.use()
    huey.broker.requeue(upload.job_id)
    jobs.drain()
    file = jobs.file(upload.file_id)
    assert (file.status, file.error) == ("COMPLETED", None)
