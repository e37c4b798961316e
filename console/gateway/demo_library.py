"""The demo's library: documents of many kinds and alphabets, their passages, and a search by words."""

import re
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from textual.content import Content

from console.gateway.demo_part import DemoPart
from console.gateway.demo_records import NOW, chance
from console.gateway.errors import GatewayRefused
from console.gateway.library import (
    FILES_PER_PAGE,
    PASSAGES_PER_PAGE,
    FilePage,
    Found,
    PassagePage,
    file_row,
    hit_view,
    passage_view,
)
from storage.chunks import Chunk, Hit
from storage.files import STATUSES, File, Status

NAMES: Final = (
    ("請求書_2026年3月.pdf", "application/pdf"),
    ("Q4 board deck (final).pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation"),
    ("habibi.pdf", "application/pdf"),
    ("crazyones.pdf", "application/pdf"),
    ("رسالة.txt", "text/plain"),
    ("scan-0017.jpg", "image/jpeg"),
    ("notes.md", "text/markdown"),
    ("протокол встречи.txt", "text/plain"),
    ("ürün kataloğu.pdf", "application/pdf"),
    ("handbook, 3rd edition.epub", "application/epub+zip"),
    ("expenses 2025.xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    ("contract Müller & Söhne.docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
)
TEXTS: Final = (
    "Here's to the crazy ones. The misfits. The rebels. The troublemakers.\nThe round pegs in the square holes.",
    "Payment is due within thirty days of the date of the invoice. After that, interest of eight per cent is owed.",
    "The committee met on Tuesday and agreed on the budget of the library. Two members abstained.",
    "To requeue a job, mark it with space and press r. Nothing is done before you confirm it.",
    "Backups are taken every night at two and are kept for ninety days. A restore is rehearsed each quarter.",
    "Die Lieferung erfolgt innerhalb von zwei Wochen. Der Kunde prüft die Ware bei der Annahme.",
    "Temperatures in the archive stay between sixteen and eighteen degrees, at a humidity below fifty per cent.",
    "この請求書の支払期限は、発行日から三十日以内です。振込手数料はお客様のご負担となります。",
)
ERRORS: Final = (
    "The document needs a password: upload it without one.",
    "The document is larger than 50 MB: split it.",
    "No reader exists for application/x-dosexec.",
)
COUNT: Final = 137


def _status(number: int) -> Status:
    if number > COUNT - 3:
        return "PENDING"
    if number > COUNT - 6:
        return "PROCESSING"
    share = chance("status", number)
    return "FAILED" if share < 0.06 else "DUPLICATE" if share < 0.13 else "COMPLETED"


def _file(number: int) -> File:
    name, mime_type = NAMES[number % len(NAMES)]
    status = _status(number)
    at = NOW - timedelta(minutes=(COUNT - number) * 11 + 2)
    ended = at + timedelta(seconds=3 + 30 * chance("ingested", number))
    return File(
        id=900 + number,
        owner_id=4 + number % 3,
        object_key=f"files/{number:032x}",
        name=name if number < len(NAMES) else name.replace(".", f" {number // len(NAMES)}."),
        mime_type=mime_type,
        size_bytes=int(2_000 + 9_000_000 * chance("size", number) ** 3),
        visibility="private" if number % 4 else "public",
        status=status,
        sha256=None,
        attempt="a" if status == "PROCESSING" else None,
        duplicate_of=900 + number // 2 if status == "DUPLICATE" else None,
        error=ERRORS[number % len(ERRORS)] if status == "FAILED" else None,
        created_at=at,
        uploaded_at=at + timedelta(seconds=1),
        updated_at=ended,
        completed_at=ended if status in ("COMPLETED", "DUPLICATE") else None,
    )


def _count(file: File) -> int:
    return 1 + int(60 * chance("passages", file.id)) if file.status == "COMPLETED" else 0


def _chunks(file: File) -> Sequence[Chunk]:
    found, start = [], 0
    for ordinal in range(_count(file)):
        text = TEXTS[int(chance("text", file.id, ordinal) * len(TEXTS))]
        found.append(Chunk(file.id, ordinal, text, start, start + len(text), "gemini-embedding-001"))
        start += len(text) - 12
    return found


class DemoLibrary(DemoPart):
    """Canned files; a search that compares words."""

    def _files(self) -> list[File]:
        return [_file(number) for number in range(COUNT, 0, -1)] if self._queues else []

    def files(self, status: Status | None, before_id: int | None) -> FilePage:
        """Return a page of files, newest first."""
        every = self._files()
        chosen = [file for file in every if status in (None, file.status) and (not before_id or file.id < before_id)]
        tallies = {one: sum(1 for file in every if file.status == one) for one in STATUSES}
        return FilePage(tuple(file_row(file, _count(file)) for file in chosen[:FILES_PER_PAGE]), tallies)

    def passages(self, file_id: int, after: int) -> PassagePage:
        """Return a canned file with its passages."""
        found = next((file for file in self._files() if file.id == file_id), None)
        if found is None:
            raise GatewayRefused(f"there is no file {file_id}: it was deleted")
        some = _chunks(found)[after : after + PASSAGES_PER_PAGE]
        return PassagePage(file_row(found, _count(found)), tuple(passage_view(one) for one in some), _count(found))

    def search(self, text: str) -> Found:
        """Return the passages that share most words with a text."""
        words = set(re.findall(r"\w+", text.casefold()))
        hits = []
        for file in self._files()[:60]:
            for chunk in _chunks(file)[:3]:
                held = set(re.findall(r"\w+", chunk.text.casefold()))
                near = len(words & held) / max(1, len(words))
                score = 0.22 + 0.7 * near + 0.05 * chance("score", file.id, chunk.ordinal)
                hits.append(Hit(file.id, file.name, chunk.ordinal, chunk.text, min(0.99, score)))
        hits.sort(key=lambda hit: -hit.score)
        return Found(tuple(hit_view(hit) for hit in hits[:50]), Content("by gemini-embedding-001"))
