"""Makes an uploaded file searchable: object -> text -> chunks -> 768-D embeddings -> pgvector.

The job may run twice or die anywhere: each attempt takes the file over from the one before it, which can then write
nothing more, and all chunks are stored in one transaction that also completes the file.
"""

import hashlib
import logging
import tempfile
import uuid
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import IO

from storage import chunks, files
from storage.broker.inspector import Inspector
from storage.broker.records import FINISHED
from storage.chunks import NewChunk
from storage.database.connection import Database
from storage.errors import AttemptLost, JobMissing, ObjectMissing, StorageError, StoreUnavailable
from storage.files import File
from storage.objects import Body
from tasks import resources
from tasks.app import huey
from tasks.engine.context import current_job, progress
from tasks.engine.cron import cron
from tasks.errors import DocumentTooLarge, TasksError, Transient
from tasks.resources import Resources
from tasks.services import chunking
from tasks.services.embedding import Embedder
from tasks.services.extraction.extractor import Extraction, extract
from tasks.services.extraction.limits import Limits

logger = logging.getLogger(__name__)

EMBEDDED_AT_ONCE = 320
"""Chunks whose vectors are in memory at a time: as Python floats they take 25 KB each."""
FILES_PER_PAGE = 1_000
OUTSIDE_OF_A_JOB = "direct"
OUTSIDE_LASTS = timedelta(days=1)


@huey.task(queue="ingestion", retries=6, retry_delay=5, retry_backoff=3)
def ingest_file(file_id: int) -> dict[str, object]:
    """Read an uploaded file, cut it into chunks, embed them, and store them for search."""
    held, attempt = resources.current(), _attempt_name()
    file = files.begin_processing(held.database, file_id, attempt)
    if file is None:
        logger.info("file %s is gone: nothing to do", file_id)
        return {"status": "GONE"}
    if file.status == "DUPLICATE":
        _drop_object(held, file)  # an earlier attempt may have died before it did
    if file.status != "PROCESSING":
        logger.info("file %s is %s already", file_id, file.status)
        return {"status": file.status}
    try:
        return _ingest(held, file, attempt)
    except AttemptLost as lost:
        return _stop(held, file, lost)
    except Exception as error:
        _mark_failed(held, file, attempt, error)
        raise


@huey.periodic_task(cron("*/5 * * * *"), queue="maintenance", retries=1, retry_delay=30)
def fail_stranded_files() -> int:
    """Mark files FAILED that say PROCESSING although their job has ended (its worker died too often)."""
    database = resources.current().database
    stranded = 0
    for file in _processing(database):
        reason = _why_stranded(file)
        if reason and files.mark_failed(database, file.id, file.attempt, reason):
            logger.warning("file %s was stranded: %s", file.id, reason)
            stranded += 1
    return stranded


def request_ingestion(file_id: int, *, size_bytes: int | None = None) -> str:
    """Confirm an upload and enqueue its ingestion; answers the job's id.

    Raises:
        Refused: the file is not waiting for its bytes.
        StoreUnavailable: a store did not answer; nothing is confirmed, and asking again is right.
    """
    database = resources.current().database
    with database.transaction():  # a job that starts before the commit waits for the row
        files.confirm_upload(database, file_id, size_bytes=size_bytes)
        handle = ingest_file(file_id=file_id)
    return str(handle.id)


# -- one attempt -----------------------------------------------------------------------------------------------


def _attempt_name() -> str:
    """Unlike any other attempt's; it begins with the id of its job."""
    job = current_job()
    return f"{job.id}/{job.attempt}/{job.token}" if job is not None else f"{OUTSIDE_OF_A_JOB}/{uuid.uuid4()}"


def _job_of(attempt: str | None) -> str:
    return (attempt or "").partition("/")[0]


def _ingest(held: Resources, file: File, attempt: str) -> dict[str, object]:
    try:
        body = held.objects.open(file.object_key)
    except ObjectMissing:
        if not files.delete_reservation(held.database, file.id, attempt):
            raise AttemptLost(f"file {file.id} is not in the hands of attempt {attempt!r} any more") from None
        logger.info("file %s was reserved, but nothing was uploaded: the reservation is deleted", file.id)
        return {"status": "NOT_UPLOADED"}
    with tempfile.NamedTemporaryFile(prefix="dewey-ingest-") as target:
        sha256 = _download(body, target, file, most_bytes=held.settings.max_file_bytes)
        original = _claim(held.database, file, attempt, sha256)
        if original is not None:
            _drop_object(held, file)
            return {"status": "DUPLICATE", "of": original}
        extraction = _extract(held, file, Path(target.name))
    return _store(held, file, attempt, extraction)


def _download(body: Body, target: "IO[bytes]", file: File, *, most_bytes: int) -> str:
    """Copy an object, read once, into a file; answers its SHA-256 in hex. Raises DocumentTooLarge."""
    digest, size_bytes = hashlib.sha256(), body.info.size_bytes
    with body:
        if size_bytes <= most_bytes:
            size_bytes = 0
            for block in body:
                size_bytes += len(block)
                if size_bytes > most_bytes:
                    break
                digest.update(block)
                target.write(block)
    if size_bytes > most_bytes:
        raise DocumentTooLarge(f"{file.name} has more than {most_bytes:,} bytes (DEWEY_MAX_FILE_BYTES)")
    target.flush()
    logger.info("read %s bytes of %s", size_bytes, file.name)
    return digest.hexdigest()


