"""The part of the demo gateway that acts: on canned jobs, in memory."""

import hashlib
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import cast

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
    trash_row,
)
from console.gateway.criteria import parsed_audit
from console.gateway.demo_book import Deed, grown
from console.gateway.demo_looking import ACTOR, HOST, ORDERS, REDACTOR, RULES, SETTINGS, DemoLooking
from console.gateway.demo_records import TASKS, CannedJob, job_id
from console.gateway.errors import GatewayRefused
from console.gateway.reading import translated
from storage.audit import Entry, Item
from storage.audit_search import matches
from storage.broker.canaries import Canary
from storage.broker.records import Attempt, Job, Pause, SchedulePause
from storage.history.failures import Mark
from storage.redaction import MASK
from storage.trash import Trashed
from storage.values import replace
from storage.wording import error_line
from tasks.actions.canaries import group_in, plan_of
from tasks.actions.values import Armed, Performed, Preview, Request, Subject
from tasks.engine.fingerprint import shape_of


class DemoActing(DemoLooking):
    """Acts as the live one does, and remembers it."""

    @property
    def actor(self) -> str:
        """Who acts."""
        return ACTOR

    def arm(self, reason: str) -> Armed:
        """Allow writing for a time."""
        if not reason.strip():
            raise GatewayRefused("writing is armed for a reason: others will read it")
        return Armed(ACTOR, reason.strip(), self.now() + ARMED_FOR)

    # Doing.

    def perform(self, look: Look, said: Said) -> Done:
        """Do what was looked at, once."""
        preview = look.preview
        armed = said.armed
        if armed is None or armed.until_at <= self.now():
            raise GatewayRefused(f"{preview.action}: only looking is allowed here, writing is not armed")
        if preview.confirm and said.typed != preview.confirm:
            raise GatewayRefused(
                f"{preview.action}: type {preview.confirm!r} to say that you mean it; nothing was done"
            )
        with self._lock:
            if preview.key in self._book.performed:
                deed = self._book.deeds[self._book.performed[preview.key]]
                return done_of(preview, Performed(preview.action, deed.entry.id, deed.items, is_repeat=True))
            request = replace(preview.request, options={**preview.request.options, **said.options})
            return self._perform(replace(preview, request=request), said.reason or armed.reason)

    def _perform(self, preview: Preview, reason: str) -> Done:
        self._changed = {}
        number = self._book.next_number()
        values: dict[str, object] = {}
        if preview.action == "canary":
            items = self._begin_canary(preview)
        else:
            items = tuple(self._done(preview, subject, reason, values) for subject in preview.subjects)
        undoes = int(preview.request.subjects[0]) if preview.action == "undo" else None
        done = sum(1 for item in items if item.outcome == "done")
        entry = Entry(
            *(number, preview.key, self.now(), ACTOR, HOST, reason, preview.action, preview.permission, preview.scope),
            *("", {}, self.command(preview.request), "" if preview.can_undo else preview.undo, undoes, None),
            *(len(items), done, len(items) - done, self.now()),
        )
        after = {cell: self._cell(cell) for cell in self._changed}
        self._book.deeds[number] = Deed(entry, items, self._changed, after)
        self._book.performed[preview.key] = number
        if undoes is not None and done:
            undone = self._book.deeds[undoes]
            self._book.deeds[undoes] = replace(undone, entry=replace(undone.entry, undone_by=number))
        return done_of(preview, Performed(preview.action, number, items, values=values))

    def _done(self, preview: Preview, subject: Subject, reason: str, values: dict[str, object]) -> Item:
        action = preview.action
        if action in RULES:
            return self._done_to_job(preview, subject)
        if action in SETTINGS:
            return self._set_setting(preview, subject, reason)
        if action in ORDERS:
            return self._tell_canary(action, subject, reason)
        doers: dict[str, Callable[[Preview, Subject], Item]] = {
            "undo": self._undo,
            "restore": self._restore,
            "trigger": self._launch,
            "run": self._launch,
            "edit": self._launch,
        }
        if action in doers:
            return doers[action](preview, subject)
        canned = self._jobs[subject.id]
        values[preview.request.text("path") or "everything"] = {"args": canned.kwargs, "result": canned.result}
        return Item(subject.id, subject.seen, "done", "everything was shown")

    def _done_to_job(self, preview: Preview, subject: Subject) -> Item:
        canned = self._jobs.get(subject.id)
        if canned is None:
            return Item(subject.id, subject.seen, "refused", "it is gone")
        job = canned.job
        if str(job.version) != subject.seen:
            changed = f"it has changed since it was shown: it is {job.state} now, look again"
            return Item(subject.id, subject.seen, "refused", changed)
        if preview.action in ("discard", "purge"):
            self._put(("job", job.id), None)
            number = max(self._book.trash, default=0) + 1
            size = len(job.payload) + 400
            thrown = Trashed(number, "", job.id, job.task, job.queue, job.state, 3, size, self.now(), self.now())
            self._book.trash[number] = thrown
            self._book.cells.setdefault("thrown", {})[job.id] = canned
        else:
            self._put(("job", job.id), replace(canned, job=_after(job, preview, self.now())))
        return Item(subject.id, subject.seen, "done", "")

    def _set_setting(self, preview: Preview, subject: Subject, reason: str) -> Item:
        kind, value = SETTINGS[preview.action]
        cell = (kind, subject.id)
        if repr(self._cell(cell)) != subject.seen:
            return Item(subject.id, subject.seen, "refused", "somebody else has set it since it was shown: look again")
        self._put(cell, self._setting(preview, kind, value, reason))
        return Item(subject.id, subject.seen, "done", "")

    def _setting(self, preview: Preview, kind: str, value: str, reason: str) -> object:
        until = preview.request.text("until_at")
        until_at = datetime.fromisoformat(until) if until else None
        if value == "":
            return None
        if kind == "pause":
            return Pause(ACTOR, reason, self.now())
        if kind == "hold":
            return SchedulePause(ACTOR, reason, self.now(), until_at)
        if kind == "mark":
            return Mark("muted" if preview.action == "mute" else "resolved", reason, ACTOR, self.now())
        if kind == "limit":
            return {name: _written(given) for name, given in preview.request.options.items()} or None
        return value

    def _begin_canary(self, preview: Preview) -> tuple[Item, ...]:
        plan = plan_of(preview.request, ACTOR)
        key = hashlib.sha256(preview.key.encode()).hexdigest()[:32]
        total = preview.count
        self._book.cells["canary"][key] = Canary(
            *(key, "running", "one", ACTOR, plan.label, plan.rate, plan.share_percent, total, 1, 0, 0, 0, 0),
            *(total - 1, 1, self.now(), self.now(), None, "", "", self._about(preview.request)),
        )
        self._book.lines[key] = tuple(one.id for one in preview.subjects)
        first = preview.subjects[0]
        self._done_to_job(replace(preview, action="requeue"), first)
        return tuple(Item(one.id, one.seen, "done", "") for one in preview.subjects)

    def _requeue_by(self, canary: Canary, now: datetime) -> None:
        """Let the jobs of a canary be where it says: those that it has requeued wait, and then have succeeded."""
        for place, key in enumerate(self._book.lines.get(canary.id, ())[: canary.sent]):
            canned = self._jobs.get(key)
            if canned is None or canned.job.state not in ("dead", "queued", "retrying", "canceled"):
                continue
            if place < canary.succeeded:
                self._jobs[key] = replace(canned, job=_mended(canned.job, now))
            elif canned.job.state != "queued":
                self._jobs[key] = replace(canned, job=_requeued(canned.job))

    def _about(self, request: Request) -> str:
        """What broke in the group that a canary requeues, as it is grouped."""
        group = request.text("group") or group_in(request.query)
        broken = (self._jobs[key].job for key in self.members(group)) if group else ()
        return next((error_line(job.error_type, shape_of(job.error)) for job in broken), "")

    def _tell_canary(self, action: str, subject: Subject, reason: str) -> Item:
        canary = grown(cast(Canary, self._cell(("canary", subject.id))), self.now())
        if canary.state != subject.seen:
            return Item(subject.id, subject.seen, "refused", f"it is {canary.state}")
        state = ORDERS[action]
        ended_at = self.now() if state == "aborted" else None
        told = replace(canary, state=state, told_by=ACTOR, reason=reason, ended_at=ended_at)  # type: ignore[arg-type]
        self._put(("canary", subject.id), told)
        return Item(subject.id, subject.seen, "done", state)

    def _undo(self, preview: Preview, subject: Subject) -> Item:
        deed = self._deed(preview.request)
        (item,) = [one for one in deed.items if one.item == subject.id]
        cells = [cell for cell in deed.before if cell[1] in (item.item, item.after)]
        if repr([self._cell(cell) for cell in cells]) != subject.seen:
            return Item(subject.id, subject.seen, "refused", "it went on since")
        for cell in cells:
            self._put(cell, deed.before[cell])
            if cell[0] == "job":
                self._book.trash = {n: one for n, one in self._book.trash.items() if one.job_id != cell[1]}
        return Item(subject.id, subject.seen, "done", "")

    def _restore(self, preview: Preview, subject: Subject) -> Item:
        del preview
        self._book.trash = {n: one for n, one in self._book.trash.items() if one.job_id != subject.id}
        canned = self._book.cells.get("thrown", {}).get(subject.id)
        if canned is not None:
            self._put(("job", subject.id), canned)
        return Item(subject.id, "", "done", "dead again")

    def _launch(self, preview: Preview, subject: Subject) -> Item:
        request = preview.request
        given = cast(Mapping[str, object], request.options.get("kwargs") or {})
        parent = self._jobs[subject.id] if preview.action == "edit" else None
        infos = {task.name: task for task in TASKS}
        info = infos[parent.job.task if parent else subject.id]
        delay_s = request.number("delay_s", 0)
        self._book.cells.setdefault("made", {})
        made = len(self._book.cells["made"])
        job = Job(
            id=job_id(10_001 + made),
            task=info.name,
            queue=parent.job.queue if parent else request.text("queue") or info.queue,
            state="scheduled" if delay_s else "queued",
            priority=request.number("priority", info.priority),
            created_at=self.now(),
            version=1,
            run_at=self.now() + timedelta(seconds=delay_s) if delay_s else None,
            retries=info.retries,
            retries_left=info.retries,
            parent=parent.job.id if parent else "",
        )
        self._book.cells["made"][job.id] = True
        self._put(("job", job.id), CannedJob(job, {**(parent.kwargs if parent else {}), **given}))
        if preview.action == "run":
            self._by_hand[job.id] = ACTOR
        return Item(subject.id, subject.seen, "done", f"job {job.id}", job.id)

    # What was done.

    def audit(self, before: int | None, limit: int, criteria: str = "") -> tuple[EntryRow, ...]:
        """Return the demo's actions that match, the newest first."""
        with translated():
            given = parsed_audit(criteria, self.now())
        with self._lock:
            deeds = [deed for _, deed in sorted(self._book.deeds.items(), reverse=True)]
        found = [deed.entry for deed in deeds if matches(given, deed.entry, deed.items)]
        return tuple(entry_row(one) for one in found if before is None or one.id < before)[:limit]

    def audit_entry(self, number: int) -> EntryView:
        """Return one action with its items."""
        with self._lock:
            deed = self._deed(Request("undo", (str(number),)))
        return EntryView(entry_row(deed.entry), item_rows(deed.items))

    def trash(self, before: int | None, limit: int) -> tuple[TrashRow, ...]:
        """Return what is in the trash, the last first."""
        with self._lock:
            found = sorted(self._book.trash.values(), key=lambda one: -one.id)
        return tuple(trash_row(one) for one in found if before is None or one.id < before)[:limit]

    def canaries(self) -> tuple[CanaryRow, ...]:
        """Return the canned canary, and those that were begun here."""
        with self._lock:
            now = self.now()
            found = [grown(cast(Canary, one), now) for one in self._book.cells["canary"].values()]
            for canary in found:
                self._requeue_by(canary, now)
        return tuple(canary_row(one) for one in sorted(found, key=lambda one: one.started_at, reverse=True))

    # Arguments, for forms.

    def arguments(self, key: str) -> Mapping[str, object]:
        """Return a job's arguments, without the secret ones."""
        with self._lock:
            canned = self._jobs.get(key)
        if canned is None:
            raise GatewayRefused(f"there is no job {key}")
        shown = cast(Mapping[str, object], REDACTOR.redact_value(canned.kwargs))
        return {name: value for name, value in shown.items() if MASK not in str(value)}

    def last_arguments(self, task: str) -> Mapping[str, object]:
        """Return the arguments of a task's last success, without the secret ones."""
        with self._lock:
            jobs = [one.job for one in self._jobs.values() if one.job.task == task and one.job.state == "succeeded"]
        if not jobs:
            raise GatewayRefused("no success of this task is recorded yet")
        return self.arguments(max(jobs, key=lambda job: job.finished_at or job.created_at).id)


def _written(value: object) -> str:
    return f"{value[0]}/{value[1]:g}" if isinstance(value, list) else str(value)


def _after(job: Job, preview: Preview, now: datetime) -> Job:
    """Return a job as an action leaves it."""
    action, version = preview.action, job.version + 1
    if action == "cancel":
        return replace(job, state="canceled", finished_at=now, reason=f"canceled by {ACTOR}", version=version)
    if action == "priority":
        return replace(job, priority=preview.request.number("priority", 0), version=version)
    return _requeued(job)


def _requeued(job: Job) -> Job:
    waits = replace(job, state="queued", finished_at=None, run_at=None)
    return replace(waits, retries_left=job.retries, version=job.version + 1)


def _mended(job: Job, now: datetime) -> Job:
    """Return a job whose next attempt was a success, a moment ago."""
    began, number = now - timedelta(seconds=0.6), job.attempt + 1
    attempt = Attempt(number, "succeeded", began, now, job.worker)
    ended = replace(job, state="succeeded", attempt=number, started_at=began, finished_at=now, run_at=None)
    return replace(ended, error_type="", error="", version=job.version + 1, attempts=(*job.attempts, attempt))
