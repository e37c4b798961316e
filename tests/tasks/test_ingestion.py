"""The ingestion of files, as a job: what ends as what, and what is kept of it. No model is asked here."""

import codecs
import contextlib
import math
from itertools import pairwise
from typing import Any

import psycopg2
import pytest

from storage import chunks, files
from storage.broker.records import Job
from storage.errors import Refused, StoreUnavailable
from tasks import resources
from tasks.app import huey
from tasks.ingestion import ingest_file, request_ingestion
from tasks.services.lexical import MODEL, LexicalEmbedder
from tests.tasks.jobs import Jobs
from tests.tasks.services import documents

SENTENCE = "The keeper trims the lamp at dusk, and again when the tide turns. "
LONG = "".join(f"{number}. {SENTENCE}" for number in range(60))
UMLAUTS = "Größe, Ærø, 漢字, и так далее."


def vectors(jobs: Jobs, file_id: int) -> list[list[float]]:
    rows = jobs.rows(file_id)
    assert rows is not None
    return [[float(number) for number in row[5].strip("[]").split(",")] for row in rows.chunks]


# -- the way in ------------------------------------------------------------------------------------------------


def test_a_confirmed_upload_is_enqueued_with_its_true_size(jobs: Jobs) -> None:
    file = jobs.reserve(b"Some words.")
    job = jobs.job(request_ingestion(file.id, size_bytes=11))
    assert (job.task, job.queue, job.state) == ("tasks.ingestion.ingest_file", "ingestion", "queued")
    confirmed = jobs.file(file.id)
    assert (confirmed.status, confirmed.size_bytes) == ("PENDING", 11)
    assert confirmed.uploaded_at is not None


def test_an_upload_that_nobody_awaits_is_refused_and_enqueues_nothing(jobs: Jobs) -> None:
    upload = jobs.upload()
    jobs.drain()
    with pytest.raises(Refused, match="it is COMPLETED"):
        request_ingestion(upload.file_id)
    assert jobs.inspector.count() == 1


def test_an_upload_is_not_confirmed_when_its_job_can_not_be_enqueued(
    jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = jobs.reserve()

    def gone(*_: object) -> None:
        raise StoreUnavailable("Redis went away")

    with monkeypatch.context() as patch:
        patch.setattr(huey.broker, "enqueue", gone)
        with pytest.raises(StoreUnavailable):
            request_ingestion(file.id)
    assert jobs.file(file.id).uploaded_at is None
    assert jobs.run(request_ingestion(file.id)).state == "succeeded"


# -- what can be read ------------------------------------------------------------------------------------------


def test_a_text_is_completed_with_overlapping_chunks_whose_unit_vectors_name_their_model(
    jobs_on_each_store: Jobs,
) -> None:
    jobs = jobs_on_each_store
    upload = jobs.upload(LONG.encode())
    jobs.drain()
    file = jobs.file(upload.file_id)
    assert (file.status, file.error, file.attempt) == ("COMPLETED", None, None)
    assert file.completed_at is not None
    stored = chunks.page(jobs.database, upload.file_id)
    assert [one.ordinal for one in stored] == list(range(len(stored)))
    assert all(LONG[one.start_offset : one.end_offset] == one.text for one in stored)
    assert (stored[0].start_offset, stored[-1].end_offset) == (0, len(LONG))
    assert all(500 <= len(one.text) <= 1000 for one in stored[:-1])
    overlaps = [one.end_offset - other.start_offset for one, other in pairwise(stored)]
    assert overlaps
    assert all(120 <= overlap <= 200 for overlap in overlaps)
    assert {one.embedding_model for one in stored} == {MODEL}
    found = vectors(jobs, upload.file_id)
    assert [len(vector) for vector in found] == [768] * len(stored)
    assert all(math.isclose(math.hypot(*vector), 1, abs_tol=1e-5) for vector in found)
    assert jobs.result(upload.job_id) == {
        "status": "COMPLETED",
        "chunks": len(stored),
        "pages": 1,
        "model": MODEL,
    }
    assert f"stored {len(stored)} chunks of notes.txt, embedded by {MODEL}" in jobs.log(upload.job_id)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("UTF-8", UMLAUTS.encode()),
        ("UTF-8 with its mark", codecs.BOM_UTF8 + UMLAUTS.encode()),
        ("UTF-16-LE", codecs.BOM_UTF16_LE + UMLAUTS.encode("utf-16-le")),
        ("UTF-16-BE", codecs.BOM_UTF16_BE + UMLAUTS.encode("utf-16-be")),
    ],
)
def test_a_text_is_kept_letter_by_letter_without_its_mark(jobs: Jobs, name: str, content: bytes) -> None:
    upload = jobs.upload(content, name)
    jobs.drain()
    (kept,) = chunks.page(jobs.database, upload.file_id)
    assert kept.text == UMLAUTS


