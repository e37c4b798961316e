"""Why a job is not running: the reasons as sentences, computed from one consistent read (scene.py)."""

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final, Literal

from msgspec import Struct

from storage.broker.reading import instant
from storage.broker.records import FINISHED, State
from storage.broker.scene import Busy, Scene, SceneReads
from storage.wording import SHORT_ID, plural, short_name

Kind = Literal[
    "running", "ended", "unique", "due", "overdue", "unknown task", "children", "failed child",
    "paused", "no consumer", "quiet", "cap", "rate", "busy", "line", "free", "unseen",
]  # fmt: skip
"""What keeps a job, in a word. "free" means nothing: a worker takes it at once. "unseen": nothing that Redis shows, and
yet it waits, first in line, while workers are free."""

LONG_S: Final = 60.0
"""What is first in line and has a free worker starts in a moment; by then, something keeps it."""
_NAMED: Final = 3
"""Most jobs or consumers that a sentence names."""
_FAILED_FIRST: Final = {"dead": -3, "canceled": -2, "retrying": -1}
"""Of the jobs that one waits for, those that will not end well by themselves are named before the others."""
_RANDOM_ID: Final = re.compile(r"[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}")
_UNKNOWN_TASK: Final = "no task "
"""How the engine's reason begins when a consumer had to put a job back (tasks/engine/huey.py)."""


class Reason(Struct, frozen=True):
    """One thing that keeps a job. ``jobs`` are those that an operator would look at next; ``until_at`` is when it ends
    by itself, where that is known."""

    kind: Kind
    sentence: str
    jobs: tuple[str, ...] = ()
    until_at: datetime | None = None


class Why(Struct, frozen=True):
    """Why a job does not run at an instant of Redis's clock; the reason to deal with first is the first."""

    job_id: str
    state: State
    queue: str
    at: datetime
    reasons: tuple[Reason, ...]


class WhyReads(SceneReads):
    """The part of the Inspector that says why a job does not run."""

    def why(self, job_id: str) -> Why:
        """Why a job does not run. Raises JobMissing."""
        return explain(self.scene(job_id))


def explain(scene: Scene) -> Why:
    """The reasons that a scene shows."""
    return Why(scene.job_id, scene.state, scene.queue, scene.at, tuple(_reasons(scene)))


# -- the reasons -----------------------------------------------------------------------------------------------


def _reasons(scene: Scene) -> Iterator[Reason]:
    state = scene.state
    if state == "running":
        yield Reason("running", f"It is running, since {_clock(_started(scene))} on {scene.fields['worker']}.")
    elif state in FINISHED:
        if state == "dead" and scene.failed:
            yield _failed_child(scene)
        yield from _ended(scene)
    elif state == "blocked":
        yield from _children(scene)
    elif state in ("scheduled", "retrying"):
        yield from _due(scene)
    else:
        yield from tuple(_in_line(scene)) or tuple(_unseen(scene)) or (_free(scene),)


def _ended(scene: Scene) -> Iterator[Reason]:
    why = scene.fields["reason"] or scene.fields["error"]
    again = "" if scene.state == "succeeded" else "; it is not tried again by itself"
    yield Reason("ended", f"It has ended: it is {scene.state}{f' ({why})' if why else ''}{again}.")
    if scene.state != "succeeded" and scene.holder and scene.holder != scene.job_id:
        yield Reason(
            "unique",
            f"It can not be requeued while job {_short(scene.holder)} holds its unique key {scene.fields['unique']!r}.",
            (scene.holder,),
        )


def _failed_child(scene: Scene) -> Reason:
    """What took it along: of a child that failed because its own child did, the deepest, for only that is requeued."""
    child, (cause, state, task) = scene.failed[0][0], scene.failed[-1]
    is_alone = not scene.failed_too
    too = "" if is_alone else f" and {plural(scene.failed_too, 'other')} that failed beside it"
    then = f"when that one{too} {'is' if is_alone else 'are'} requeued, it lives again as well"
    if child == cause:
        sentence = f"Its child {_short(child)} {short_name(task)} has failed: {then}."
        return Reason("failed child", sentence, (child,))
    sentence = (
        f"Job {_short(cause)} {short_name(task)}, below its child {_short(child)}, is {state or 'gone'}: {then}, "
        "with all in between."
    )
    return Reason("failed child", sentence, (cause, child))


