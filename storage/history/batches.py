"""What comes next in the stream of events, read ahead while what came before is written.

A thread does it, which stays at most a batch ahead: it computes while the writer waits for PostgreSQL, and Redis works
on the next read while it computes. More threads only get into each other's way. Nothing here moves the cursor: what was
read ahead and is never written is read again, by whoever leads.
"""

import logging
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any

from msgspec import Struct

from storage.history.rows import JobRow, Packed, job_row
from storage.history.shown import Shown
from storage.history.stream import Events, Gone, Stream

_logger = logging.getLogger(__name__)

READS_AT_ONCE = 6
"""Reads that make a batch: up to 1,500 jobs in one transaction. One that nobody read ahead is of one read, since the
writer waits for it."""
LONGEST_S = 2.0
"""A batch takes no more reads after this long, so that jobs with large arguments come to the books in good time."""
MOST_PASSED = 200_000
_ID, _IS_NEW = 24, 27
"""Where a packed record has these: see lua/_record.lua."""


class Batch(Struct, frozen=True):
    """Events that are recorded in one step, and the rows of their jobs."""

    after: str
    last: Events
    count: int
    has_gap: bool
    rows: list[JobRow]
    gone: list[Gone]

    @property
    def is_full(self) -> bool:
        """Whether there is more to be read at once."""
        return not self.last.is_last


class Batches:
    """Reads batches, one after the other."""

    def __init__(self, stream: Stream, shown: Shown) -> None:
        self._stream = stream
        self._shown = shown
        self._hire()
        self._made: tuple[str, Future[Batch]] | None = None
        # Jobs that had gone on when their first event was read. They are not recorded before a later event of theirs
        # is, and nobody need look then whether history knows them; if it does after all, PostgreSQL says so.
        self._passed: set[str] = set()

    def _hire(self) -> None:
        self._making = ThreadPoolExecutor(1, thread_name_prefix="dewey-making")

    def relieve(self) -> None:
        """Go on with a new thread, which is of the same priority as the one that asks next."""
        self._making.shutdown()
        self._hire()

    def after(self, cursor: str, meanwhile: Callable[[], object], every_s: float) -> Batch:
        """The next events, some reads of them, with the rows of their jobs; from now on those after them are read.

        ``meanwhile`` is called now and then as long as that takes: arguments may be large.

        Raises: StoreUnavailable, StoreRefused.
        """
        made, self._made = self._made, None
        if made is None or made[0] != cursor:
            made = cursor, self._making.submit(self._make, cursor, 1)
        while not wait([made[1]], every_s).done:
            meanwhile()
        batch = made[1].result()
        if batch.is_full:
            after = batch.last.last_id
            self._made = after, self._making.submit(self._make, after, READS_AT_ONCE)
        return batch

    def forget(self) -> None:
        """Let nothing that was read ahead count: it may be too old, or what came before it was not written."""
        self._made = None
        self._passed = set()
        self._stream.forget()

    def row(self, packed: Packed) -> JobRow | None:
        """The row of a record; None, and a word in the log, for one that can not be read."""
        try:
            return job_row(packed, self._shown)
        except (ValueError, TypeError, IndexError, OverflowError) as error:
            _logger.error("the record of job %r can not be read and is left out of history: %s", packed[0], error)  # noqa: TRY400
            return None

    def _make(self, cursor: str, most: int) -> Batch:
        reads: list[Events] = []
        rows: list[JobRow | None] = []
        last_id = cursor
        enough_at = time.monotonic() + LONGEST_S
        while not reads or (len(reads) < most and not reads[-1].is_last and time.monotonic() < enough_at):
            events = self._stream.events(last_id)
            reads.append(events)
            last_id = events.last_id
            rows += [self._event_row(one) for one in events.records]
            self._pass(events.passed)
        return Batch(
            after=cursor,
            last=reads[-1],
            count=sum(events.count for events in reads),
            has_gap=any(events.has_gap for events in reads),
            rows=[row for row in rows if row is not None],
            gone=[one for events in reads for one in events.gone],
        )

    def _event_row(self, packed: list[Any]) -> JobRow | None:
        if packed[_ID] in self._passed:
            self._passed.discard(packed[_ID])
            packed[_IS_NEW] = True
        return self.row(packed)

    def _pass(self, job_ids: tuple[str, ...]) -> None:
        if len(self._passed) > MOST_PASSED:
            self._passed = set()
        self._passed.update(job_ids)
