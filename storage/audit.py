"""Who did what to what, when, why and with which outcome: a row before each effect, the outcome of each item after."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from msgspec import Struct, field

from storage.database.connection import Database
from storage.database.text import storable
from storage.errors import Refused

Outcome = Literal["done", "refused", ""]
"""What became of one item; empty while that is not known."""

Condition = tuple[str, tuple[object, ...]]
"""SQL over the table of actions, with its parameters."""

ITEMS_AT_ONCE = 5_000
DIGITS = 18
"""No number of an action has more: PostgreSQL's own end little beyond."""
_ENTRY = (
    "id, key::text, at, actor, host, reason, action, permission, scope, query, options, command, undo, undoes, "
    "undone_by, items, done, refused, finished_at"
)


class NewEntry(Struct, frozen=True):
    """An action that is about to be done. ``items`` are what it is done to, each with what it was when looked at;
    ``undo`` is why it can not be undone, "" when it can."""

    key: str
    actor: str
    host: str
    reason: str
    action: str
    permission: str
    scope: str
    query: str = ""
    options: Mapping[str, object] = field(default_factory=dict)
    command: str = ""
    undo: str = ""
    undoes: int | None = None
    items: tuple[tuple[str, str], ...] = ()


class Entry(Struct, frozen=True):
    """An action as it is recorded. Not finished means that it was cut short, or goes on."""

    id: int
    key: str
    at: datetime
    actor: str
    host: str
    reason: str
    action: str
    permission: str
    scope: str
    query: str
    options: Mapping[str, object]
    command: str
    undo: str
    undoes: int | None
    undone_by: int | None
    items: int
    done: int
    refused: int
    finished_at: datetime | None


class Item(Struct, frozen=True):
    """One thing that an action was done to. ``after`` is what undoing it needs to know."""

    item: str
    seen: str = ""
    outcome: Outcome = ""
    detail: str = ""
    after: str = ""


class Begun(Struct, frozen=True):
    """The row of an action: new, or one that was there because the same look was acted on before."""

    id: int
    is_new: bool
    is_finished: bool


def begin(database: Database, new: NewEntry) -> Begun:
    """Record an action before its effect; of one that was recorded before, the row that is there.

    Raises: StoreUnavailable, StoreRefused: then nothing is recorded, and nothing may be done.
    """
    with database.transaction() as session:
        rows = session.rows(
            "INSERT INTO audit (key, actor, host, reason, action, permission, scope, query, options, command, undo,"
            " undoes, items) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
            " ON CONFLICT (key) DO NOTHING RETURNING id",
            (
                *(new.key, *map(storable, (new.actor, new.host, new.reason, new.action, new.permission, new.scope))),
                *(storable(new.query), _json(new.options), storable(new.command), new.undo, new.undoes, len(new.items)),
            ),
        )
        if not rows:
            found = session.rows("SELECT id, finished_at IS NOT NULL FROM audit WHERE key = %s", (new.key,))
            return Begun(found[0][0], False, found[0][1])
        audit_id = int(rows[0][0])
        for start in range(0, len(new.items), ITEMS_AT_ONCE):
            part = new.items[start : start + ITEMS_AT_ONCE]
            session.run(
                "INSERT INTO audit_items (audit_id, number, item, seen) SELECT %s, %s + ordinality, item, seen"
                " FROM unnest(%s::text[], %s::text[]) WITH ORDINALITY AS t (item, seen, ordinality)",
                (audit_id, start, [storable(one) for one, _ in part], [storable(seen) for _, seen in part]),
            )
    return Begun(audit_id, True, False)


