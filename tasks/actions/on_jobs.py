"""Actions on jobs that are there: try again, call off, throw away, run now, another priority."""

import uuid
from collections.abc import Mapping, Sequence

from huey.utils import Error

from storage import trash
from storage.audit import Entry, Item
from storage.broker.custody import Answer, Shown
from storage.broker.records import PRIORITY_LIMIT, STATES, Job, State
from storage.errors import JobMissing, Refused
from storage.trash import Whole
from storage.wording import job_line
from tasks.actions.selection import Why, ids_of, items_of, label, look_at, only, refusal, shown
from tasks.actions.tools import MOST, Act, Action, Tools, Undo
from tasks.actions.values import Found, NotEligible, Request, Subject
from tasks.engine.codec import encode

NEVER_LEFT = "!"
"""A version that no job has: asks what became of a job that is gone, and throws nothing away."""
WAITING: tuple[State, ...] = ("queued", "scheduled", "retrying", "blocked")


def selected(request: Request, *more: str) -> list[str]:
    """The words of a command line that select the jobs of a request."""
    words = [*request.subjects]
    if request.text("group"):
        words += ["--group", request.text("group")]
    if request.text("limit"):
        words += ["--limit", request.text("limit")]
    return [*more, *words, *(["--matching", request.query] if request.query else [])]


def _look(request: Request, tools: Tools, why: Why) -> Found:
    ids, unknown = ids_of(tools, request)
    return look_at(tools, ids, why, unknown)


# -- try again -------------------------------------------------------------------------------------------------


def look_requeue(tools: Tools, request: Request) -> Found:
    """Dead, canceled and retrying jobs."""
    return _look(request, tools, only(("dead", "canceled", "retrying"), "only dead, canceled and retrying jobs are"))


def _requeue(tools: Tools, act: Act) -> list[Item]:
    return items_of(tools.custody.requeue(act.key, shown(act)))


def _look_recall(tools: Tools, entry: Entry, items: Sequence[Item]) -> Found:
    done = {item.item: item.after for item in items if item.outcome == "done"}
    found = look_at(tools, list(done), only(("queued", "blocked"), "it has begun since"))
    same = tuple(one for one in found.subjects if one.seen == done[one.id])
    changed = [NotEligible(one.id, "it has begun since") for one in found.subjects if one.seen != done[one.id]]
    return Found(same, (*found.not_eligible, *changed), f"call back what {entry.actor} requeued")


def _recall(tools: Tools, act: Act, entry: Entry) -> list[Item]:
    return items_of(tools.custody.recall(act.key, shown(act), entry.key))


# -- call off --------------------------------------------------------------------------------------------------


def _look_cancel(tools: Tools, request: Request) -> Found:
    return _look(request, tools, only((*WAITING, "running"), "it has ended already"))


def _cancel(tools: Tools, act: Act) -> list[Item]:
    why = act.why("canceled")
    return items_of(cancel(tools, act.key, shown(act), why), _called_off)


def cancel(tools: Tools, key: str, jobs: Sequence[Shown], why: str) -> list[Answer]:
    """Call jobs off, and tell their callers."""
    told = {
        job.id: [("set", job.id, encode(Error({"error": why, "retries": 0, "traceback": "", "task_id": job.id})))]
        for job in jobs
    }
    return tools.custody.cancel(key, jobs, why, told)


def _called_off(answer: Answer) -> str:
    return "it ran, and was asked to end" if answer.word == "running" else ""


# -- throw away, and put back ----------------------------------------------------------------------------------


def _not_thrown(job: Job) -> str:
    """Why a job can not be thrown away: one that could not be put back as it was."""
    if job.state == "blocked":
        return "it is blocked: results that come for it meanwhile would be lost to it; cancel it first"
    if job.state == "running":
        return "it is running: cancel it first; it can be thrown away when it has ended"
    return ""


def _look_discard(tools: Tools, request: Request) -> Found:
    return _look(request, tools, _not_thrown)


def _look_purge(tools: Tools, request: Request) -> Found:
    """Every job of a queue in some states: those that wait, unless others are named."""
    (queue,) = request.subjects or ("",)
    if queue not in tools.inspector.queue_names():
        raise Refused(f"there is no queue {queue!r}: no job was ever put in it")
    states = states_of(request)
    if tools.inspector.count(states, (queue,)) > MOST:
        raise Refused(f"that is more than {MOST:,} jobs: purge one state after the other")
    found = look_at(tools, tools.inspector.ids(states, (queue,), limit=MOST), _not_thrown)
    sentence = f"throw away the jobs of {queue} that are {', '.join(states)}"
    return Found(found.subjects, found.not_eligible, sentence, confirm=queue)


def states_of(request: Request) -> tuple[State, ...]:
    """The states that a request names; those of jobs in line or due later when it names none. Raises Refused."""
    named = request.options.get("states")
    given = [str(one) for one in named] if isinstance(named, list | tuple) else []
    unknown = [one for one in given if one not in STATES]
    if unknown:
        raise Refused(f"{unknown[0]!r} is no state of a job; there are {', '.join(STATES)}")
    return tuple(state for state in STATES if state in given) or ("scheduled", "queued")


