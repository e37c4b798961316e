"""Files and their passages, made into views."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from msgspec import Struct
from textual.content import Content

from console.formats import ROW_LIMIT, safe_text
from storage.files import STATUSES, File, Status

if TYPE_CHECKING:
    from storage.chunks import Chunk, Hit

PASSAGE_LIMIT = 8_000
"""Characters of one passage that are shown."""
FILES_PER_PAGE = 100
PASSAGES_PER_PAGE = 20


class FileRow(Struct, frozen=True):
    """An ingested document. ``passages`` are None where they were not counted; ``original`` is set for a duplicate."""

    id: int
    name: Content
    status: Status
    mime_type: Content
    size_bytes: int
    visibility: Content
    owner: Content
    passages: int | None
    error: Content
    original: Content
    created_at: datetime
    uploaded_at: datetime | None
    updated_at: datetime
    completed_at: datetime | None

    @property
    def key(self) -> str:
        """What tells it from others."""
        return str(self.id)


class FilePage(Struct, frozen=True):
    """Files below an id, newest first, and how many there are in each status (10,001: more than 10,000)."""

    rows: tuple[FileRow, ...]
    tallies: Mapping[Status, int]


class PassageView(Struct, frozen=True):
    """A piece of a file's text, numbered from 1, and where it stands in the whole, in characters."""

    number: int
    text: Content
    start: int
    end: int
    model: Content


class PassagePage(Struct, frozen=True):
    """A file with the passages after a number; ``total`` counts all of its passages."""

    file: FileRow
    passages: tuple[PassageView, ...]
    total: int


class HitView(Struct, frozen=True):
    """A passage near to what was asked; ``score`` is the cosine similarity, at most 1."""

    file_id: int
    file: Content
    number: int
    line: Content
    text: Content
    score: float

    @property
    def key(self) -> str:
        """What tells it from others."""
        return f"{self.file_id} {self.number}"


class Found(Struct, frozen=True):
    """The passages nearest to a text; ``note`` says what was not compared, and which model did it."""

    hits: tuple[HitView, ...]
    note: Content


def file_row(file: File, passages: int | None) -> FileRow:
    """Return the view of a file."""
    return FileRow(
        id=file.id,
        name=safe_text(file.name, limit=ROW_LIMIT),
        status=file.status if file.status in STATUSES else "FAILED",
        mime_type=safe_text(file.mime_type, limit=120),
        size_bytes=file.size_bytes,
        visibility=safe_text(file.visibility, limit=20),
        owner=safe_text(file.owner_id, limit=40),
        passages=passages,
        error=safe_text(file.error or "", limit=2_000),
        original=safe_text("" if file.duplicate_of is None else file.duplicate_of, limit=40),
        created_at=file.created_at,
        uploaded_at=file.uploaded_at,
        updated_at=file.updated_at,
        completed_at=file.completed_at,
    )


def passage_view(chunk: Chunk) -> PassageView:
    """Return the view of a passage."""
    text = safe_text(chunk.text, limit=PASSAGE_LIMIT, lines=True)
    return PassageView(
        chunk.ordinal + 1, text, chunk.start_offset, chunk.end_offset, safe_text(chunk.embedding_model, limit=80)
    )


def hit_view(hit: Hit) -> HitView:
    """Return the view of a passage that was found."""
    return HitView(
        file_id=hit.file_id,
        file=safe_text(hit.file_name, limit=ROW_LIMIT),
        number=hit.ordinal + 1,
        line=safe_text(" ".join(hit.text.split()), limit=ROW_LIMIT),
        text=safe_text(hit.text, limit=PASSAGE_LIMIT, lines=True),
        score=hit.score,
    )
