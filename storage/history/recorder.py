"""Follows what happens in the broker into PostgreSQL, in batches, whatever is killed on the way.

One recorder of a namespace leads at a time, by a lease in Redis that runs out in ten seconds: Redis, because a recorder
without Redis has nothing to do, because the lease tells everybody who leads and how far it is, and because a pooler in
front of PostgreSQL would keep the lock of a session that is gone. The lease only saves work. What keeps history right
when two believe that they lead is in PostgreSQL: a lock of the transaction, and the version in each row (writing.py).

A batch is read, written, committed, and then the cursor moves on. Killed before the commit, nothing happened; killed
after it, the same is read again and changes nothing. When events went unread (their bound was reached, Redis was
restarted, or nobody recorded before), every job that the broker still knows is walked over.
"""

import logging
import math
import os
import socket
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from storage.broker.broker import Broker
from storage.database.connection import Database, Session
from storage.errors import Conflict, DataRefused, StorageError, StoreUnavailable
from storage.history import lines, vanished
from storage.history.ages import EVENTS_WAITING, Ages
from storage.history.batches import Batch, Batches
from storage.history.pace import Pace
from storage.history.retention import Retention
from storage.history.rows import JobRow, bare
from storage.history.sampling import Sampler
from storage.history.shown import Describe, Opaque, Redact, Shown
from storage.history.stream import LEASE_MS, Lead, Stream
from storage.history.versions import Versions
from storage.history.writing import Writer
from storage.values import replace

_logger = logging.getLogger(__name__)

PAUSE_S = 0.25
"""How long events gather when there are few of them: a short job is then written once."""
FEW_EVENTS = 500
STANDBY_S = LEASE_MS / 5000
HINDERED_S = 2.0
SESSION_S = 600.0
LOOK_S = 0.5
"""How often, while one full batch follows the other, the lead is asked for, and log lines when there were none: each
answer waits for what Redis does for the next batch."""


class Stop(Protocol):
    """Says when to stop; threading.Event does."""

    def is_set(self) -> bool: ...
    def wait(self, timeout: float) -> bool: ...