def _discard(tools: Tools, act: Act) -> list[Item]:
    """The whole job goes into the trash first. Cut short in between, it is there and in the broker, never in none."""
    jobs = shown(act)
    whole = tools.custody.whole([job.id for job in jobs])
    as_shown = [job for job in jobs if job.id in whole and str(whole[job.id].version) == job.version]
    trash.put(tools.database, act.key, [whole[job.id] for job in as_shown])
    kept = {job.id for job in as_shown}
    asked = [job if job.id in kept else Shown(job.id, NEVER_LEFT) for job in jobs]
    answers = tools.custody.discard(act.key, asked)
    trash.left(tools.database, act.key, [one.item for one in answers if one.verdict == "done"])
    trash.remove(tools.database, act.key, [one.item for one in answers if one.verdict != "done"])
    return items_of(answers)


def _look_untrash(tools: Tools, entry: Entry, items: Sequence[Item]) -> Found:
    kept = trash.of(tools.database, entry.key)
    named = _named(tools, entry.key)
    gone = {item.item for item in items if item.outcome == "done"} - set(kept)
    return Found(
        tuple(Subject(job_id, "", named.get(job_id, job_id)) for job_id in kept),
        tuple(NotEligible(job_id, "it is not in the trash any more") for job_id in sorted(gone)),
        f"put back what {entry.actor} threw away",
    )


def _named(tools: Tools, act: str) -> dict[str, str]:
    """The jobs that an action threw away, each in a line."""
    return {
        one.job_id: job_line(one.job_id, one.task, one.queue, one.state)
        for one in trash.listed(tools.database, act=act, limit=MOST)
    }


def _untrash(tools: Tools, act: Act, entry: Entry) -> list[Item]:
    return put_back(tools, act, entry.key)


def put_back(tools: Tools, act: Act, thrown_by: str) -> list[Item]:
    """Restore jobs that an action threw away; what never left, and is in both places, leaves the trash."""
    ids = [subject.id for subject in act.subjects]
    whole = trash.take(tools.database, thrown_by, ids)
    answers = tools.custody.restore(act.key, [whole[job_id] for job_id in ids if job_id in whole])
    never_left = _still_there(tools, whole) & set(trash.of(tools.database, thrown_by, left=False))
    trash.remove(
        tools.database,
        thrown_by,
        [one.item for one in answers if one.verdict == "done" or (one.item in never_left and one.verdict == "refused")],
    )
    items = {one.item: item for one, item in zip(answers, items_of(answers, _is_back), strict=True)}
    for one in answers:
        if one.verdict == "refused":
            why = "it never left its queue" if one.item in never_left else f"a job of that id is there: {refusal(one)}"
            items[one.item] = Item(one.item, "", "refused", why)
    return [items.get(job_id, Item(job_id, "", "refused", "it is not in the trash any more")) for job_id in ids]


def _still_there(tools: Tools, whole: Mapping[str, Whole]) -> set[str]:
    """Those of the jobs in the trash that are in the broker too: the very same, not others of their id."""
    now = {job.id: str(round(job.created_at.timestamp() * 1000)) for job in tools.inspector.rows(list(whole))}
    return {job_id for job_id, one in whole.items() if now.get(job_id) == one.text(b"created")}


def _is_back(answer: Answer) -> str:
    return f"{answer.word} again"


def _look_restore(tools: Tools, request: Request) -> Found:
    """Single jobs of the trash, by id or its beginning."""
    subjects, unknown = [], []
    for prefix in request.subjects:
        found = trash.listed(tools.database, job_id=prefix, limit=2) if prefix else ()
        if not found:
            unknown.append(NotEligible(prefix, "there is no such job in the trash"))
        elif len({one.job_id for one in found}) > 1:
            unknown.append(NotEligible(prefix, "more than one job in the trash begins so: write more of the id"))
        else:
            subjects.append(Subject(found[0].job_id, found[0].act, f"{found[0].job_id} {found[0].task}"))
    return Found(tuple(subjects), tuple(unknown))


def _restore(tools: Tools, act: Act) -> list[Item]:
    items: list[Item] = []
    for subject in act.subjects:
        one = Act(act.key, act.actor, act.reason, act.request, (subject,))
        items += put_back(tools, one, subject.seen)
    return items


# -- run now, and sooner or later ------------------------------------------------------------------------------


def _look_promote(tools: Tools, request: Request) -> Found:
    return _look(request, tools, only(("scheduled", "retrying"), "only scheduled and retrying jobs wait"))


def _promote(tools: Tools, act: Act) -> list[Item]:
    return items_of(tools.custody.hasten(act.key, shown(act)))


def _look_postpone(tools: Tools, entry: Entry, items: Sequence[Item]) -> Found:
    return _still(tools, entry, items, ("queued",))


def _postpone(tools: Tools, act: Act, entry: Entry) -> list[Item]:
    return items_of(tools.custody.hasten(act.key, shown(act), _afters(tools, act, entry)))


