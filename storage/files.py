"""Uploaded files, from the reservation of an object key to their end.

The life of a file:

1. ``reserve`` makes the row, PENDING, with an object key of its own; the bytes go to that key.
2. ``confirm_upload`` notes that they have arrived; whoever does that enqueues the ingestion.
3. ``begin_processing`` gives the file to one attempt: PROCESSING. A later attempt takes it over, and the
   earlier one can write nothing more.
4. ``claim_content`` is the duplicate check: of an owner's files with the same bytes, one goes on.
5. ``chunks.replace_and_complete`` ends it as COMPLETED, ``mark_failed`` as FAILED (and an attempt may begin
   again), ``mark_duplicate`` as DUPLICATE, ``delete_reservation`` with nothing, because nothing was uploaded.
"""

import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal, get_args

from msgspec import Struct
from peewee import SQL, Expression, fn

from storage.database.connection import Database, Session
from storage.database.models import Files
from storage.database.text import storable
from storage.errors import AttemptLost, Conflict, Refused, StoreUnavailable

Visibility = Literal["public", "private"]
Status = Literal["PENDING", "PROCESSING", "COMPLETED", "FAILED", "DUPLICATE"]
STATUSES: tuple[Status, ...] = get_args(Status)

LONGEST_NAME = 500
LONGEST_ERROR = 2_000
CLAIM_TRIES = 5
"""How often a claim is tried while the other file that holds the content keeps vanishing."""


class File(Struct, frozen=True):
    """One uploaded file.

    ``object_key`` says nothing of its name. ``sha256`` is known once an attempt has read the bytes.
    ``attempt`` is set while PROCESSING. ``error`` is the reason of FAILED, for a person to read.
    ``uploaded_at`` is None until the upload was confirmed; ``updated_at`` is the last activity.
    """

    id: int
    owner_id: int
    object_key: str
    name: str
    mime_type: str
    size_bytes: int
    visibility: Visibility
    status: Status
    sha256: str | None
    attempt: str | None
    duplicate_of: int | None
    error: str | None
    created_at: datetime
    uploaded_at: datetime | None
    updated_at: datetime
    completed_at: datetime | None


def reserve(
    database: Database, owner_id: int, name: str, mime_type: str, size_bytes: int, visibility: Visibility
) -> File:
    """Makes a PENDING file with an object key of its own, to which the bytes may now be put.

    Raises: Refused when the name is empty or the size negative; StoreRefused when there is no such owner.
    """
    kept_name = storable(name, longest=LONGEST_NAME).strip()
    if not kept_name:
        raise Refused("a file needs a name")
    if size_bytes < 0:
        raise Refused(f"a file can not have {size_bytes} bytes")
    values = {
        Files.owner: owner_id,
        Files.object_key: new_object_key(),
        Files.name: kept_name,
        Files.mime_type: storable(mime_type, longest=255) or "application/octet-stream",
        Files.size_bytes: size_bytes,
        Files.visibility: visibility,
    }
    with database.session() as session:
        (record,) = session.records(Files.insert(values).returning(Files))
    return _file(record)


def new_object_key() -> str:
    """A key that nobody can guess and that nothing of the file went into."""
    token = secrets.token_hex(16)
    return f"files/{token[:2]}/{token}"


def confirm_upload(database: Database, file_id: int, *, size_bytes: int | None = None) -> File:
    """Notes that the bytes are under their key, with their true size; twice is the same as once.

    Raises: Refused when the file is gone, or is not waiting for its bytes any more.
    """
    assignments: dict[Any, Any] = {Files.uploaded_at: fn.now(), Files.updated_at: fn.now()}
    if size_bytes is not None:
        assignments[Files.size_bytes] = size_bytes
    changed = _update(database, assignments, (Files.id == file_id) & (Files.status == "PENDING"))
    if changed is not None:
        return changed
    found = get(database, file_id)
    state = "gone" if found is None else found.status
    raise Refused(f"file {file_id} is not waiting for an upload: it is {state}")


def get(database: Database, file_id: int) -> File | None:
    """The file of that id, if there is one."""
    with database.session() as session:
        records = session.records(Files.select().where(Files.id == file_id))
    return _file(records[0]) if records else None


def counts(database: Database) -> Mapping[Status, int]:
    """How many files there are in each status, every status named."""
    with database.session() as session:
        rows = session.rows("SELECT status, count(*) FROM files GROUP BY status")
    known: dict[Status, int] = dict(rows)
    return {status: known.get(status, 0) for status in STATUSES}


def page(
    database: Database,
    *,
    status: Status | None = None,
    owner_id: int | None = None,
    before_id: int | None = None,
    limit: int = 100,
) -> tuple[File, ...]:
    """Files, newest first; the next page is ``before_id`` the last one's id."""
    query = Files.select().order_by(Files.id.desc()).limit(limit)
    if status is not None:
        query = query.where(Files.status == status)
    if owner_id is not None:
        query = query.where(Files.owner == owner_id)
    if before_id is not None:
        query = query.where(Files.id < before_id)
    with database.session() as session:
        return tuple(_file(record) for record in session.records(query))


