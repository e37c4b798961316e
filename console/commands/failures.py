"""Failures by what their errors have in common: ``dewey failures``."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Annotated

import typer

from console.commands.opening import WrongUse, open_desk
from console.commands.printing import Json, emit, note, plain, span, table
from console.commands.searching import FILTER, clock, read_filter
from storage.broker.records import FailureGroup
from storage.errors import StoreRefused, StoreUnavailable
from storage.history import failures as history
from storage.history.failures import Group
from storage.wording import SHORT_ID, error_line, short_id, short_name

HIDDEN = ("muted", "resolved")
BARS = " ▁▂▃▄▅▆▇█"
HEAD = ["GROUP", "STATE", " DEAD", " 1H", " 24H", " 7D", "BY HOUR", " LAST", " FIRST", "TASK", "SAMPLE", "ERROR"]

app = typer.Typer()


@app.command()
def failures(
    given: Annotated[str, typer.Argument(metavar="[FILTER]", help=f"Only what matching jobs failed of. {FILTER}")] = "",
    show_all: Annotated[bool, typer.Option("--all", help="Also groups that are muted or resolved.")] = False,
    as_json: Json = False,
) -> None:
    """Show failures, grouped by what broke.

    Errors that differ only by ids, numbers, paths and the like are one group. DEAD counts its jobs that are dead now;
    1H, 24H and 7D the failed attempts within that time, and BY HOUR those of the last day, hour by hour.

    The group with the latest failure comes first. `dewey requeue --group ID` tries the dead jobs of one again.
    """
    desk = open_desk()
    now = clock(desk.inspector)
    asked = read_filter(given, now)
    live = desk.inspector.failure_groups()
    is_recorded = True
    try:
        found = history.groups(desk.resources.database, now=now, live=live, given=asked)
    except (StoreUnavailable, StoreRefused) as error:
        if asked.node is not None:
            raise WrongUse(f"a filter needs history, and that is away: {error}") from error
        note(f"dewey: history is away, so there are no counts by time: {error}")
        found, is_recorded = _live_only(live), False
    # What failed once and was mended by a retry is no group that somebody must look at; --all has those too.
    shown = [one for one in found if show_all or as_json or (one.state not in HIDDEN and one.dead)]
    documents = found if is_recorded else [_uncounted(one) for one in found]
    emit(documents, as_json, _lines(shown, len(found) - len(shown), now, is_recorded))


def _live_only(live: Sequence[FailureGroup]) -> tuple[Group, ...]:
    """The groups of dead jobs as the broker alone has them."""
    return tuple(
        Group(
            *(one.fingerprint, one.task, one.error_type, one.message, "open", None, 0, one.count, one.first_seen_at),
            *(one.last_seen_at, one.sample),
        )
        for one in live
    )


def _uncounted(group: Group) -> dict[str, object]:
    """A group as JSON shows it when only history knows how often it failed, and where: null, which is not nothing."""
    unknown = {name: None for name in ("attempts", "hosts", "versions")}
    return {**plain(group), **unknown, "trend": dict.fromkeys(plain(group.trend))}


def _lines(groups: Sequence[Group], hidden: int, now: datetime, is_recorded: bool) -> Iterator[str]:
    if groups:
        yield from table(HEAD, (_row(one, now, is_recorded) for one in groups))
        yield f"`dewey requeue --group {groups[0].fingerprint[:SHORT_ID]}` tries the jobs of a group again."
    else:
        yield "No job is dead."
    if hidden:
        yield f"{hidden} more: muted, resolved, or without a dead job; --all shows them."


def _row(group: Group, now: datetime, is_recorded: bool) -> list[str]:
    last, first = (span((now - at).total_seconds()) for at in (group.last_seen_at, group.first_seen_at))
    error = error_line(group.error_type, group.message)
    trend = [str(count) for count in (group.trend.hour, group.trend.day, group.trend.week)] if is_recorded else "???"
    by_hour = bars(group.trend.hours) if is_recorded else "?"
    names = [short_name(group.task), short_id(group.sample)]
    return [group.fingerprint[:SHORT_ID], group.state, str(group.dead), *trend, by_hour, last, first, *names, error]


def bars(counts: Sequence[int]) -> str:
    """Counts as a line of bars, the highest one full; an hour without any is empty."""
    highest = max([*counts, 1])
    return "".join(BARS[-(-count * (len(BARS) - 1) // highest)] for count in counts)
