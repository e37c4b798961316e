"""Blacklisted tokens, and the clean-up that never waits for a row and never takes a refreshed one."""

import threading
from datetime import UTC, datetime, timedelta

import psycopg2.extensions
import pytest

from storage import tokens
from storage.database.connection import Database

TOMORROW = datetime.now(UTC) + timedelta(days=1)
YESTERDAY = datetime.now(UTC) - timedelta(days=1)

MAKE_TOKENS = """
    INSERT INTO blacklisted_tokens (token_hash, expires_at)
    SELECT sha256((%s || number)::bytea), now() + %s FROM generate_series(1, %s) AS number
"""


def make_tokens(database: Database, prefix: str, expires_in: timedelta, count: int) -> None:
    with database.session() as session:
        session.run(MAKE_TOKENS, (prefix, expires_in, count))


def count(database: Database) -> int:
    with database.session() as session:
        return int(session.rows("SELECT count(*) FROM blacklisted_tokens")[0][0])


def test_a_blacklisted_token_is_refused_and_others_are_not(database: Database) -> None:
    tokens.blacklist(database, "one", TOMORROW)
    assert tokens.is_blacklisted(database, "one")
    assert not tokens.is_blacklisted(database, "two")


def test_the_token_itself_is_not_kept(database: Database) -> None:
    tokens.blacklist(database, "secret-token", TOMORROW)
    with database.session() as session:
        ((kept,),) = session.rows("SELECT token_hash FROM blacklisted_tokens")
    assert b"secret" not in bytes(kept)


def test_blacklisting_twice_keeps_the_later_expiry(database: Database) -> None:
    tokens.blacklist(database, "one", TOMORROW)
    tokens.blacklist(database, "one", YESTERDAY)
    assert tokens.delete_expired(database) == 0
    assert tokens.is_blacklisted(database, "one")


def test_an_expiry_without_a_time_zone_is_a_mistake(database: Database) -> None:
    with pytest.raises(ValueError, match="time zone"):
        tokens.blacklist(database, "one", datetime(2026, 1, 1))  # noqa: DTZ001


def test_three_hundred_thousand_expired_tokens_go_in_batches_and_the_others_stay(database: Database) -> None:
    make_tokens(database, "old", timedelta(days=-1), 300_000)
    make_tokens(database, "new", timedelta(days=1), 20_000)
    told: list[int] = []
    assert tokens.delete_expired(database, on_batch=told.append) == 300_000
    assert told == list(range(10_000, 300_001, 10_000))
    assert count(database) == 20_000
    assert tokens.delete_expired(database) == 0


def test_a_cap_on_batches_leaves_the_rest_for_the_next_run(database: Database) -> None:
    make_tokens(database, "old", timedelta(days=-1), 50)
    assert tokens.delete_expired(database, batch=10, max_batches=3) == 30
    assert tokens.delete_expired(database, batch=10) == 20


def test_stopping_between_batches_keeps_what_was_done(database: Database) -> None:
    make_tokens(database, "old", timedelta(days=-1), 30)

    def stop(deleted: int) -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        tokens.delete_expired(database, batch=10, on_batch=stop)
    assert count(database) == 20


def test_a_locked_token_is_passed_over_and_does_not_hold_up_the_rest(
    database: Database, other_connection: psycopg2.extensions.connection
) -> None:
    make_tokens(database, "old", timedelta(days=-1), 25)
    cursor = other_connection.cursor()
    cursor.execute("SELECT 1 FROM blacklisted_tokens LIMIT 1 FOR UPDATE")
    with database.session() as session:
        session.run("SET lock_timeout = '2s'")
        assert tokens.delete_expired(database, batch=10) == 24
    other_connection.rollback()
    assert tokens.delete_expired(database, batch=10) == 1


def test_no_token_that_was_refreshed_in_time_is_deleted(database: Database) -> None:
    """Refreshers move expired tokens into the future while two cleaners delete; each committed refresh holds."""
    make_tokens(database, "old", timedelta(days=-1), 20_000)
    refreshed: list[list[bytes]] = [[], [], []]
    start = threading.Barrier(5)

    def refresh(mine: list[bytes], residue: int) -> None:
        update = """
            UPDATE blacklisted_tokens SET expires_at = now() + interval '1 day'
            WHERE token_hash = sha256(('old' || %s)::bytea) RETURNING token_hash
        """
        with database.session() as session:
            start.wait(timeout=20)
            for number in range(20_000 - residue, 0, -9):
                mine.extend(bytes(row[0]) for row in session.rows(update, (number,)))

    deleted: list[int] = []

    def clean() -> None:
        start.wait(timeout=20)
        deleted.append(tokens.delete_expired(database, batch=100))

    threads = [threading.Thread(target=refresh, args=(mine, residue)) for residue, mine in enumerate(refreshed)]
    threads += [threading.Thread(target=clean) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=100)
    saved = {token for mine in refreshed for token in mine}
    with database.session() as session:
        left = {bytes(row[0]) for row in session.rows("SELECT token_hash FROM blacklisted_tokens")}
    assert saved
    assert left == saved
    assert sum(deleted) == 20_000 - len(saved)


def test_the_clean_up_finds_the_few_expired_by_the_index(database: Database) -> None:
    make_tokens(database, "new", timedelta(days=1), 20_000)
    make_tokens(database, "old", timedelta(days=-1), 10)
    with database.session() as session:
        session.run("ANALYZE blacklisted_tokens")
        plan = "\n".join(row[0] for row in session.rows("EXPLAIN " + tokens.DELETE_BATCH, (10_000,)))
    assert "blacklisted_tokens_expires_at" in plan
