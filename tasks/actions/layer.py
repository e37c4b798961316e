"""The one way to act, for the console and the command line: look, then do exactly what was looked at.

`Actions.preview` says what would be done to what, and what not and why; it changes nothing. `Actions.perform` does
it: it must be allowed (armed), it is in the audit before its effect, each item is done as it was shown or refused,
and what became of it is in the audit after. Performing the same preview again answers the same and does nothing more.
"""

import logging
import uuid
from collections.abc import Iterator, Sequence

from storage import audit
from storage.audit import Begun, Item, NewEntry
from storage.database.text import storable
from storage.errors import NotArmed, NotRecorded, Refused, StorageError
from storage.redaction import MASK
from storage.values import replace
from tasks.actions import registry, undoing
from tasks.actions.tools import Act, Action, Tools
from tasks.actions.values import Approval, Found, Performed, Preview, Request, Subject, command_line

UNRECORDED = "unrecorded, it can be done all the same"
"""What is said of an action that the audit could not take, and that may be done without it."""
_logger = logging.getLogger(__name__)


class Actions:
    """What operators do to one namespace and its history."""

    def __init__(self, tools: Tools) -> None:
        self.tools = tools

    # -- looking -----------------------------------------------------------------------------------------------

    def preview(self, request: Request) -> Preview:
        """What an action would do now: to what, and to what not and why. Changes nothing.

        Raises:
            Refused: it can not be meant so; the message says how it can.
            JobMissing: what it names is not there.
            StoreUnavailable: it could not be asked.
        """
        action = registry.find(request.action)
        asked = self._resolved(request)
        found = action.look(self.tools, asked)
        return self._preview(str(uuid.uuid4()), asked, found, self.as_command(asked))

    def _preview(self, key: str, asked: Request, found: Found, command: str) -> Preview:
        action = registry.find(asked.action)
        return Preview(
            key=key,
            action=action.name,
            does=action.does,
            request=asked,
            permission=action.permission,
            scope=action.scope,
            sentence=found.sentence or action.does,
            subjects=found.subjects,
            not_eligible=found.not_eligible,
            undo=action.undo if isinstance(action.undo, str) else action.undo.sentence,
            can_undo=not isinstance(action.undo, str),
            command=command,
            confirm=found.confirm,
            made_at=self.tools.now(),
        )

    def unfinished(self, audit_id: int) -> Preview:
        """The preview of an action that was cut short, as the audit has it: performing it does what is left of it.

        Raises:
            Refused: there is no such action, it is finished, or the audit does not hold all of what it was asked for.
        """
        entry = audit.entry(self.tools.database, audit_id)
        action = registry.find(entry.action)
        if entry.finished_at is not None:
            raise Refused(f"action {audit_id} is finished: there is nothing left to do of it")
        if MASK in str(entry.options):
            raise Refused(
                f"action {audit_id} had secrets among its options, which the audit does not keep: do it again"
            )
        items = audit.items(self.tools.database, audit_id)
        named = (str(entry.undoes),) if entry.undoes is not None else tuple(item.item for item in items)
        subjects = tuple(Subject(item.item, item.seen, item.item) for item in items)
        found = Found(subjects, (), f"finish action {audit_id}, which {entry.actor} began: {action.does}")
        return self._preview(entry.key, Request(action.name, named, "", entry.options), found, entry.command)

    def as_command(self, request: Request) -> str:
        """The command line that does the same, with secrets masked."""
        words = registry.find(request.action).words(self._masked(request))
        return self.tools.redactor.redact_text(command_line(*words))

    def _resolved(self, request: Request) -> Request:
        """A request whose names are all of characters; one to undo the last action, as one to undo that one."""
        named = tuple(one.encode("utf-8", "ignore").decode("utf-8") for one in request.subjects)
        request = replace(request, subjects=named)
        if request.action != "undo" or request.subjects:
            return request
        return replace(request, subjects=(str(undoing.entry_of(self.tools, request).id),))

    def _masked(self, request: Request) -> Request:
        options = self.tools.redactor.redact_value(dict(request.options))
        return replace(request, options=options if isinstance(options, dict) else {})

    # -- doing -------------------------------------------------------------------------------------------------

    def perform(self, preview: Preview, approval: Approval, *, unrecorded: bool = False) -> Performed:
        """Do what was looked at, to what has not changed since.

        ``unrecorded`` does it also when the audit can not take it; never what is dangerous.

        Raises:
            NotArmed: only looking is allowed.
            NotRecorded: the audit could not take it, so nothing was done.
            Refused: a name was to be typed and was not, or there is nothing to do it to.
            StoreUnavailable: Redis went away on the way; the audit says to what it was done. Perform it again.
        """
        action = registry.find(preview.action)
        self._check(action, preview, approval)
        begun = self._begin(action, preview, approval, unrecorded)
        if begun is not None and begun.is_finished:
            return Performed(action.name, begun.id, audit.items(self.tools.database, begun.id), is_repeat=True)
        act = Act(preview.key, storable(approval.actor), self._said(approval.reason), preview.request, preview.subjects)
        items: list[Item] = []
        try:
            for part in _parts(preview.subjects, action.at_once):
                items += action.effect(self.tools, replace(act, subjects=part))
        except StorageError:
            self._record(begun, items, finished=False)
            raise
        unsaved = self._record(begun, items, finished=True)
        if preview.action == "undo" and begun is not None and any(item.outcome == "done" for item in items):
            unsaved = unsaved or self._note_undone(int(preview.request.subjects[0]), begun.id)
        repeat = begun is not None and not begun.is_new
        return Performed(
            action.name, begun.id if begun else None, tuple(items), is_repeat=repeat, unsaved=unsaved, values=act.shown
        )

    def _check(self, action: Action, preview: Preview, approval: Approval) -> None:
        armed = approval.armed
        if action.permission != "read" and (armed is None or armed.until_at <= self.tools.now()):
            was = f" (it was until {armed.until_at:%H:%M:%S} UTC)" if armed is not None else ""
            raise NotArmed(f"{action.name}: only looking is allowed here, writing is not armed{was}")
        if preview.confirm and approval.typed != preview.confirm:
            raise Refused(f"{action.name}: type {preview.confirm!r} to say that you mean it; nothing was done")
        if not preview.subjects:
            why = preview.not_eligible[0] if preview.not_eligible else None
            raise Refused(f"{action.name}: there is nothing to do" + (f": {why.id}: {why.why}" if why else ""))

    def _begin(self, action: Action, preview: Preview, approval: Approval, unrecorded: bool) -> Begun | None:
        """Record it before its effect."""
        masked = self._masked(preview.request)
        undoes = int(preview.request.subjects[0]) if action.name == "undo" else None
        entry = NewEntry(
            key=preview.key,
            actor=approval.actor,
            host=approval.host,
            reason=self._said(approval.reason),
            action=action.name,
            permission=action.permission,
            scope=action.scope,
            query=self._said(masked.query or _selection(masked)),
            options=masked.options,
            command=preview.command,
            undo=action.undo if isinstance(action.undo, str) else "",
            undoes=undoes,
            items=tuple((subject.id, subject.seen) for subject in preview.subjects),
        )
        try:
            return audit.begin(self.tools.database, entry)
        except StorageError as error:
            if unrecorded and action.permission != "dangerous":
                _logger.warning("%s by %s is not in the audit: %s", preview.command, approval.actor, error)
                return None
            what = "nothing was done, because the audit could not take it"
            instead = "" if action.permission == "dangerous" else f" ({UNRECORDED})"
            raise NotRecorded(f"{action.name}: {what}{instead}: {error}") from error

    def _record(self, begun: Begun | None, items: Sequence[Item], *, finished: bool) -> str:
        """Record what became of it; why that could not be, or ""."""
        if begun is None:
            return "it was done without the audit"
        try:
            audit.record(self.tools.database, begun.id, items, finished=finished)
        except StorageError as error:
            _logger.warning("the outcome of action %s is not in the audit: %s", begun.id, error)
            return f"it was done, but its outcome is not in the audit: {error}"
        return ""

    def _note_undone(self, audit_id: int, by: int) -> str:
        try:
            audit.undone(self.tools.database, audit_id, by)
        except StorageError as error:
            return f"it was done, but the audit does not say so of action {audit_id}: {error}"
        return ""

    def _said(self, text: str) -> str:
        return self.tools.redactor.redact_text(storable(text))


def _parts(subjects: Sequence[Subject], at_once: int) -> Iterator[tuple[Subject, ...]]:
    for start in range(0, len(subjects), at_once):
        yield tuple(subjects[start : start + at_once])


def _selection(request: Request) -> str:
    """What was asked for, when it was not named one by one."""
    if request.text("group"):
        return f"group {request.text('group')}"
    return " ".join(request.subjects[:1]) if request.action in ("purge", "undo") else ""
