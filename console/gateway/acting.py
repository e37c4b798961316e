"""What the console sees of actions: what was looked at, what was said to it, what became of it, and what was done.

`Look` holds the layer's own preview, which is performed as it was shown; every text to be drawn is safe.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, Protocol

from msgspec import Struct, field
from textual.content import Content

from console.formats import ROW_LIMIT, safe_text
from console.gateway.sentences import as_sentence, with_keys
from storage.wording import SHORT_ID, short_id, short_name
from tasks.actions.values import SAMPLE, Armed, Performed, Preview, Request

if TYPE_CHECKING:
    from storage.audit import Entry, Item
    from storage.broker.canaries import Canary
    from storage.trash import Trashed

ARMED_FOR: Final = timedelta(minutes=15)
"""How long writing stays armed."""
GOES_ON: Final = ("loading", "running", "paused", "stopped")
"""The states of a canary that an operator can still end."""
NOT_DONE_SHOWN: Final = 1_000


class Look(Struct, frozen=True):
    """An action before it is done. ``now`` is what is set now, as the fields of its dialog are written; ``left_out``
    pairs what it is not done to with why; ``about`` is what the screen knows besides."""

    preview: Preview
    sentence: Content
    sample: tuple[Content, ...]
    left_out: tuple[tuple[Content, Content], ...]
    undo: Content
    command: str
    now: Mapping[str, str] = field(default_factory=dict)
    about: Content = field(default_factory=lambda: Content(""))

    @property
    def count(self) -> int:
        """How many things it would be done to."""
        return self.preview.count


class Said(Struct, frozen=True):
    """What an operator said to a look: that they may, why, the name that was asked for, and what else it takes."""

    armed: Armed | None
    reason: str = ""
    typed: str = ""
    options: Mapping[str, object] = field(default_factory=dict)


class NotDone(Struct, frozen=True):
    """One thing that an action was not done to, and why."""

    name: Content
    why: Content


class Done(Struct, frozen=True):
    """What became of an action. ``made`` are the keys of jobs that it brought into being; ``shown`` what it revealed,
    path by path; ``unsaved`` why its outcome is not in the audit."""

    action: str
    audit_id: int | None
    done_keys: tuple[str, ...]
    not_done: tuple[NotDone, ...]
    can_undo: bool
    is_repeat: bool = False
    made: tuple[str, ...] = ()
    shown: Mapping[str, object] = field(default_factory=dict)
    unsaved: Content = field(default_factory=lambda: Content(""))

    @property
    def count(self) -> int:
        """How many things it was done to."""
        return len(self.done_keys)


class EntryRow(Struct, frozen=True):
    """An action in the audit. ``undo`` is why it can not be undone, empty when it can."""

    key: str
    number: int
    at: datetime
    actor: Content
    host: Content
    reason: Content
    action: str
    command: Content
    items: int
    done: int
    refused: int
    is_finished: bool
    undo: Content
    undoes: int | None
    undone_by: int | None

    @property
    def outcome(self) -> str:
        """What became of it, in a few words."""
        if not self.is_finished:
            return "not finished"
        return f"{self.done:,} done" + (f", {self.refused:,} not" if self.refused else "")


class ItemRow(Struct, frozen=True):
    """One thing that an action was done to."""

    key: str
    name: Content
    outcome: str
    detail: Content


class EntryView(Struct, frozen=True):
    """An action in the audit, with (the first of) what it was done to."""

    row: EntryRow
    items: tuple[ItemRow, ...]


class TrashRow(Struct, frozen=True):
    """A job in the trash. ``is_in_both`` says that it may not have left its queue."""

    key: str
    number: int
    job_key: str
    short_id: Content
    task: Content
    queue: Content
    state: Content
    size_bytes: int
    at: datetime
    is_in_both: bool


class CanaryRow(Struct, frozen=True):
    """A canary requeue as it stands. ``label`` is what it is of: a group, by its id, or a filter; ``name`` what broke
    there, as the list of failures says it, if that is known; ``group`` the beginning of the group's id."""

    key: str
    short_id: Content
    state: str
    phase: str
    by: Content
    label: Content
    rate: int
    share_percent: float
    total: int
    sent: int
    succeeded: int
    failed: int
    refused: int
    waiting: int
    flying: int
    started_at: datetime
    ended_at: datetime | None
    reason: Content
    told_by: Content
    name: Content
    group: Content

    @property
    def goes_on(self) -> bool:
        """Whether an operator can still pause, resume or end it."""
        return self.state in GOES_ON

    @property
    def outcomes(self) -> int:
        """Of how many it is known how they ended."""
        return self.succeeded + self.failed


