"""The schema's versions on a real PostgreSQL: from nothing, from older ones, twice at once, and half-way."""

import multiprocessing
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from pathlib import Path

import psycopg2
import psycopg2.extensions
import pytest
from peewee import Model
from yoyo.migrations import default_migration_table

from storage.database import migrations
from storage.database.connection import MIGRATIONS_TABLE, Database, connect
from storage.database.models import BlacklistedTokens, Chunks, Files, Users
from storage.errors import Conflict, SchemaRefused, StoreRefused, StoreUnavailable

NAMES = tuple(sorted(file.stem for file in Path(migrations.__file__).with_suffix("").glob("*.sql")))


def rows(database: Database, query: str) -> list[tuple[object, ...]]:
    with database.session() as session:
        return session.rows(query)


def test_a_blank_database_gets_the_whole_schema_once(blank_database_url: str) -> None:
    assert migrations.pending(blank_database_url) == NAMES
    assert migrations.apply(blank_database_url) == NAMES
    assert migrations.apply(blank_database_url) == ()
    assert migrations.pending(blank_database_url) == ()


def test_asking_what_is_pending_changes_nothing(blank_database_url: str) -> None:
    migrations.pending(blank_database_url)
    assert rows(connect(blank_database_url), "SELECT relname FROM pg_class WHERE relname ~ 'yoyo'") == []


def test_a_database_that_was_never_set_up_is_told_from_one_of_another_version(blank_database_url: str) -> None:
    assert default_migration_table == MIGRATIONS_TABLE

    def refusal() -> str:
        with pytest.raises(SchemaRefused) as refused, database.transaction() as session:
            session.rows("SELECT * FROM audit")
        return str(refused.value)

    database = connect(blank_database_url)
    assert refusal().startswith("Nothing has been set up in this database yet: run `dewey up`")
    migrations.apply(blank_database_url, through="0002_files")
    assert refusal().startswith('The schema is older or newer than this program: relation "audit" does not exist')


def test_an_older_schema_is_upgraded_in_place_with_its_rows(blank_database_url: str) -> None:
    database = connect(blank_database_url)
    assert migrations.apply(blank_database_url, through="0001_accounts") == NAMES[:1]
    with database.session() as session:
        session.run("INSERT INTO users (email, name) VALUES ('ada@example.com', 'Ada')")
    assert migrations.pending(blank_database_url) == NAMES[1:]
    assert migrations.apply(blank_database_url, through="0002_files") == NAMES[1:2]
    insert = (
        "INSERT INTO files (owner_id, object_key, name, mime_type, size_bytes, visibility)"
        " SELECT id, 'k', 'a.txt', 'text/plain', 3, 'public' FROM users"
    )
    with database.session() as session:
        session.run(insert)
    assert migrations.apply(blank_database_url) == NAMES[2:]
    assert rows(database, "SELECT email FROM users") == [("ada@example.com",)]
    assert rows(database, "SELECT object_key, status FROM files") == [("k", "PENDING")]
    assert rows(database, "SELECT count(*) FROM chunks") == [(0,)]


def test_failures_of_before_are_counted_when_their_counts_come_to_be(blank_database_url: str) -> None:
    database = connect(blank_database_url)
    migrations.apply(blank_database_url, through="0008_running")
    partition = "CREATE TABLE day PARTITION OF attempts FOR VALUES FROM ('2026-11-21') TO ('2026-11-22')"
    insert = (
        "INSERT INTO attempts (job_created_at, job_id, number, task, queue, outcome, started_at, finished_at, host,"
        " fingerprint) SELECT '2026-11-21 10:00Z', n::text, 1, 't', 'q', 'failed', '2026-11-21 10:00Z',"
        " '2026-11-21 10:00Z'::timestamptz + n * interval '25 min', 'w1', 'f1' FROM generate_series(0, 3) AS n"
    )
    with database.session() as session:
        session.run(partition)
        session.run(insert)
    migrations.apply(blank_database_url)
    counted = (
        "SELECT step_s, extract(hour FROM at AT TIME ZONE 'UTC')::int, host, attempts FROM failure_counts ORDER BY 1, 2"
    )
    assert rows(database, counted) == [(3600, 10, "", 3), (3600, 11, "", 1), (86400, 0, "w1", 4)]


def _apply_and_tell(url: str, start: Barrier, answers: "Queue[tuple[str, ...]]") -> None:
    start.wait(timeout=60)
    answers.put(migrations.apply(url))


def test_processes_that_apply_at_once_take_turns(blank_database_url: str) -> None:
    context = multiprocessing.get_context("spawn")
    start = context.Barrier(3)
    answers: Queue[tuple[str, ...]] = context.Queue()
    arguments = (blank_database_url, start, answers)
    processes = [context.Process(target=_apply_and_tell, args=arguments) for _ in range(3)]
    for process in processes:
        process.start()
    told = [answers.get(timeout=60) for _ in processes]
    for process in processes:
        process.join(timeout=60)
        assert process.exitcode == 0
    answers.close()
    assert sorted(told) == [(), (), NAMES]


@pytest.fixture
def migrating_elsewhere(blank_database_url: str) -> Iterator[psycopg2.extensions.connection]:
    """The connection of a process that is in the middle of migrating."""
    connection = psycopg2.connect(blank_database_url)
    connection.cursor().execute("SELECT pg_advisory_xact_lock(%s)", (migrations.ADVISORY_LOCK_ID,))
    yield connection
    connection.close()


