"""What is wrong now, the worst first, each with what helps."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, Literal

from msgspec import Struct
from textual.content import Content

from console.formats import Moment, coarse, duration
from console.gateway.fleet import ConsumerView
from console.gateway.glance import Glance, HealthView
from console.gateway.views import PauseView, QueueRow
from storage.wording import plural

OLD_S: Final = 300.0
"""A job that waits longer than this in a queue that is served is worth a look."""
FAILING_SHARE: Final = 0.1
FAILING_LEAST: Final = 5
"""So large a share of the attempts of five minutes, and so many of them, fail when something is wrong."""


class Trouble(Struct, frozen=True):
    """One thing that is wrong: how badly, where, what, and what to do; ``keys`` are those that lead there, for where
    there is no room for more."""

    level: Literal["warn", "fail"]
    where: Content
    what: Content
    remedy: Content
    keys: str = ""


def troubles(glance: Glance | None, health: Iterable[HealthView], moment: Moment) -> tuple[Trouble, ...]:
    """Return everything that is wrong, the worst first."""
    found = [*_stores(health)]
    if glance is not None:
        found += _fleet(glance)
        for row in glance.queues:
            found += _queue(row, moment)
        found += _all_queues(glance.queues)
    return tuple(sorted(found, key=lambda trouble: trouble.level != "fail"))


def _stores(health: Iterable[HealthView]) -> Iterator[Trouble]:
    for view in health:
        for finding in view.findings:
            if finding.level in ("warn", "fail"):
                level: Literal["warn", "fail"] = "fail" if finding.level == "fail" else "warn"
                yield Trouble(level, finding.subject, finding.message, finding.remedy)


def _fleet(glance: Glance) -> Iterator[Trouble]:
    living = [one for one in glance.fleet if not one.is_silent]
    waiting = sum(row.queued for row in glance.queues)
    if not living:
        jobs = f"{plural(waiting, 'job')} wait" if waiting != 1 else "1 job waits"
        what = Content(f"none runs: {jobs}" if waiting else "none runs")
        yield Trouble("fail" if waiting else "warn", Content("consumers"), what, Content("dewey up starts one"))
    for consumer in glance.fleet:
        if consumer.is_silent:
            yield _silent(consumer)
    quiet = [one for one in living if one.order]
    if living and len(quiet) == len(living):
        what = Content("every one was told to be quiet or to stop: no job starts")
        yield Trouble("fail", Content("consumers"), what, Content("6 shows them, p lets one go on"), "6")


def _silent(consumer: ConsumerView) -> Trouble:
    jobs = f", with {plural(len(consumer.runs), 'job')}" if consumer.runs else ""
    what = Content.assemble(consumer.name, f" fell silent{jobs}: killed, or cut off")
    return Trouble("warn", Content("consumers"), what, Content("its jobs run again by themselves; 6 shows it"), "6")


def _queue(row: QueueRow, moment: Moment) -> Iterator[Trouble]:
    jobs = f"{row.queued:,} wait" if row.queued != 1 else "1 waits"
    if row.pause is not None:
        if row.queued:
            yield _paused(row, row.pause, moment, jobs)
        return
    if row.queued and not row.consumers:
        what = Content(f"nobody serves it · {jobs}, the oldest for {duration(row.oldest_waiting_s)}")
        yield Trouble("fail", row.name, what, Content("start a consumer for it, or look at DEWEY_QUEUES"), "6")
        return
    failing = _failing(row)
    if row.queued and row.oldest_waiting_s > OLD_S:
        limited = () if row.limit is None else (" · limited",)
        what = Content.assemble(f"{jobs}, the oldest for {duration(row.oldest_waiting_s)}", *limited, *failing)
        if failing:
            yield Trouble("warn", row.name, what, Content("4 shows what broke"), "4")
        elif limited:
            yield Trouble("warn", row.name, what, Content("2 shows the limit, L changes it"), "2 L")
        else:
            yield Trouble("warn", row.name, what, Content("more workers, or see what runs: 6"), "6")
    elif failing:
        yield Trouble("warn", row.name, Content.assemble(*failing[1:]), Content("4 shows what broke"), "4")


def _all_queues(rows: Sequence[QueueRow]) -> Iterator[Trouble]:
    """Say that too much fails, where it does so in no queue alone."""
    minutes = [minute for row in rows for minute in row.minutes[-6:]]
    span = max((len(row.minutes[-6:]) for row in rows), default=0)
    failing = _failed_of(minutes, span)
    if failing and not any(map(_failing, rows)):
        yield Trouble("warn", Content("all queues"), Content(failing), Content("4 shows what broke"), "4")


def _paused(row: QueueRow, pause: PauseView, moment: Moment, jobs: str) -> Trouble:
    """A pause that jobs wait for. When nobody serves the queue either, resuming it would not help them."""
    nobody = "" if row.consumers else ", and nobody serves it"
    reason = Content.assemble(": ", pause.reason) if pause.reason.plain else Content("")
    what = Content.assemble(f"paused {moment.ago(pause.at)} by ", pause.by, nobody, reason, f" · {jobs}")
    remedy = "start a consumer for it; then 2, p resumes it" if nobody else "2 shows it, p resumes it"
    return Trouble("warn", row.name, what, Content(remedy), "2 p")


def _failing(row: QueueRow) -> tuple[str, ...]:
    """Say how many fail, behind a dot; nothing when that is as it should be."""
    recent = row.minutes[-6:]
    said = _failed_of(recent, len(recent))
    return (" · ", said) if said else ()


def _failed_of(minutes: Sequence[tuple[int, int, int]], span: int) -> str:
    """Say how many failed within some minutes; "" when that is as it should be."""
    failed, ended = sum(one[2] for one in minutes), sum(one[1] + one[2] for one in minutes)
    if failed < FAILING_LEAST or failed <= ended * FAILING_SHARE:
        return ""
    return f"{failed:,} of {ended:,} failed in {coarse(60 * span)}"
