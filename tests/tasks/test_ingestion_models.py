"""Ingestion with a key to Gemini, over a socket: what is asked, what its errors lead to, and the progress meanwhile."""

import math
import threading
from collections.abc import Iterator

import pytest

from storage import chunks
from storage.broker.records import Job, Progress
from tasks.app import huey
from tasks.ingestion import ingest_file
from tests.servers import wait_until
from tests.tasks.consumers import consumer
from tests.tasks.jobs import Jobs
from tests.tasks.services import documents
from tests.tasks.services.gemini_server import (
    DROPPED,
    FORBIDDEN,
    INTERNAL,
    NOT_A_NUMBER,
    UNAVAILABLE_PAGE,
    UNSAFE,
    WRONG_DIMENSIONS,
    Fault,
    GeminiServer,
    Json,
    too_many_requests,
    too_many_requests_by_header,
)

MODEL = "gemini-embedding-001"
LONG = "".join(f"{number}. The keeper trims the lamp at dusk, and again when the tide turns. " for number in range(500))


def delay_s(job: Job) -> float:
    failed_at = job.attempts[-1].finished_at
    assert job.run_at is not None
    assert failed_at is not None
    return (job.run_at - failed_at).total_seconds()


def test_every_chunk_has_a_unit_vector_of_the_model_that_was_asked(jobs: Jobs, gemini: GeminiServer) -> None:
    upload = jobs.upload(LONG.encode())
    jobs.drain()
    assert jobs.result(upload.job_id)["model"] == MODEL
    rows = jobs.rows(upload.file_id)
    assert rows is not None
    assert len(rows.chunks) > 32
    assert {row[4] for row in rows.chunks} == {MODEL}
    for row in rows.chunks:
        vector = [float(number) for number in row[5].strip("[]").split(",")]
        assert len(vector) == 768
        assert math.isclose(math.hypot(*vector), 1, abs_tol=1e-5)
    assert [text for asked in gemini.asked for text in asked.texts] == [row[1] for row in rows.chunks]
    assert all(len(asked.texts) <= 32 for asked in gemini.asked)


def test_an_image_is_described_by_the_vision_model(jobs: Jobs, gemini: GeminiServer) -> None:
    gemini.description = "A lighthouse above a calm harbour."
    upload = jobs.upload(documents.picture("PNG", (320, 200)), "harbour.png", declared="image/png")
    jobs.drain()
    (kept,) = chunks.page(jobs.database, upload.file_id)
    assert kept.text.endswith("A lighthouse above a calm harbour.")
    assert "No vision model" not in kept.text
    assert [asked.method for asked in gemini.asked] == ["generateContent", "batchEmbedContents"]
    assert "note" not in jobs.result(upload.job_id)


@pytest.mark.parametrize("fault", [too_many_requests(40), too_many_requests_by_header("40")])
def test_too_many_requests_wait_as_long_as_the_server_says_and_the_row_says_why(
    jobs: Jobs, gemini: GeminiServer, fault: Fault
) -> None:
    gemini.script(fault)
    upload = jobs.upload()
    jobs.drain()
    job, file = jobs.job(upload.job_id), jobs.file(upload.file_id)
    assert (job.state, job.retries_left) == ("retrying", 5)
    assert 40 <= delay_s(job) < 41
    assert (file.status, file.error, file.attempt) == ("FAILED", job.error, None)
    assert f"the model {MODEL} answered 429" in job.error
    assert huey.broker.promote()[0] == 0
    assert huey.dequeue() is None
    assert jobs.run(upload.job_id).state == "succeeded"
    done = jobs.file(upload.file_id)
    assert (done.status, done.error) == ("COMPLETED", None)


def test_a_short_wait_of_the_servers_does_not_shorten_the_backoff(jobs: Jobs, gemini: GeminiServer) -> None:
    gemini.script(too_many_requests(1), too_many_requests(1))
    upload = jobs.upload()
    assert delay_s(jobs.run(upload.job_id)) == pytest.approx(5, abs=0.1)
    assert delay_s(jobs.run(upload.job_id)) == pytest.approx(15, abs=0.1)


@pytest.mark.parametrize("fault", [INTERNAL, UNAVAILABLE_PAGE, DROPPED, NOT_A_NUMBER])
def test_what_may_get_better_is_tried_again_and_then_completed(jobs: Jobs, gemini: GeminiServer, fault: Fault) -> None:
    gemini.script(fault)
    upload = jobs.upload()
    job = jobs.run(upload.job_id)
    assert (job.state, job.error_type) == ("retrying", "ModelUnavailable")
    assert jobs.file(upload.file_id).status == "FAILED"
    assert jobs.run(upload.job_id).state == "succeeded"
    assert chunks.count(jobs.database, upload.file_id) == 1


@pytest.mark.parametrize(("fault", "words"), [(WRONG_DIMENSIONS, "3072 numbers instead of 768"), (FORBIDDEN, "403")])
def test_what_can_not_get_better_is_buried_at_once(jobs: Jobs, gemini: GeminiServer, fault: Fault, words: str) -> None:
    gemini.script(fault)
    upload = jobs.upload()
    jobs.drain()
    job = jobs.job(upload.job_id)
    assert (job.state, len(job.attempts), job.error_type) == ("dead", 1, "ModelRefused")
    assert words in (jobs.file(upload.file_id).error or "")
    assert chunks.count(jobs.database) == 0


def test_an_image_that_the_model_will_not_describe_is_buried_at_once(jobs: Jobs, gemini: GeminiServer) -> None:
    gemini.script(UNSAFE)
    upload = jobs.upload(documents.picture("PNG"), "a.png", declared="image/png")
    jobs.drain()
    assert jobs.job(upload.job_id).state == "dead"
    assert "would not describe the image: SAFETY" in (jobs.file(upload.file_id).error or "")


