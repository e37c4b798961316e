"""Actions that set something: pauses and limits of queues, pauses of schedules, orders to consumers.

What is set now is what was seen; another setting meanwhile is refused. Undoing sets what was seen before.
"""

import json
from collections.abc import Callable, Sequence
from datetime import datetime

from storage.audit import Entry, Item
from storage.broker.custody import Answer, Setting
from storage.broker.records import Limits
from storage.broker.requests import decode_limits, encode_limits
from storage.errors import Refused
from tasks.actions.tools import Act, Action, Tools, Undo
from tasks.actions.values import Found, NotEligible, Request, Subject

Why = Callable[[str, str], str]
"""Why an action can not be done to a thing of that name, of which this is set now; "" when it can."""


def _look(tools: Tools, request: Request, which: Setting, known: Sequence[str], why: Why) -> Found:
    if not request.subjects:
        raise Refused("name what it is to be done to")
    subjects, not_eligible = [], []
    for name in dict.fromkeys(request.subjects):
        now = tools.custody.setting(which, name)
        refusal = f"there is none of that name; there are {', '.join(known) or 'none'}" if name not in known else ""
        refusal = refusal or why(name, now)
        if refusal:
            not_eligible.append(NotEligible(name, refusal))
        else:
            subjects.append(Subject(name, now, name))
    return Found(tuple(subjects), tuple(not_eligible))


def _set(tools: Tools, act: Act, which: Setting, value: Callable[[Subject], str]) -> list[Item]:
    return [
        _item(tools.custody.replace(act.key, which, subject.id, value(subject), subject.seen))
        for subject in act.subjects
    ]


def _item(answer: Answer) -> Item:
    if answer.verdict == "done":
        return Item(answer.item, "", "done", "", answer.after)
    if answer.verdict == "changed":
        return Item(answer.item, "", "refused", "somebody else has set it since it was shown: look again")
    return Item(answer.item, "", "refused", "until when it is said is over")


def _undo(which: Setting, sentence: str) -> Undo:
    def look(tools: Tools, entry: Entry, items: Sequence[Item]) -> Found:
        subjects, changed = [], []
        for item in items:
            if item.outcome != "done":
                continue
            if tools.custody.setting(which, item.item) == item.after:
                subjects.append(Subject(item.item, item.after, item.item))
            else:
                changed.append(NotEligible(item.item, "somebody else has set it since"))
        return Found(tuple(subjects), tuple(changed), f"set what was set before {entry.actor}'s {entry.action}")

    def effect(tools: Tools, act: Act, entry: Entry) -> list[Item]:
        before = {item.item: item.seen for item in tools.items_of(entry.id)}
        return _set(tools, act, which, lambda subject: before.get(subject.id, ""))

    return Undo(sentence, look, effect)


def _who(tools: Tools, act: Act) -> str:
    """Who pauses, why and until when, on Redis's clock."""
    for_s = act.request.number("for_s", 0)
    until_ms = tools.inspector.clock_ms() + round(for_s * 1000) if for_s else 0
    until = act.request.text("until_at")
    if until:
        until_ms = round(datetime.fromisoformat(until).timestamp() * 1000)
    return json.dumps({"by": act.actor, "reason": act.reason, "until_ms": until_ms})


def _check_timer(request: Request) -> None:
    until = request.text("until_at")
    if request.number("for_s", 0) < 0:
        raise Refused(f"for {request.text('for_s')} s: use a time above 0")
    if until and datetime.fromisoformat(until).tzinfo is None:
        raise Refused(f"until {until}: say in which time zone")


def _timer_words(request: Request) -> list[str]:
    words = []
    if request.number("for_s", 0):
        words += ["--for", f"{request.number('for_s', 0):g}s"]
    if request.text("until_at"):
        words += ["--until", request.text("until_at")]
    return words


# -- queues ----------------------------------------------------------------------------------------------------


def _look_pause(tools: Tools, request: Request) -> Found:
    _check_timer(request)
    return _look(tools, request, "paused", tools.inspector.queue_names(), lambda name, now: "")  # noqa: ARG005


def _look_resume(tools: Tools, request: Request) -> Found:
    return _look(tools, request, "paused", tools.inspector.queue_names(), _not_set)


def _not_set(name: str, now: str) -> str:  # noqa: ARG001 - a rule's own signature
    return "" if now else "it is not paused"


def limits_of(request: Request) -> Limits:
    """The limits that a request sets. Raises Refused."""
    rate = request.options.get("rate")
    pair = (int(rate[0]), float(rate[1])) if isinstance(rate, list | tuple) and len(rate) == 2 else None
    whole = {name: int(request.number(name, 0)) for name in ("cap", "max_jobs", "max_bytes") if request.text(name)}
    limits = Limits(pair, whole.get("cap"), whole.get("max_jobs"), whole.get("max_bytes"))
    encode_limits(limits)
    return limits


