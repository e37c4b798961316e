"""The going of files: objects before rows, nobody's work taken away, and nothing forgotten."""

import os
import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import psycopg2.extensions
import pytest

from storage import chunks, files, removal
from storage.database.connection import Database
from storage.errors import StoreRefused, StoreUnavailable
from storage.files import File, Visibility
from storage.objects import DirectoryObjects, ObjectStore
from storage.removal import Removal
from storage.s3 import S3Objects
from tests.object_servers import CREDENTIALS, Answer, Request, error, scripted_server
from tests.storage import files_in

OLD = timedelta(hours=25)
ABANDONED = removal.abandoned()


@pytest.fixture(params=["directory_store", "s3_store"])
def store(request: pytest.FixtureRequest) -> ObjectStore:
    found: ObjectStore = request.getfixturevalue(request.param)
    return found


def stored(database: Database, store: ObjectStore, file: File, age: timedelta = OLD) -> File:
    """The file with an object, last heard of so long ago."""
    store.put(file.object_key, b"abc")
    files_in.made_older(database, file, age)
    return file


def test_files_that_were_abandoned_go_with_their_objects_and_the_others_stay(
    database: Database, store: ObjectStore
) -> None:
    going = [
        stored(database, store, files_in.pending(database)),
        stored(database, store, files_in.failed(database)),
    ]
    staying = [
        stored(database, store, files_in.pending(database), timedelta(hours=23)),
        stored(database, store, files_in.failed(database), timedelta(hours=23)),
        stored(database, store, files_in.processing(database)),
        stored(database, store, files_in.completed(database)),
    ]
    assert removal.delete_all(database, store, ABANDONED) == Removal(deleted=2)
    assert [files.get(database, file.id) for file in going] == [None, None]
    assert [store.exists(file.object_key) for file in going] == [False, False]
    assert all(files.get(database, file.id) for file in staying)
    assert all(store.exists(file.object_key) for file in staying)


def test_an_object_that_is_already_gone_is_no_obstacle(database: Database, store: ObjectStore) -> None:
    file = files_in.pending(database)
    files_in.made_older(database, file, OLD)
    assert removal.delete_all(database, store, ABANDONED).deleted == 1


def test_activity_counts_and_not_the_age_of_the_reservation(
    database: Database, directory_store: DirectoryObjects
) -> None:
    file = stored(database, directory_store, files_in.pending(database))
    files.confirm_upload(database, file.id)
    assert removal.delete_all(database, directory_store, ABANDONED) == Removal()


@pytest.mark.parametrize("visibility", ["public", "private"])
def test_completed_files_of_one_visibility_go_except_those_of_the_spared(
    database: Database, directory_store: DirectoryObjects, visibility: Visibility
) -> None:
    other: Visibility = "private" if visibility == "public" else "public"
    admin = files_in.owner(database, "Admin@Demo.dewey")
    going = files_in.completed(database, [files_in.unit_vector(1)], visibility=visibility)
    staying = [
        files_in.completed(database, visibility=visibility, owner_id=admin),
        files_in.completed(database, visibility=other),
        files_in.pending(database, visibility=visibility),
        files_in.processing(database),
    ]
    selection = removal.completed(visibility, spared_email="admin@demo.dewey")
    assert removal.delete_all(database, directory_store, selection) == Removal(deleted=1)
    assert files.get(database, going.id) is None
    assert chunks.count(database) == 0
    assert all(files.get(database, file.id) for file in staying)


def test_an_object_that_can_not_be_deleted_keeps_its_row_and_is_reported_once(database: Database) -> None:
    old = [files_in.pending(database) for _ in range(5)]
    for file in old:
        files_in.made_older(database, file, OLD)
    stuck = old[1]

    def answer(request: Request) -> Answer:
        failed = "".join(
            f"<Error><Key>{key}</Key><Code>AccessDenied</Code><Message>retention</Message></Error>"
            for key in request.keys
            if key == stuck.object_key
        )
        return Answer(body=f"<DeleteResult>{failed}</DeleteResult>".encode())

    told: list[int] = []
    with scripted_server(answer) as server:
        result = removal.delete_all(
            database, server.store(), ABANDONED, limit=2, on_batch=lambda so_far: told.append(so_far.deleted)
        )
        asked = [request.keys for request in server.requests]
    assert result == Removal(4, {stuck.object_key: "AccessDenied: retention"})
    assert told == [1, 3, 4]
    assert [key for keys in asked for key in keys] == [file.object_key for file in old]
    assert files.page(database) == (files_in.found(database, stuck.id),)


