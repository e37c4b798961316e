"""Jobs as history knows them: searched with a filter, page by page, counted up to a cap, and told whole.

Everything here reads PostgreSQL only. What runs or waits now may have gone on since: ledger.py asks both.
"""

import time
from datetime import UTC, datetime
from datetime import time as clock_time

from storage.broker.records import STATES
from storage.database.connection import Database, Session
from storage.errors import JobMissing
from storage.history import partitions, texts, walking
from storage.history.conditions import Condition, Known, Logged, condition, like, line_condition
from storage.history.entries import COLUMNS, Count, Entry, Line, Page, Run, Story
from storage.history.filters import Filter, Is, Leaf, Window, Word, segment
from storage.history.query import FIELDS
from storage.history.walking import Place, Walk
from storage.wording import SHORT_ID, alike

CAP = 10_000
COUNTING_S = 1.0
"""A count that takes longer says how far it came."""
LINES_SHOWN = 1_000
LOGGED_JOBS = 2_000
"""Jobs with a matching log line are looked up beforehand when they are at most so many."""
NEWEST_LOOKED_AT = 2_000
"""Jobs whose hosts, workers and arguments are suggested."""
_RECENT = "SELECT {} FROM jobs WHERE created_at >= %s ORDER BY created_at DESC LIMIT %s"
_RUNS = (
    "SELECT number, outcome, started_at, finished_at, wait_ms, duration_ms, host, worker, version, error_type, error, "
    "traceback, fingerprint FROM runs WHERE job_created_at = %s AND job_id = %s ORDER BY number"
)
_LINES = (
    "SELECT at, attempt, level, logger, message FROM logs WHERE job_id = %s AND at >= %s::timestamptz - interval '1 h' "
    "ORDER BY at DESC, position DESC LIMIT %s"
)


def search(database: Database, given: Filter, after: str = "", limit: int = 100) -> Page:
    """A page of the jobs that match, newest first; ``after`` is what the page before it named.

    Raises:
        FilterError: ``after`` is no place in a list.
        StoreUnavailable: PostgreSQL does not answer, or not in time.
        StoreRefused: its schema is another one.
    """
    with walking.reading(database) as session:
        asked = condition(given.node, given.now, known(session, given))
        walk = Walk(session, walking.bounds(given), Place.read(after) if after else None)
        entries = [Entry(*row) for row in walk.rows(COLUMNS, asked, limit + 1)]
    has_more = len(entries) > limit
    entries = entries[:limit]
    return Page(tuple(entries), str(Place(entries[-1].created_at, entries[-1].id)) if has_more else "")


def ids(database: Database, given: Filter, limit: int) -> tuple[str, ...]:
    """Ids of the jobs that match, newest first, at most so many. Raises as `search` does."""
    with walking.reading(database) as session:
        asked = condition(given.node, given.now, known(session, given))
        return tuple(job_id for (job_id,) in Walk(session, walking.bounds(given)).rows("id", asked, limit))


def count(database: Database, given: Filter, cap: int = CAP) -> Count:
    """How many jobs match, up to a cap, and as far as can be counted in a second. Raises as `search` does."""
    begun_s, total = time.monotonic(), 0
    with walking.reading(database) as session:
        asked = condition(given.node, given.now, known(session, given))
        for found in Walk(session, walking.bounds(given)).counts(asked, cap + 1):
            if total > 0 and time.monotonic() - begun_s > COUNTING_S:
                return Count(total, is_exact=False)
            total += found
    return Count(min(total, cap), is_exact=total <= cap)


# -- one job ---------------------------------------------------------------------------------------------------


def job(database: Database, id_or_prefix: str) -> Story:
    """All that history has of the job that has this id, or whose id alone begins so or is shown so.

    Raises:
        JobMissing: there is none, or more than one.
        StoreUnavailable, StoreRefused: as `search`.
    """
    with walking.reading(database) as session:
        walk = Walk(session, Window(None, None))
        exact = list(walk.rows(COLUMNS, Condition("id = %s", (id_or_prefix,)), 20))
        rows = exact or list(walk.rows(COLUMNS, Condition("id LIKE %s", (like(id_or_prefix) + "%",)), 20))
        if not rows and len(id_or_prefix) == SHORT_ID:  # as `short_id` writes those that name their schedule
            rows = list(walk.rows(COLUMNS, Condition("id LIKE %s", ("cron:%" + like(id_or_prefix),)), 20))
        entries = [Entry(*row) for row in rows]
        names = sorted({entry.id for entry in entries})
        if not id_or_prefix or not names:
            raise JobMissing(f"there is no job {id_or_prefix!r}: history does not have it (any more)")
        if len(names) > 1:
            raise JobMissing(f"several jobs {alike(names[0], id_or_prefix)}")
        return _story(session, entries[0], len(entries) - 1)


