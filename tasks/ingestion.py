"""Makes an uploaded file searchable: object -> text -> chunks -> 768-D embeddings -> pgvector.

The job may run twice or die anywhere: each attempt takes the file over from the one before it, which can then write
nothing more, and all chunks are stored in one transaction that also completes the file.
"""

import hashlib
import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from storage import chunks, files
from storage.chunks import NewChunk
from storage.errors import AttemptLost, ObjectMissing
from storage.files import File
from tasks import resources
from tasks.app import huey
from tasks.engine.context import current_job, progress
from tasks.errors import DocumentTooLarge
from tasks.resources import Resources
from tasks.services import chunking
from tasks.services.extraction.extractor import Extraction, extract
from tasks.services.extraction.limits import Limits

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Download:
    """An object's bytes in a temporary file, and their SHA-256 in hex."""

    path: Path
    sha256: str
    size_bytes: int


@huey.task(queue="ingestion", retries=5, retry_delay=2, retry_backoff=2)
def ingest_file(file_id: int) -> dict[str, object]:
    """Read an uploaded file, cut it into chunks, embed them, and store them for search."""
    held, attempt = resources.current(), _attempt_name(file_id)
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
    except AttemptLost as error:
        logger.warning("%s: this attempt stops", error)
        return {"status": "TAKEN_OVER"}
    except Exception as error:
        files.mark_failed(held.database, file_id, attempt, str(error) or type(error).__name__)
        raise


def request_ingestion(file_id: int, *, size_bytes: int | None = None) -> str:
    """Confirm an upload and enqueue its ingestion; answers the job's id. Raises Refused when it is not awaited."""
    files.confirm_upload(resources.current().database, file_id, size_bytes=size_bytes)
    handle = ingest_file(file_id=file_id)
    return str(handle.id)


def _attempt_name(file_id: int) -> str:
    job = current_job()
    return f"{job.id}/{job.attempt}/{job.token}" if job is not None else f"direct/{file_id}"


def _ingest(held: Resources, file: File, attempt: str) -> dict[str, object]:
    try:
        with _download(held, file) as download:
            original = files.claim_content(held.database, file.id, attempt, download.sha256)
            if original is not None:
                files.mark_duplicate(held.database, file.id, attempt, original)
                _drop_object(held, file)
                logger.info("file %s has the same content as file %s", file.id, original)
                return {"status": "DUPLICATE", "of": original}
            extraction = _extract(held, file, download)
    except ObjectMissing:
        files.delete_reservation(held.database, file.id, attempt)
        logger.info("file %s was reserved, but nothing was uploaded: the reservation is deleted", file.id)
        return {"status": "NOT_UPLOADED"}
    return _store(held, file, attempt, extraction)


@contextmanager
def _download(held: Resources, file: File) -> Iterator[Download]:
    """The object in a temporary file, read once and hashed on the way. Raises ObjectMissing, DocumentTooLarge."""
    most = held.settings.max_file_bytes
    with tempfile.NamedTemporaryFile(prefix="dewey-ingest-") as target:
        digest, size = hashlib.sha256(), 0
        with held.objects.open(file.object_key) as body:
            for block in body:
                size += len(block)
                if size > most:
                    raise DocumentTooLarge(f"{file.name} has more than {most:,} bytes (DEWEY_MAX_FILE_BYTES)")
                digest.update(block)
                _write(target, block)
        target.flush()
        logger.info("read %s bytes of %s", size, file.name)
        yield Download(Path(target.name), digest.hexdigest(), size)


def _write(target: "IO[bytes]", block: bytes) -> None:
    target.write(block)


def _extract(held: Resources, file: File, download: Download) -> Extraction:
    extraction = extract(
        download.path,
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
    pieces = [piece for piece in chunking.split(extraction.text) if piece.text.strip()]
    embedder = held.embedder
    vectors = embedder.embed_documents(
        [piece.text for piece in pieces], lambda done, total: progress(done, total, "chunks embedded")
    )
    rows = [
        NewChunk(ordinal, piece.text, piece.start, piece.end, vector)
        for ordinal, (piece, vector) in enumerate(zip(pieces, vectors, strict=True))
    ]
    chunks.replace_and_complete(held.database, file.id, attempt, rows, embedder.model)
    logger.info("stored %s chunks of %s, embedded by %s", len(rows), file.name, embedder.model)
    return {"status": "COMPLETED", "chunks": len(rows), "pages": extraction.pages, "model": embedder.model}


def _drop_object(held: Resources, file: File) -> None:
    for key, reason in held.objects.delete_many([file.object_key]).items():
        logger.warning("the object %s of the duplicate %s can not be deleted: %s", key, file.id, reason)
