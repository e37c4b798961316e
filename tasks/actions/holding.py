"""Actions on what is held or hidden: unique keys, locks, and the values that are masked when they are shown."""

from collections.abc import Mapping
from typing import Literal

from storage.audit import Item
from storage.broker.records import Job
from storage.errors import DecodeError, JobMissing, Refused
from tasks.actions.selection import look_at, refusal
from tasks.actions.tools import Act, Action, Tools
from tasks.actions.values import Found, NotEligible, Request, Subject
from tasks.engine.arguments import decode_call
from tasks.engine.codec import decode_value

# -- release ---------------------------------------------------------------------------------------------------


def _which(request: Request) -> Literal["unique", "lock"]:
    return "lock" if request.text("which") == "lock" else "unique"


def _key(tools: Tools, request: Request, name: str) -> str:
    """What Huey calls the lock of ``huey.lock_task(name)``; a unique key is called as it is."""
    if _which(request) == "unique" or ".lock." in name:
        return name
    return f"{tools.broker.namespace}.lock.{name}"


def _look_release(tools: Tools, request: Request) -> Found:
    which = _which(request)
    subjects, not_eligible = [], []
    for name in dict.fromkeys(_key(tools, request, one) for one in request.subjects):
        holder = tools.custody.holder(which, name)
        why = "" if holder else "nobody holds it"
        if holder and which == "unique":
            why = _lives(tools, holder)
        if why:
            not_eligible.append(NotEligible(name, why))
        else:
            subjects.append(Subject(name, holder, f"{name}, held by {holder}" if which == "unique" else name))
    return Found(tuple(subjects), tuple(not_eligible), f"free the {'unique key' if which == 'unique' else which}")


def _lives(tools: Tools, holder: str) -> str:
    try:
        state = tools.inspector.job(holder).state
    except JobMissing:
        return ""
    if state in ("succeeded", "dead", "canceled"):
        return ""
    return f"job {holder} holds it and is {state}: cancel or discard that one, and it is free"


def _release(tools: Tools, act: Act) -> list[Item]:
    items = []
    for subject in act.subjects:
        answer = tools.custody.release(act.key, _which(act.request), subject.id, subject.seen)
        done = answer.verdict == "done"
        items.append(Item(subject.id, "", "done" if done else "refused", "" if done else refusal(answer)))
    return items


# -- reveal ----------------------------------------------------------------------------------------------------


def _look_reveal(tools: Tools, request: Request) -> Found:
    """One job, and the path of one value: args.password, args.login.token, result, or nothing for all."""
    if len(request.subjects) != 1:
        raise Refused("name one job")
    job = tools.inspector.job(tools.inspector.find(request.subjects[0]))
    _at(_whole(tools, job), request.text("path"))
    found = look_at(tools, [job.id], lambda _: "")
    what = request.text("path") or "all arguments and the result"
    return Found(found.subjects, found.not_eligible, f"show {what} of job {job.id} unmasked")


def _reveal(tools: Tools, act: Act) -> list[Item]:
    """The version does not matter here: a job's arguments stay the same."""
    (subject,) = act.subjects
    path = act.request.text("path")
    act.shown[path or "everything"] = _at(_whole(tools, tools.inspector.job(subject.id)), path)
    return [Item(subject.id, "", "done", f"{path or 'everything'} was shown")]


def _whole(tools: Tools, job: Job) -> dict[str, object]:
    try:
        args, kwargs = decode_call(job.payload)
        result = decode_value(job.result) if job.result is not None else None
    except DecodeError as error:
        raise Refused(f"job {job.id} can not be read: {error}") from error
    names = next((task.parameters for task in tools.inspector.tasks() if task.name == job.task), ())
    called = {(names[n].name if n < len(names) else f"#{n + 1}"): value for n, value in enumerate(args)}
    return {"args": {**called, **kwargs}, "result": result}


def _at(value: object, path: str) -> object:
    """The value at a path of names and numbers. Raises Refused."""
    for step in path.split(".") if path else ():
        if isinstance(value, Mapping) and step in value:
            value = value[step]
        elif isinstance(value, list | tuple) and step.isdecimal() and len(step) < 10 and int(step) < len(value):
            value = value[int(step)]
        else:
            known = ", ".join(map(str, value)) if isinstance(value, Mapping) else "no names"
            raise Refused(f"there is no {step!r} in {path!r}; there are {known}")
    return value


ACTIONS = (
    Action(
        "release",
        "Free a unique key whose holder does not live any more, or a lock that nobody will free.",
        "dangerous",
        "key",
        _look_release,
        _release,
        lambda request: ["release", *(("--lock",) if _which(request) == "lock" else ()), *request.subjects],
        "whoever takes it next has it, so it can not be given back",
    ),
    Action(
        "reveal",
        "Show the masked values of a job.",
        "dangerous",
        "job",
        _look_reveal,
        _reveal,
        lambda request: [
            "reveal",
            *request.subjects,
            *(["--path", request.text("path")] if request.text("path") else []),
        ],
        "what was seen can not be unseen",
    ),
)
