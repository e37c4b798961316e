"""Actions are recorded before their effect, once, and what became of each item after."""

import uuid

import pytest

from storage import audit
from storage.audit import Item, NewEntry
from storage.database.connection import Database
from storage.errors import Refused
from storage.values import replace

NEW = NewEntry(
    key="",
    actor="ada",
    host="w1",
    reason="wrong month",
    action="requeue",
    permission="write",
    scope="job",
    query="group:5f",
    options={"rate": 60},
    command="dewey requeue --group 5f",
    items=(("a", "3"), ("b", "7")),
)


def new(**more: object) -> NewEntry:
    return replace(NEW, key=str(uuid.uuid4()), **more)  # type: ignore[arg-type]  # a test's own mix of fields


def test_an_action_is_recorded_with_its_items_and_then_their_outcomes(database: Database) -> None:
    begun = audit.begin(database, new())
    before = audit.entry(database, begun.id)
    assert (before.actor, before.host, before.reason, before.options) == ("ada", "w1", "wrong month", {"rate": 60})
    assert (before.items, before.done, before.finished_at) == (2, 0, None)
    assert audit.items(database, begun.id) == (Item("a", "3"), Item("b", "7"))
    outcomes = [Item("b", "7", "refused", "it runs now"), Item("a", "3", "done", "", "4")]
    audit.record(database, begun.id, outcomes)
    after = audit.entry(database, begun.id)
    assert (after.done, after.refused, after.finished_at is not None) == (1, 1, True)
    assert audit.items(database, begun.id) == (outcomes[1], outcomes[0])
    assert audit.items(database, begun.id, after=1, limit=5) == (outcomes[0],)


def test_the_same_look_is_recorded_once(database: Database) -> None:
    once = new()
    first, second = audit.begin(database, once), audit.begin(database, once)
    assert (first.is_new, second.is_new, second.is_finished) == (True, False, False)
    assert first.id == second.id
    audit.record(database, first.id, ())
    assert audit.begin(database, once).is_finished
    assert len(audit.entries(database)) == 1


def test_actions_are_listed_by_who_what_and_on_which_item(database: Database) -> None:
    first = audit.begin(database, new()).id
    second = audit.begin(database, new(actor="bob", items=(("email", ""),), action="pause")).id
    assert [one.id for one in audit.entries(database)] == [second, first]
    assert [one.id for one in audit.entries(database, actor="ada")] == [first]
    assert [one.id for one in audit.entries(database, action="pause")] == [second]
    assert [one.id for one in audit.entries(database, item="a")] == [first]
    assert [one.id for one in audit.entries(database, before=second)] == [first]
    assert len(audit.entries(database, limit=1)) == 1
    with pytest.raises(Refused, match="no action 999"):
        audit.entry(database, 999)


def test_the_last_action_to_undo_is_ones_own_was_done_and_was_not_undone(database: Database) -> None:
    with pytest.raises(Refused, match="nothing that could be undone"):
        audit.last_to_undo(database, "ada")
    done = [Item("a", "3", "done")]
    first = audit.begin(database, new()).id
    audit.record(database, first, done)
    for more in ({"actor": "bob"}, {"undo": "what was seen was seen"}, {"undoes": first}):
        audit.record(database, audit.begin(database, new(**more)).id, done)
    nothing = audit.begin(database, new()).id
    audit.record(database, nothing, [Item("a", "3", "refused")])
    assert audit.last_to_undo(database, "ada").id == first
    audit.undone(database, first, nothing)
    with pytest.raises(Refused):
        audit.last_to_undo(database, "ada")
    assert audit.entry(database, first).undone_by == nothing


def test_thousands_of_items_and_hostile_texts_are_kept(database: Database) -> None:
    nasty = "'); DROP TABLE audit; --\0\ud800\x1b[2J"
    items = tuple((f"{nasty}{n}", "1") for n in range(12_000))
    begun = audit.begin(
        database, new(actor=nasty, query=nasty, options={nasty: [nasty, r"\u0000", None, 1.5]}, items=items)
    )
    entry = audit.entry(database, begun.id)
    assert (entry.items, next(iter(entry.options.values()))[1:]) == (12_000, [r"\u0000", None, 1.5])  # type: ignore[index]
    audit.record(database, begun.id, [Item(items[11_999][0], "1", "done")])
    assert audit.entry(database, begun.id).done == 1
