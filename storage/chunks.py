"""Pieces of the text of completed files, each with its vector, and the search for the nearest ones.

The chunks of a file appear, all of them, in the transaction that completes it, or not at all.
Vectors made by different models are never compared.
"""

import io
import math
import struct
import tempfile
from collections.abc import Iterable, Sequence
from typing import IO

from msgspec import Struct
from pgvector import Vector

from storage import files
from storage.database.connection import Database
from storage.database.models import EMBEDDING_SIZE
from storage.database.text import storable
from storage.errors import StoreRefused

SEARCH_LIST_SIZE = 100
"""Candidates that an index scan keeps (hnsw.ef_search); from about 200 on the planner sorts the table."""
MOST_TUPLES_SCANNED = 200_000
"""Where a search for chunks of a rare owner or model gives up, instead of reading the whole index."""
SPOOL_BYTES = 16 * 2**20
"""What one file's chunks may take in memory on their way; the rest waits on disk."""

COPY = """
    COPY chunks
        (file_id, owner_id, ordinal, text, start_offset, end_offset, embedding_model, embedding)
    FROM STDIN (FORMAT binary)
"""
# https://www.postgresql.org/docs/current/sql-copy.html, "Binary Format"
COPY_HEADER = b"PGCOPY\n\xff\r\n\0" + struct.pack(">ii", 0, 0)
COPY_TRAILER = struct.pack(">h", -1)
COPIED_AT_ONCE = 2**20


class NewChunk(Struct, frozen=True):
    """A piece of a file's text, from 0, with where it stands in the whole, and its vector.

    ``embedding`` is 768 finite numbers, not all zero; L2-normalised by whoever made it.
    """

    ordinal: int
    text: str
    start_offset: int
    end_offset: int
    embedding: Sequence[float]


class Chunk(Struct, frozen=True):
    """A stored piece of a file's text, without its vector."""

    file_id: int
    ordinal: int
    text: str
    start_offset: int
    end_offset: int
    embedding_model: str


class Hit(Struct, frozen=True):
    """A chunk near to what was asked. ``score`` is the cosine similarity, at most 1."""

    file_id: int
    file_name: str
    ordinal: int
    text: str
    score: float


def replace_and_complete(
    database: Database, file_id: int, attempt: str, chunks: Iterable[NewChunk], embedding_model: str
) -> files.File:
    """Puts these chunks in the place of any earlier ones and completes the file, in one transaction.

    The content must have been claimed. A file without text is completed with no chunks.

    Raises: AttemptLost when the file is gone or another attempt's; StoreRefused when an embedding is not
    768 finite numbers, or the content was not claimed. Then nothing has changed.
    """
    file = files.get(database, file_id)
    owner_id = 0 if file is None else file.owner_id
    with tempfile.SpooledTemporaryFile(max_size=SPOOL_BYTES) as spool:
        # Before the transaction, so that it holds its lock no longer than it must.
        spool.write(COPY_HEADER)
        for chunk in chunks:
            spool.write(_copy_row(file_id, owner_id, chunk, embedding_model))
        spool.write(COPY_TRAILER)
        spool.seek(0)
        return _write(database, file_id, attempt, spool)


def _write(database: Database, file_id: int, attempt: str, rows: IO[bytes]) -> files.File:
    with database.transaction() as session:
        files.lock_held(session, file_id, attempt)
        session.run("DELETE FROM chunks WHERE file_id = %s", (file_id,))
        session.copy_in(COPY, iter(lambda: rows.read(COPIED_AT_ONCE), b""))
        return files.complete(database, file_id, attempt)


def count(database: Database, file_id: int | None = None) -> int:
    """How many chunks a file has, or all files together."""
    with database.session() as session:
        if file_id is None:
            return int(session.rows("SELECT count(*) FROM chunks")[0][0])
        return int(session.rows("SELECT count(*) FROM chunks WHERE file_id = %s", (file_id,))[0][0])


def page(database: Database, file_id: int, *, after: int = -1, limit: int = 100) -> tuple[Chunk, ...]:
    """The chunks of a file in their order; the next page is ``after`` the last one's ordinal."""
    query = """
        SELECT file_id, ordinal, text, start_offset, end_offset, embedding_model FROM chunks
        WHERE file_id = %s AND ordinal > %s ORDER BY ordinal LIMIT %s
    """
    with database.session() as session:
        return tuple(Chunk(*row) for row in session.rows(query, (file_id, after, limit)))


def nearest(
    database: Database,
    embedding: Sequence[float],
    embedding_model: str,
    *,
    owner_id: int | None = None,
    limit: int = 10,
) -> tuple[Hit, ...]:
    """The chunks nearest to a vector, the nearest first, among those whose vectors the same model made.

    Raises: StoreRefused when the vector is not 768 finite numbers.
    """
    whose = "" if owner_id is None else "AND owner_id = %(owner_id)s"
    query = f"""
        SELECT near.file_id, files.name, near.ordinal, near.text, 1 - near.distance
        FROM (
            SELECT file_id, ordinal, text, embedding <=> %(vector)s::vector AS distance FROM chunks
            WHERE embedding_model = %(model)s {whose}
            ORDER BY distance LIMIT %(limit)s
        ) AS near JOIN files ON files.id = near.file_id
        ORDER BY near.distance, near.file_id, near.ordinal
    """
    parameters = {
        "vector": _vector(embedding, "the question").to_text(),
        "model": embedding_model,
        "owner_id": owner_id,
        "limit": limit,
    }
    with database.transaction() as session:
        # Without the iterative scan a filter is applied to the candidates, and little or nothing is left.
        session.run("SET LOCAL hnsw.iterative_scan = strict_order")
        session.run(f"SET LOCAL hnsw.ef_search = {SEARCH_LIST_SIZE}")
        session.run(f"SET LOCAL hnsw.max_scan_tuples = {MOST_TUPLES_SCANNED}")
        return tuple(Hit(*row) for row in session.rows(query, parameters))


def models(database: Database) -> tuple[str, ...]:
    """The names of the models that made the stored vectors."""
    with database.session() as session:
        rows = session.rows("SELECT DISTINCT embedding_model FROM chunks ORDER BY 1")
    return tuple(row[0] for row in rows)


def _copy_row(file_id: int, owner_id: int, chunk: NewChunk, embedding_model: str) -> bytes:
    fields = (
        struct.pack(">q", file_id),
        struct.pack(">q", owner_id),
        struct.pack(">i", chunk.ordinal),
        storable(chunk.text).encode(),
        struct.pack(">i", chunk.start_offset),
        struct.pack(">i", chunk.end_offset),
        storable(embedding_model).encode(),
        _vector(chunk.embedding, f"chunk {chunk.ordinal}").to_binary(),
    )
    row = io.BytesIO()
    row.write(struct.pack(">h", len(fields)))
    for field in fields:
        row.write(struct.pack(">i", len(field)))
        row.write(field)
    return row.getvalue()


def _vector(embedding: Sequence[float], whose: str) -> Vector:
    """Refuses what pgvector would, and the zero vector, which it keeps and whose distances are NaN."""
    size = len(embedding)
    if size != EMBEDDING_SIZE:
        raise StoreRefused(f"the embedding of {whose} has {size} numbers instead of {EMBEDDING_SIZE}")
    vector = Vector(list(embedding))
    numbers = vector.to_list()
    if not all(map(math.isfinite, numbers)):
        raise StoreRefused(f"the embedding of {whose} has numbers that are not finite")
    if not any(numbers):
        raise StoreRefused(f"the embedding of {whose} is zero, which is near to nothing")
    return vector
