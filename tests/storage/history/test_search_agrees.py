"""Random filters over random jobs: what PostgreSQL answers, what matching.py says, and what pages make of it."""

import random
import re
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from storage.database.connection import Database
from storage.history import jobs, partitions
from storage.history.conditions import Known, condition
from storage.history.entries import Count, Entry
from storage.history.filters import Filter
from storage.history.matching import matches
from tests.storage.history.trees import FILTERS, NOW, OLDEST_AT, VALUES, WORDS, rows

ROWS = 300
MESSAGES = ("begun with page 42", "no page", "Nothing: begun/page")


@pytest.fixture
def month(database: Database) -> Database:
    """A database with some hundred random jobs, always the same ones."""
    made: list[dict[str, Any]] = []

    @seed(4)
    @settings(max_examples=ROWS, database=None, suppress_health_check=list(HealthCheck))
    @given(rows())
    def make(row: dict[str, Any]) -> None:
        made.append(row | {"id": f"{row['id']}-{len(made)}"})

    make()
    chance = random.Random(4)
    with database.transaction() as session:
        days = sorted({OLDEST_AT.date(), NOW.date(), *(row["created_at"].date() for row in made)})
        partitions.ensure(session, partitions.PARTITIONED, days)
        partitions.ensure(session, ("logs",), [(NOW + timedelta(days=number)).date() for number in range(1, 5)])
        for number, row in enumerate(made):
            columns = ", ".join(row)
            session.run(f"INSERT INTO jobs ({columns}) VALUES ({', '.join(['%s'] * len(row))})", tuple(row.values()))
            if chance.random() < 0.3:
                at = row["created_at"] + timedelta(hours=chance.choice([0, 0, 3, 30, 70]))
                values = (at, str(number), row["id"], chance.choice(MESSAGES))
                session.run("UPDATE jobs SET finished_at = %s WHERE id = %s", (at, row["id"]))
                session.run(
                    "INSERT INTO logs (at, position, job_id, task, queue, attempt, level, logger, message)"
                    " VALUES (%s, %s, %s, '', '', 1, 'INFO', '', %s)",
                    values,
                )
        session.run(
            "INSERT INTO measures (step_s, at, queue, task)"
            " SELECT DISTINCT 0, timestamptz 'epoch', queue, task FROM jobs"
        )
    return database


def everything(database: Database) -> tuple[Entry, ...]:
    return jobs.search(database, Filter(None, NOW), limit=10_000).entries


def expected(database: Database, filter: Filter, entries: tuple[Entry, ...]) -> list[str]:
    logged = jobs.logged(database, filter, [entry.id for entry in entries])
    return [entry.id for entry in entries if matches(filter, entry, logged)]


@pytest.mark.parametrize(("few_read_in_order", "logs_are_many"), [(1, False), (40, True), (2_000, False)])
def test_postgresql_and_python_agree_on_every_filter(
    month: Database, monkeypatch: pytest.MonkeyPatch, few_read_in_order: int, logs_are_many: bool
) -> None:
    monkeypatch.setattr("storage.history.walking.NEWEST_READ", few_read_in_order)
    if logs_are_many:
        monkeypatch.setattr("storage.history.jobs.LOGGED_JOBS", 0)
    entries = everything(month)
    assert len(entries) >= ROWS
    assert [(one.created_at, one.id) for one in entries] == sorted(
        ((one.created_at, one.id) for one in entries), reverse=True
    )
    hits = 0

    # Without shrinking: a counterexample of six leaves says enough, and each try asks PostgreSQL four times.
    @settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
    @given(FILTERS, st.integers(1, 60))
    def check(filter: Filter, limit: int) -> None:
        nonlocal hits
        wanted = expected(month, filter, entries)
        hits += 0 < len(wanted) < len(entries)
        assert list(jobs.ids(month, filter, 10_000)) == wanted
        assert jobs.count(month, filter) == Count(len(wanted), is_exact=True)
        page = jobs.search(month, filter, limit=limit)
        assert [one.id for one in page.entries] == wanted[:limit]
        assert bool(page.after) == (len(wanted) > limit)
        if page.after:
            following = jobs.search(month, filter, page.after, limit)
            assert [one.id for one in following.entries] == wanted[limit : 2 * limit]

    with month.session():
        check()
    assert hits > 5, "these filters tell jobs apart"


@settings(max_examples=300)
@given(FILTERS, st.lists(st.one_of(VALUES, WORDS)))
def test_what_a_reader_wrote_is_never_in_the_text_of_the_sql(filter: Filter, names: list[str]) -> None:
    made = condition(filter.node, NOW, Known(names, names))
    assert made.sql.count("%s") == len(made.parameters)
    known = condition(filter.node, NOW, Known())
    words = set(re.findall(r"'[^']*'", made.sql + known.sql))
    assert words <= _CONSTANTS


_CONSTANTS = {
    *("'1 day'", "'23 hours'"),
    *(
        "''",
        "'array'",
        "'infinity'",
        "'null'",
        "'1 hour'",
        "'succeeded'",
        "'dead'",
        "'canceled'",
        "'blocked'",
        "'scheduled'",
    ),
    *("'queued'", "'running'", "'retrying'"),
}
