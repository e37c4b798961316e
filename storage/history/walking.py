"""How pages of jobs are read, newest first: by windows of time that grow while they have too little to show.

The planner takes what matches for evenly spread, and then reads a month in order to find what happened once, three
weeks ago. So only the newest few thousand jobs are read in order. What is rarer than that is looked for with its index,
in windows eight times as long each, of a week at most, behind a fence (OFFSET 0) that keeps the limit from the planner;
less where what was found so far tells that less will do.
"""

import contextlib
from collections.abc import Generator, Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any as Anything

from msgspec import Struct

from storage.database.connection import Database, Session
from storage.errors import FilterError
from storage.history import partitions
from storage.history.conditions import Condition
from storage.history.filters import All, Between, During, Filter, Window

NEWEST_READ = 2_000
GROWTH = 8
LONGEST = timedelta(days=7)
SPARE = 1.5
"""How much more is read than should do, from what was found so far: matches do not come evenly."""
_NEWEST_FIRST = "ORDER BY created_at DESC, id DESC"
_BY_KEY = f"""
    SELECT {{}} FROM jobs JOIN unnest(%s::timestamptz[], %s::text[]) AS page (its_created_at, its_id)
        ON created_at = its_created_at AND id = its_id
    WHERE created_at >= %s AND created_at <= %s {_NEWEST_FIRST}
"""
_SETTINGS = """
    SELECT set_config('enable_seqscan', 'off', true), set_config('max_parallel_workers_per_gather', '0', true),
           set_config('jit', 'off', true), set_config('statement_timeout', %s, true)
"""
TIMEOUT_MS = 20_000


class Place(Struct, frozen=True):
    """Right after a job, in the order of pages."""

    created_at: datetime
    id: str

    def __str__(self) -> str:
        return f"{self.created_at.isoformat()}/{self.id}"

    @classmethod
    def read(cls, text: str) -> "Place":
        """The place that a page named. Raises FilterError."""
        at, _, job_id = text.partition("/")
        try:
            created_at = datetime.fromisoformat(at)
        except ValueError:
            created_at = None
        if created_at is None or created_at.tzinfo is None or not job_id or "\0" in job_id:
            raise FilterError(f"{text!r} is no place in a list of jobs: take the one that a page names")
        return cls(created_at.astimezone(UTC), job_id)


@contextlib.contextmanager
def reading(database: Database) -> Iterator[Session]:
    """A transaction in which no plan reads whole tables, and no question takes for ever.

    Raises: StoreUnavailable, StoreRefused.
    """
    with database.transaction() as session:
        session.rows(_SETTINGS, (str(TIMEOUT_MS),))
        yield session