def _story(session: Session, entry: Entry, namesakes: int) -> Story:
    key = (entry.created_at, entry.id)
    ((result,),) = session.rows("SELECT result FROM jobs WHERE created_at = %s AND id = %s", key)
    runs = tuple(Run(*row) for row in session.rows(_RUNS, key))
    found = session.rows(_LINES, (entry.id, entry.created_at, LINES_SHOWN + 1))
    lines = tuple(Line(*row) for row in reversed(found[:LINES_SHOWN]))
    return Story(entry, result, runs, lines, len(found) > LINES_SHOWN, namesakes)


# -- what there is ---------------------------------------------------------------------------------------------


def known(session: Session, given: Filter) -> Known:
    """What a filter needs to know before it can be asked."""
    leaves = list(given.leaves())
    wants_names = any(isinstance(one, Word) or (isinstance(one, Is) and _is_by_part(one)) for one in leaves)
    named = session.rows("SELECT DISTINCT task, queue FROM measures WHERE step_s = 0") if wants_names else []
    logged: dict[Leaf, Logged] = {}
    for leaf in leaves:
        if isinstance(leaf, Is) and leaf.field == "log":
            line = line_condition(leaf)
            sql = f"SELECT job_id, at FROM logs WHERE {line.sql} LIMIT %s"
            found = session.rows(sql, (*line.parameters, LOGGED_JOBS + 1))
            if len(found) <= LOGGED_JOBS:
                logged[leaf] = Logged(tuple(dict(sorted(found, key=lambda row: row[1])).items()))
    tasks, queues = (tuple(sorted({row[place] for row in named})) for place in (0, 1))
    return Known(tasks, queues, logged)


def _is_by_part(leaf: Is) -> bool:
    return leaf.field == "task" or (leaf.field == "queue" and any("*" in value for value in leaf.values))


def logged(database: Database, given: Filter, job_ids: list[str]) -> dict[Leaf, frozenset[str]]:
    """For each leaf on logs those of these jobs that have such a line. Raises as `search` does."""
    leaves = [leaf for leaf in given.leaves() if isinstance(leaf, Is) and leaf.field == "log"]
    if not leaves or not job_ids:
        return {}
    found: dict[Leaf, frozenset[str]] = {}
    with walking.reading(database) as session:
        for leaf in leaves:
            line = line_condition(leaf)
            sql = f"SELECT DISTINCT job_id FROM logs WHERE job_id = ANY (%s) AND {line.sql}"
            found[leaf] = frozenset(job_id for (job_id,) in session.rows(sql, (job_ids, *line.parameters)))
    return found


def suggest(database: Database, field: str, prefix: str, limit: int = 20) -> tuple[str, ...]:
    """What may be written for a field, as it occurs: states, tasks, queues, error types and groups; hosts, workers and
    argument paths (``args``) of the newest jobs. A task is suggested by any part of its name, the others by how they
    begin. For the field "" the fields themselves. Raises as `search` does.
    """
    begun = texts.lowered(prefix)
    if field == "":
        return tuple(name for name in FIELDS if name.startswith(begun))[:limit]
    if field == "state":
        return tuple(name for name in STATES if name.startswith(begun))
    with walking.reading(database) as session:
        names = _names(session, field)
    found = [name for name in names if texts.lowered(name).startswith(begun)]
    if field == "task":
        found += [name for name in names if begun in texts.lowered(name) and name not in found]
    return tuple(found[:limit])


def _names(session: Session, field: str) -> list[str]:
    """The most frequent or, of the newest jobs, the newest first."""
    if field in ("task", "queue"):
        sql = f"SELECT {field} FROM measures WHERE step_s = 0 GROUP BY {field} ORDER BY sum(enqueued) DESC, {field}"
        return [name for (name,) in session.rows(sql)]
    if field in ("err", "group"):
        column = "error_type" if field == "err" else "fingerprint"
        sql = f"SELECT {column} FROM failure_groups WHERE {column} <> '' GROUP BY 1 ORDER BY max(last_seen_at) DESC"
        return [name for (name,) in session.rows(sql)]
    days = partitions.days_of(session, "jobs")[-2:]
    if field not in ("host", "worker", "args") or not days:
        return []
    since_at = datetime.combine(days[0], clock_time(), UTC)
    rows = session.rows(_RECENT.format(field), (since_at, NEWEST_LOOKED_AT))
    if field == "args":
        return list(dict.fromkeys(path for (args,) in rows if isinstance(args, dict) for path in _paths(args)))
    return list(dict.fromkeys(name for (name,) in rows if name))


def _paths(args: dict[str, object]) -> list[str]:
    """The paths of arguments, as a filter writes them, to the second level."""
    found: list[str] = []
    for name, value in args.items():
        inner = value if isinstance(value, dict) and value else None
        parts = [(name, part) for part in inner] if inner else [(name,)]
        found += [".".join(map(segment, path)) for path in parts]
    return found