def _look_priority(tools: Tools, request: Request) -> Found:
    wanted = request.number("priority", float("nan"))
    if not -PRIORITY_LIMIT <= wanted <= PRIORITY_LIMIT:
        raise Refused(f"a priority of {request.text('priority') or 'nothing'}: use {-PRIORITY_LIMIT}..{PRIORITY_LIMIT}")

    def why(job: Job) -> str:
        if job.state not in WAITING:
            return f"it is {job.state}: only jobs that wait have a place in line"
        return f"its priority is {wanted:g} already" if job.priority == wanted else ""

    return _look(request, tools, why)


def _prioritise(tools: Tools, act: Act) -> list[Item]:
    wanted = act.request.number("priority", 0)
    jobs = shown(act)
    return items_of(tools.custody.prioritise(act.key, jobs, {job.id: wanted for job in jobs}))


def _look_reprioritise(tools: Tools, entry: Entry, items: Sequence[Item]) -> Found:
    return _still(tools, entry, items, WAITING)


def _reprioritise(tools: Tools, act: Act, entry: Entry) -> list[Item]:
    former = {job_id: float(value) for job_id, value in _afters(tools, act, entry).items()}
    return items_of(tools.custody.prioritise(act.key, shown(act), former))


def _still(tools: Tools, entry: Entry, items: Sequence[Item], states: Sequence[State]) -> Found:
    """The jobs of an action that are as it left them: what is after begins with the version."""
    done = {item.item: item.after.partition(" ")[0] for item in items if item.outcome == "done"}
    found = look_at(tools, list(done), only(states, "it went on since"))
    same = tuple(one for one in found.subjects if one.seen == done[one.id])
    changed = [NotEligible(one.id, "it went on since") for one in found.subjects if one.seen != done[one.id]]
    return Found(same, (*found.not_eligible, *changed), f"take back the {entry.action} by {entry.actor}")


def _afters(tools: Tools, act: Act, entry: Entry) -> dict[str, str]:
    """What the action that is undone left to know, by job, without the version."""
    wanted = {subject.id for subject in act.subjects}
    known = {item.item: item.after.partition(" ")[2] for item in tools.items_of(entry.id)}
    missing = wanted - set(known)
    if missing:
        raise JobMissing(f"the audit does not say what {missing.pop()} was before")
    return {job_id: known[job_id] for job_id in wanted}


def job_key(key: str, number: int = 0) -> str:
    """The id of a job that an action makes: the same when it is asked for again."""
    return str(uuid.uuid5(uuid.UUID(key), str(number)))


def labelled(tools: Tools, job_id: str) -> str:
    """A job in a line, by its id."""
    return label(tools, tools.inspector.job(job_id))


RESTORED = Undo("`dewey undo` puts back what was thrown away, for seven days", _look_untrash, _untrash)

ACTIONS = (
    Action(
        "requeue",
        "Try dead, canceled and retrying jobs again, with all their retries.",
        "write",
        "job",
        look_requeue,
        _requeue,
        lambda request: selected(request, "requeue"),
        Undo("`dewey undo` calls back what still waits", _look_recall, _recall, while_waiting=True),
    ),
    Action(
        "cancel",
        "Call jobs off: one that waits ends at once, one that runs is asked to end.",
        "write",
        "job",
        _look_cancel,
        _cancel,
        lambda request: selected(request, "cancel"),
        "its callers are told, so it can not be undone; a canceled job can be requeued",
    ),
    Action(
        "discard",
        "Throw jobs away, into the trash, where they are kept for seven days.",
        "dangerous",
        "job",
        _look_discard,
        _discard,
        lambda request: selected(request, "discard"),
        RESTORED,
    ),
    Action(
        "purge",
        "Throw the waiting jobs of a queue away, or those in other states, into the trash.",
        "dangerous",
        "job",
        _look_purge,
        _discard,
        lambda request: [
            *("purge", *request.subjects),
            *(word for state in states_of(request) if request.options.get("states") for word in ("--state", state)),
        ],
        RESTORED,
    ),
    Action(
        "restore",
        "Put jobs of the trash back to where they were.",
        "write",
        "job",
        _look_restore,
        _restore,
        lambda request: ["trash", "restore", *request.subjects],
        "what is back can be thrown away again",
    ),
    Action(
        "promote",
        "Run scheduled and retrying jobs now instead of when they are due.",
        "write",
        "job",
        _look_promote,
        _promote,
        lambda request: selected(request, "promote"),
        Undo(
            "`dewey undo` lets what still waits wait for its instant again",
            _look_postpone,
            _postpone,
            while_waiting=True,
        ),
    ),
    Action(
        "priority",
        "Give jobs that wait another priority; they stand among those of it by when they came.",
        "write",
        "job",
        _look_priority,
        _prioritise,
        lambda request: selected(request, "priority", request.text("priority")),
        Undo(
            "`dewey undo` gives what still waits its former one", _look_reprioritise, _reprioritise, while_waiting=True
        ),
    ),
)
