"""Undoing: an action of its own, recorded like every other one, that names the one that it undoes."""

from storage import audit
from storage.audit import Entry, Item
from storage.errors import Refused
from storage.values import replace
from tasks.actions.tools import Act, Action, Tools, Undo
from tasks.actions.values import Found, Request


def entry_of(tools: Tools, request: Request) -> Entry:
    """The action that is to be undone: the one of that number, or the last one of an actor (option ``actor``)."""
    if not request.subjects:
        return audit.last_to_undo(tools.database, request.text("actor"))
    number = request.subjects[0]
    if not number.isdecimal() or len(number) > audit.DIGITS:
        raise Refused(f"{number!r} is no number of an action: `dewey audit` lists them")
    return audit.entry(tools.database, int(number))


def undo_of(entry: Entry, known: dict[str, Action]) -> Undo:
    """How an action is undone. Raises Refused: it can not be, or was."""
    if entry.undone_by is not None:
        raise Refused(f"action {entry.id} was undone by action {entry.undone_by}")
    action = known.get(entry.action)
    if action is None:
        raise Refused(f"action {entry.id} is {entry.action!r}, which this dewey does not know")
    if isinstance(action.undo, str):
        raise Refused(f"action {entry.id} ({entry.action}) can not be undone: {action.undo}")
    return action.undo


def action(known: dict[str, Action]) -> Action:
    """The action that undoes the others."""

    def look(tools: Tools, request: Request) -> Found:
        entry = entry_of(tools, request)
        undo = undo_of(entry, known)
        found = undo.look(tools, entry, tools.items_of(entry.id))
        return replace(found, sentence=f"undo action {entry.id}: {found.sentence}")

    def effect(tools: Tools, act: Act) -> list[Item]:
        entry = entry_of(tools, act.request)
        return undo_of(entry, known).effect(tools, act, entry)

    return Action(
        "undo",
        "Undo an action, as far as what it was done to has not gone on since.",
        "write",
        "audit",
        look,
        effect,
        lambda request: ["undo", *request.subjects],
        "do the action again instead",
    )