def _claim(database: Database, file: File, attempt: str, sha256: str) -> int | None:
    """The owner's other file with the same content, as whose duplicate this one has ended; None: go on with it."""
    with database.transaction():
        original = files.claim_content(database, file.id, attempt, sha256)
        if original is not None:
            marked = files.mark_duplicate(database, file.id, attempt, original)
            if marked.duplicate_of is None:
                raise Transient(
                    f"file {original}, which had the same content, is being deleted: this one is read again"
                )
            logger.info("file %s has the same content as file %s", file.id, original)
    return original


def _extract(held: Resources, file: File, path: Path) -> Extraction:
    extraction = extract(
        path,
        name=file.name,
        declared_type=file.mime_type,
        on_page=lambda done, total: progress(done, total, "pages read"),
        limits=Limits(file_bytes=held.settings.max_file_bytes),
        describe_image=held.describe_image,
    )
    if extraction.note:
        logger.warning("%s: %s", file.name, extraction.note)
    return extraction


def _store(held: Resources, file: File, attempt: str, extraction: Extraction) -> dict[str, object]:
    pieces, embedder = chunking.split(extraction.text), held.embedder
    rows = _embedded(embedder, pieces)
    chunks.replace_and_complete(held.database, file.id, attempt, rows, embedder.model)
    logger.info("stored %s chunks of %s, embedded by %s", len(pieces), file.name, embedder.model)
    done: dict[str, object] = {"status": "COMPLETED", "chunks": len(pieces), "pages": extraction.pages}
    return done | {"model": embedder.model} | ({"note": extraction.note} if extraction.note else {})


def _embedded(embedder: Embedder, pieces: Sequence[chunking.Chunk]) -> Iterator[NewChunk]:
    for start in range(0, len(pieces), EMBEDDED_AT_ONCE):
        some = pieces[start : start + EMBEDDED_AT_ONCE]
        say = partial(_say_embedded, start, len(pieces))
        vectors = embedder.embed_documents([piece.text for piece in some], say)
        for piece, vector in zip(some, vectors, strict=True):
            yield NewChunk(piece.ordinal, piece.text, piece.start, piece.end, vector)


def _say_embedded(before: int, total: int, done: int, _: int) -> None:
    progress(before + done, total, "chunks embedded")


def _drop_object(held: Resources, file: File) -> None:
    """Delete the object of a duplicate. Raises StoreUnavailable: a later attempt finds the row, and tries again."""
    for reason in held.objects.delete_many([file.object_key]).values():
        raise StoreUnavailable(f"the object of file {file.id}, a duplicate, can not be deleted: {reason}")


def _mark_failed(held: Resources, file: File, attempt: str, error: Exception) -> None:
    is_ours = isinstance(error, TasksError | StorageError)
    reason = str(error) if is_ours and str(error) else f"unexpected {type(error).__name__}: {error}"
    try:
        files.mark_failed(held.database, file.id, attempt, reason)
    except StorageError as unsaid:
        logger.warning("file %s stays PROCESSING until its next attempt: %s", file.id, unsaid)


def _stop(held: Resources, file: File, lost: AttemptLost) -> dict[str, object]:
    """End an attempt that may write nothing more. Raises Transient when an attempt of the same job has the file.

    That other attempt was given up for dead, and what it does is not recorded; or this one was, and then its
    raising is not recorded either.
    """
    job, now = current_job(), files.get(held.database, file.id)
    if job is not None and now is not None and _job_of(now.attempt) == job.id:
        raise Transient(f"an attempt of this job that was given up has file {file.id}: it is taken back") from lost
    logger.warning("%s: this attempt stops", lost)
    return {"status": "TAKEN_OVER"}


# -- files whose job has ended without them ------------------------------------------------------------------------


def _processing(database: Database) -> Iterator[File]:
    page = files.page(database, status="PROCESSING", limit=FILES_PER_PAGE)
    while page:
        yield from page
        page = files.page(database, status="PROCESSING", before_id=page[-1].id, limit=FILES_PER_PAGE)


def _why_stranded(file: File) -> str:
    """Why nobody works on a file any more; empty when somebody does, or may."""
    job_id = _job_of(file.attempt)
    if job_id == OUTSIDE_OF_A_JOB:
        is_over = datetime.now(UTC) - file.updated_at > OUTSIDE_LASTS
        return "it was begun outside of a job, and has not ended for a day" if is_over else ""
    inspector: Inspector = huey.storage.inspector
    try:
        job = inspector.job(job_id)
    except JobMissing:
        return "the job that worked on it is gone"
    if job.state not in FINISHED:
        return ""
    return job.error if job.state == "dead" and job.error else f"the job that worked on it is {job.state}"