def _children(scene: Scene) -> Iterator[Reason]:
    if not scene.children:
        all_there = "It waits for other jobs, and their results are all there: it comes in line at once."
        yield Reason("children", all_there)
        return
    dead = [(one, task) for one, state, task in scene.children if state == "dead"]
    if dead:
        one, task = dead[0]
        told = (
            "a consumer hands that on to it within a second or so"
            if scene.consumers
            else "no consumer lives to hand that on to it: start one"
        )
        more = f", with {len(dead) - 1:,} more," if len(dead) > 1 else ""
        yield Reason("failed child", f"Its child {_short(one)} {short_name(task)}{more} is dead: {told}.", (one,))
    waited_for = sorted(scene.children, key=lambda child: _FAILED_FIRST.get(child[1], 0))
    named = ", ".join(
        f"{_short(one)} {short_name(task)} is {state or 'not there yet'}" for one, state, task in waited_for[:_NAMED]
    )
    more = f" and {len(waited_for) - _NAMED} more" if len(waited_for) > _NAMED else ""
    sentence = f"It waits for {len(waited_for)} of {plural(scene.waited_for, 'job')}: {named}{more}."
    yield Reason("children", sentence, tuple(one for one, _, _ in waited_for))


def _due(scene: Scene) -> Iterator[Reason]:
    run_at = instant(scene.fields["run_at"] or None)
    if scene.fields["reason"].startswith(_UNKNOWN_TASK):
        where = "" if scene.known else ", and none has published it"
        sentence = f"A consumer was offered it and does not know the task {scene.fields['task']}{where}"
        yield Reason(
            "unknown task", f"{sentence}: it is offered again at {_clock(run_at)}; start one that does.", (), run_at
        )
    if run_at is not None and run_at > scene.at:
        sentence = f"It is due at {_clock(run_at)}, in {_span(scene.at, run_at)}"
        if scene.state == "retrying":
            error = f"{scene.fields['error_type']}: {scene.fields['error']}"[:200]
            left = plural(int(scene.fields["left"] or 0), "retry", "retries")
            sentence += f": attempt {scene.fields['attempt']} failed with {error}; {left} left after that"
        yield Reason("due", f"{sentence}.", (), run_at)
    elif not scene.consumers:
        yield Reason("overdue", "It is due, but no consumer lives to put it in line: start one.")
    else:
        yield Reason("overdue", "It is due: it comes in line within a second or so.")
    yield from _kept_queue(scene)


def _in_line(scene: Scene) -> Iterator[Reason]:
    yield from _kept_queue(scene)
    yield from _limits(scene)
    yield from _workers(scene)
    if scene.ahead is None:
        missing = "It is queued, but missing from the line of its queue, so that no worker is offered it."
        yield Reason("line", missing)
    elif scene.ahead:
        yield Reason("line", f"{plural(scene.ahead, 'job')} {'is' if scene.ahead == 1 else 'are'} ahead of it in line.")


def _kept_queue(scene: Scene) -> Iterator[Reason]:
    """What would keep every job of the queue."""
    pause = scene.pause
    if pause is not None:
        why = f": {pause['reason']}" if pause.get("reason") else ""
        since, until_at = _clock(instant(pause.get("at"))), instant(pause.get("until_ms") or None)
        until = f" until {_clock(until_at)}" if until_at is not None else ""
        by = pause.get("by") or "nobody named"
        yield Reason("paused", f"Queue {scene.queue} is paused by {by} since {since}{until}{why}.", (), until_at)
    serving = scene.serving
    if not scene.consumers:
        yield Reason("no consumer", "No consumer lives: start one.")
    elif not serving:
        others = ", ".join(sorted({queue for one in scene.consumers for queue in one.queues})[:_NAMED])
        yield Reason("no consumer", f"No consumer serves queue {scene.queue}; those that live serve {others}.")
    elif all(one.order for one in serving):
        names = ", ".join(one.id for one in serving[:_NAMED])
        told = "claim nothing more" if all(one.order == "quiet" for one in serving) else "stop"
        yield Reason("quiet", f"Every consumer of queue {scene.queue} was told to {told}: {names}.")