class Recorder:
    """Records one namespace. ``describe`` reads arguments and results, ``redact`` takes the secrets out of them."""

    def __init__(
        self,
        broker: Broker,
        database: Database,
        describe: Describe | None = None,
        redact: Redact = lambda value: value,
        *,
        events_waiting: int = EVENTS_WAITING,
        ages: Ages | None = None,
    ) -> None:
        self.name = f"{socket.gethostname()}:{os.getpid()}/{uuid.uuid4().hex[:6]}"
        self._broker = broker
        self._database = database
        self._stream = Stream(broker, self.name, events_waiting)
        self._writer = Writer(broker.namespace)
        self._batches = Batches(self._stream, Shown(describe or Opaque(), redact))
        self._versions = Versions(broker.client, broker.namespace)
        self._sampler = Sampler(broker, self.name)
        self._retention = Retention(ages or Ages())
        self._pace = Pace(broker, events_waiting)
        self._walk: Iterator[None] | None = None
        self._walks_at = ""
        self._trouble = ""
        self._lead: Lead | None = None
        self._leads = False
        self._looked_at = -math.inf

    # -- one batch ---------------------------------------------------------------------------------------------

    def step(self) -> int:
        """Record the next events and log lines; answers how many events were read, 0 when another recorder leads.

        Raises: StoreUnavailable, StoreRefused; then nothing was recorded, and it can be tried again.
        """
        lead = self._lead or self._stream.lead(self._trouble)
        self._lead = None
        self._leads = lead is not None
        if lead is None:
            self._begin_anew()
            return 0
        with self._database.session() as session:
            self._writer.prepare(session)
            batch = self._batches.after(lead.cursor, lambda: self._stream.lead(self._trouble), LEASE_MS / 3_000)
            self._record_events(batch)
            if batch.is_full and self._leads and not lead.walk and time.monotonic() < self._looked_at + LOOK_S:
                self._lead = replace(lead, cursor=batch.last.last_id)
            else:
                has_lines = self._record_lines(lead.tail)
                if self._leads:
                    self._walk_on(replace(lead, cursor=batch.last.last_id))
                self._looked_at = -math.inf if has_lines else time.monotonic()
        self._trouble = ""
        return batch.count

    def _record_events(self, batch: Batch) -> None:
        if batch.has_gap:
            _logger.warning("events before %s went unread: every job is looked at", batch.last.last_id)
            self._stream.must_walk()
            self._walk = None
            self._looked_at = -math.inf
        self._write(batch.rows)
        if batch.gone:
            with self._database.transaction() as session:
                self._writer.lock(session)
                vanished.mark(session, batch.gone)
        # When another one leads by now the cursor stays, and it reads the same again.
        self._leads = self._stream.recorded(batch.last, batch.count)

    def _write(self, rows: Sequence[JobRow], *, again: bool = False) -> None:
        if not rows:
            return
        try:
            with self._database.transaction() as session:
                self._writer.lock(session)
                if again:
                    self._require_lead()
                self._writer.write(session, rows, self._versions.current(), again=again)
            self._writer.committed()
        except Conflict:
            if not any(row.is_new for row in rows):
                raise
            # It was recorded, but whoever did so could not say it any more: now each is looked up.
            self._write([replace(row, is_new=False) for row in rows], again=again)
        except DataRefused as error:
            self._write_apart(list(rows), error, again=again)

    def _write_apart(self, rows: list[JobRow], error: DataRefused, *, again: bool) -> None:
        """PostgreSQL does not take one of these rows: it is found, and goes without what its job has put in it."""
        if len(rows) > 1:
            middle = len(rows) // 2
            self._write(rows[:middle], again=again)
            self._write(rows[middle:], again=again)
            return
        row = rows[0]
        if row.args is not None and '"unrecorded"' in row.args:
            _logger.error("job %s can not be recorded and is left out of history: %s", row.id, error)
            return
        _logger.error("job %s is recorded without its arguments and errors: %s", row.id, error)
        self._write([bare(row, str(error))], again=again)

    # -- log lines ---------------------------------------------------------------------------------------------

    def _record_lines(self, cursor: str) -> bool:
        """Record the next log lines; answers whether there were any."""
        found = self._stream.lines(cursor)
        if found.has_gap:
            _logger.warning("log lines before %s went unread: they are read from the logs of their jobs", found.last_id)
            self._stream.must_walk(cursor)
            self._walk = None
        if found.lines:
            self._write_lines(found.lines)
            self._stream.lines_recorded(found.last_id)
        return bool(found.lines)

    def _write_lines(self, found: Sequence[tuple[str, str, bytes]]) -> None:
        rows = lines.rows_of(found)
        with self._database.transaction() as session:
            self._writer.lock(session)
            lines.write(session, rows, lambda days: self._writer.ensure_days(session, days))
        self._writer.committed()

    # -- all jobs ----------------------------------------------------------------------------------------------

    def _walk_on(self, lead: Lead) -> None:
        """A slice of the walk over all jobs, when there is one to be made."""
        self._walks_at = lead.cursor
        if self._walk is None and lead.walk:
            self._walk = self._walk_over(lead)
        if self._walk is not None and next(self._walk, self) is self:
            self._walk = None

    def _walk_over(self, lead: Lead) -> Iterator[None]:
        """Record every job as the broker knows it, and what it has logged where lines went unread."""
        for queue, state in self._stream.places():
            for records in self._stream.records(queue, state):
                rows = [row for one in records if (row := self._batches.row(one)) is not None]
                self._write(rows, again=True)
                if lead.lines_after:
                    found = self._stream.lines_of([row.id for row in rows], lead.lines_after)
                    if found:
                        self._write_lines(found)
                yield
        for asked in vanished.live(self._database):
            known = self._stream.known([one.id for one in asked])
            missing = [one for one, is_known in zip(asked, known, strict=True) if not is_known]
            with self._database.transaction() as session:
                self._writer.lock(session)
                self._require_lead()
                vanished.forget(session, missing)
            yield
        self._stream.walked(lead.walk)

    def _require_lead(self) -> None:
        """See, under the lock, that nobody has recorded what came after what is written now, whatever its version.

        Raises: StoreUnavailable.
        """
        if not self._stream.leads_at(self._walks_at):
            raise StoreUnavailable("another recorder has led since these jobs were looked at")

    # -- for ever ----------------------------------------------------------------------------------------------

    def run(self, stop: Stop, *, idle_s: float = math.inf, gives_way: bool = False) -> None:
        """Record until told to stop, or until another one has led for ``idle_s``. Whatever is away is waited for.

        With ``gives_way`` the jobs of this machine go first (pace.py).
        """
        led_at = time.monotonic()
        while not stop.is_set() and time.monotonic() < led_at + idle_s:
            try:
                if self._stream.lead(self._trouble) is None:
                    stop.wait(STANDBY_S)
                    continue
                led_at = time.monotonic()
                if gives_way:
                    self._pace.work(lambda: self._shift(stop, gives_way=True))
                else:
                    self._shift(stop, gives_way=False)
                led_at = time.monotonic()
            except StorageError as error:
                self._hindered(error)
                stop.wait(HINDERED_S)
            except Exception:  # this thread must outlive a mistake of its own
                _logger.exception("the recorder failed and tries again")
                self._begin_anew()
                stop.wait(HINDERED_S)
        try:
            self._stream.leave()
        except StorageError as error:
            _logger.warning("the next recorder waits until this one's lead has run out: %s", error)

    def _shift(self, stop: Stop, *, gives_way: bool) -> None:
        """Record on one connection, for some minutes, until another one leads, or the pace has to change."""
        hurries = self._pace.hurries
        with self._database.session() as session:
            self._batches.relieve()
            self._run_within(session, stop, lambda: gives_way and self._pace.look() != hurries)

    def _run_within(self, session: Session, stop: Stop, is_over: Callable[[], bool]) -> None:
        self._look_at_the_server()
        self._lead = None
        until = time.monotonic() + SESSION_S
        while not stop.is_set() and time.monotonic() < until and not is_over():
            events = self.step()
            if not self._leads:
                self._begin_anew()
                return
            self._sampler.sample(session)
            self._retention.work(session, self._writer)
            if events < FEW_EVENTS and self._walk is None:
                stop.wait(PAUSE_S)

    def _hindered(self, error: StorageError) -> None:
        if not self._trouble:
            _logger.warning("history waits: %s", error)
        self._trouble = str(error)[:300]
        self._begin_anew()

    def _begin_anew(self) -> None:
        """What was under way may not be what comes next any more."""
        self._walk = self._lead = None
        self._batches.forget()

    def _look_at_the_server(self) -> None:
        """A Redis that was restarted may have lost its last second: then history is ahead of it."""
        server = self._stream.server()
        if server and self._stream.note_server(server):
            _logger.warning("Redis was started again: every job is looked at")
            self._stream.must_walk()