def test_a_store_that_does_not_answer_keeps_every_row(database: Database) -> None:
    file = files_in.pending(database)
    files_in.made_older(database, file, OLD)
    with scripted_server(lambda _: error(404, "NoSuchBucket")) as server:
        with pytest.raises(StoreRefused, match="no bucket"):
            removal.delete_all(database, server.store(), ABANDONED)
        url = server.url
    gone = S3Objects("b", endpoint_url=url, region="auto", credentials=CREDENTIALS, tries=1)
    with pytest.raises(StoreUnavailable):
        removal.delete_all(database, gone, ABANDONED)
    assert files.get(database, file.id) is not None


def test_a_file_that_another_transaction_has_in_hand_is_passed_over(
    database: Database, directory_store: DirectoryObjects, other_connection: psycopg2.extensions.connection
) -> None:
    held, free = (stored(database, directory_store, files_in.pending(database)) for _ in range(2))
    other_connection.cursor().execute("SELECT FROM files WHERE id = %s FOR UPDATE", (held.id,))
    with database.session() as session:
        session.run("SET lock_timeout = '2s'")
        assert removal.delete_all(database, directory_store, ABANDONED) == Removal(deleted=1)
    assert directory_store.exists(held.object_key)
    assert files.get(database, free.id) is None


class WaitingObjects(DirectoryObjects):
    """Says when it was asked to delete, and does so when it may."""

    asked = threading.Event()
    may = threading.Event()

    def delete_many(self, keys: Iterable[str]) -> dict[str, str]:
        self.asked.set()
        assert self.may.wait(timeout=20)
        return super().delete_many(keys)


def waits_for_a_lock(database: Database) -> bool:
    query = """
        SELECT count(*) > 0 FROM pg_stat_activity
        WHERE datname = current_database() AND wait_event_type = 'Lock'
    """
    with database.session() as session:
        return bool(session.rows(query)[0][0])


def test_an_attempt_that_begins_during_the_clean_up_waits_and_finds_the_file_gone(
    database: Database, directory_store: DirectoryObjects
) -> None:
    store = WaitingObjects(directory_store._root)
    file = stored(database, store, files_in.failed(database))
    with ThreadPoolExecutor(2) as threads:
        cleaning = threads.submit(removal.delete_all, database, store, ABANDONED)
        assert store.asked.wait(timeout=20)
        beginning = threads.submit(files.begin_processing, database, file.id, "two")
        while not waits_for_a_lock(database):
            assert not beginning.done()
        store.may.set()
        assert cleaning.result() == Removal(deleted=1)
        assert beginning.result() is None


def test_a_clean_up_killed_between_objects_and_rows_is_finished_by_the_next(
    database: Database, directory_store: DirectoryObjects
) -> None:
    class DyingObjects(DirectoryObjects):
        def delete_many(self, keys: Iterable[str]) -> dict[str, str]:
            super().delete_many(keys)
            os._exit(9)

    file = stored(database, directory_store, files_in.pending(database))
    child = os.fork()
    if child == 0:
        try:
            removal.delete_all(database, DyingObjects(directory_store._root), ABANDONED)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    assert not directory_store.exists(file.object_key)
    assert files.get(database, file.id) is not None
    # Only once the dead process's lock is gone: until then the row is passed over.
    while (done := removal.delete_all(database, directory_store, ABANDONED)) == Removal():
        pass
    assert done == Removal(deleted=1)


def test_two_clean_ups_at_once_share_the_work(database: Database, directory_store: DirectoryObjects) -> None:
    for _ in range(60):
        stored(database, directory_store, files_in.pending(database))
    with ThreadPoolExecutor(2) as threads:
        runs = [threads.submit(removal.delete_all, database, directory_store, ABANDONED, limit=7) for _ in range(2)]
        assert sum(run.result().deleted for run in runs) == 60
    assert files.page(database) == ()


def test_stopping_between_batches_keeps_what_was_done(database: Database, directory_store: DirectoryObjects) -> None:
    for _ in range(4):
        stored(database, directory_store, files_in.pending(database))

    def stop(so_far: Removal) -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        removal.delete_all(database, directory_store, ABANDONED, limit=3, on_batch=stop)
    assert len(files.page(database)) == 1
