"""Sessions over a real PostgreSQL: threads, forks, lost connections, and what errors become."""

import os
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg2.extensions
import pytest

from storage.database.connection import Database, connect
from storage.errors import Conflict, SettingsError, StoreRefused, StoreUnavailable

INSERT_USER = "INSERT INTO users (email, name) VALUES ('ada@example.com', 'Ada')"


def run(database: Database, *statements: str) -> None:
    with database.session() as session:
        for statement in statements:
            session.run(statement)


def backend_pid(database: Database) -> int:
    with database.session() as session:
        return int(session.rows("SELECT pg_backend_pid()")[0][0])


def connections(database: Database) -> int:
    """How many clients the database has, the asking one left out."""
    query = """
        SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid()
    """
    with database.session() as session:
        return int(session.rows(query)[0][0])


def test_a_session_within_a_session_is_the_same_connection(database: Database) -> None:
    with database.session():
        outer = backend_pid(database)
        assert backend_pid(database) == outer
    assert backend_pid(database) != outer


def test_every_thread_has_a_connection_of_its_own(database: Database) -> None:
    barrier = threading.Barrier(4)

    def hold() -> int:
        with database.session():
            pid = backend_pid(database)
            barrier.wait(timeout=20)
            assert backend_pid(database) == pid
            barrier.wait(timeout=20)
            return pid

    with ThreadPoolExecutor(4) as threads:
        pids = [future.result() for future in [threads.submit(hold) for _ in range(4)]]
    assert len(set(pids)) == 4


def killed(database: Database, other: psycopg2.extensions.connection) -> None:
    with database.session() as session:
        other.cursor().execute("SELECT pg_terminate_backend(%s, 10000)", (backend_pid(database),))
        session.run("SELECT 1")


def killed_within_transactions(database: Database, other: psycopg2.extensions.connection) -> None:
    with database.transaction(), database.transaction():
        killed(database, other)


@pytest.mark.parametrize("unit_of_work", [killed, killed_within_transactions])
def test_a_connection_that_the_server_killed_does_not_poison_the_next_unit_of_work(
    database: Database,
    other_connection: psycopg2.extensions.connection,
    unit_of_work: Callable[[Database, psycopg2.extensions.connection], None],
) -> None:
    with pytest.raises(StoreUnavailable):
        unit_of_work(database, other_connection)
    with database.transaction() as session:
        assert session.rows("SELECT 1") == [(1,)]


def test_a_forked_child_opens_its_own_connection_and_leaves_the_parents_alone(database: Database) -> None:
    with database.session():
        mine = backend_pid(database)
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            status = 1
            try:
                theirs = backend_pid(database)
                os.write(writer, str(theirs).encode())
                status = 0
            finally:
                os._exit(status)
        os.close(writer)
        assert os.waitpid(child, 0)[1] == 0
        with os.fdopen(reader) as answers:
            assert int(answers.read()) != mine
        assert backend_pid(database) == mine


def test_a_child_that_unwinds_its_parents_session_does_not_close_the_socket(database: Database) -> None:
    child = -1
    try:
        with database.session():
            child = os.fork()
            if child == 0:
                sys.exit(0)
            assert os.waitpid(child, 0)[1] == 0
            with database.session() as session:
                assert session.rows("SELECT 1") == [(1,)]
    except SystemExit:
        assert child == 0
        os._exit(0)


def test_no_connection_stays_open_between_units_of_work(database: Database) -> None:
    for _ in range(3):
        with database.session() as session:
            session.run("SELECT 1")
    assert connections(database) == 0


def test_a_transaction_writes_all_or_nothing(database: Database) -> None:
    def write_half() -> None:
        with database.transaction():
            run(database, INSERT_USER)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_half()
    with database.session() as session:
        assert session.rows("SELECT count(*) FROM users") == [(0,)]


def test_an_inner_transaction_that_fails_leaves_the_outer_one_usable(database: Database) -> None:
    def write_again() -> None:
        with database.transaction():
            run(database, INSERT_USER)

    with database.transaction() as session:
        session.run(INSERT_USER)
        with pytest.raises(Conflict):
            write_again()
    with database.session() as session:
        assert session.rows("SELECT count(*) FROM users") == [(1,)]


def test_a_conflict_names_the_rule_and_not_the_values_of_the_row(database: Database) -> None:
    with pytest.raises(Conflict) as caught:
        run(database, INSERT_USER, INSERT_USER)
    assert caught.value.constraint == "users_email"
    assert "ada" not in str(caught.value)


def test_a_missing_table_says_to_migrate(empty_database_url: str) -> None:
    with pytest.raises(StoreRefused, match="dewey migrate"):
        run(connect(empty_database_url), "SELECT * FROM files")


def test_a_lock_that_is_not_free_in_time_is_worth_another_try(
    database: Database, other_connection: psycopg2.extensions.connection
) -> None:
    other_connection.cursor().execute("LOCK TABLE users")
    with pytest.raises(StoreUnavailable, match="lock"):
        run(database, "SET lock_timeout = '50ms'", "SELECT * FROM users")


def test_a_server_that_is_not_there_is_unavailable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    database = connect(f"postgresql://dewey:hunter2@127.0.0.1:{port}/dewey")
    with pytest.raises(StoreUnavailable) as caught, database.session():
        pass
    assert "hunter2" not in str(caught.value)


def test_a_database_that_does_not_exist_is_refused(empty_database_url: str) -> None:
    url = empty_database_url.replace("/postgres?", "/no_such_database?")
    with pytest.raises(StoreRefused, match="no_such_database"), connect(url).session():
        pass


@pytest.mark.parametrize("url", ["hunter2", "postgresql://[hunter2", "postgresql://%zz:hunter2@/"])
def test_an_address_that_can_not_be_read_is_named_without_its_password(url: str) -> None:
    with pytest.raises(SettingsError, match="DATABASE_URL") as caught:
        connect(url)
    assert "hunter2" not in str(caught.value)


def test_what_fails_while_rows_are_made_is_told_and_nothing_is_copied(database: Database) -> None:
    def rows() -> Iterator[bytes]:
        yield b"1\n2\n"
        yield b""
        yield b"3\n"
        raise ZeroDivisionError("of our own")

    run(database, "CREATE TABLE numbers (number integer)")
    with pytest.raises(ZeroDivisionError, match="of our own"), database.transaction() as session:
        session.copy_in("COPY numbers FROM STDIN", rows())
    with database.transaction() as session:
        session.copy_in("COPY numbers FROM STDIN", [b"1\n2", b"", b"7\n", b"3\n"])
        assert session.rows("SELECT number FROM numbers") == [(1,), (27,), (3,)]