def _limits(scene: Scene) -> Iterator[Reason]:
    gate = scene.gate or {}
    cap, rate = gate.get("cap"), gate.get("rate")
    here = [one for one in scene.busy if one.queue == scene.queue]
    if cap and scene.running >= cap:
        doing = f": {_doing(here, scene.at, scene.running)}" if here else ""
        yield Reason(
            "cap",
            f"At most {plural(cap, 'job')} of queue {scene.queue} may run at once, and {scene.running:,} "
            f"{'does' if scene.running == 1 else 'do'}{doing}.",
            tuple(one.id for one in here),
        )
    if rate and scene.last_start_ms is not None:
        opens_at = instant(scene.last_start_ms + rate["per_ms"])
        if opens_at is not None and opens_at > scene.at:
            limit = f"{plural(rate['count'], 'job')} in {rate['per_ms'] / 1000:g} s"
            sentence = f"Queue {scene.queue} starts at most {limit}: the next may start at {_clock(opens_at)}."
            yield Reason("rate", sentence, (), opens_at)


def _workers(scene: Scene) -> Iterator[Reason]:
    able = [one for one in scene.serving if not one.order]
    processes = {process for one in able for process in one.processes}
    workers, busy = sum(one.workers for one in able), [one for one in scene.busy if one.process in processes]
    held = 0 if scene.is_whole else sum(one.held for one in able)
    if not workers or max(len(busy), held) < workers:
        return
    who = "The only worker that serves" if workers == 1 else f"All {workers:,} workers that serve"
    verb = "is busy" if workers == 1 else "are busy"
    if len(busy) < workers:
        verb += f" by the last beat of {'its consumer' if len(able) == 1 else 'their consumers'}"
    doing = f": {_doing(busy, scene.at, max(len(busy), held))}" if busy else ""
    yield Reason("busy", f"{who} queue {scene.queue} {verb}{doing}.", tuple(one.id for one in busy))


def _unseen(scene: Scene) -> Iterator[Reason]:
    """Nothing that can be seen keeps it: said of the first in line that has waited long while workers that serve it are
    free; only where all that they run was read."""
    if not scene.is_whole:
        return
    since = instant(scene.fields["queued"] or scene.fields["created"] or None)
    busy = [one.process for one in scene.busy]
    free = [
        (one.id, one.workers - sum(busy.count(process) for process in one.processes))
        for one in scene.serving
        if not one.order
    ]
    free = [(name, number) for name, number in free if number > 0]
    if since is None or (scene.at - since).total_seconds() < LONG_S or not free:
        return
    names = ", ".join(f"{name} ({number})" for name, number in free[:_NAMED])
    more = f" and {len(free) - _NAMED} more" if len(free) > _NAMED else ""
    yield Reason(
        "unseen",
        f"Nothing that can be seen keeps it, yet it has waited {_span(since, scene.at)}. Free workers: {names}{more}.",
    )


def _free(scene: Scene) -> Reason:
    seen = "" if scene.is_whole else " that was read, which is not all that runs,"
    return Reason("free", f"Nothing{seen} keeps it: the next free worker takes it.")


# -- words -----------------------------------------------------------------------------------------------------


def _doing(busy: Sequence[Busy], now: datetime, total: int) -> str:
    longest = sorted(busy, key=lambda one: one.started_at or now)
    named = ", ".join(
        f"{_short(one.id)} {short_name(one.task)} for {_span(one.started_at or now, now)}" for one in longest[:_NAMED]
    )
    return named + (f" and {total - len(longest[:_NAMED]):,} more" if total > len(longest[:_NAMED]) else "")


def _started(scene: Scene) -> datetime | None:
    return instant(scene.fields["started"] or None)


def _short(job_id: str) -> str:
    """The first letters of a random id; a speaking one whole."""
    return job_id[:SHORT_ID] if _RANDOM_ID.fullmatch(job_id) else job_id


def _clock(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC" if at is not None else "an unknown instant"


def _span(start: datetime, end: datetime) -> str:
    seconds = max(0.0, (end - start).total_seconds())
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.1f} s"
