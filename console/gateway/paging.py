"""A list that is read from place to place, shown by number.

History answers pages by where the one before it ended, and never skips or counts its way to a number. A `Pager`
remembers the places that it came by; to show rows in the middle it begins at the nearest one. Where rows have come or
gone since, the places behind them are forgotten.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from console.gateway.views import MarkedJob

if TYPE_CHECKING:
    from console.gateway.views import JobPage
    from storage.history.entries import Count, Entry
    from storage.history.ledger import Found

STEP: Final = 200
"""Rows from one remembered place to the next."""
MOST: Final = 1_000
"""Rows of one question: those on the way to a place are not kept."""
ASKED_AT_MOST: Final = 12
"""Questions for one window: pages may be shorter than asked for."""
IN_VAIN_AT_MOST: Final = 12
"""Pages of one reading on which every row was known: jobs come as fast as they are read."""
AHEAD: Final = 1_000
"""Rows that one can scroll on when nobody knows how many there are."""

Ask = Callable[[str, int], "Found"]


class Walk:
    """A list read page by page from a number on, up to so many rows; each page is forgotten before the next.

    Jobs come and go meanwhile, so rows are met again, or are passed over. A page without a new one is the end only
    where the list ends: of the others some are borne with.
    """

    def __init__(self, ask: Callable[[int, int], JobPage], offset: int, most: int) -> None:
        self._ask = ask
        self._offset = offset
        self._most = most
        self._known: set[str] = set()
        self._expected: int | None = None
        self.is_all = False
        """Whether the end of the list was reached."""

    def __iter__(self) -> Iterator[JobPage]:
        in_vain = 0
        while len(self._known) < self._most and not self.is_all and in_vain < IN_VAIN_AT_MOST:
            limit, before = min(MOST, self._most - len(self._known)), len(self._known)
            page = self._ask(self._offset, limit)
            if not before and not in_vain and page.is_exact:
                self._expected = max(0, min(self._most, page.total - self._offset))
            self._known.update(row.key for row in page.rows)
            self._offset = page.offset + len(page.rows)
            is_known = len(self._known) == before
            in_vain += is_known
            is_at_end = self._offset >= page.total
            self.is_all = (page.is_exact and is_at_end) or (is_known and (is_at_end or len(page.rows) < limit))
            yield page

    @property
    def note(self) -> str:
        """That the list moved so that it was not read as it was at first, as far as that is known; "" otherwise."""
        if self._expected is None:
            is_cut = not self.is_all and len(self._known) < self._most
            return "Jobs came or went meanwhile." if is_cut else ""
        if len(self._known) == self._expected:
            return ""
        return (
            f"Jobs came or went meanwhile: {len(self._known):,} were read,"
            f" {self._expected:,} were there to be read at first."
        )


class Marked(Struct, frozen=True):
    """Jobs that are marked. ``note`` says that they are not those that were to be."""

    jobs: tuple[MarkedJob, ...]
    note: str = ""


def marked(ask: Callable[[int, int], JobPage], offset: int, most: int) -> Marked:
    """Return what is kept of jobs that are marked, from a number on."""
    found: dict[str, MarkedJob] = {}
    walk = Walk(ask, offset, most)
    for page in walk:
        found.update((row.key, MarkedJob(row.key, row.state)) for row in page.rows)
    return Marked(tuple(found.values()), walk.note)


class Pager:
    """The places of one list."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self._marks: dict[int, str] = {0: ""}
        self._total = 0
        self._is_exact = False
        self._reach = 0

    def read(self, ask: Ask, offset: int, limit: int) -> tuple[int, tuple[Entry, ...], str]:
        """Return the number of the first row, rows from there on, and why history is not in them ("" when it is)."""
        with self.lock:
            at = max(mark for mark in self._marks if mark <= offset)
            rows: list[Entry] = []
            for _ in range(ASKED_AT_MOST):
                found = ask(self._marks[at], min(MOST, offset + limit - at))
                if found.trouble:
                    return 0, (), found.trouble
                rows += found.entries[max(0, offset - at) :]
                self._learn(at, found)
                at += len(found.entries)
                if not found.after or at >= offset + limit or at not in self._marks:
                    break
            return min(at, offset), tuple(rows[:limit]), ""

    def _learn(self, at: int, found: Found) -> None:
        """Remember places; those that are no longer there are forgotten, with all behind them."""
        end = at + len(found.entries)
        for number, mark in sorted(self._marks.items()):
            if at < number <= end and mark != _place(found.entries[number - at - 1]):
                self._marks = {one: place for one, place in self._marks.items() if one < number}
                break
        for number in range(at + STEP - at % STEP, end + 1, STEP):
            self._marks[number] = _place(found.entries[number - at - 1])
        self._reach = max(self._marks.keys() | {end})
        if found.after:
            self._marks[end] = found.after
            if self._is_exact and self._total <= end:
                self._is_exact = False
        else:
            self._marks = {one: place for one, place in self._marks.items() if one <= end}
            self._total, self._is_exact = end, True

    def counted(self, count: Count) -> None:
        """Take in how many there are, as far as history counted."""
        with self.lock:
            if count.is_exact or not self._is_exact or count.value > self._total:
                self._total, self._is_exact = count.value, count.is_exact

    @property
    def is_exact(self) -> bool:
        """Whether `total` is how many there are."""
        return self._is_exact

    @property
    def total(self) -> int:
        """How many there are, or how far one can go at least."""
        return self._total if self._is_exact else max(self._total, self._reach + AHEAD if self._reach else 0)


def _place(entry: Entry) -> str:
    from storage.history.walking import Place  # noqa: PLC0415 - history is read when a list asks for it

    return str(Place(entry.created_at, entry.id))
