"""Blacklisted tokens: refused until they would have expired anyway, then forgotten.

Only the SHA-256 of a token is kept.
"""

import hashlib
from collections.abc import Callable
from datetime import datetime

from storage.database.connection import Database

UPSERT = """
    INSERT INTO blacklisted_tokens (token_hash, expires_at) VALUES (%s, %s)
    ON CONFLICT (token_hash) DO UPDATE
    SET expires_at = greatest(blacklisted_tokens.expires_at, excluded.expires_at)
"""

# By ctid, since the planner reads the whole table again for each batch of ids. SKIP LOCKED passes over
# tokens that are being refreshed; the repeated condition spares those refreshed since the inner read.
DELETE_BATCH = """
    DELETE FROM blacklisted_tokens
    WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM blacklisted_tokens WHERE expires_at < now() LIMIT %s FOR UPDATE SKIP LOCKED
    )) AND expires_at < now()
"""


def blacklist(database: Database, token: str, expires_at: datetime) -> None:
    """Refuses a token until it expires; twice is the same as once, and the later expiry counts.

    ``expires_at`` is an aware instant.
    """
    if expires_at.tzinfo is None:
        raise ValueError(f"expires_at must be an aware instant, and {expires_at!r} has no time zone")
    with database.session() as session:
        session.run(UPSERT, (_hash(token), expires_at))


def is_blacklisted(database: Database, token: str) -> bool:
    """Whether a token is refused."""
    with database.session() as session:
        query = "SELECT EXISTS (SELECT FROM blacklisted_tokens WHERE token_hash = %s)"
        return bool(session.rows(query, (_hash(token),))[0][0])


def delete_expired(
    database: Database,
    *,
    batch: int = 10_000,
    max_batches: int | None = None,
    on_batch: Callable[[int], None] | None = None,
) -> int:
    """Deletes tokens whose expiry has passed, in batches that are committed one by one; answers how many.

    Rows that another transaction has locked are left for the next run. ``on_batch`` is told the number
    deleted so far after each batch, with nothing locked, and may raise to stop.

    Raises: StoreUnavailable, StoreRefused.
    """
    deleted = batches = 0
    with database.session() as session:
        while max_batches is None or batches < max_batches:
            gone = session.run(DELETE_BATCH, (batch,))
            if gone == 0:
                break
            deleted += gone
            batches += 1
            if on_batch is not None:
                on_batch(deleted)
    return deleted


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