class Walk(Struct, frozen=True):
    """A way from the newest jobs that a filter can match to the oldest."""

    session: Session
    bounds: Window
    after: Place | None = None

    def rows(self, columns: str, asked: Condition, limit: int) -> Iterator[tuple[Anything, ...]]:
        """At most so many rows of jobs that meet a condition, newest first."""
        windows, wanted = self.windows(), limit
        window = next(windows, None)
        is_first = True
        while window is not None:
            where = self._where(window, asked)
            if is_first:
                sql = f"SELECT {columns} FROM jobs WHERE {where.sql} {_NEWEST_FIRST} LIMIT %s"
                found = self.session.rows(sql, (*where.parameters, wanted))
            else:
                found = self._looked_for(columns, where, wanted)
            yield from found
            wanted -= len(found)
            if wanted <= 0:
                return
            is_first = False
            window = _next(windows, SPARE * wanted / (limit - wanted) if wanted < limit else None)

    def _looked_for(self, columns: str, where: Condition, limit: int) -> list[tuple[Anything, ...]]:
        """The newest rows by what an index finds: first which they are, for that may be many more than are wanted."""
        fenced = f"(SELECT created_at, id FROM jobs WHERE {where.sql} OFFSET 0) AS found"
        sql = f"SELECT created_at, id FROM {fenced} {_NEWEST_FIRST} LIMIT %s"
        keys = self.session.rows(sql, (*where.parameters, limit))
        if not keys:
            return []
        times, ids = ([key[place] for key in keys] for place in (0, 1))
        return self.session.rows(_BY_KEY.format(columns), (times, ids, times[-1], times[0]))

    def counts(self, asked: Condition, cap: int) -> Iterator[int]:
        """How many jobs meet a condition, window by window; never more than ``cap`` in all."""
        for window in self.windows():
            where = self._where(window, asked)
            sql = f"SELECT count(*) FROM (SELECT FROM jobs WHERE {where.sql} LIMIT %s) AS found"
            ((found,),) = self.session.rows(sql, (*where.parameters, cap))
            yield found
            cap -= found
            if cap <= 0:
                return

    def _where(self, window: Window, asked: Condition) -> Condition:
        parts, parameters = [asked.sql], [*asked.within(window).parameters]
        for sign, at in ((">=", window.start_at), ("<", window.end_at)):
            if at is not None:
                parts.append(f"created_at {sign} %s")
                parameters.append(at)
        if self.after is not None:
            parts.append("created_at <= %s AND (created_at, id) < (%s, %s)")
            parameters += [self.after.created_at, self.after.created_at, self.after.id]
        return Condition(" AND ".join(f"({part})" for part in parts), tuple(parameters))

    def windows(self) -> Generator[Window, float | None, None]:
        """Windows of time, newest first, that together are all there is; planned only for the days that they touch.

        Send how long the next one need be, as a multiple of all before it, where that is known.
        """
        days = partitions.days_of(self.session, "jobs")
        if not days:
            return
        first_at, until_at = _midnight(days[0]), _midnight(days[-1] + timedelta(days=1))
        if self.bounds.start_at is not None:
            first_at = max(first_at, self.bounds.start_at)
        if self.bounds.end_at is not None:
            until_at = min(until_at, self.bounds.end_at)
        if self.after is not None:
            until_at = min(until_at, self.after.created_at + timedelta(microseconds=1))
        if first_at >= until_at:
            return
        start_at, length = self._newest(first_at, until_at)
        begin_at = start_at + length
        need = yield Window(start_at, until_at)
        while start_at > first_at:
            longest = min(length * GROWTH, LONGEST)
            length = longest if need is None else min(longest, max(2 * length, need * (begin_at - start_at)))
            end_at, start_at = start_at, max(first_at, start_at - length)
            need = yield Window(start_at, end_at)

    def _newest(self, first_at: datetime, until_at: datetime) -> tuple[datetime, timedelta]:
        """Where the newest few thousand jobs begin, or the last two days; and how long that is."""
        day = (until_at - timedelta(microseconds=1)).astimezone(UTC).date()
        start_at = max(first_at, _midnight(day - timedelta(days=1)))
        rows = self.session.rows(
            "SELECT max(created_at), min(created_at) FROM (SELECT created_at FROM jobs WHERE created_at >= %s"
            " AND created_at < %s ORDER BY created_at DESC LIMIT %s) AS newest HAVING count(*) = %s",
            (start_at, until_at, NEWEST_READ, NEWEST_READ),
        )
        if not rows:
            return start_at, until_at - start_at
        newest_at, oldest_at = rows[0]
        return oldest_at, max(newest_at - oldest_at, timedelta(seconds=1))


def _next(windows: Generator[Window, float | None, None], need: float | None) -> Window | None:
    try:
        return windows.send(need)
    except StopIteration:
        return None


def bounds(given: Filter) -> Window:
    """When a job must have been created to match, as far as the filter says so beside all else that it says."""
    node, start_at, end_at = given.node, None, None
    for part in node.nodes if isinstance(node, All) else (node,):
        if isinstance(part, During) and len(part.windows) == 1:
            window = part.windows[0]
        elif isinstance(part, Between) and part.field == "age" and len(part.spans) == 1:
            span = part.spans[0]
            window = Window(
                None if span.high is None else given.now - timedelta(milliseconds=span.high + 1),
                None if span.low is None else given.now - timedelta(milliseconds=span.low) + timedelta(microseconds=1),
            )
        else:
            continue
        start_at = max(filter(None, (start_at, window.start_at)), default=None)
        end_at = min(filter(None, (end_at, window.end_at)), default=None)
    return Window(start_at, end_at)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
