"""Actions that bring a job into being: trigger a task, try a job again with other arguments, run a schedule now.

The job's id follows from the key of the action, so doing it again makes no second one.
"""

from collections.abc import Mapping, Sequence

import msgspec

from storage.audit import Entry, Item
from storage.broker.records import Job, NewJob, TaskInfo
from storage.errors import AlreadyThere, DecodeError, JobMissing, QueueFull, Refused
from storage.values import replace
from tasks.actions.on_jobs import cancel, job_key
from tasks.actions.selection import items_of, look_at, only, shown
from tasks.actions.tools import Act, Action, Tools, Undo
from tasks.actions.values import Found, Request, Subject
from tasks.engine.codec import decode_message, encode
from tasks.engine.messages import once_more
from tasks.engine.retry import seconds
from tasks.operations import new_job


def _kwargs(request: Request) -> Mapping[str, object]:
    given = request.options.get("kwargs")
    return given if isinstance(given, Mapping) else {}


def _only(request: Request, what: str) -> str:
    if len(request.subjects) != 1 or not request.subjects[0]:
        raise Refused(f"name one {what}")
    return request.subjects[0]


# -- trigger ---------------------------------------------------------------------------------------------------


def _look_trigger(tools: Tools, request: Request) -> Found:
    info = tools.operations.find_task(_only(request, "task"))
    tools.operations.check(info, _kwargs(request))
    if request.number("delay_s", 0) < 0:
        raise Refused(f"a delay of {request.text('delay_s')} s is in the past: use 0 or more")
    made = _triggered(info, request, "00000000-0000-0000-0000-000000000000")  # its arguments can be written
    return Found((Subject(info.name, "", f"{info.name} in {made.queue}"),), (), f"launch one job of {info.name}")


def _triggered(info: TaskInfo, request: Request, job_id: str) -> NewJob:
    priority = request.options.get("priority")
    made = new_job(info, job_id, _kwargs(request), float(priority) if isinstance(priority, int | float) else None)
    delay_ms = round(request.number("delay_s", 0) * 1000)
    return replace(made, queue=request.text("queue") or info.queue, delay_ms=delay_ms)


def _trigger(tools: Tools, act: Act) -> list[Item]:
    (subject,) = act.subjects
    made = _triggered(tools.operations.find_task(subject.id), act.request, job_key(act.key))
    return [_launched(tools, subject.id, made)]


def _launched(tools: Tools, item: str, made: NewJob) -> Item:
    try:
        tools.broker.enqueue([made], once=True)
    except QueueFull as error:
        return Item(item, "", "refused", str(error))
    return Item(item, "", "done", f"job {made.id}", made.id)


def _trigger_words(request: Request) -> list[str]:
    words = ["trigger", *request.subjects]
    words += [f"{name}={_written(value)}" for name, value in _kwargs(request).items()]
    for name, option in (("queue", "--queue"), ("priority", "--priority"), ("delay_s", "--delay")):
        if request.text(name) and request.options.get(name) != 0:
            words += [option, request.text(name)]
    return words


def _written(value: object) -> str:
    """A value as the command line reads it: texts as they are, everything else as JSON."""
    if isinstance(value, str):
        return value
    try:
        return msgspec.json.encode(value).decode()
    except TypeError:
        return str(value)


# -- called off while it waits ---------------------------------------------------------------------------------


def _look_unlaunch(tools: Tools, entry: Entry, items: Sequence[Item]) -> Found:
    made = [item.after for item in items if item.outcome == "done"]
    found = look_at(tools, made, only(("queued", "scheduled", "blocked"), "it has begun: cancel it instead"))
    return replace(found, sentence=f"call off what {entry.actor} launched")


def _unlaunch(tools: Tools, act: Act, entry: Entry) -> list[Item]:  # noqa: ARG001 - an undoing's own signature
    return items_of(cancel(tools, act.key, shown(act), act.why("launch undone")))


