"""The audit is filtered alike by PostgreSQL and in Python, and what is no filter of it says what is meant."""

import re
import uuid
from datetime import UTC, datetime, timedelta

import pytest

from storage import audit, audit_search
from storage.audit import Item, NewEntry
from storage.database.connection import Database
from storage.errors import FilterError

NOW = datetime(2026, 3, 14, 12, tzinfo=UTC)
DEEDS = (
    # minutes ago, actor, host, action, command, reason, items, outcomes
    (300, "grace", "bastion", "limit", "dewey limit reports --rate 30/60", "Warehouse asked", ("reports",), ("done",)),
    (90, "ada", "laptop-ada", "purge", "dewey purge email", "100% left_over", ("3f2a", "3f2b"), ("done", "done")),
    (61, "ada", "laptop-ada", "requeue", "dewey requeue 3f2a 9c", "mail is back", ("3f2a", "9c"), ("done", "refused")),
    (20, "cron-bot", "w1", "requeue", "dewey requeue 3f2b", "", ("3f2b",), ("refused",)),
    (5, "ada", "w1", "undo", "dewey undo 2", "it was the wrong one", ("3f2a",), ("done",)),
    (1, "grace", "w2", "pause", "dewey pause email", "mail's İnbox", ("email",), ("",)),
)
CASES = (
    ("", 6, 5, 4, 3, 2, 1),
    ("actor:ada", 5, 3, 2),
    ("actor:ada,grace -action:undo", 6, 3, 2, 1),
    ("actor:*bot OR host:lap*", 4, 3, 2),
    ("actor:ad",),
    ("action:requeue outcome:refused", 4, 3),
    ("outcome:done", 5, 2, 1),
    ("outcome:undone", 2),
    ("outcome:unfinished", 6),
    ("outcome:undone,unfinished", 6, 2),
    ("-outcome:done", 6, 4, 3),
    ("item:3f2", 5, 4, 3, 2),
    ("item:3f2a", 5, 3, 2),
    ("item:9c item:3f", 3),
    ("item:email", 6),
    ("item:*", 6, 5, 4, 3, 2, 1),
    ("item:3f_",),
    ("reason:MAIL", 6, 3),
    ('reason:"mail is"', 3),
    ("reason:0% -reason:l_ft", 2),
    ("inbox", 6),
    ("EMAIL OR warehouse", 6, 2, 1),
    ("cron-b", 4),
    ("last:1h", 6, 5, 4),
    ("age:>1h age:<=2h", 3, 2),
    ("age:4m..70m", 5, 4, 3),
    ("at:10:30..11:00", 3, 2),
    ("NOT (last:2h OR actor:grace)",),
    ("at:yesterday",),
    ("at:2026-03-14 -last:5h", ),
)  # fmt: skip


@pytest.fixture
def recorded(database: Database) -> Database:
    """The deeds, numbered from 1; the fifth undid the second."""
    for minutes, actor, host, action, command, reason, items, outcomes in DEEDS:
        named = tuple((item, "1") for item in items)
        new = NewEntry(str(uuid.uuid4()), actor, host, reason, action, "write", "job", command=command, items=named)
        number = audit.begin(database, new).id
        if any(outcomes):
            ended = [Item(item, "1", outcome) for item, outcome in zip(items, outcomes, strict=True)]  # type: ignore[arg-type]  # a test's own words
            audit.record(database, number, ended)
        with database.session() as session:
            session.run("UPDATE audit SET at = %s WHERE id = %s", (NOW - timedelta(minutes=minutes), number))
    audit.undone(database, 2, 5)
    return database


def test_postgresql_and_python_find_the_same_actions(recorded: Database) -> None:
    for text, *numbers in CASES:
        given = audit_search.parse(str(text), now=NOW, zone=UTC)
        found = [one.id for one in audit.entries(recorded, where=audit_search.condition(given))]
        everything = audit.entries(recorded)
        same = [one.id for one in everything if audit_search.matches(given, one, audit.items(recorded, one.id))]
        assert (found, same) == (numbers, numbers), text


def test_a_filter_goes_with_the_other_ways_to_ask(recorded: Database) -> None:
    where = audit_search.condition(audit_search.parse("3f2a OR outcome:done", now=NOW, zone=UTC))
    assert [one.id for one in audit.entries(recorded, where=where, actor="ada", before=5)] == [3, 2]
    assert [one.id for one in audit.entries(recorded, where=where, limit=1)] == [5]


@pytest.mark.parametrize("text", ["item:3f2a", "item:3f_*", "action:requeue -item:9c"])
def test_how_an_item_begins_is_looked_up_in_an_index_whatever_the_collation(recorded: Database, text: str) -> None:
    said, parameters = audit_search.condition(audit_search.parse(text, now=NOW, zone=UTC))
    with recorded.session() as session:
        session.run("SET enable_seqscan = off")
        begins = session.rows(f"EXPLAIN SELECT id FROM audit WHERE {said}", parameters)
        same = session.rows("EXPLAIN SELECT audit_id FROM audit_items WHERE item = '3f2a'")
    for rows, compared in ((begins, "~>=~"), (same, "=")):  # of which the first needs no collation
        plan = "\n".join(str(row[0]) for row in rows)
        assert re.search(rf"Scan .*audit_items_by_item.*\n +Index Cond: \(+item {compared} ", plan), plan


@pytest.mark.parametrize(
    ("text", "wrong", "suggestion"),
    [
        ("who:ada", "who", "actor"),
        ("actor:ada job:3f", "job", "item"),
        ("state:dead", "state", "outcome"),
        ("outcome:ok", "ok", "done"),
        ("outcome:done,refsued", "refsued", "refused"),
        ("err:x", "err", ""),
        ("args.x:1", "args.x", ""),
        ("dur:>1s", "dur", ""),
    ],
)
def test_what_an_action_does_not_have_is_a_mistake_at_its_place(text: str, wrong: str, suggestion: str) -> None:
    with pytest.raises(FilterError) as caught:
        audit_search.parse(text, now=NOW, zone=UTC)
    error = caught.value
    assert (text[error.position : error.position + error.length], error.suggestion) == (wrong, suggestion)