def begin_processing(database: Database, file_id: int, attempt: str) -> File | None:
    """Gives a file to an attempt, also when an earlier attempt has it: that one loses it.

    Answers the file as PROCESSING; or as it is, when it is COMPLETED or DUPLICATE and nothing is to be
    done; or None when it is gone. Waits while a clean-up is deciding on the file.
    ``attempt`` names the attempt and is unlike any other's.
    """
    if not attempt:
        raise ValueError("an attempt needs a name")
    assignments = {
        Files.status: "PROCESSING",
        Files.attempt: attempt,
        # The content that an attempt claimed before it died stays claimed; that of a failed one was given up.
        Files.sha256: SQL("CASE WHEN status = 'PROCESSING' THEN sha256 END"),
        Files.error: None,
        Files.updated_at: fn.now(),
    }
    open_to_work = Files.status.in_(["PENDING", "FAILED", "PROCESSING"])
    changed = _update(database, assignments, (Files.id == file_id) & open_to_work)
    return changed if changed is not None else get(database, file_id)


def claim_content(database: Database, file_id: int, attempt: str, sha256: str) -> int | None:
    """Claims the content for this file; answers the id of the owner's other file that has it already, if any.

    A unique index decides, so of two attempts that claim at once one is told of the other. Claiming again,
    also in a later attempt, is no duplicate of itself.

    Raises: AttemptLost.
    """
    assignments = {Files.sha256: sha256, Files.updated_at: fn.now()}
    for _ in range(CLAIM_TRIES):
        try:
            with database.transaction():
                file = _update(database, assignments, _held(file_id, attempt))
        except Conflict as conflict:
            if conflict.constraint != "files_content":
                raise
            other = _holder(database, file_id, sha256)
            if other is not None:
                return other
        else:
            if file is None:
                raise _lost(file_id, attempt)
            return None
    raise StoreUnavailable(f"the content of file {file_id} changed hands {CLAIM_TRIES} times; try again")


def complete(database: Database, file_id: int, attempt: str) -> File:
    """Ends a file as COMPLETED; its chunks are written in the same transaction.

    Raises: AttemptLost; StoreRefused when its content was not claimed.
    """
    assignments = {
        Files.status: "COMPLETED",
        Files.attempt: None,
        Files.completed_at: fn.now(),
        Files.updated_at: fn.now(),
    }
    return _ended(database, file_id, attempt, assignments)


def mark_duplicate(database: Database, file_id: int, attempt: str, original_id: int) -> File:
    """Ends a file as a duplicate of another; its object may be deleted from now on.

    Raises: AttemptLost.
    """
    original = Files.alias("original")
    assignments = {
        Files.status: "DUPLICATE",
        Files.attempt: None,
        Files.duplicate_of: original.select(original.id).where(original.id == original_id),
        Files.sha256: original.select(original.sha256).where(original.id == original_id),
        Files.completed_at: fn.now(),
        Files.updated_at: fn.now(),
    }
    return _ended(database, file_id, attempt, assignments)


def mark_failed(database: Database, file_id: int, attempt: str | None, reason: str) -> bool:
    """Ends an attempt with its reason; False when the file is not that attempt's any more, or gone.

    ``attempt`` None means whichever has it: for the job that will not be tried again after its worker died.
    """
    held = _held(file_id, attempt) if attempt is not None else _processing(file_id)
    assignments = {
        Files.status: "FAILED",
        Files.attempt: None,
        Files.error: storable(reason, longest=LONGEST_ERROR) or "no reason was given",
        Files.updated_at: fn.now(),
    }
    return _update(database, assignments, held) is not None


def delete_reservation(database: Database, file_id: int, attempt: str) -> bool:
    """Deletes the row of a file of which nothing was ever uploaded; False when it is not that attempt's."""
    with database.session() as session:
        return bool(session.records(Files.delete().where(_held(file_id, attempt)).returning(Files.id)))


def lock_held(session: Session, file_id: int, attempt: str) -> None:
    """Locks the row of a file until the transaction ends, if this attempt still has it.

    Raises: AttemptLost.
    """
    query = Files.select(Files.id).where(_held(file_id, attempt)).for_update()
    if not session.records(query):
        raise _lost(file_id, attempt)


def _processing(file_id: int) -> Expression:
    return (Files.id == file_id) & (Files.status == "PROCESSING")


def _held(file_id: int, attempt: str) -> Expression:
    return _processing(file_id) & (Files.attempt == attempt)


def _holder(database: Database, file_id: int, sha256: str) -> int | None:
    """Which other file of the same owner has claimed the content."""
    query = """
        SELECT other.id FROM files JOIN files AS other ON other.owner_id = files.owner_id
        WHERE files.id = %s AND other.id <> files.id AND other.sha256 = %s
          AND other.status IN ('PROCESSING', 'COMPLETED')
    """
    with database.session() as session:
        rows = session.rows(query, (file_id, sha256))
    return int(rows[0][0]) if rows else None


def _update(database: Database, assignments: Mapping[Any, Any], where: Expression) -> File | None:
    """The row after the update, or None when no row was like that."""
    with database.session() as session:
        records = session.records(Files.update(assignments).where(where).returning(Files))
    return _file(records[0]) if records else None


def _ended(database: Database, file_id: int, attempt: str, assignments: Mapping[Any, Any]) -> File:
    """The file after what its attempt, in whose hands it is, says at its end. Raises AttemptLost."""
    file = _update(database, assignments, _held(file_id, attempt))
    if file is None:
        raise _lost(file_id, attempt)
    return file


def _lost(file_id: int, attempt: str) -> AttemptLost:
    return AttemptLost(f"file {file_id} is not in the hands of attempt {attempt!r} any more")


def _file(record: Mapping[str, Any]) -> File:
    values = {name: _in_utc(value) for name, value in record.items() if name != "owner"}
    return File(owner_id=record["owner"], **values)


def _in_utc(value: Any) -> Any:
    return value.astimezone(UTC) if isinstance(value, datetime) else value
