"""The clean-up of blacklisted tokens, as a job."""

import time
from datetime import timedelta

import pytest

from storage.database.connection import Database
from tasks.app import huey
from tasks.engine import registry
from tasks.operations import Operations
from tasks.tokens import clean_expired_tokens
from tests.tasks.jobs import Jobs

MAKE_TOKENS = """
    INSERT INTO blacklisted_tokens (token_hash, expires_at)
    SELECT sha256((%s || number)::bytea), now() + %s FROM generate_series(1, %s) AS number
"""


def make_tokens(database: Database, prefix: str, expires_in: timedelta, count: int) -> None:
    with database.session() as session:
        session.run(MAKE_TOKENS, (prefix, expires_in, count))


def kept(database: Database) -> int:
    with database.session() as session:
        return int(session.rows("SELECT count(*) FROM blacklisted_tokens")[0][0])


def test_expired_tokens_are_deleted_and_counted_and_the_others_stay(jobs: Jobs) -> None:
    make_tokens(jobs.database, "old", timedelta(seconds=-1), 3)
    make_tokens(jobs.database, "new", timedelta(hours=1), 2)
    job_id = clean_expired_tokens().id
    assert jobs.job(job_id).queue == "maintenance"
    assert jobs.drain() == 1
    assert jobs.result(job_id) == 3
    assert kept(jobs.database) == 2
    assert "INFO deleted 3 expired tokens" in jobs.log(job_id)


def test_a_job_without_expired_tokens_says_so(jobs: Jobs) -> None:
    job_id = clean_expired_tokens().id
    jobs.drain()
    assert jobs.result(job_id) == 0


def test_many_expired_tokens_go_in_batches_within_seconds_and_the_job_tells_how_many(
    jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_tokens(jobs.database, "old", timedelta(days=-1), 300_000)
    make_tokens(jobs.database, "new", timedelta(days=1), 1_000)
    told: list[int] = []
    monkeypatch.setattr("tasks.tokens.progress", lambda done, total, note: told.append(done))
    start = time.monotonic()
    job_id = clean_expired_tokens().id
    jobs.drain()
    took_s = time.monotonic() - start
    assert jobs.result(job_id) == 300_000
    assert told == list(range(10_000, 300_001, 10_000))
    assert kept(jobs.database) == 1_000
    assert took_s < 10


def test_the_last_progress_is_in_the_record_of_the_job(jobs: Jobs) -> None:
    make_tokens(jobs.database, "old", timedelta(days=-1), 10_001)
    job_id = clean_expired_tokens().id
    jobs.drain()
    progress = jobs.job(job_id).progress
    assert progress is not None
    assert (progress.done, progress.total, progress.note) == (10_001, 0, "tokens deleted")


def test_an_operator_starts_it_on_demand(jobs: Jobs) -> None:
    registry.publish(huey.broker, huey.task_infos())
    make_tokens(jobs.database, "old", timedelta(days=-1), 5)
    job_id = Operations(huey.broker, jobs.inspector).trigger("clean_expired_tokens", {})
    jobs.drain()
    assert jobs.result(job_id) == 5


def test_a_database_that_does_not_answer_leads_to_a_retry(jobs: Jobs) -> None:
    there, jobs.database_url = jobs.database_url, "postgresql://127.0.0.1:1/nowhere"
    jobs.use()
    job_id = clean_expired_tokens().id
    jobs.drain()
    job = jobs.job(job_id)
    assert (job.state, job.error_type, job.retries_left) == ("retrying", "StoreUnavailable", 2)
    jobs.database_url = there
    jobs.use()
    assert jobs.run(job_id).state == "succeeded"
