"""The demo's library: documents of many kinds and alphabets, their passages, and a search by words."""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from textual.content import Content

from console.gateway.demo_part import DemoPart
from console.gateway.demo_records import FILES, FIRST_FILE, NAMES, NOW, chance, file_name, passages_of
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
from storage.broker.records import Job, State
from storage.chunks import Chunk, Hit
from storage.files import STATUSES, File, Status
from storage.values import replace

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
OF_JOBS: Final[dict[State, Status]] = {
    "queued": "PENDING",
    "scheduled": "PENDING",
    "running": "PROCESSING",
    "retrying": "PROCESSING",
    "succeeded": "COMPLETED",
    "dead": "FAILED",
    "canceled": "PENDING",
}
"""How a file stands by the job that reads it."""
OF_ERRORS: Final = {
    "PermanentError": ERRORS[0],
    "TransientError": "It was tried six times: the service that embeds texts has no more quota.",
}


UPLOAD: Final = timedelta(seconds=1)
"""From a file's row to its bytes, and to its job."""


def _file(number: int, at: datetime, job: Job | None) -> File:
    """The n-th document, which came at an instant; the job that reads it says how it stands."""
    _, mime_type = NAMES[number % len(NAMES)]
    share = chance("status", number)
    status: Status = "FAILED" if share < 0.06 else "DUPLICATE" if share < 0.13 else "COMPLETED"
    error, ended = ERRORS[number % len(ERRORS)], at + timedelta(seconds=3 + 30 * chance("ingested", number))
    if job is not None:
        status = OF_JOBS.get(job.state, "PENDING")
        error, ended = OF_ERRORS.get(job.error_type, ""), job.finished_at or job.started_at or at + UPLOAD
    return File(
        id=FIRST_FILE + number - 1,
        owner_id=4 + number % 3,
        object_key=f"files/{number:032x}",
        name=file_name(number),
        mime_type=mime_type,
        size_bytes=int(2_000 + 9_000_000 * chance("size", number) ** 3),
        visibility="private" if number % 4 else "public",
        status=status,
        sha256=None,
        attempt="a" if status == "PROCESSING" else None,
        duplicate_of=FIRST_FILE - 1 + number // 2 if status == "DUPLICATE" else None,
        error=error if status == "FAILED" else None,
        created_at=at,
        uploaded_at=at + UPLOAD,
        updated_at=ended,
        completed_at=ended if status in ("COMPLETED", "DUPLICATE") else None,
    )


def _named(file: File, name: str) -> File:
    return replace(file, name=name, mime_type="application/pdf" if name.endswith(".pdf") else file.mime_type)


def _count(file: File) -> int:
    return passages_of(file.id) if file.status == "COMPLETED" else 0


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
        """All, the newest first: those of the jobs, and before them one in eleven minutes."""
        if not self._queues:
            return []
        with self._lock:
            reading = {one.kwargs.get("file_id"): one for one in self._jobs.values() if one.job.queue == "ingestion"}
        first = min((one.job.created_at for one in reading.values()), default=NOW)
        oldest = min((key for key in reading if isinstance(key, int)), default=FIRST_FILE + FILES)
        found = []
        for number in range(FILES, 0, -1):
            file_id = FIRST_FILE + number - 1
            one = reading.get(file_id)
            at = first - timedelta(minutes=(oldest - file_id) * 11) if one is None else one.job.created_at - UPLOAD
            file = _file(number, at, None if one is None else one.job)
            found.append(file if one is None else _named(file, str(one.kwargs["name"])))
        return found

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
