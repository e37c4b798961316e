"""What an action would do to the demo's canned jobs: the layer's own names, words and undos, over memory."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, cast

from console.gateway.acting import (
    Look,
    look_of,
)
from console.gateway.demo_book import Cell, Deed, DemoBook, grown
from console.gateway.demo_jobs import DemoJobs
from console.gateway.demo_records import TASKS, CannedJob, group_of
from console.gateway.errors import GatewayRefused
from storage.broker.canaries import Canary
from storage.broker.records import Job, Pause, State
from storage.errors import StorageError
from storage.redaction import Redactor
from storage.values import replace
from storage.wording import error_line, job_line
from tasks.actions import registry
from tasks.actions.canaries import named, plan_of
from tasks.actions.on_jobs import states_of
from tasks.actions.values import Found, NotEligible, Preview, Request, Subject, command_line

ACTOR: Final = "you"
HOST: Final = "this-terminal"
_WAITING: Final[tuple[State, ...]] = ("queued", "scheduled", "retrying", "blocked")
RULES: Final[Mapping[str, tuple[tuple[State, ...], str]]] = {
    "requeue": (("dead", "canceled", "retrying"), "only dead, canceled and retrying jobs are"),
    "canary": (("dead", "canceled", "retrying"), "only dead, canceled and retrying jobs are"),
    "cancel": ((*_WAITING, "running"), "it has ended already"),
    "discard": (
        ("scheduled", "queued", "retrying", "succeeded", "dead", "canceled"),
        "cancel it first; it can be thrown away when it has ended",
    ),
    "purge": (("scheduled", "queued", "retrying", "succeeded", "dead", "canceled"), "cancel it first"),
    "promote": (("scheduled", "retrying"), "only scheduled and retrying jobs wait"),
    "priority": (_WAITING, "only jobs that wait have a place in line"),
}
SETTINGS: Final[Mapping[str, tuple[str, str]]] = {
    "pause": ("pause", "on"),
    "resume": ("pause", ""),
    "limit": ("limit", "on"),
    "pause-schedule": ("hold", "on"),
    "resume-schedule": ("hold", ""),
    "quiet": ("order", "quiet"),
    "wake": ("order", ""),
    "stop": ("order", "stop"),
    "mute": ("mark", "muted"),
    "resolve": ("mark", "resolved"),
    "reopen": ("mark", ""),
}
"""Actions that set something: the kind of cell, and what is put into it; "" takes it away."""
ORDERS: Final = {"canary-pause": "paused", "canary-resume": "running", "canary-abort": "aborted"}
REDACTOR: Final = Redactor()


class DemoLooking(DemoJobs):
    """Looks as the live one does, with as much of its rules as the demo's jobs need."""

    _book: DemoBook
    _pauses: dict[str, Pause]
    _changed: dict[Cell, object]

    def command(self, request: Request) -> str:
        """Return the command line that does the same."""
        options = cast(Mapping[str, object], REDACTOR.redact_value(dict(request.options)))
        try:
            return command_line(*registry.find(request.action).words(replace(request, options=options)))
        except StorageError as error:
            raise GatewayRefused(str(error)) from error

    def preview(self, request: Request) -> Look:
        """Say what an action would do to the canned jobs."""
        action = registry.find(request.action)
        with self._lock:
            request = self._resolved(request)
            try:
                found = self._found(request)
            except StorageError as error:
                raise GatewayRefused(str(error)) from error
        is_text = isinstance(action.undo, str)
        preview = Preview(
            key=f"{self._book.looked()}-{request.action}-{hashlib.sha256(repr(request).encode()).hexdigest()[:12]}",
            action=action.name,
            does=action.does,
            request=request,
            permission=action.permission,
            scope=action.scope,
            sentence=found.sentence or action.does,
            subjects=found.subjects,
            not_eligible=found.not_eligible,
            undo=action.undo if isinstance(action.undo, str) else action.undo.sentence,
            can_undo=not is_text,
            command=self.command(request),
            confirm=found.confirm,
            made_at=self.now(),
        )
        return look_of(preview, cast(Mapping[str, str], self._book.cells["limit"].get(request.subjects[0], {}))
                       if request.action == "limit" else None)  # fmt: skip

    def _resolved(self, request: Request) -> Request:
        if request.action != "undo" or request.subjects:
            return request
        mine = [deed.entry for deed in self._book.deeds.values() if deed.entry.actor == ACTOR]
        open_ones = [one.id for one in mine if not one.undo and one.undoes is None and one.undone_by is None]
        if not open_ones:
            raise GatewayRefused(f"{ACTOR} has done nothing that could be undone: 9 lists what others did")
        return replace(request, subjects=(str(max(open_ones)),))

    def _found(self, request: Request) -> Found:
        if request.action in RULES:
            return self._found_jobs(request)
        if request.action in ("mute", "resolve", "reopen"):
            return self._found_groups(request)
        if request.action in SETTINGS:
            return self._found_settings(request)
        finders: dict[str, Callable[[Request], Found]] = {
            "undo": self._found_undo,
            "restore": self._found_trash,
            "trigger": self._found_task,
            "run": self._found_task,
        }
        if request.action in ORDERS:
            return self._found_canaries(request)
        return finders.get(request.action, self._found_one)(request)

    def _ids(self, request: Request) -> Sequence[str]:
        if request.subjects and request.action != "purge":
            return request.subjects
        if request.action == "purge":
            states = states_of(request)
            return [
                key for key, one in self._jobs.items() if one.job.queue in request.subjects and one.job.state in states
            ]
        if request.text("group"):
            return self.members(request.text("group"))
        return self.matching(request.query)

    def members(self, group: str) -> tuple[str, ...]:
        """Return the jobs of a group of failures."""
        dead = [one.job for one in self._jobs.values() if one.job.state == "dead"]
        return tuple(job.id for job in dead if group_of(job).startswith(group))

    def _found_jobs(self, request: Request) -> Found:
        states, instead = RULES[request.action]
        subjects, left_out = [], []
        for key in self._ids(request):
            canned = self._jobs.get(key)
            if canned is None:
                left_out.append(NotEligible(key, "it is gone: it may be past its retention"))
            elif canned.job.state not in states:
                left_out.append(NotEligible(key, f"it is {canned.job.state}: {instead}"))
            else:
                subjects.append(Subject(key, str(canned.job.version), label(canned.job)))
        sentence, confirm = "", ""
        if request.action == "purge":
            confirm = request.subjects[0]
            sentence = f"throw away the jobs of {confirm} that are {', '.join(states_of(request))}"
        if request.action == "canary":
            plan = plan_of(request, ACTOR)
            sentence = (
                f"requeue one and wait for what becomes of it, then ten, then the rest at {plan.rate} a minute; stop "
                f"when more than {plan.share_percent:g} % of those that ended have failed"
            )
        return Found(tuple(subjects), tuple(left_out), sentence, confirm)

    def _found_settings(self, request: Request) -> Found:
        kind, value = SETTINGS[request.action]
        subjects, left_out = [], []
        for name in request.subjects:
            now = self._cell((kind, name))
            if (value == "" and not now) or (value not in ("", "on") and str(now) == value):
                left_out.append(NotEligible(name, "it is so already"))
            else:
                subjects.append(Subject(name, repr(now), name))
        return Found(tuple(subjects), tuple(left_out))

    def _found_groups(self, request: Request) -> Found:
        subjects, left_out = [], []
        for group in request.subjects:
            now = self._cell(("mark", group))
            if request.action == "reopen" and now is None:
                left_out.append(NotEligible(group, "nothing was said of it"))
            else:
                dead = len(self.members(group))
                subjects.append(Subject(group, repr(now), f"{group[:8]} {dead} dead"))
        return Found(tuple(subjects), tuple(left_out))

    def _found_canaries(self, request: Request) -> Found:
        allowed = {
            "paused": ("running",),
            "running": ("paused", "stopped"),
            "aborted": ("running", "paused", "stopped"),
        }
        subjects, left_out = [], []
        for key in request.subjects:
            held = cast(Canary | None, self._cell(("canary", key)))
            canary = None if held is None else grown(held, self.now())
            if canary is None or canary.state not in allowed[ORDERS[request.action]]:
                left_out.append(NotEligible(key, f"it is {canary.state if canary else 'gone'}"))
            else:
                subjects.append(Subject(key, canary.state, named(canary)))
        return Found(tuple(subjects), tuple(left_out))

    def _found_undo(self, request: Request) -> Found:
        deed = self._deed(request)
        entry = deed.entry
        if entry.undo or entry.undone_by is not None or entry.undoes is not None:
            raise GatewayRefused(
                f"action {entry.id} ({entry.action}) can not be undone: {entry.undo or 'it was already'}"
            )
        subjects, gone = [], []
        for item in deed.items:
            cells = [cell for cell in deed.after if cell[1] in (item.item, item.after)]
            same = cells and all(self._cell(cell) == deed.after[cell] for cell in cells)
            if item.outcome == "done" and same:
                subjects.append(
                    Subject(item.item, repr([self._cell(cell) for cell in cells]), self._labelled(item.item))
                )
            elif item.outcome == "done":
                gone.append(NotEligible(item.item, "it went on since"))
        sentence = f"undo action {entry.id}: take back the {entry.action} by {entry.actor}"
        return Found(tuple(subjects), tuple(gone), sentence)

    def _labelled(self, key: str) -> str:
        """A job in a line, also one in the trash; the name of anything else."""
        canned = self._jobs.get(key) or self._book.cells.get("thrown", {}).get(key)
        return label(canned.job) if isinstance(canned, CannedJob) else key

    def _found_trash(self, request: Request) -> Found:
        thrown = {one.job_id: one for one in self._book.trash.values()}
        subjects = [Subject(key, "", f"{key} {thrown[key].task}") for key in request.subjects if key in thrown]
        gone = [NotEligible(key, "there is no such job in the trash") for key in request.subjects if key not in thrown]
        return Found(tuple(subjects), tuple(gone))

    def _found_task(self, request: Request) -> Found:
        infos = {task.name: task for task in TASKS}
        name = request.subjects[0]
        if name not in infos:
            raise GatewayRefused(f"no consumer knows the task “{name}”")
        queue = request.text("queue") or infos[name].queue
        does = f"run {name} now, beside its ticks" if request.action == "run" else f"launch one job of {name}"
        return Found((Subject(name, "", f"{name} in {queue}"),), (), does)

    def _found_one(self, request: Request) -> Found:
        """Editing and revealing: of one job."""
        canned = self._jobs.get(request.subjects[0])
        if canned is None:
            raise GatewayRefused(f"there is no job {request.subjects[0]}")
        what = f"show {request.text('path') or 'all arguments and the result'} of job {canned.job.id} unmasked"
        if request.action == "edit":
            names = ", ".join(cast(Mapping[str, object], request.options.get("kwargs") or {})) or "nothing"
            what = f"launch {canned.job.task} again with {names} edited"
        return Found((Subject(canned.job.id, str(canned.job.version), label(canned.job)),), (), what)

    # Cells.

    def _store(self, kind: str) -> dict[str, Any]:
        stores: dict[str, dict[str, Any]] = {
            "job": cast(dict[str, Any], self._jobs),
            "pause": cast(dict[str, Any], self._pauses),
            "hold": cast(dict[str, Any], self._holds),
            "order": cast(dict[str, Any], self._orders),
        }
        return stores.get(kind) if kind in stores else self._book.cells.setdefault(kind, {})  # type: ignore[return-value]

    def _cell(self, cell: Cell) -> object:
        return self._store(cell[0]).get(cell[1])

    def _put(self, cell: Cell, value: object) -> None:
        self._changed.setdefault(cell, self._cell(cell))
        if value is None:
            self._store(cell[0]).pop(cell[1], None)
        else:
            self._store(cell[0])[cell[1]] = value

    def _deed(self, request: Request) -> Deed:
        deed = self._book.deeds.get(int(request.subjects[0]))
        if deed is None:
            raise GatewayRefused(f"there is no action {request.subjects[0]} in the audit")
        return deed


def label(job: Job) -> str:
    """Return a job in a line, as the layer writes it."""
    said = job_line(job.id, job.task, job.queue, job.state)
    return f"{said}: {error_line(job.error_type, job.error)}" if job.error_type else said