def test_the_pages_of_a_pdf_are_read_and_counted(jobs_on_each_store: Jobs) -> None:
    jobs = jobs_on_each_store
    upload = jobs.upload(
        documents.pdf(["Fog until noon.", "Wind from the west."]), "log.pdf", declared="application/pdf"
    )
    jobs.drain()
    assert jobs.result(upload.job_id)["pages"] == 2
    (kept,) = chunks.page(jobs.database, upload.file_id)
    assert kept.text == "Fog until noon.\n\nWind from the west."


def test_an_image_without_a_model_is_described_by_what_it_is_and_says_that_nobody_looked(jobs: Jobs) -> None:
    upload = jobs.upload(documents.picture("PNG", (320, 200)), "harbour.png", declared="image/png")
    jobs.drain()
    (kept,) = chunks.page(jobs.database, upload.file_id)
    assert kept.text.startswith("Image harbour.png: PNG, 320 × 200 pixels, ")
    assert "No vision model was asked" in kept.text
    assert jobs.result(upload.job_id)["note"] == "no vision model was asked"


def test_what_was_ingested_is_found_by_its_words(jobs: Jobs) -> None:
    upload = jobs.upload(LONG.encode(), "keeper.txt")
    jobs.upload(b"Minutes of the meeting on Tuesday.", "minutes.txt")
    jobs.drain()
    embedder = resources.current().embedder
    hits = chunks.nearest(jobs.database, embedder.embed_query("who trims the lamp at dusk"), embedder.model, limit=1)
    assert [hit.file_id for hit in hits] == [upload.file_id]


