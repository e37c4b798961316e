"""The canary requeue of a group or a filter, and what operators tell one that goes on: pause, go on, abort."""

from collections.abc import Callable
from datetime import UTC, datetime

from storage.audit import Item
from storage.broker.canaries import DEFAULT_RATE, DEFAULT_SHARE, Canary, Order, Plan
from storage.errors import JobMissing
from storage.history.filters import All, Is
from storage.history.query import parse
from storage.values import replace
from tasks.actions.on_groups import broke
from tasks.actions.on_jobs import look_requeue, selected
from tasks.actions.selection import LABEL_CHARS, refusal, shown
from tasks.actions.tools import MOST, Act, Action, Tools
from tasks.actions.values import Found, NotEligible, Request, Subject


def plan_of(request: Request, by: str) -> Plan:
    """How the canary of a request is to go. Raises Refused."""
    label = f"group {request.text('group')}" if request.text("group") else request.query or "named jobs"
    rate, share = request.number("rate", DEFAULT_RATE), request.number("share", DEFAULT_SHARE)
    plan = Plan(by, label, int(rate), share)
    plan.check()
    return plan


def _look(tools: Tools, request: Request) -> Found:
    plan = plan_of(request, "")
    found = look_requeue(tools, request)
    sentence = (
        f"requeue one and wait for what becomes of it, then ten, then the rest at {plan.rate} a minute; stop when more "
        f"than {plan.share_percent:g} % of those that ended have failed"
    )
    return Found(found.subjects, found.not_eligible, sentence)


def _begin(tools: Tools, act: Act) -> list[Item]:
    plan = replace(plan_of(act.request, act.actor), about=_about(tools, act.request))
    tools.canaries.begin(act.key, shown(act), plan)
    return [Item(subject.id, "", "done", "") for subject in act.subjects]


def _about(tools: Tools, request: Request) -> str:
    """What broke in the group that is requeued; "" of other jobs, and of a group whose jobs have gone meanwhile."""
    prefix = request.text("group") or group_in(request.query)
    try:
        return broke(tools, tools.inspector.failure_group(prefix))[:LABEL_CHARS] if prefix else ""
    except JobMissing:
        return ""


def group_in(query: str) -> str:
    """The one group whose jobs a filter can match; "" when it is not about one."""
    node = parse(query, now=datetime.now(UTC), zone=UTC).node
    nodes = node.nodes if isinstance(node, All) else (node,)
    named = [one.values for one in nodes if isinstance(one, Is) and one.field == "group"]
    return named[0][0] if len(named) == 1 and len(named[0]) == 1 else ""


def _words(request: Request) -> list[str]:
    plan = plan_of(request, "")
    words = [*selected(request, "requeue"), "--canary", "--rate", str(plan.rate)]
    return words + (["--share", f"{plan.share_percent:g}"] if plan.share_percent != DEFAULT_SHARE else [])


def named(canary: Canary) -> str:
    """A canary in a line: what broke, with its group, and how it stands."""
    of = f" (group {canary.group})" if canary.about and canary.group else ""
    return f"{canary.name}{of}, {canary.sentence()}"


def _look_at(order: Order) -> Callable[[Tools, Request], Found]:
    allowed = {
        "paused": ("running",),
        "running": ("paused", "stopped"),
        "aborted": ("loading", "running", "paused", "stopped"),
    }

    def look(tools: Tools, request: Request) -> Found:
        subjects, not_eligible = [], []
        for prefix in request.subjects:
            try:
                canary = tools.canaries.one(prefix)
            except JobMissing as error:
                not_eligible.append(NotEligible(prefix, str(error)))
                continue
            if canary.state in allowed[order]:
                subjects.append(Subject(canary.id, canary.state, named(canary)))
            else:
                not_eligible.append(NotEligible(canary.id, f"it is {canary.state}"))
        return Found(tuple(subjects), tuple(not_eligible))

    return look


def _tell(order: Order) -> Callable[[Tools, Act], list[Item]]:
    def effect(tools: Tools, act: Act) -> list[Item]:
        items = []
        for subject in act.subjects:
            answer = tools.canaries.tell(act.key, subject.id, order, act.actor, act.reason, subject.seen)
            done = answer.verdict == "done"
            items.append(Item(subject.id, "", "done" if done else "refused", order if done else refusal(answer)))
        return items

    return effect


ACTIONS = (
    Action(
        "canary",
        "Requeue one job, wait for its outcome, then ten, then the rest at a rate; stop by itself when too many fail.",
        "write",
        "job",
        _look,
        _begin,
        _words,
        "abort it with `dewey canary abort`; what it has requeued by then goes on",
        at_once=MOST,
    ),
    Action(
        "canary-pause",
        "Let a canary requeue nothing more until it goes on.",
        "write",
        "canary",
        _look_at("paused"),
        _tell("paused"),
        lambda request: ["canary", "pause", *request.subjects],
        "`dewey canary resume` lets it go on",
    ),
    Action(
        "canary-resume",
        "Let a paused canary go on, or one that stopped by itself; its counts begin anew then.",
        "write",
        "canary",
        _look_at("running"),
        _tell("running"),
        lambda request: ["canary", "resume", *request.subjects],
        "`dewey canary pause` pauses it again",
    ),
    Action(
        "canary-abort",
        "End a canary; the jobs that it has not requeued stay as they are.",
        "write",
        "canary",
        _look_at("aborted"),
        _tell("aborted"),
        lambda request: ["canary", "abort", *request.subjects],
        "begin another canary for the rest",
    ),
)
