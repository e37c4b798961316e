"""The part of the live gateway that acts: everything goes through the layer of tasks/actions.

That layer is opened when somebody acts, or asks what was done: until then the console does without loading it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC
from typing import TYPE_CHECKING

from console.gateway.acting import (
    ARMED_FOR,
    CanaryRow,
    Done,
    EntryRow,
    EntryView,
    Look,
    Said,
    TrashRow,
    canary_row,
    done_of,
    entry_row,
    item_rows,
    look_of,
    trash_row,
)
from console.gateway.errors import GatewayRefused, GatewayUnavailable
from console.gateway.live_part import LivePart
from console.gateway.reading import translated
from storage.errors import DecodeError, NotRecorded
from storage.values import replace
from tasks.actions.values import Approval, Armed, Preview, Request
from tasks.engine.arguments import decode_call

if TYPE_CHECKING:
    from storage.broker.canaries import Canaries
    from tasks.actions.layer import Actions

ITEMS_SHOWN = 1_000
"""Items of an action that are read at most."""


class LiveActing(LivePart):
    """Looks at what an action would do, does it, and reads the audit, the trash and the canaries."""

    _open_actions: Callable[[], Actions] | None
    _actions: Actions | None = None
    _opening = threading.Lock()
    _canaries: Canaries | None = None

    @property
    def actor(self) -> str:
        """Who acts, as the audit writes it."""
        return self._by

    def _layer(self) -> Actions:
        if self._open_actions is None:
            raise GatewayRefused("this console was opened without the layer that acts: it only looks")
        with self._opening:
            if self._actions is None:
                actions = self._open_actions()
                self._actions = type(actions)(replace(actions.tools, now=self.now))
            return self._actions

    def arm(self, reason: str) -> Armed:
        """Allow writing for a time."""
        if not reason.strip():
            raise GatewayRefused("writing is armed for a reason: others will read it")
        return Armed(self._by, reason.strip(), self._layer().tools.now() + ARMED_FOR)

    def preview(self, request: Request) -> Look:
        """Say what an action would do now."""
        with translated():
            preview = self._layer().preview(request)
            return look_of(preview, _now(preview))

    def command(self, request: Request) -> str:
        """Return the command line that does the same."""
        with translated():
            return self._layer().as_command(request)

    def perform(self, look: Look, said: Said) -> Done:
        """Do what was looked at, to what has not changed since; what else was said is checked before."""
        reason = said.reason or (said.armed.reason if said.armed is not None else "")
        from tasks.actions.tools import this_host  # noqa: PLC0415 - who only looks acts never

        approval = Approval(self._by, this_host(), reason, said.armed, said.typed)
        with _recorded(), translated():
            preview = self._with(look.preview, said.options)
            return done_of(preview, self._layer().perform(preview, approval))

    def _with(self, preview: Preview, options: Mapping[str, object]) -> Preview:
        """The look with what was said to it, still of what was shown."""
        if not options and preview.action != "limit":
            return preview
        asked = replace(preview.request, options={**preview.request.options, **options})
        fresh = self._layer().preview(asked)
        return replace(preview, request=asked, command=fresh.command, sentence=fresh.sentence)

    # What was done.

    def audit(self, before: int | None, limit: int, criteria: str = "") -> tuple[EntryRow, ...]:
        """Return actions that match, the newest first."""
        from console.gateway.criteria import parsed_audit  # noqa: PLC0415 - the first screen is drawn without filters
        from storage import audit  # noqa: PLC0415 - and without the audit
        from storage.audit_search import condition  # noqa: PLC0415 - as above

        with translated():
            where = condition(parsed_audit(criteria, self.now()))
            found = audit.entries(self._layer().tools.database, before=before, limit=limit, where=where)
        return tuple(entry_row(entry) for entry in found)

    def audit_entry(self, number: int) -> EntryView:
        """Return one action with its items."""
        from storage import audit  # noqa: PLC0415 - the first screen is drawn without the audit

        with translated():
            database = self._layer().tools.database
            entry, items = audit.entry(database, number), audit.items(database, number, limit=ITEMS_SHOWN)
        return EntryView(entry_row(entry), item_rows(items))

    def trash(self, before: int | None, limit: int) -> tuple[TrashRow, ...]:
        """Return what is in the trash, the last first."""
        from storage import trash  # noqa: PLC0415 - the first screen is drawn without the trash

        with translated():
            found = trash.listed(self._layer().tools.database, before=before, limit=limit)
        return tuple(trash_row(one) for one in found)

    def canaries(self) -> tuple[CanaryRow, ...]:
        """Return the canaries that go on, and those that ended of late."""
        if self._open_actions is None:
            return ()
        from storage.broker.canaries import Canaries  # noqa: PLC0415 - the first screen is drawn without canaries

        if self._canaries is None:
            self._canaries = Canaries(self._operations.broker)
        with translated():
            return tuple(canary_row(one) for one in self._canaries.all())

    # Arguments, for forms.

    def arguments(self, key: str) -> Mapping[str, object]:
        """Return a job's arguments by name, without the secret ones."""
        with translated():
            job = self._inspector.job(key)
            parameters = next((task.parameters for task in self._inspector.tasks() if task.name == job.task), ())
        try:
            args, kwargs = decode_call(job.payload)
        except DecodeError as error:
            raise GatewayRefused(f"the arguments of this job can not be read: {error}") from error
        named = dict(zip((one.name for one in parameters), args, strict=False))
        return self._open_ones({**named, **kwargs})

    def last_arguments(self, task: str) -> Mapping[str, object]:
        """Return the arguments of a task's last success, without the secret ones."""
        from storage.history import jobs as history  # noqa: PLC0415 - the first screen is drawn without history
        from storage.history.filters import Is  # noqa: PLC0415 - and without filters
        from storage.history.query import parse  # noqa: PLC0415 - as above

        layer = self._layer()
        with translated():
            asked = parse(f"{Is('task', (task,))} state:succeeded", now=self.now(), zone=UTC)
            entries = history.search(layer.tools.database, asked, limit=1).entries
        if not entries:
            raise GatewayRefused("no success of this task is recorded yet")
        found = entries[0].args
        return self._open_ones(found if isinstance(found, Mapping) else {})

    def _open_ones(self, found: Mapping[str, object]) -> Mapping[str, object]:
        from storage.redaction import MASK  # noqa: PLC0415 - as above

        redacted = self._layer().tools.redactor.redact_value(dict(found))
        assert isinstance(redacted, Mapping)
        return {name: value for name, value in redacted.items() if MASK not in str(value)}


@contextmanager
def _recorded() -> Iterator[None]:
    """The audit that does not take an action is no outage of what the screens show."""
    try:
        yield
    except GatewayUnavailable as error:
        if isinstance(error.__cause__, NotRecorded):
            raise GatewayRefused(str(error)) from error
        raise


def _now(preview: Preview) -> dict[str, str]:
    """What is set now, as the fields of the dialog are written."""
    if preview.action != "limit" or len(preview.subjects) != 1 or not preview.subjects[0].seen:
        return {}
    from storage.broker.requests import decode_limits  # noqa: PLC0415 - as above

    limits = decode_limits(preview.subjects[0].seen.encode())
    found = {name: getattr(limits, name) for name in ("cap", "max_jobs", "max_bytes")}
    said = {name: str(value) for name, value in found.items() if value is not None}
    if limits.rate is not None:
        said["rate"] = f"{limits.rate[0]}/{limits.rate[1]:g}"
    return said