def record(database: Database, audit_id: int, items: Sequence[Item], *, finished: bool = True) -> None:
    """Record what became of items, and that the action has been done with all of them."""
    with database.transaction() as session:
        for start in range(0, len(items), ITEMS_AT_ONCE):
            part = items[start : start + ITEMS_AT_ONCE]
            columns = [
                [storable(getattr(one, name)) for one in part] for name in ("item", "outcome", "detail", "after")
            ]
            session.run(
                "UPDATE audit_items AS i SET outcome = t.outcome, detail = t.detail, after = t.after"
                " FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[]) AS t (item, outcome, detail, after)"
                " WHERE i.audit_id = %s AND i.item = t.item",
                (*columns, audit_id),
            )
        session.run(
            "UPDATE audit SET done = c.done, refused = c.refused, finished_at = CASE WHEN %s THEN clock_timestamp() END"
            " FROM (SELECT count(*) FILTER (WHERE outcome = 'done') AS done,"
            " count(*) FILTER (WHERE outcome = 'refused') AS refused FROM audit_items WHERE audit_id = %s) AS c"
            " WHERE id = %s",
            (finished, audit_id, audit_id),
        )


def undone(database: Database, audit_id: int, by: int) -> None:
    """Note that an action was undone by another one."""
    with database.session() as session:
        session.run("UPDATE audit SET undone_by = %s WHERE id = %s", (by, audit_id))


def entry(database: Database, audit_id: int) -> Entry:
    """One action. Raises Refused when there is none of that number."""
    with database.session() as session:
        rows = session.rows(f"SELECT {_ENTRY} FROM audit WHERE id = %s", (audit_id,))
    if not rows:
        raise Refused(f"there is no action {audit_id} in the audit: `dewey audit` lists them")
    return Entry(*rows[0])


def items(database: Database, audit_id: int, *, after: int = 0, limit: int | None = None) -> tuple[Item, ...]:
    """What an action was done to, in order, after so many of them."""
    with database.session() as session:
        rows = session.rows(
            "SELECT item, seen, outcome, detail, after FROM audit_items WHERE audit_id = %s AND number > %s"
            " ORDER BY number LIMIT %s",
            (audit_id, after, limit),
        )
    return tuple(Item(*row) for row in rows)


def entries(
    database: Database,
    *,
    actor: str = "",
    action: str = "",
    item: str = "",
    before: int | None = None,
    limit: int = 50,
    where: Condition = ("true", ()),
) -> tuple[Entry, ...]:
    """Actions, the newest first: of an actor, of a kind, on one item (a job, a queue ...), before a number, and as a
    filter says (see audit_search.py)."""
    conditions: list[str] = [f"({where[0]})"]
    parameters: list[Any] = [*where[1]]
    for condition, value in (("actor = %s", actor), ("action = %s", action), ("id < %s", before)):
        if value:
            conditions.append(condition)
            parameters.append(value)
    if item:
        conditions.append("id IN (SELECT audit_id FROM audit_items WHERE item = %s)")
        parameters.append(storable(item))
    said = f"SELECT {_ENTRY} FROM audit WHERE {' AND '.join(conditions)} ORDER BY id DESC LIMIT %s"
    with database.session() as session:
        rows = session.rows(said, [*parameters, limit])
    return tuple(Entry(*row) for row in rows)


def last_to_undo(database: Database, actor: str) -> Entry:
    """The last action of an actor that can be undone and was not. Raises Refused when there is none."""
    with database.session() as session:
        rows = session.rows(
            f"SELECT {_ENTRY} FROM audit WHERE actor = %s AND undo = '' AND undoes IS NULL AND undone_by IS NULL"
            " AND done > 0 ORDER BY id DESC LIMIT 1",
            (actor,),
        )
    if not rows:
        raise Refused(f"{actor} has done nothing that could be undone: `dewey audit` lists what others did")
    return Entry(*rows[0])


def standing(database: Database, action: str, item: str) -> Entry | None:
    """The last action of a kind that was done to an item and not undone; None when there is none."""
    found = entries(database, action=action, item=item, limit=1, where=("done > 0 AND undone_by IS NULL", ()))
    return found[0] if found else None


def _json(value: Mapping[str, object]) -> str:
    return json.dumps(_kept(value), default=str, ensure_ascii=False)


def _kept(value: object) -> object:
    """A value with every text in it as PostgreSQL can keep it."""
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, Mapping):
        return {storable(str(key)): _kept(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_kept(item) for item in value]
    return value if isinstance(value, int | float | None) else storable(str(value))