class ActingGateway(Protocol):
    """Looks, acts, and answers what was done."""

    @property
    def actor(self) -> str:
        """Who acts, as the audit writes it."""

    def arm(self, reason: str) -> Armed:
        """Allow writing for a time, for a reason; refused where the console may only look."""

    def preview(self, request: Request) -> Look:
        """Say what an action would do now; changes nothing."""

    def command(self, request: Request) -> str:
        """Return the command line that does the same, without asking anybody."""

    def perform(self, look: Look, said: Said) -> Done:
        """Do what was looked at, to what has not changed since."""

    def audit(self, before: int | None, limit: int, criteria: str = "") -> tuple[EntryRow, ...]:
        """Return actions that match a filter, the newest first, before a number."""

    def audit_entry(self, number: int) -> EntryView:
        """Return one action with its items."""

    def trash(self, before: int | None, limit: int) -> tuple[TrashRow, ...]:
        """Return what is in the trash, the last first, before a number."""

    def canaries(self) -> tuple[CanaryRow, ...]:
        """Return the canaries that go on, and those that ended of late; the newest first."""

    def arguments(self, key: str) -> Mapping[str, object]:
        """Return a job's arguments by name, without those that are secret."""

    def last_arguments(self, task: str) -> Mapping[str, object]:
        """Return the arguments of a task's last success, without those that are secret."""


def look_of(preview: Preview, now: Mapping[str, str] | None = None) -> Look:
    """Make a preview into a view."""
    return Look(
        preview=preview,
        sentence=safe_text(as_sentence(preview.sentence), limit=400),
        sample=tuple(safe_text(subject.label, limit=200) for subject in preview.subjects[:SAMPLE]),
        left_out=tuple(
            (safe_text(one.id, limit=80), safe_text(one.why, limit=200))
            for one in preview.not_eligible[:NOT_DONE_SHOWN]
        ),
        undo=safe_text(with_keys(preview.undo), limit=300),
        command=safe_text(preview.command, limit=4_000).plain,
        now=now or {},
    )


def done_of(preview: Preview, performed: Performed) -> Done:
    """Make what became of an action into a view."""
    makes = preview.action in ("trigger", "edit", "run")
    return Done(
        action=performed.action,
        audit_id=performed.audit_id,
        done_keys=tuple(item.item for item in performed.done),
        not_done=tuple(
            NotDone(safe_text(item.item, limit=80), safe_text(item.detail or "it is not known why", limit=300))
            for item in performed.refused[:NOT_DONE_SHOWN]
        ),
        can_undo=preview.can_undo and performed.audit_id is not None and bool(performed.done),
        is_repeat=performed.is_repeat,
        made=tuple(item.after for item in performed.done if makes and item.after),
        shown=performed.values,
        unsaved=safe_text(performed.unsaved, limit=300),
    )


def entry_row(entry: Entry) -> EntryRow:
    """Make an action of the audit into a view."""
    return EntryRow(
        key=str(entry.id),
        number=entry.id,
        at=entry.at,
        actor=safe_text(entry.actor, limit=60),
        host=safe_text(entry.host, limit=80),
        reason=safe_text(entry.reason, limit=300),
        action=entry.action,
        command=safe_text(entry.command.removeprefix("dewey "), limit=600),
        items=entry.items,
        done=entry.done,
        refused=entry.refused,
        is_finished=entry.finished_at is not None,
        undo=safe_text(with_keys(entry.undo), limit=300),
        undoes=entry.undoes,
        undone_by=entry.undone_by,
    )


def item_rows(items: Sequence[Item]) -> tuple[ItemRow, ...]:
    """Make the items of an action into views."""
    return tuple(
        ItemRow(one.item, safe_text(one.item, limit=120), one.outcome, safe_text(one.detail, limit=300))
        for one in items
    )


def trash_row(one: Trashed) -> TrashRow:
    """Make a job of the trash into a view."""
    return TrashRow(
        key=str(one.id),
        number=one.id,
        job_key=one.job_id,
        short_id=safe_text(short_id(one.job_id)),
        task=safe_text(short_name(one.task), limit=120),
        queue=safe_text(one.queue, limit=80),
        state=safe_text(one.state, limit=20),
        size_bytes=one.size_bytes,
        at=one.trashed_at,
        is_in_both=one.left_at is None,
    )


def canary_row(canary: Canary) -> CanaryRow:
    """Make a canary into a view."""
    return CanaryRow(
        key=canary.id,
        short_id=safe_text(canary.id[:SHORT_ID]),
        state=canary.state,
        phase=canary.phase,
        by=safe_text(canary.by, limit=60),
        label=safe_text(canary.label, limit=120),
        rate=canary.rate,
        share_percent=canary.share_percent,
        total=canary.total,
        sent=canary.sent,
        succeeded=canary.succeeded,
        failed=canary.failed,
        refused=canary.refused,
        waiting=canary.waiting,
        flying=canary.flying,
        started_at=canary.started_at,
        ended_at=canary.ended_at,
        reason=safe_text(canary.reason, limit=200),
        told_by=safe_text(canary.told_by, limit=60),
        name=safe_text(canary.name, limit=ROW_LIMIT),
        group=safe_text(canary.group, limit=20),
    )
