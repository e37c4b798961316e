"""Pages of jobs that never contradict the broker: history, put right where the broker knows better.

History is a moment behind. So each job on a page is looked up in the broker: where that has it in another state, its
word counts, and the job leaves the page when it matches no more. And the jobs to which something has happened that
history has not read yet are asked whether they match now. A page may thus be shorter than was asked for: whether there
is a next one, `after` says. When PostgreSQL can not be asked, what the broker still holds is searched instead, and the
page says so.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime

from msgspec import Struct

from storage.broker.inspector import Inspector
from storage.broker.records import STATES, State
from storage.database.connection import Database
from storage.errors import JobMissing, StoreRefused, StoreUnavailable
from storage.history import jobs
from storage.history.entries import Entry, Page, Story
from storage.history.filters import All, Filter, Is
from storage.history.live import Live
from storage.history.matching import Logged, matches
from storage.history.rows import ShownTexts
from storage.history.walking import Place

LIVE_LOOKED_AT = 5_000
"""Most jobs of the broker that are searched in place of history."""


class Found(Struct, frozen=True):
    """A page of jobs, newest first. ``trouble`` says why history is not in it; "" when it is."""

    entries: tuple[Entry, ...]
    after: str
    trouble: str = ""


class Ledger:
    """What happened and what happens, in one list. ``shown`` answers the JSON text of a job's arguments."""

    def __init__(self, database: Database, inspector: Inspector, shown: ShownTexts) -> None:
        self._database = database
        self._inspector = inspector
        self._live = Live(inspector, shown)

    def search(self, given: Filter, after: str = "", limit: int = 100) -> Found:
        """A page of the jobs that match now; ``after`` is what the page before it named.

        Raises:
            FilterError: ``after`` is no place in a list.
            StoreUnavailable: the broker does not answer.
        """
        place = Place.read(after) if after else None
        try:
            page = jobs.search(self._database, given, after, limit)
            return self._righted(_Draft(given, page, place, limit))
        except (StoreUnavailable, StoreRefused) as error:
            return self._without_history(given, place, limit, str(error))

    def _righted(self, draft: "_Draft") -> Found:
        """A page of history, as the broker says it is by now; no more is read than can be on it."""
        recorded = {entry.id: entry for entry in draft.page.entries}
        unasked = list(recorded)
        for unread in self._live.unread():
            job_ids = [*unasked, *(job_id for job_id in unread.job_ids if job_id not in recorded)]
            live = self._live.entries(job_ids, recorded)
            logged = jobs.logged(self._database, draft.given, job_ids)
            if unasked:
                draft.correct(live, logged)
                unasked = []
            draft.add(live, logged)
            if draft.is_settled(unread.others_until_at):
                break
        return Found(*_cut(_in_order(draft.entries), draft.limit, draft.page.after))

    def story(self, id_or_prefix: str) -> Story:
        """All that history has of one job, which the broker may have forgotten. Raises as `jobs.job` does."""
        try:
            return jobs.job(self._database, id_or_prefix)
        except (StoreUnavailable, StoreRefused) as error:
            raise JobMissing(
                f"the broker does not know {id_or_prefix!r}, and history can not be asked: {error}"
            ) from error

    def _without_history(self, given: Filter, place: Place | None, limit: int, why: str) -> Found:
        states, queues = _places(given)
        held = self._inspector.jobs(states, queues, 0, LIVE_LOOKED_AT)
        live = self._live.entries([job.id for job in held.jobs], {})
        found = _in_order(entry for entry in live.values() if matches(given, entry) and _is_after(entry, place))
        looked = "the jobs that Redis holds" if held.total <= LIVE_LOOKED_AT else f"{LIVE_LOOKED_AT:,} jobs of Redis"
        return Found(*_cut(found, limit, ""), trouble=f"history is not in this list, only {looked}: {why}")


class _Draft:
    """A page while it is put right."""

    def __init__(self, given: Filter, page: Page, place: Place | None, limit: int) -> None:
        self.given = given
        self.page = page
        self.limit = limit
        self.entries = list(page.entries)
        self._place = place
        self._end = Place.read(page.after) if page.after else None
        self._there = {(entry.created_at, entry.id) for entry in page.entries}

    def correct(self, live: Mapping[str, Entry], logged: Logged) -> None:
        """Take in what the broker knows of the jobs that history found."""
        self.entries = []
        for entry in self.page.entries:
            now = live.get(entry.id)
            if now is None or now.created_at != entry.created_at or now.version == entry.version:
                self.entries.append(entry)
            elif matches(self.given, now, logged):
                self.entries.append(now)

    def add(self, live: Mapping[str, Entry], logged: Logged) -> None:
        """Take in other jobs that the broker knows, where they are on this page."""
        for now in live.values():
            is_within = _is_after(now, self._place) and (self._end is None or not _is_after(now, self._end))
            if is_within and (now.created_at, now.id) not in self._there and matches(self.given, now, logged):
                self.entries.append(now)

    def is_settled(self, others_until_at: datetime | None) -> bool:
        """Whether jobs that were created until then change nothing: they come after this page, which is known to go on
        when it has one more than its rows."""
        if others_until_at is None or (self._end is not None and others_until_at < self._end.created_at):
            return True
        return sum(entry.created_at > others_until_at for entry in self.entries) > self.limit


def _cut(entries: list[Entry], limit: int, after: str) -> tuple[tuple[Entry, ...], str]:
    if len(entries) > limit:
        return tuple(entries[:limit]), str(Place(entries[limit - 1].created_at, entries[limit - 1].id))
    return tuple(entries), after


def _in_order(entries: Iterable[Entry]) -> list[Entry]:
    return sorted(entries, key=lambda entry: (entry.created_at, entry.id), reverse=True)


def _is_after(entry: Entry, place: Place | None) -> bool:
    return place is None or (entry.created_at, entry.id) < (place.created_at, place.id)


def _places(given: Filter) -> tuple[tuple[State, ...], tuple[str, ...]]:
    """The states and queues that a filter names beside all else that it says."""
    states: tuple[State, ...] = ()
    queues: tuple[str, ...] = ()
    for node in given.node.nodes if isinstance(given.node, All) else (given.node,):
        if isinstance(node, Is) and node.field == "state":
            states = tuple(state for state in STATES if state in node.values)
        elif isinstance(node, Is) and node.field == "queue" and not any("*" in value for value in node.values):
            queues = node.values
    return states, queues
