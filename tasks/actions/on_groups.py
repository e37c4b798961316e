"""Actions on groups of failures: mute one, resolve it, and take that back."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Literal

from storage.audit import Entry, Item
from storage.broker.records import FailureGroup
from storage.errors import JobMissing, Refused
from storage.history import failures, marks
from storage.history.failures import Mark
from storage.wording import SHORT_ID, error_line
from tasks.actions.tools import Act, Action, Tools, Undo
from tasks.actions.values import Found, NotEligible, Request, Subject

Say = Literal["muted", "resolved", ""]


def _look(say: Say) -> Callable[[Tools, Request], Found]:
    def look(tools: Tools, request: Request) -> Found:
        if not request.subjects:
            raise Refused("name a group of failures: `dewey failures` shows those that there are")
        subjects, not_eligible = [], []
        for prefix in request.subjects:
            try:
                fingerprint, label = _group(tools, prefix)
            except JobMissing as error:
                not_eligible.append(NotEligible(prefix, str(error)))
                continue
            now = failures.mark_of(tools.database, fingerprint)
            if not say and now is None:
                not_eligible.append(NotEligible(fingerprint, "nothing was said of it"))
            else:
                subjects.append(Subject(fingerprint, marks.written(now), label))
        return Found(tuple(subjects), tuple(not_eligible))

    return look


def _group(tools: Tools, prefix: str) -> tuple[str, str]:
    """The fingerprint of a group that has dead jobs now, or that history knows. Raises JobMissing."""
    try:
        group = tools.inspector.failure_group(prefix)
    except JobMissing:
        fingerprint = failures.find(tools.database, prefix)
        return fingerprint, fingerprint
    return group.fingerprint, f"{group.fingerprint[:SHORT_ID]} {group.count} dead, {broke(tools, group)}"


def broke(tools: Tools, group: FailureGroup) -> str:
    """What broke in a group: type and message of the exception, without secrets."""
    return tools.redactor.redact_text(error_line(group.error_type, group.message))


def _say(say: Say) -> Callable[[Tools, Act], list[Item]]:
    def effect(tools: Tools, act: Act) -> list[Item]:
        at = datetime.fromtimestamp(tools.inspector.clock_ms() / 1000, UTC)
        new = Mark(say, act.reason, act.actor, at) if say else None
        return [_replaced(tools, subject, new) for subject in act.subjects]

    return effect


def _replaced(tools: Tools, subject: Subject, new: Mark | None) -> Item:
    now = failures.mark_of(tools.database, subject.id)
    if new is not None and now is not None and (now.state, now.note, now.by) == (new.state, new.note, new.by):
        new = now  # it was said by this very action, before it was cut short
    if marks.replace(tools.database, subject.id, new, marks.read(subject.seen)):
        return Item(subject.id, "", "done", "", marks.written(new))
    return Item(subject.id, "", "refused", "somebody else has said something of it since it was shown: look again")


def _look_back(tools: Tools, entry: Entry, items: Sequence[Item]) -> Found:
    subjects, changed = [], []
    for item in items:
        if item.outcome != "done":
            continue
        if marks.written(failures.mark_of(tools.database, item.item)) == item.after:
            subjects.append(Subject(item.item, item.after, item.item))
        else:
            changed.append(NotEligible(item.item, "somebody else has said something of it since"))
    return Found(tuple(subjects), tuple(changed), f"say what was said before {entry.actor}'s {entry.action}")


def _take_back(tools: Tools, act: Act, entry: Entry) -> list[Item]:
    before = {item.item: marks.read(item.seen) for item in tools.items_of(entry.id)}
    return [_replaced(tools, subject, before.get(subject.id)) for subject in act.subjects]


BACK = Undo("`dewey undo` says what was said before", _look_back, _take_back)

ACTIONS = (
    Action(
        "mute",
        "Say of a group of failures that it is known, and nobody needs to look.",
        "write",
        "group",
        _look("muted"),
        _say("muted"),
        lambda request: ["mute", *request.subjects],
        BACK,
    ),
    Action(
        "resolve",
        "Say of a group of failures that its cause is gone; when it fails again, it is shown as regressed.",
        "write",
        "group",
        _look("resolved"),
        _say("resolved"),
        lambda request: ["resolve", *request.subjects],
        BACK,
    ),
    Action(
        "reopen",
        "Take back what was said of a group of failures.",
        "write",
        "group",
        _look(""),
        _say(""),
        lambda request: ["reopen", *request.subjects],
        BACK,
    ),
)