LAUNCHED = Undo("`dewey undo` calls the job off while it waits", _look_unlaunch, _unlaunch, while_waiting=True)


# -- once more, with other arguments ---------------------------------------------------------------------------


def _look_edit(tools: Tools, request: Request) -> Found:
    job = tools.inspector.job(tools.inspector.find(_only(request, "job")))
    info = tools.operations.find_task(job.task)
    tools.operations.check(info, _edited(info, job, request, job.id)[1])
    names = ", ".join(_kwargs(request)) or "nothing"
    said = f"{job.id} {info.name}, {job.state}"
    return Found((Subject(job.id, str(job.version), said),), (), f"launch {info.name} again with {names} edited")


def _edited(info: TaskInfo, job: Job, request: Request, job_id: str) -> tuple[NewJob, Mapping[str, object]]:
    """A job of the same call, with all that it said but the arguments that are edited; and all its arguments."""
    try:
        message = decode_message(job.payload)
    except DecodeError as error:
        raise Refused(f"the arguments of job {job.id} can not be read: {error}") from error
    args, kwargs = message.args or (), message.kwargs or {}
    names = [parameter.name for parameter in info.parameters]
    if len(args) > len(names):
        raise Refused(f"job {job.id} has {len(args)} arguments and {info.name} takes {len(names)}: trigger it instead")
    together = {**dict(zip(names, args, strict=False)), **kwargs, **_kwargs(request)}
    call = once_more(message, job_id, together, info.utc)
    made = replace(new_job(info, job_id, together, job.priority), payload=encode(call), queue=job.queue, parent=job.id)
    return replace(made, retries=int(call.retries or 0), retry_delay_s=seconds(call.retry_delay)), together


def _edit(tools: Tools, act: Act) -> list[Item]:
    (subject,) = act.subjects
    try:
        job = tools.inspector.job(subject.id)
    except JobMissing as error:
        return [Item(subject.id, "", "refused", str(error))]
    if str(job.version) != subject.seen:
        return [
            Item(subject.id, "", "refused", f"it has changed since it was shown: it is {job.state} now, look again")
        ]
    info = tools.operations.find_task(job.task)
    made, _ = _edited(info, job, act.request, job_key(act.key))
    return [_launched(tools, subject.id, made)]


def _edit_words(request: Request) -> list[str]:
    edits = [word for name, value in _kwargs(request).items() for word in ("--set", f"{name}={_written(value)}")]
    return ["requeue", *request.subjects, *edits]


# -- schedules -------------------------------------------------------------------------------------------------


def _look_run(tools: Tools, request: Request) -> Found:
    info = tools.operations.schedule(_only(request, "schedule"))
    return Found((Subject(info.name, "", info.name),), (), f"run {info.name} now, beside its ticks")


def _run(tools: Tools, act: Act) -> list[Item]:
    (subject,) = act.subjects
    info = tools.operations.schedule(subject.id)
    made = new_job(info, f"cron:{info.name}:now:{job_key(act.key)[:13]}", {}, None)
    try:
        tools.broker.run_now(info.name, made, act.actor)
    except AlreadyThere as error:
        return [Item(subject.id, "", "refused", str(error))]
    return [Item(subject.id, "", "done", f"job {made.id}", made.id)]


ACTIONS = (
    Action("trigger", "Launch one job of a task.", "write", "task", _look_trigger, _trigger, _trigger_words, LAUNCHED),
    Action(
        "edit",
        "Launch a job again with edited arguments, as a new job whose parent it is; it stays as it is itself.",
        "write",
        "job",
        _look_edit,
        _edit,
        _edit_words,
        LAUNCHED,
    ),
    Action(
        "run",
        "Run a schedule now, beside its ticks, also while it is paused.",
        "write",
        "schedule",
        _look_run,
        _run,
        lambda request: ["run", *request.subjects],
        LAUNCHED,
    ),
)
