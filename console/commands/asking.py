"""How a command acts: it shows what it would do, asks, does it, and says what became of it.

On a terminal it asks, and no is the answer of whoever just presses enter. Without a terminal it does nothing but with
``--yes``. ``--dry-run`` only shows.
"""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Annotated

import typer
from msgspec import Struct

from console.commands.opening import Desk, WrongUse, actions_of, open_desk, operator
from console.commands.printing import emit, note
from console.commands.searching import explained
from storage.audit import Item
from storage.errors import FilterError, NotRecorded, Refused
from storage.wording import plural
from tasks.actions.layer import UNRECORDED, Actions
from tasks.actions.tools import this_host
from tasks.actions.values import SAMPLE, Approval, Armed, NotEligible, Performed, Preview, Request

DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what it would do, and do nothing.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do it without asking.")]
Reason = Annotated[str, typer.Option(metavar="TEXT", help="Why; kept in the audit, and with what it is done to.")]
Unrecorded = Annotated[
    bool, typer.Option("--unrecorded", help="Do it also when PostgreSQL can not take it into the audit.")
]

ARMED_FOR = timedelta(minutes=15)
NOUNS = {"audit": ("thing",), "canary": ("canary", "canaries")}
"""What things are called, one and many, where their scope is no word for them."""
SHOWN_NOT_ELIGIBLE = 10
SHOWN_DONE = 20
"""Items that are named when it was done to all of them alike; --json has every one."""


class Way(Struct, frozen=True):
    """How an operator wants it done. ``asks`` is False for what needs no second thought; ``unrecorded`` is None where
    the command can not be told so."""

    reason: str = ""
    dry_run: bool = False
    yes: bool = False
    as_json: bool = False
    unrecorded: bool | None = None
    asks: bool = True


class Words(Struct, frozen=True):
    """How it is said of one item that it was done to, and that it was not. ``of`` says the first of one item."""

    done: str
    not_done: str
    of: Callable[[Item], str] | None = None


def act(request: Request, words: Words, way: Way, desk: Desk | None = None) -> Performed | None:
    """Look, ask, do, and say what became of it; None when it was only to be shown, or the answer was no.

    Exits with 1 when a part of it was not done.
    """
    actions = actions_of(desk or open_desk())
    try:
        preview = actions.preview(request)
    except FilterError as error:
        raise WrongUse(explained(request.query, error)) from error
    if way.dry_run:
        emit(document(preview), way.as_json, shown(preview))
        raise typer.Exit(0 if preview.subjects and not preview.not_eligible else 1)
    return _done(actions, preview, words, way)


def finish_action(number: int, words: Words, way: Way) -> None:
    """Do what is left of an action that was cut short."""
    actions = actions_of(open_desk())
    _done(actions, actions.unfinished(number), words, way)


def _done(actions: Actions, preview: Preview, words: Words, way: Way) -> Performed | None:
    typed = preview.confirm
    if preview.subjects and way.asks and not way.yes:
        typed = _asked(preview)
    performed = _performed(actions, preview, way, typed) if preview.subjects else None
    _tell(preview, performed, words, way)
    if performed is None or performed.refused or preview.not_eligible:
        raise typer.Exit(1)
    return performed


def launch(request: Request, way: Way, desk: Desk) -> str:
    """Launch a job, and answer its id. Raises Refused."""
    actions = actions_of(desk)
    preview = actions.preview(request)
    if way.dry_run:
        emit(document(preview), way.as_json, shown(preview))
        raise typer.Exit
    performed = _performed(actions, preview, way, "")
    for item in performed.refused:
        raise Refused(item.detail)
    if performed.unsaved:
        note(performed.unsaved)
    return performed.items[0].after


def _performed(actions: Actions, preview: Preview, way: Way, typed: str) -> Performed:
    by = operator()
    armed = Armed(by, way.reason or "said so on the command line", actions.tools.now() + ARMED_FOR)
    approval = Approval(by, this_host(), way.reason, armed, typed)
    try:
        return actions.perform(preview, approval, unrecorded=bool(way.unrecorded))
    except NotRecorded as error:
        instead = "" if way.unrecorded is None else " (--unrecorded does it all the same)"
        raise NotRecorded(str(error).replace(f" ({UNRECORDED})", instead)) from error


