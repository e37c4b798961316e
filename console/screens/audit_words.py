"""What is said of an action of the audit: who did it, what became of it, whether it can be undone, and why not."""

from collections.abc import Mapping, Sequence

from textual.content import Content

from console.gateway.acting import EntryRow, TrashRow
from storage.audit_search import OUTCOMES
from storage.wording import plural

COMMAND_LINES = 3
"""Lines that a command line takes at most below the list; the rest of it is where the action is shown whole."""


def words_of_actions(
    rows: Sequence[EntryRow | TrashRow], words: Mapping[str, tuple[str, ...]]
) -> Mapping[str, tuple[str, ...]]:
    """Return values to complete a filter of actions with: those that some actions have."""
    entries = [row for row in rows if isinstance(row, EntryRow)]
    return {
        "actor": tuple(sorted({row.actor.plain for row in entries})),
        "action": tuple(sorted({row.action for row in entries})),
        "host": tuple(sorted({row.host.plain for row in entries})),
        "outcome": OUTCOMES,
        "item": words.get("queue", ()),
    }


def why_not_undo(entry: EntryRow) -> str:
    """Say why an action can not be undone; "" if it may be."""
    if entry.undone_by is not None:
        return f"It was undone already, by action {entry.undone_by}."
    if entry.undoes is not None:
        return "It is an undoing itself: do the action again instead."
    if not entry.done:
        return "Nothing of it was done, as far as is known."
    return f"It can not be undone: {entry.undo.plain}." if entry.undo else ""


def undoing(entry: EntryRow) -> str:
    """Say what of undoing; of an action that is not finished, what is known, and how it is brought to an end."""
    if entry.undone_by is not None:
        return f"undone by action {entry.undone_by}"
    if entry.undoes is not None:
        return f"undoes action {entry.undoes}"
    if not entry.is_finished:
        known = entry.done + entry.refused
        what = f"known of {known:,} of {plural(entry.items, 'item')}" if known else "how it went is not known"
        return f"{what}: it was cut short, or goes on; dewey audit {entry.number} --finish does what is left"
    return f"can not be undone: {entry.undo.plain}" if entry.undo else "can be undone, as far as it has not gone on"


def described(entry: EntryRow, width: int) -> Content:
    """Say what was done, by whom, from where and why, and what of undoing; in lines of so many cells."""
    why = Content.assemble((": ", "$muted"), entry.reason) if entry.reason else Content("")
    command = Content.assemble("dewey ", entry.command).truncate((COMMAND_LINES - 1) * width, ellipsis=True)
    who = Content.assemble(
        entry.actor.stylize("bold"), (" on ", "$muted"), entry.host, why, (f" · {entry.outcome}", "$muted")
    )
    number = f"action {entry.number}, {plural(entry.items, 'item')} · {undoing(entry)}"
    return Content("\n").join([command, who, Content.styled(number, "$muted")])
