"""The clean-ups of files, as jobs: what goes, what stays, and what DEMO_MODE=false keeps whoever asks."""

import contextlib
import os
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import psycopg2
import pytest

from storage import files
from storage.database import connection
from storage.files import File, Visibility
from storage.settings import Settings
from tasks.app import huey
from tasks.engine import registry
from tasks.engine.cron import Clock
from tasks.files import GUARD, clean_abandoned_files, clean_private_files, clean_public_files
from tasks.operations import Operations
from tests.object_servers import Answer, Request, ScriptedServer, scripted_server
from tests.servers import wait_until
from tests.tasks.jobs import Jobs

MAKE_PENDING = """
    INSERT INTO files (owner_id, object_key, name, mime_type, size_bytes, visibility, updated_at)
    SELECT %s, 'files/many/' || number, 'many.txt', 'text/plain', 1, 'private', now() - interval '25 hours'
    FROM generate_series(1, %s) AS number
"""
ADMIN = "admin@demo.dewey"


def begun(jobs: Jobs, **more: Any) -> File:
    file = jobs.reserve(**more)
    assert files.begin_processing(jobs.database, file.id, f"direct/{file.id}") is not None
    return file


def failed(jobs: Jobs, **more: Any) -> File:
    file = begun(jobs, **more)
    assert files.mark_failed(jobs.database, file.id, None, "broken")
    return file


def completed(jobs: Jobs, visibility: Visibility = "private", owner: str = "ada@example.com") -> File:
    upload = jobs.upload(os.urandom(8).hex().encode(), visibility=visibility, owner=owner)
    assert jobs.run(upload.job_id).state == "succeeded"
    return jobs.file(upload.file_id)


def are_there(jobs: Jobs, *some: File) -> list[tuple[bool, bool]]:
    """Whether the row and the object of each is there."""
    return [(files.get(jobs.database, one.id) is not None, jobs.objects.exists(one.object_key)) for one in some]


BOTH, NEITHER = (True, True), (False, False)


# -- abandoned -------------------------------------------------------------------------------------------------


def test_unfinished_files_of_more_than_a_day_go_and_all_others_stay(jobs_on_each_store: Jobs) -> None:
    jobs = jobs_on_each_store
    going = [jobs.reserve(), failed(jobs)]
    younger = [jobs.reserve(), failed(jobs)]
    old = [begun(jobs), completed(jobs, "public"), completed(jobs, "private")]
    duplicate = jobs.upload(b"Twice."), jobs.upload(b"Twice.")
    jobs.drain()
    jobs.age([file.id for file in going + old], 25)
    jobs.age([one.file_id for one in duplicate], 25)
    jobs.age([file.id for file in younger], 23.9)
    job_id = clean_abandoned_files().id
    jobs.drain()
    assert jobs.result(job_id) == {"deleted": 2, "kept": 0, "reasons": {}}
    assert are_there(jobs, *going) == [NEITHER] * 2
    assert are_there(jobs, *younger, *old) == [BOTH] * 5
    assert [jobs.file(one.file_id).status for one in duplicate] == ["COMPLETED", "DUPLICATE"]
    assert "INFO deleted 2 abandoned files" in jobs.log(job_id)
    progress = jobs.job(job_id).progress
    assert progress is not None
    assert (progress.done, progress.note) == (2, "files deleted")


def test_a_file_that_an_attempt_is_about_to_begin_is_passed_over_and_then_ingested(jobs: Jobs) -> None:
    upload = jobs.upload()
    jobs.age([upload.file_id], 25)
    with contextlib.closing(psycopg2.connect(jobs.database_url)) as beginning, beginning.cursor() as cursor:
        cursor.execute("UPDATE files SET status = 'PROCESSING', attempt = 'a' WHERE id = %s", (upload.file_id,))
        job_id = clean_abandoned_files().id
        jobs.run(job_id)
        assert jobs.result(job_id)["deleted"] == 0
    assert jobs.run(upload.job_id).state == "succeeded"
    assert jobs.file(upload.file_id).status == "COMPLETED"


