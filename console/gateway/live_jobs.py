"""The part of the live gateway that lists jobs: what runs or waits as Redis has it, what has ended as history has it.

A list of states and queues begins with Redis's own order and goes on with what has ended, the newest first; any other
filter is answered newest first by the ledger, which puts history right where Redis knows better.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from console.formats import safe_text
from console.gateway import building
from console.gateway.glance import BEHIND_S
from console.gateway.live_part import LivePart
from console.gateway.paging import Pager
from console.gateway.reading import translated
from console.gateway.recorded import entry_row, story_lines, story_view
from console.gateway.views import JobPage, LogPage, Tally
from storage.broker.records import FINISHED, STATES, State
from storage.errors import JobMissing, StoreRefused, StoreUnavailable
from storage.wording import short_name

if TYPE_CHECKING:
    from console.gateway.criteria import Plain
    from console.gateway.views import JobView
    from storage.database.connection import Database
    from storage.history.entries import Story
    from storage.history.filters import Filter
    from storage.history.ledger import Ledger

LISTS_KEPT: Final = 8
RECORDED: Final = "recorded"
"""The place in a log after what history has of it."""
WORDS_KEPT: Final = 200
"""Values that are suggested for one field at most."""


class LiveJobs(LivePart):
    """Lists of jobs, and jobs that Redis has forgotten."""

    _ledger_made: Ledger | None = None
    _pagers: OrderedDict[str, Pager] | None = None
    _listing = threading.Lock()

    def _ledger(self) -> Ledger:
        if self._held is None:
            raise StoreUnavailable("this console was not told where the history is")
        if self._ledger_made is None:
            from tasks.ledger import open_ledger  # noqa: PLC0415 - the first screen is drawn without history

            self._ledger_made = open_ledger(self._held, self._inspector)
        return self._ledger_made

    def _pager(self, criteria: str) -> Pager:
        with self._listing:
            if self._pagers is None:
                self._pagers = OrderedDict()
            pager = self._pagers.pop(criteria, None) or Pager()
            self._pagers[criteria] = pager
            while len(self._pagers) > LISTS_KEPT:
                self._pagers.popitem(last=False)
            return pager

    def jobs(self, criteria: str, offset: int, limit: int) -> JobPage:
        """Return a slice of the jobs that match."""
        with translated():
            self._read_clock()
            given, said = self._read_filter(criteria)
            if said is None:
                return self._matching(criteria, given, offset, limit)
            return self._listed(criteria, given, said, offset, limit)

    def _read_filter(self, criteria: str) -> tuple[Filter, Plain | None]:
        """What a filter says as of now; None where states and queues do not say it."""
        from console.gateway.criteria import parsed, plain  # noqa: PLC0415 - the first screen is drawn without filters

        given = parsed(criteria, self.now())
        return given, plain(given)

    def _matching(self, criteria: str, given: Filter, offset: int, limit: int) -> JobPage:
        """A slice of what the ledger finds; without history, of what Redis holds."""
        ledger, pager, now = self._ledger(), self._pager(criteria), self.now()
        first, entries, trouble = pager.read(lambda after, most: ledger.search(given, after, most), offset, limit)
        if trouble:
            found = ledger.search(given, "", offset + limit)
            rows = tuple(entry_row(one, now, self._redactor) for one in found.entries[offset:])
            total = len(found.entries) + bool(found.after)
            return JobPage(total, offset, rows, not found.after, safe_text(found.trouble, limit=400))
        return JobPage(
            pager.total, first, tuple(entry_row(one, now, self._redactor) for one in entries), pager.is_exact
        )

    def _listed(self, criteria: str, given: Filter, said: Plain, offset: int, limit: int) -> JobPage:
        """A slice of what is open, in Redis's order, and then of what has ended."""
        states, queues = said
        waits = [state for state in states if state not in FINISHED]
        front = self._inspector.jobs(waits, queues, offset, limit) if waits else None
        before = front.total if front is not None else 0
        rows = [building.job_row(job, self._call(job), self.now()) for job in (front.jobs if front is not None else ())]
        ended = _ended(given, states)
        if ended is None:
            return JobPage(before, offset, tuple(rows))
        pager, first = self._pager(criteria), offset
        if limit > len(rows):
            try:
                ledger = self._ledger()
                behind, entries, trouble = pager.read(
                    lambda after, most: ledger.search(ended, after, most), max(0, offset - before), limit - len(rows)
                )
            except StoreUnavailable as error:
                trouble = f"history is not in this list, only the jobs that Redis holds: {error}"
            if trouble:
                return self._held_by_redis(said, offset, limit, trouble)
            first = offset if rows else before + behind
            rows += [entry_row(one, self.now(), self._redactor) for one in entries]
        return JobPage(before + pager.total, first, tuple(rows), pager.is_exact)

    def _held_by_redis(self, said: Plain, offset: int, limit: int, trouble: str) -> JobPage:
        page = self._inspector.jobs(said[0], said[1], offset, limit)
        rows = tuple(building.job_row(job, self._call(job), self.now()) for job in page.jobs)
        return JobPage(page.total, offset, rows, trouble=safe_text(trouble, limit=400))

    def count(self, criteria: str) -> Tally:
        """Count the jobs that match, as far as a second goes; the list's total is right from then on.

        While history is late there may be more than it knows, and the count is not exact.
        """
        with translated():
            given, said = self._read_filter(criteria)
            states, queues = said if said is not None else ((), ())
            waits = [state for state in states if state not in FINISHED]
            before = self._inspector.count(waits, queues) if waits else 0
            asked = given if said is None else _ended(given, states)
            if asked is None:
                return Tally(before, True)
            from storage.history import jobs as history  # noqa: PLC0415 - the first screen is drawn without history

            try:
                found = history.count(self._database(), asked)
            except (StoreUnavailable, StoreRefused):
                held = self._inspector.count(states, queues) if said is not None else 0
                return Tally(held, said is not None)
            self._pager(criteria).counted(found)
            return Tally(before + found.value, found.is_exact and not self._is_history_late())

    def _is_history_late(self) -> bool:
        from storage.history.lag import lag  # noqa: PLC0415 - the first screen is drawn without history

        return lag(self._inspector).seconds_behind > BEHIND_S

    def states(self, criteria: str) -> Mapping[State, Tally]:
        """Count the jobs of a filter's queues by state, as Redis has them; of what has ended history has more."""
        with translated():
            _, said = self._read_filter(criteria)
            if said is None:
                return {}
            counts = self._inspector.by_state(said[1])
        return {state: Tally(counts[state], state not in FINISHED) for state in STATES}

    def words(self) -> Mapping[str, tuple[str, ...]]:
        """Return real values of a filter's fields, to complete what is typed."""
        with translated():
            tasks, consumers = self._inspector.tasks(), self._inspector.consumers()
            groups = self._inspector.failure_groups(WORDS_KEPT)
            queues = self._inspector.queue_names()
        names = {short_name(one.name) for one in tasks}
        return {
            "state": STATES,
            "queue": tuple(sorted(queues)),
            "task": tuple(sorted(names)),
            "err": tuple(sorted({one.error_type for one in groups if one.error_type})),
            "group": tuple(one.fingerprint[:12] for one in groups),
            "host": tuple(sorted({one.host for one in consumers})),
            "worker": tuple(sorted({one.id for one in consumers})),
            "args": tuple(sorted({parameter.name for one in tasks for parameter in one.parameters})),
        }

    # Jobs that Redis has forgotten.

    def recorded_key(self, prefix: str, missing: JobMissing) -> str:
        """Return the id of the job of history that starts so. Raises JobMissing: ``missing`` without a history."""
        return self._story(prefix, missing).entry.id

    def recorded_job(self, key: str, missing: JobMissing) -> JobView:
        """Return everything that history has of a job. Raises JobMissing, as above."""
        return story_view(self._story(key, missing), self.now(), self._redactor)

    def recorded_log(self, key: str, after: str) -> LogPage:
        """Return the last lines that history has of a job's log, once; none when it does not have the job."""
        if after == RECORDED:
            return LogPage((), RECORDED)
        try:
            story = self._story(key, JobMissing(f"there is no job {key!r}"))
        except JobMissing:
            return LogPage((), after)
        return LogPage(story_lines(story, self._redactor), RECORDED)

    def _story(self, key: str, missing: JobMissing) -> Story:
        if self._held is None:
            raise missing
        return self._ledger().story(key)

    def _database(self) -> Database:
        if self._held is None:
            raise StoreUnavailable("this console was not told where the history is")
        return self._held.database


def _ended(given: Filter, states: tuple[State, ...]) -> Filter | None:
    """What has ended of what matches; None when the filter wants nothing of that."""
    from storage.history.filters import Is  # noqa: PLC0415 - the first screen is drawn without filters

    ended = tuple(state for state in states if state in FINISHED)
    return given.narrowed(Is("state", ended)) if ended else None