def test_a_process_that_applies_waits_for_one_that_is_at_it(
    blank_database_url: str, migrating_elsewhere: psycopg2.extensions.connection
) -> None:
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'advisory'"
    with ThreadPoolExecutor(1) as threads:
        applying = threads.submit(migrations.apply, blank_database_url)
        while rows(connect(blank_database_url), waiting) == [(0,)]:
            assert not applying.done()
        assert migrations.pending(blank_database_url) == NAMES
        migrating_elsewhere.close()
        assert applying.result(timeout=60) == NAMES


def test_a_process_that_applies_does_not_wait_for_ever(
    blank_database_url: str,
    migrating_elsewhere: psycopg2.extensions.connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(migrations, "LOCK_TIMEOUT_S", 0.05)
    with pytest.raises(StoreUnavailable, match="Another process has been migrating"):
        migrations.apply(blank_database_url)


def test_a_migration_that_fails_half_way_leaves_nothing_of_itself(blank_database_url: str) -> None:
    migrations.apply(blank_database_url, through="0001_accounts")
    database = connect(blank_database_url)
    with database.session() as session:
        # In the way of the last statements of 0002_files.
        session.run("CREATE TABLE files_unfinished ()")
    with pytest.raises(StoreRefused, match="files_unfinished"):
        migrations.apply(blank_database_url)
    assert migrations.pending(blank_database_url) == NAMES[1:]
    assert rows(database, "SELECT to_regclass('files')") == [(None,)]
    with database.session() as session:
        session.run("DROP TABLE files_unfinished")
    assert migrations.apply(blank_database_url) == NAMES[1:]


def test_a_lock_row_that_a_killed_process_left_is_no_obstacle(blank_database_url: str) -> None:
    migrations.apply(blank_database_url, through="0001_accounts")
    with connect(blank_database_url).session() as session:
        session.run("INSERT INTO yoyo_lock (locked, ctime, pid) VALUES (1, now(), 1)")
        session.run("DROP TABLE _yoyo_version, _yoyo_log, _yoyo_migration, blacklisted_tokens, users")
    assert migrations.apply(blank_database_url) == NAMES


def test_a_user_without_the_right_to_make_the_extension_is_told_the_remedy(blank_database_url: str) -> None:
    with connect(blank_database_url).session() as session:
        session.run("CREATE ROLE humble LOGIN")
        session.run("GRANT CREATE ON SCHEMA public TO humble")
    humble_url = re.sub("//[^@]*@", "//humble@", blank_database_url)
    with pytest.raises(StoreRefused, match="superuser run CREATE EXTENSION vector"):
        migrations.apply(humble_url)
    with connect(blank_database_url).session() as session:
        session.run("CREATE EXTENSION vector")
    assert migrations.apply(humble_url) == NAMES


def test_an_old_pgvector_is_told_apart_from_none(blank_database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migrations, "OLDEST_VECTOR", (99, 0))
    with pytest.raises(StoreRefused, match=r"99\.0 or newer"):
        migrations.apply(blank_database_url)


def test_a_duplicate_content_is_refused_by_the_schema_itself(database: Database) -> None:
    insert = (
        "INSERT INTO files"
        " (owner_id, object_key, name, mime_type, size_bytes, visibility, status, sha256, attempt)"
        " VALUES (%s, %s, 'a', 'text/plain', 1, 'public', 'PROCESSING', repeat('0', 64), 'x')"
    )

    def add(owner_id: object, key: str) -> None:
        with database.session() as session:
            session.run(insert, (owner_id, key))

    query = "INSERT INTO users (email, name) VALUES ('a@example.com', 'A'), ('b@example.com', 'B') RETURNING id"
    (ada, bob) = (row[0] for row in rows(database, query))
    add(ada, "one")
    add(bob, "two")
    with pytest.raises(Conflict, match="files_content"):
        add(ada, "three")


def test_the_embedding_is_768_numbers_kept_in_the_row_and_indexed(database: Database) -> None:
    kind = "SELECT format_type(atttypid, atttypmod), attstorage FROM pg_attribute WHERE attname = 'embedding'"
    assert ("vector(768)", "p") in rows(database, kind)
    indexes = rows(database, "SELECT indexdef FROM pg_indexes WHERE tablename = 'chunks'")
    assert any("USING hnsw (embedding vector_cosine_ops)" in str(row[0]) for row in indexes)


def test_every_reference_to_another_table_has_an_index(database: Database) -> None:
    """Else deleting a referenced row reads the whole referring table."""
    query = """
        SELECT conrelid::regclass || '.' || conname FROM pg_constraint
        WHERE contype = 'f' AND NOT EXISTS (
            SELECT FROM pg_index WHERE indrelid = conrelid AND indkey[0] = conkey[1]
        )
    """
    assert rows(database, query) == []


def test_a_connection_error_while_migrating_is_translated(database_url: str) -> None:
    with pytest.raises(StoreRefused, match="nowhere"):
        migrations.apply(database_url.replace("/test_", "/nowhere_"))


@pytest.mark.parametrize("model", [Users, Files, Chunks, BlacklistedTokens])
def test_the_models_know_the_columns_that_the_migrations_made(database: Database, model: type[Model]) -> None:
    query = """
        SELECT attname, NOT attnotnull FROM pg_attribute
        WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped
    """
    with database.session() as session:
        made = dict(session.rows(query, (model._meta.table_name,)))
    assert made == {field.column_name: field.null for field in model._meta.sorted_fields}