def test_an_attempt_that_begins_while_its_file_is_cleaned_away_finds_it_gone(
    jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = jobs.upload()
    jobs.age([upload.file_id], 25)
    ingesting = jobs.claim(upload.job_id)
    attempt = threading.Thread(target=huey.execute, args=(ingesting,))
    deleting = jobs.objects.delete_many

    def delete_while_it_begins(keys: list[str]) -> dict[str, str]:
        attempt.start()
        wait_for_a_lock(jobs)
        return deleting(keys)

    monkeypatch.setattr(jobs.objects, "delete_many", delete_while_it_begins)
    job_id = clean_abandoned_files().id
    jobs.run(job_id)
    attempt.join(20)
    assert jobs.result(job_id)["deleted"] == 1
    assert jobs.result(upload.job_id) == {"status": "GONE"}


def wait_for_a_lock(jobs: Jobs) -> None:
    """Return when some session of this test's database waits for another."""
    waiting = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    with contextlib.closing(psycopg2.connect(jobs.database_url)) as watching, watching.cursor() as cursor:

        def somebody_waits() -> bool:
            cursor.execute(waiting)
            watching.rollback()  # within a transaction the statistics stand still
            return bool(cursor.rowcount)

        wait_until(somebody_waits, "the attempt waits for the row")


@pytest.fixture
def deaf_store(jobs: Jobs) -> Iterator[tuple[ScriptedServer, list[int]]]:
    """A bucket that keeps two objects whatever it is told; with how many rows there were at each request."""
    rows: list[int] = []

    def answer(request: Request) -> Answer:
        with connection.connect(jobs.database_url).session() as session:
            rows.append(int(session.rows("SELECT count(*) FROM files")[0][0]))
        stuck = [key for key in request.keys if key in ("files/many/5", "files/many/1500")]
        said = "".join(
            f"<Error><Key>{key}</Key><Code>AccessDenied</Code><Message>locked</Message></Error>" for key in stuck
        )
        return Answer(body=f"<DeleteResult>{said}</DeleteResult>".encode())

    with scripted_server(answer) as server:
        jobs.base |= {"s3_bucket": "files", "s3_endpoint_url": server.url}
        jobs.base |= {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
        jobs.use()
        yield server, rows


def test_objects_go_a_thousand_to_a_request_before_their_rows_and_the_stuck_ones_keep_theirs(
    jobs: Jobs, deaf_store: tuple[ScriptedServer, list[int]]
) -> None:
    server, rows = deaf_store
    with jobs.database.session() as session:
        session.run(MAKE_PENDING, (jobs.owner(), 2_500))
    job_id = clean_abandoned_files().id
    jobs.drain()
    assert [len(request.keys) for request in server.requests] == [1_000, 1_000, 500]
    assert rows == [2_500, 1_501, 502]
    assert len({key for request in server.requests for key in request.keys}) == 2_500
    assert [file.object_key for file in files.page(jobs.database)] == ["files/many/1500", "files/many/5"]
    reasons = {"files/many/5": "AccessDenied: locked", "files/many/1500": "AccessDenied: locked"}
    assert jobs.result(job_id) == {"deleted": 2_498, "kept": 2, "reasons": reasons}
    log = jobs.log(job_id)
    assert "WARNING kept the row of object files/many/5, which can not be deleted: AccessDenied: locked" in log
    assert "files/many/1500" in log


def test_an_object_that_is_already_gone_is_no_error(jobs_on_each_store: Jobs) -> None:
    jobs = jobs_on_each_store
    file = jobs.reserve(None)
    jobs.age([file.id], 25)
    job_id = clean_abandoned_files().id
    jobs.drain()
    assert jobs.result(job_id) == {"deleted": 1, "kept": 0, "reasons": {}}


def test_a_bucket_that_is_not_there_keeps_every_row_and_is_an_error(s3: Jobs) -> None:
    file = s3.reserve()
    s3.age([file.id], 25)
    s3.use(s3_bucket="no-such-bucket")
    job_id = clean_abandoned_files().id
    s3.drain()
    assert s3.job(job_id).state == "retrying"
    assert "no bucket" in s3.job(job_id).error
    s3.use()
    assert are_there(s3, file) == [BOTH]


# -- demo ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("store", "task", "visibility"),
    [
        ("jobs", clean_public_files, "public"),
        ("jobs", clean_private_files, "private"),
        ("s3", clean_public_files, "public"),
    ],
)
def test_on_a_demo_completed_files_of_one_visibility_go_except_the_admins(
    request: pytest.FixtureRequest, store: str, task: Any, visibility: Visibility
) -> None:
    jobs: Jobs = request.getfixturevalue(store)
    jobs.use(demo_mode=True)
    other: Visibility = "private" if visibility == "public" else "public"
    going = [completed(jobs, visibility), completed(jobs, visibility, "grace@example.com")]
    staying = [completed(jobs, other), completed(jobs, visibility, ADMIN)]
    unfinished = [jobs.reserve(visibility=visibility), begun(jobs, visibility=visibility)]
    unfinished.append(failed(jobs, visibility=visibility))
    job_id = task().id
    jobs.drain()
    assert jobs.result(job_id) == {"deleted": 2, "kept": 0, "reasons": {}}
    assert are_there(jobs, *going) == [NEITHER] * 2
    assert are_there(jobs, *staying, *unfinished) == [BOTH] * 5
    assert f"INFO deleted 2 {visibility} files" in jobs.log(job_id)


def test_on_a_demo_the_admin_is_known_however_the_address_is_written(jobs: Jobs) -> None:
    jobs.use(demo_mode=True, demo_admin_email="Boss@Demo.Dewey")
    mine = completed(jobs, "public", "boss@demo.dewey")
    formerly = completed(jobs, "public", ADMIN)
    clean_public_files()
    jobs.drain()
    assert are_there(jobs, mine, formerly) == [BOTH, NEITHER]


def by_the_schedule(jobs: Jobs, task: str) -> str:
    noon = datetime(2026, 11, 20, 12, tzinfo=UTC)
    Clock(huey.broker, lambda: int(noon.timestamp() * 1000)).run(huey.entries())
    return f"cron:tasks.files.{task}:2026-11-20T12:00"


def by_a_program(jobs: Jobs, task: str) -> str:
    made = clean_public_files if task == "clean_public_files" else clean_private_files
    return str(made().id)


def by_an_operator(jobs: Jobs, task: str) -> str:
    registry.publish(huey.broker, huey.task_infos())
    return Operations(huey.broker, jobs.inspector).trigger(task, {}, queue="elsewhere", priority=9)


def by_a_requeue(jobs: Jobs, task: str) -> str:
    job_id = by_a_program(jobs, task)
    there, jobs.database_url = jobs.database_url, "postgresql://127.0.0.1:1/nowhere"
    jobs.use(demo_mode=True)
    while jobs.run(job_id).state != "dead":
        pass
    jobs.database_url = there
    jobs.use()
    (requeued,) = Operations(huey.broker, jobs.inspector).requeue([job_id])
    assert requeued.done
    return job_id


@pytest.mark.parametrize("task", ["clean_public_files", "clean_private_files"])
@pytest.mark.parametrize("starter", [by_the_schedule, by_a_program, by_an_operator, by_a_requeue])
def test_without_demo_mode_nothing_is_deleted_whoever_starts_it_and_the_job_says_so(
    jobs: Jobs, starter: Callable[[Jobs, str], str], task: str
) -> None:
    nothing_is_deleted(jobs, starter, task)


@pytest.mark.parametrize("task", ["clean_public_files", "clean_private_files"])
def test_without_demo_mode_nothing_is_deleted_from_a_bucket_either(s3: Jobs, task: str) -> None:
    nothing_is_deleted(s3, by_an_operator, task)


def nothing_is_deleted(jobs: Jobs, starter: Callable[[Jobs, str], str], task: str) -> None:
    completed(jobs, "public")
    completed(jobs, "private")
    jobs.reserve(visibility="public")
    failed(jobs, visibility="private")
    before = jobs.everything()
    assert len(before[0]) == 4
    job_id = starter(jobs, task)
    jobs.drain()
    assert jobs.everything() == before
    assert jobs.result(job_id) == {"deleted": 0, "skipped": GUARD}
    assert f"INFO {GUARD}" in jobs.log(job_id)


@pytest.mark.parametrize("task", [clean_public_files, clean_private_files])
def test_without_demo_mode_calling_the_function_itself_deletes_nothing_either(jobs: Jobs, task: Any) -> None:
    completed(jobs, "public")
    completed(jobs, "private")
    before = jobs.everything()
    assert task.call_local() == {"deleted": 0, "skipped": GUARD}
    assert jobs.everything() == before


def test_demo_mode_is_off_unless_it_is_asked_for() -> None:
    assert Settings().demo_mode is False