def _asked(preview: Preview) -> str:
    """What was typed where a name is asked for. Raises WrongUse without a terminal, and Refused when the answer is
    no."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise WrongUse(
            f"{preview.action} would be done to {plural(preview.count, 'item')}, and there is no terminal to ask at: "
            "say --yes to do it, or --dry-run to see what it would do"
        )
    for line in shown(preview):
        note(line)
    if preview.confirm:
        return str(typer.prompt(f"Type {preview.confirm!r} to do it", default="", show_default=False, err=True))
    if not typer.confirm("Do it?", default=False, err=True):
        raise Refused("nothing was done")
    return ""


# -- what is said ----------------------------------------------------------------------------------------------


def shown(preview: Preview) -> Iterator[str]:
    """A preview, for a person."""
    what = plural(preview.count, *NOUNS.get(preview.scope, (preview.scope,)))
    yield f"{preview.sentence.removesuffix('.')}: {what}"
    yield from (f"  {label}" for label in preview.sample)
    if preview.count > SAMPLE:
        yield f"  and {preview.count - SAMPLE:,} more"
    if preview.not_eligible:
        yield f"not {plural(len(preview.not_eligible), 'other')}:"
        yield from (f"  {one.id}: {one.why}" for one in preview.not_eligible[:SHOWN_NOT_ELIGIBLE])
        if len(preview.not_eligible) > SHOWN_NOT_ELIGIBLE:
            yield f"  and {len(preview.not_eligible) - SHOWN_NOT_ELIGIBLE:,} more"
    yield f"undo: {preview.undo}"


def document(preview: Preview) -> dict[str, object]:
    """A preview, as JSON has it."""
    return {
        "action": preview.action,
        "does": preview.does,
        "sentence": preview.sentence,
        "permission": preview.permission,
        "count": preview.count,
        "sample": preview.sample,
        "ids": [subject.id for subject in preview.subjects],
        "not_eligible": preview.not_eligible,
        "undo": preview.undo,
        "can_undo": preview.can_undo,
        "command": preview.command,
    }


def _tell(preview: Preview, performed: Performed | None, words: Words, way: Way) -> None:
    items: Sequence[Item] = performed.items if performed is not None else ()
    answer: Mapping[str, object] = {
        "action": preview.action,
        "audit_id": performed.audit_id if performed is not None else None,
        "done": len(performed.done) if performed is not None else 0,
        "items": [{"item": one.item, "outcome": one.outcome, "detail": one.detail} for one in items],
        "not_eligible": preview.not_eligible,
        "command": preview.command,
        **({"unsaved": performed.unsaved} if performed is not None and performed.unsaved else {}),
        **({"values": dict(performed.values)} if performed is not None and performed.values else {}),
    }
    emit(answer, way.as_json, _lines(preview, items, words))
    if not items and not preview.not_eligible:
        note(f"nothing {words.done}: there is nothing that it would apply to")
    if performed is not None and performed.unsaved:
        note(performed.unsaved)
    if performed is not None and performed.done and preview.can_undo and not way.as_json:
        note(f"action {performed.audit_id}: {preview.undo}")


def _lines(preview: Preview, items: Sequence[Item], words: Words) -> Iterator[str]:
    done = [one for one in items if one.outcome == "done"]
    yield from (_line(one, words) for one in done[:SHOWN_DONE])
    if len(done) > SHOWN_DONE:
        yield f"and {len(done) - SHOWN_DONE:,} more  {words.done}"
    yield from (_line(one, words) for one in items if one.outcome != "done")
    yield from (_refusal(one, words) for one in preview.not_eligible)


def _line(item: Item, words: Words) -> str:
    done = words.of(item) if words.of is not None else words.done
    said = done if item.outcome == "done" else words.not_done
    return f"{item.item}  {said}" + (f": {item.detail}" if item.detail else "")


def _refusal(one: NotEligible, words: Words) -> str:
    return f"{one.id}  {words.not_done}: {one.why}"
