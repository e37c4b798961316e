"""The documents and jobs that the demo shows: each ends as it says."""

import pytest

from storage import chunks
from tasks import resources, samples
from tests.tasks.jobs import Jobs


def test_every_sample_document_ends_as_expected(jobs_on_each_store: Jobs) -> None:
    jobs = jobs_on_each_store
    documents = samples.documents()
    uploads = [jobs.upload(one.content, one.name) for one in documents]
    jobs.drain()
    ends = {one.name: jobs.file(upload.file_id).status for one, upload in zip(documents, uploads, strict=True)}
    assert ends == {one.name: one.expected for one in documents}
    assert set(ends.values()) == {"COMPLETED", "DUPLICATE", "FAILED"}


def test_a_sentence_of_a_sample_document_is_found(jobs: Jobs) -> None:
    for one in samples.documents():
        jobs.upload(one.content, one.name)
    jobs.drain()
    embedder = resources.current().embedder
    question = embedder.embed_query("who trims the harbour master's lantern at dusk?")
    (hit,) = chunks.nearest(jobs.database, question, embedder.model, limit=1)
    assert hit.file_name == "handbook.txt"


def test_every_sample_job_ends_as_expected(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.samples.time.sleep", lambda _: None)
    launched = samples.launch(lively=False)
    ends = {one.name: jobs.run_to_end(one.job_id).state for one in launched}
    assert ends == {one.name: one.expected for one in launched}


def test_the_partner_that_did_not_answer_answers_once_its_job_is_requeued(jobs: Jobs) -> None:
    job_id = samples.sync_partner(partner="initech").id
    assert jobs.run_to_end(job_id).state == "dead"
    samples.huey.broker.requeue(job_id)
    assert jobs.run(job_id).state == "succeeded"
