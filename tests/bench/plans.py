"""What PostgreSQL was asked, and how it would go about it: no plan may read a day of jobs from end to end."""

import contextlib
import json
from collections.abc import Iterator
from typing import Any

from storage.database.connection import Database, Parameters, Session, parameters_of
from storage.history import walking

CHEAP = 100.0
"""What costs less by the planner's reckoning (a thousand jobs, about) may be read by key: nothing is quicker."""
_BY_INDEX = ("Index Scan", "Index Only Scan", "Bitmap Index Scan")
_OF_ALL = ("_pkey", "_id_idx", "_queue_idx", "_task_idx", "_started_at_idx")
"""How the indexes end that have all jobs: without a condition, they are a way to read all of a day where sequential
scans are off. The others have only those jobs that their own condition is for."""


class _Watched(Session, frozen=True):
    asked: list[tuple[str, Parameters]]

    def rows(self, sql: str, parameters: Parameters = ()) -> list[tuple[Any, ...]]:
        self.asked.append((sql, parameters))
        return Session.rows(self, sql, parameters)


class WatchedDatabase(Database):
    """A database that remembers every question."""

    def __init__(self, url: str) -> None:
        super().__init__(parameters_of(url))
        self.asked: list[tuple[str, Parameters]] = []

    @contextlib.contextmanager
    def session(self) -> Iterator[Session]:
        with super().session() as session:
            yield _Watched(session.pid, session.database, self.asked)

    def readings(self) -> list[str]:
        """Each reading of a whole day in the plans of what was asked since the last call, as "Seq Scan on ..."."""
        asked, self.asked = list(self.asked), []
        found: list[str] = []
        with walking.reading(self) as session:
            for sql, parameters in asked:
                if "FROM jobs" in sql or "FROM (SELECT FROM jobs" in sql:
                    ((plan,),) = Session.rows(session, f"EXPLAIN (FORMAT JSON) {sql}", parameters)
                    found += _readings(plan if isinstance(plan, list) else json.loads(plan), "OFFSET 0" in sql)
        self.asked.clear()
        return found


def _readings(plan: list[dict[str, Any]], is_fenced: bool) -> list[str]:
    found, waiting = [], [one["Plan"] for one in plan]
    while waiting:
        node = waiting.pop()
        waiting += node.get("Plans", [])
        kind, table, index = node["Node Type"], node.get("Relation Name", ""), node.get("Index Name", "")
        if kind == "Seq Scan" and table.startswith("jobs"):
            found.append(f"Seq Scan on {table}")
        has_all = kind in _BY_INDEX and index.startswith("jobs_") and index.endswith(_OF_ALL)
        if has_all and "Index Cond" not in node and node["Total Cost"] > CHEAP:
            found.append(f"{kind} using {index}: all of it")
        is_by_key = kind.startswith("Index") and index.startswith("jobs_") and index.endswith("_pkey")
        if is_by_key and is_fenced and node["Total Cost"] > CHEAP:
            found.append(f"{kind} using {index}: all of its window")
    return found