def _look_limit(tools: Tools, request: Request) -> Found:
    limits_of(request)
    known = (*tools.inspector.queue_names(), *request.subjects)  # a queue may be limited before its first job
    return _look(tools, request, "gates", known, lambda name, now: "")  # noqa: ARG005


def _limit(tools: Tools, act: Act) -> list[Item]:
    limits = limits_of(act.request)
    tools.broker.add_queues([subject.id for subject in act.subjects])
    return _set(tools, act, "gates", lambda _: encode_limits(limits) if limits != Limits() else "")


def _limit_words(request: Request) -> list[str]:
    limits = limits_of(request)
    words = ["limit", *request.subjects]
    words += ["--rate", f"{limits.rate[0]}/{limits.rate[1]:g}"] if limits.rate else []
    for name in ("cap", "max_jobs", "max_bytes"):
        words += [f"--{name.replace('_', '-')}", request.text(name)] if request.text(name) else []
    return [*words, *([] if limits != Limits() else ["--lift"])]


def limits_before(item: Item) -> Limits:
    """The limits that a queue had before an action on it."""
    return decode_limits(item.seen.encode()) if item.seen else Limits()


# -- schedules -------------------------------------------------------------------------------------------------


def _schedules(tools: Tools, request: Request) -> tuple[Request, tuple[str, ...]]:
    known = tuple(task.name for task in tools.inspector.tasks() if task.schedule or task.periodic)
    full = [name if name in known else tools.operations.schedule(name).name for name in request.subjects]
    return Request(request.action, tuple(full), request.query, request.options), known


def _look_hold(tools: Tools, request: Request) -> Found:
    _check_timer(request)
    asked, known = _schedules(tools, request)
    return _look(tools, asked, "held", known, lambda name, now: "")  # noqa: ARG005


def _look_release(tools: Tools, request: Request) -> Found:
    asked, known = _schedules(tools, request)
    return _look(tools, asked, "held", known, _not_set)


# -- consumers -------------------------------------------------------------------------------------------------


def _orders(order: str) -> Callable[[Tools, Request], Found]:
    def look(tools: Tools, request: Request) -> Found:
        living = [one.id for one in tools.inspector.consumers()]
        already = {"quiet": "it is quiet already", "stop": "it was told to stop already", "": "it is not quiet"}
        return _look(tools, request, "orders", living, lambda _, now: already[order] if now == order else "")

    return look


BACK = "`dewey undo` sets what was set before"

ACTIONS = (
    Action(
        "pause",
        "Stop the claims of a queue, until it is resumed or for a time; what runs goes on.",
        "write",
        "queue",
        _look_pause,
        lambda tools, act: _set(tools, act, "paused", lambda _: _who(tools, act)),
        lambda request: ["pause", *request.subjects, *_timer_words(request)],
        _undo("paused", BACK),
    ),
    Action(
        "resume",
        "Let the jobs of a paused queue start again.",
        "write",
        "queue",
        _look_resume,
        lambda tools, act: _set(tools, act, "paused", lambda _: ""),
        lambda request: ["resume", *request.subjects],
        _undo("paused", BACK),
    ),
    Action(
        "limit",
        "Limit a queue, exactly and over all consumers, or lift its limits.",
        "write",
        "queue",
        _look_limit,
        _limit,
        _limit_words,
        _undo("gates", BACK),
    ),
    Action(
        "pause-schedule",
        "Let a schedule enqueue nothing, until it is resumed or for a time; its ticks meanwhile are skipped.",
        "write",
        "schedule",
        _look_hold,
        lambda tools, act: _set(tools, act, "held", lambda _: _who(tools, act)),
        lambda request: ["pause", "--schedule", *request.subjects, *_timer_words(request)],
        _undo("held", BACK),
    ),
    Action(
        "resume-schedule",
        "Let a schedule tick again, from its next tick on.",
        "write",
        "schedule",
        _look_release,
        lambda tools, act: _set(tools, act, "held", lambda _: ""),
        lambda request: ["resume", "--schedule", *request.subjects],
        _undo("held", BACK),
    ),
    Action(
        "quiet",
        "Let a consumer finish its jobs and claim no more.",
        "write",
        "consumer",
        _orders("quiet"),
        lambda tools, act: _set(tools, act, "orders", lambda _: "quiet"),
        lambda request: ["quiet", *request.subjects],
        _undo("orders", "`dewey undo` or `dewey wake` lets it claim again"),
    ),
    Action(
        "wake",
        "Let a quiet consumer claim jobs again.",
        "write",
        "consumer",
        _orders(""),
        lambda tools, act: _set(tools, act, "orders", lambda _: ""),
        lambda request: ["wake", *request.subjects],
        _undo("orders", BACK),
    ),
    Action(
        "stop",
        "Let a consumer finish its jobs and end.",
        "dangerous",
        "consumer",
        _orders("stop"),
        lambda tools, act: _set(tools, act, "orders", lambda _: "stop"),
        lambda request: ["stop", *request.subjects],
        "a consumer that has ended is started where it ran",
    ),
)