def test_a_job_that_has_used_up_its_retries_is_dead_and_its_file_failed(jobs: Jobs, gemini: GeminiServer) -> None:
    gemini.script(*[INTERNAL] * 7)
    upload = jobs.upload()
    job = jobs.run_to_end(upload.job_id)
    assert (job.state, len(job.attempts)) == ("dead", 7)
    assert jobs.file(upload.file_id).status == "FAILED"


def test_a_failure_in_a_later_batch_leaves_no_chunk_and_the_next_attempt_all(jobs: Jobs, gemini: GeminiServer) -> None:
    gemini.script(Fault(), INTERNAL)
    upload = jobs.upload(LONG.encode())
    assert jobs.run(upload.job_id).state == "retrying"
    assert len(gemini.asked) == 2
    assert chunks.count(jobs.database) == 0
    assert jobs.run(upload.job_id).state == "succeeded"
    assert chunks.count(jobs.database, upload.file_id) == jobs.result(upload.job_id)["chunks"]


def test_content_that_went_to_another_file_while_this_one_waited_makes_this_one_the_duplicate(
    jobs: Jobs, gemini: GeminiServer
) -> None:
    gemini.script(INTERNAL)
    waiting, quicker = jobs.upload(b"The same."), jobs.upload(b"The same.")
    assert jobs.run(waiting.job_id).state == "retrying"
    assert jobs.run(quicker.job_id).state == "succeeded"
    assert jobs.run(waiting.job_id).state == "succeeded"
    assert jobs.result(waiting.job_id) == {"status": "DUPLICATE", "of": quicker.file_id}
    assert jobs.file(quicker.file_id).status == "COMPLETED"


# -- in a real consumer ----------------------------------------------------------------------------------------


class Gate:
    """Holds an answer of the model back until it is opened."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self.opened = threading.Event()
        self.fault = Fault(alter=self._pass)

    def _pass(self, answer: Json) -> Json:
        self.reached.set()
        assert self.opened.wait(30)
        return answer


@pytest.fixture
def gates(gemini: GeminiServer) -> Iterator[tuple[Gate, Gate]]:
    """The first two answers of the model wait."""
    made = Gate(), Gate()
    gemini.script(*(gate.fault for gate in made))
    yield made
    for gate in made:
        gate.opened.set()


def progress(jobs: Jobs, job_id: str) -> tuple[int, int, str] | None:
    word: Progress | None = jobs.job(job_id).progress
    return None if word is None else (word.done, word.total, word.note)


def test_pages_and_batches_are_seen_in_the_record_while_the_job_runs(jobs: Jobs, gates: tuple[Gate, Gate]) -> None:
    first, second = gates
    pages = [LONG[start : start + 3_000].replace(". ", ".\n") for start in range(0, 33_000, 3_000)]
    upload = jobs.upload(documents.pdf(pages), "log.pdf", declared="application/pdf")
    with consumer(jobs, "-w", "1", "-k", "process"):
        assert first.reached.wait(30)
        wait_until(lambda: progress(jobs, upload.job_id) == (11, 11, "pages read"), "all pages are read")
        assert jobs.job(upload.job_id).state == "running"
        assert jobs.file(upload.file_id).status == "PROCESSING"
        wait_until(lambda: "read " in jobs.log(upload.job_id), "the log is there while the job runs")
        first.opened.set()
        assert second.reached.wait(30)
        wait_until(lambda: (progress(jobs, upload.job_id) or ())[:1] == (32,), "a batch is embedded")
        second.opened.set()
        wait_until(lambda: jobs.job(upload.job_id).state == "succeeded", "the job succeeded")
    count = jobs.result(upload.job_id)["chunks"]
    assert progress(jobs, upload.job_id) == (count, count, "chunks embedded")


def test_a_consumer_waits_as_long_as_the_server_says_before_it_asks_again(jobs: Jobs, gemini: GeminiServer) -> None:
    gemini.script(too_many_requests(1.5))
    file = jobs.reserve()
    job_id = ingest_file(file_id=file.id, retry_delay=0).id
    with consumer(jobs, "-w", "2", "-k", "thread"):
        wait_until(lambda: jobs.job(job_id).state == "retrying", "the model said 429")
        assert jobs.file(file.id).status == "FAILED"
        wait_until(lambda: jobs.job(job_id).state == "succeeded", "the job succeeded")
    first, second = jobs.job(job_id).attempts
    assert first.finished_at is not None
    assert (second.started_at - first.finished_at).total_seconds() >= 1.5
    assert len(gemini.asked) == 2
    assert jobs.file(file.id).status == "COMPLETED"


def test_a_consumer_that_is_killed_while_it_embeds_leaves_the_rest_to_the_next(
    jobs: Jobs, gates: tuple[Gate, Gate]
) -> None:
    first, second = gates
    second.opened.set()
    jobs.base |= {"dewey_lease_s": 1}
    upload = jobs.upload(LONG.encode())
    with consumer(jobs, "-w", "1", "-k", "thread") as process:
        assert first.reached.wait(30)
        process.kill()
        process.wait()
    assert jobs.job(upload.job_id).state == "running"
    assert jobs.file(upload.file_id).status == "PROCESSING"
    with consumer(jobs, "-w", "1", "-k", "thread"):
        wait_until(lambda: jobs.job(upload.job_id).state == "succeeded", "another consumer did the rest")
    job = jobs.job(upload.job_id)
    assert [attempt.outcome for attempt in job.attempts] == ["lost", "succeeded"]
    rows = jobs.rows(upload.file_id)
    assert rows is not None
    assert (rows.status, len(rows.chunks)) == ("COMPLETED", jobs.result(upload.job_id)["chunks"])