def test_many_chunks_are_embedded_slice_by_slice_and_stored_in_order(
    jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tasks.ingestion.EMBEDDED_AT_ONCE", 3)
    text = LONG * 3
    asked: list[int] = []
    embed = LexicalEmbedder.embed_documents

    def counted(self: LexicalEmbedder, texts: list[str], on_batch: Any = None) -> list[list[float]]:
        asked.append(len(texts))
        return embed(self, texts, on_batch)

    monkeypatch.setattr(LexicalEmbedder, "embed_documents", counted)
    upload = jobs.upload(text.encode())
    jobs.drain()
    stored = chunks.page(jobs.database, upload.file_id)
    assert len(stored) > 9
    assert asked == [3] * (len(stored) // 3) + [len(stored) % 3] * (len(stored) % 3 > 0)
    assert all(text[one.start_offset : one.end_offset] == one.text for one in stored)
    same = zip(vectors(jobs, upload.file_id), [LexicalEmbedder().embed_query(one.text) for one in stored], strict=True)
    assert all(math.isclose(dot(*pair), 1, abs_tol=1e-4) for pair in same)
    progress = jobs.job(upload.job_id).progress
    assert progress is not None
    assert (progress.done, progress.total, progress.note) == (len(stored), len(stored), "chunks embedded")


def dot(one: list[float], other: list[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))


def test_the_job_says_how_far_it_is_page_by_page_and_then_in_chunks(
    jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[int, int, str]] = []
    monkeypatch.setattr("tasks.ingestion.progress", lambda *word: told.append(word))
    jobs.upload(documents.pdf(["Fog.", "Wind.", "Rain."]), "log.pdf", declared="application/pdf")
    jobs.drain()
    assert told == [(page, 3, "pages read") for page in (1, 2, 3)] + [(1, 1, "chunks embedded")]


# -- duplicates ------------------------------------------------------------------------------------------------


def test_the_owners_second_file_of_the_same_bytes_is_a_duplicate_without_an_object(jobs_on_each_store: Jobs) -> None:
    jobs = jobs_on_each_store
    first, second = jobs.upload(b"The same.", "a.txt"), jobs.upload(b"The same.", "b.txt")
    jobs.drain()
    assert jobs.result(second.job_id) == {"status": "DUPLICATE", "of": first.file_id}
    file = jobs.file(second.file_id)
    assert (file.status, file.duplicate_of) == ("DUPLICATE", first.file_id)
    assert not jobs.objects.exists(file.object_key)
    assert chunks.count(jobs.database, second.file_id) == 0
    assert jobs.objects.exists(jobs.file(first.file_id).object_key)
    assert f"file {second.file_id} has the same content as file {first.file_id}" in jobs.log(second.job_id)


def test_the_same_bytes_of_another_owner_are_no_duplicate(jobs: Jobs) -> None:
    one, other = jobs.upload(owner="ada@example.com"), jobs.upload(owner="grace@example.com")
    jobs.drain()
    assert [jobs.file(upload.file_id).status for upload in (one, other)] == ["COMPLETED", "COMPLETED"]


def test_the_same_bytes_as_those_of_a_failed_file_are_no_duplicate(jobs: Jobs) -> None:
    jobs.use(max_file_bytes=5)
    refused = jobs.upload()
    jobs.drain()
    assert jobs.file(refused.file_id).status == "FAILED"
    jobs.use()
    again = jobs.upload()
    jobs.drain()
    assert jobs.file(again.file_id).status == "COMPLETED"


def test_a_duplicate_whose_object_can_not_be_deleted_is_tried_until_it_can(
    jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs.upload(b"The same.")
    jobs.drain()
    upload = jobs.upload(b"The same.")
    with monkeypatch.context() as patch:
        patch.setattr(jobs.objects, "delete_many", lambda keys: dict.fromkeys(keys, "locked"))
        job = jobs.run(upload.job_id)
    assert job.state == "retrying"
    assert job.error == f"the object of file {upload.file_id}, a duplicate, can not be deleted: locked"
    assert jobs.file(upload.file_id).status == "DUPLICATE"
    assert jobs.run(upload.job_id).state == "succeeded"
    assert not jobs.objects.exists(jobs.file(upload.file_id).object_key)


def test_a_file_whose_original_was_deleted_in_the_same_moment_is_read_itself(
    jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = jobs.upload(b"The same.")
    jobs.drain()
    upload = jobs.upload(b"The same.")
    claim = files.claim_content

    def claim_then_lose_it(*args: Any) -> int | None:
        found = claim(*args)
        with contextlib.closing(psycopg2.connect(jobs.database_url)) as other, other, other.cursor() as cursor:
            cursor.execute("DELETE FROM files WHERE id = %s", (original.file_id,))
        return found

    with monkeypatch.context() as patch:
        patch.setattr("storage.files.claim_content", claim_then_lose_it)
        job = jobs.run(upload.job_id)
    assert job.state == "retrying"
    rows = jobs.rows(upload.file_id)
    assert rows is not None
    assert (rows.status, rows.has_object) == ("FAILED", True)
    assert jobs.run(upload.job_id).state == "succeeded"
    assert jobs.file(upload.file_id).status == "COMPLETED"


# -- again -----------------------------------------------------------------------------------------------------


def test_running_it_twice_leaves_the_same_rows(jobs_on_each_store: Jobs) -> None:
    jobs = jobs_on_each_store
    uploads = [jobs.upload(LONG.encode()), jobs.upload(LONG.encode()), jobs.upload(b"", "empty.txt")]
    jobs.drain()
    before = [jobs.rows(one.file_id) for one in uploads]
    assert [rows.status for rows in before if rows] == ["COMPLETED", "DUPLICATE", "FAILED"]
    second = [ingest_file(file_id=one.file_id).id for one in uploads]
    jobs.drain()
    assert [jobs.rows(one.file_id) for one in uploads] == before
    assert [jobs.result(job_id) for job_id in second[:2]] == [{"status": "COMPLETED"}, {"status": "DUPLICATE"}]


def test_calling_the_function_itself_ingests_too(jobs: Jobs) -> None:
    upload = jobs.upload()
    assert ingest_file.call_local(upload.file_id)["status"] == "COMPLETED"


def test_an_unexpected_error_is_named_on_the_row_and_retried_with_backoff(
    jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = jobs.upload()
    with monkeypatch.context() as patch:
        patch.setattr("tasks.ingestion.extract", broken_reader)
        job = jobs.run(upload.job_id)
        assert jobs.file(upload.file_id).error == "unexpected KeyError: 'pages'"
        delays = [delay_s(job), delay_s(jobs.run(upload.job_id)), delay_s(jobs.run(upload.job_id))]
    assert delays == pytest.approx([5, 15, 45], abs=0.1)
    assert jobs.run(upload.job_id).state == "succeeded"


def test_a_file_whose_failure_can_not_be_noted_is_ingested_by_the_next_attempt(
    jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = jobs.upload()

    def no_database(*_: object) -> None:
        raise StoreUnavailable("PostgreSQL went away")

    with monkeypatch.context() as patch:
        patch.setattr("tasks.ingestion.extract", broken_reader)
        patch.setattr("storage.files.mark_failed", no_database)
        job = jobs.run(upload.job_id)
    assert (job.state, job.error_type) == ("retrying", "KeyError")
    assert jobs.file(upload.file_id).status == "PROCESSING"
    assert "stays PROCESSING until its next attempt: PostgreSQL went away" in jobs.log(upload.job_id)
    assert jobs.run(upload.job_id).state == "succeeded"


def broken_reader(*_: object, **__: object) -> None:
    raise KeyError("pages")


def delay_s(job: Job) -> float:
    """How long a job that failed just now waits for its next attempt."""
    assert job.state == "retrying"
    failed_at = job.attempts[-1].finished_at
    assert job.run_at is not None
    assert failed_at is not None
    return (job.run_at - failed_at).total_seconds()
