"""Files that may go, and their going: the objects first, the rows after them.

A crash between the two leaves rows, which the next run finds again, and never an object that nobody knows.
While a batch is decided on, its rows are locked: an attempt that wants one waits, then finds it gone.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta

from msgspec import Struct, field

from storage.database.connection import Database, Session
from storage.files import Visibility
from storage.objects import ObjectStore

BATCH = 1_000
"""Files per batch; as many objects as one request to S3 may delete."""


class Selection(Struct, frozen=True):
    """Which files may go: a condition over the table ``files``, with its parameters."""

    condition: str
    parameters: Mapping[str, object] = field(default_factory=dict)


class BatchResult(Struct, frozen=True):
    """What became of one batch.

    ``deleted`` are the ids of the files that are gone. ``kept`` says, by object key, why an object could not
    be deleted; its row stays. ``last_id`` is where the next batch starts; None when there was nothing left.
    """

    deleted: tuple[int, ...] = ()
    kept: Mapping[str, str] = field(default_factory=dict)
    last_id: int | None = None


class Removal(Struct, frozen=True):
    """What became of a whole run."""

    deleted: int = 0
    kept: Mapping[str, str] = field(default_factory=dict)


def abandoned(older_than: timedelta = timedelta(hours=24)) -> Selection:
    """PENDING and FAILED files of which nothing was heard for so long, by PostgreSQL's clock.

    A file that an attempt works on is PROCESSING, or its row is locked: neither is ever selected.
    """
    return Selection(
        "status IN ('PENDING', 'FAILED') AND updated_at < now() - %(older_than)s", {"older_than": older_than}
    )


def completed(visibility: Visibility, *, spared_email: str) -> Selection:
    """COMPLETED files of that visibility, except those of the person with that address."""
    condition = """
        status = 'COMPLETED' AND visibility = %(visibility)s
        AND owner_id NOT IN (SELECT users.id FROM users WHERE lower(users.email) = lower(%(spared_email)s))
    """
    return Selection(condition, {"visibility": visibility, "spared_email": spared_email})


def delete_batch(
    database: Database, store: ObjectStore, selection: Selection, *, after_id: int = 0, limit: int = BATCH
) -> BatchResult:
    """Deletes the objects, then the rows, of the next files after an id, except those that others locked.

    Raises: StoreUnavailable, StoreRefused when a store answers nothing for the batch as a whole; then its
    rows are all still there.
    """
    with database.transaction() as session:
        keys_by_id = _lock(session, selection, after_id, limit)
        if not keys_by_id:
            return BatchResult()
        kept = store.delete_many(list(keys_by_id.values()))
        gone = [file_id for file_id, key in keys_by_id.items() if key not in kept]
        session.run("DELETE FROM files WHERE id = ANY (%s)", (gone,))
    return BatchResult(tuple(gone), kept, max(keys_by_id))


def batches(
    database: Database, store: ObjectStore, selection: Selection, *, limit: int = BATCH
) -> Iterator[BatchResult]:
    """Batch after batch, each committed, until none is left; nothing is locked between them.

    Raises: as delete_batch.
    """
    after_id = 0
    while True:
        result = delete_batch(database, store, selection, after_id=after_id, limit=limit)
        if result.last_id is None:
            return
        after_id = result.last_id
        yield result


def delete_all(
    database: Database,
    store: ObjectStore,
    selection: Selection,
    *,
    limit: int = BATCH,
    on_batch: Callable[[Removal], None] | None = None,
) -> Removal:
    """Deletes everything selected; ``on_batch`` is told what was done so far and may raise to stop.

    Raises: as delete_batch.
    """
    deleted = 0
    kept: dict[str, str] = {}
    for result in batches(database, store, selection, limit=limit):
        deleted += len(result.deleted)
        kept.update(result.kept)
        if on_batch is not None:
            on_batch(Removal(deleted, dict(kept)))
    return Removal(deleted, kept)


def _lock(session: Session, selection: Selection, after_id: int, limit: int) -> dict[int, str]:
    """The keys of the next files by their ids, their rows locked until the transaction ends."""
    query = f"""
        SELECT id, object_key FROM files WHERE id > %(after_id)s AND ({selection.condition})
        ORDER BY id LIMIT %(limit)s FOR UPDATE SKIP LOCKED
    """
    return dict(session.rows(query, {**selection.parameters, "after_id": after_id, "limit": limit}))
