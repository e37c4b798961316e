"""Jobs acted on from the command line: tried again, called off, thrown away, run now, given another priority."""

import json
from typing import Annotated

import typer

from console.commands.asking import DryRun, Reason, Unrecorded, Way, Words, Yes, act
from console.commands.opening import WrongUse, open_desk
from console.commands.printing import Json, emit
from console.commands.triggering import read_edits
from storage.broker.canaries import DEFAULT_RATE, DEFAULT_SHARE
from storage.broker.records import PRIORITY_LIMIT, STATES
from tasks.actions.values import Request

app = typer.Typer()

Ids = Annotated[list[str] | None, typer.Argument(metavar="ID", help="Ids of jobs, or their beginnings.")]
Group = Annotated[str, typer.Option(metavar="GROUP", help="All jobs of a group that `dewey failures` shows.")]
Matching = Annotated[
    str, typer.Option(metavar="FILTER", help="Everything that matches, such as 'state:dead err:Timeout'.")
]
Limit = Annotated[int | None, typer.Option(metavar="N", min=1, help="Most jobs of the group, oldest first.")]


def selection(action: str, job_ids: list[str] | None, group: str, matching: str, **options: object) -> Request:
    """Which jobs are meant. Raises WrongUse: none, or in two ways."""
    if [bool(job_ids), bool(group), bool(matching)].count(True) != 1:
        raise WrongUse(
            f"name jobs, or one group of failures, or what matches a filter: dewey {action} ID…, --group or --matching"
        )
    given = {name: value for name, value in options.items() if value is not None}
    return Request(action, tuple(job_ids or ()), matching, {**({"group": group} if group else {}), **given})


@app.command()
def requeue(  # noqa: PLR0913, PLR0917 - its options, each with a default
    job_ids: Ids = None,
    group: Group = "",
    matching: Matching = "",
    limit: Limit = None,
    edits: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Another argument: a new job of one job.")
    ] = None,
    canary: Annotated[
        bool, typer.Option("--canary", help="One, then ten, then the rest at a rate; stops when too many fail.")
    ] = False,
    rate: Annotated[int, typer.Option(metavar="N", min=1, help="Of a canary: jobs a minute.")] = DEFAULT_RATE,
    share: Annotated[
        float, typer.Option(metavar="PERCENT", min=0, max=100, help="Of a canary: stop when more have failed.")
    ] = DEFAULT_SHARE,
    reason: Reason = "",
    dry_run: DryRun = False,
    yes: Yes = False,
    unrecorded: Unrecorded = False,
    as_json: Json = False,
) -> None:
    """Try dead, canceled or retrying jobs again.

    Each gets all its retries back. One that can not be requeued does not keep the others; then the exit status is 1.
    With --set, one job is launched anew with other arguments; it stays as it is, and is the parent of the new one.
    """
    way = Way(reason, dry_run, yes, as_json, unrecorded)
    if edits:
        if len(job_ids or ()) != 1 or canary:
            raise WrongUse("--set launches one job again: dewey requeue ID --set KEY=VALUE")
        desk = open_desk()
        kwargs = read_edits(desk, (job_ids or [""])[0], edits)
        request = Request("edit", tuple(job_ids or ()), "", {"kwargs": kwargs})
        act(request, Words("launched again", "not launched again"), way, desk)
    elif canary:
        found = selection("requeue", job_ids, group, matching, limit=limit, rate=rate, share=share)
        asked = Request("canary", found.subjects, found.query, found.options)
        act(asked, Words("in the canary's line; see `dewey canary`", "not requeued"), way)
    else:
        act(selection("requeue", job_ids, group, matching, limit=limit), Words("requeued", "not requeued"), way)


@app.command()
def cancel(
    job_ids: Ids = None,
    matching: Matching = "",
    reason: Reason = "",
    dry_run: DryRun = False,
    yes: Yes = False,
    unrecorded: Unrecorded = False,
    as_json: Json = False,
) -> None:
    """Call jobs off, also those that run.

    One that waits ends at once. One that runs is interrupted within about a second: in a process worker hard, in a
    thread worker when its code comes to its next step.
    """
    request = selection("cancel", job_ids, "", matching)
    act(request, Words("canceled", "not canceled"), Way(reason, dry_run, yes, as_json, unrecorded))


@app.command()
def discard(
    job_ids: Ids = None,
    group: Group = "",
    matching: Matching = "",
    reason: Reason = "",
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Throw jobs away, into the trash.

    There they are kept whole for seven days: `dewey undo` puts them back.
    """
    request = selection("discard", job_ids, group, matching)
    act(request, Words("discarded", "not discarded"), Way(reason, dry_run, yes, as_json))


@app.command()
def purge(
    queue: Annotated[str, typer.Argument(metavar="QUEUE", help="The name of the queue.")],
    state: Annotated[
        list[str] | None,
        typer.Option(metavar="STATE", help=f"These instead of those that wait; may be repeated: {', '.join(STATES)}."),
    ] = None,
    reason: Reason = "",
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Throw the waiting jobs of a queue away, into the trash.

    On a terminal it asks for the queue's name. `dewey undo` puts them back, for seven days.
    """
    unknown = [one for one in state or [] if one not in STATES]
    if unknown:
        raise WrongUse(f"{unknown[0]!r} is no state of a job; there are {', '.join(STATES)}")
    request = Request("purge", (queue,), "", {"states": state} if state else {})
    act(request, Words("discarded", "not discarded"), Way(reason, dry_run, yes, as_json))


@app.command()
def promote(
    job_ids: Ids = None,
    matching: Matching = "",
    reason: Reason = "",
    dry_run: DryRun = False,
    yes: Yes = False,
    unrecorded: Unrecorded = False,
    as_json: Json = False,
) -> None:
    """Run scheduled and retrying jobs now, instead of when they are due."""
    request = selection("promote", job_ids, "", matching)
    act(request, Words("in line now", "not promoted"), Way(reason, dry_run, yes, as_json, unrecorded))


@app.command()
def priority(
    value: Annotated[float, typer.Argument(metavar="N", min=-PRIORITY_LIMIT, max=PRIORITY_LIMIT, help="The priority.")],
    job_ids: Ids = None,
    matching: Matching = "",
    reason: Reason = "",
    dry_run: DryRun = False,
    yes: Yes = False,
    unrecorded: Unrecorded = False,
    as_json: Json = False,
) -> None:
    """Give jobs that wait another priority; the higher one runs first.

    Among those of one priority they stand by when they came. A negative N is written behind --: dewey priority -- -5
    ID.
    """
    request = selection("priority", job_ids, "", matching, priority=value)
    words = Words(f"has priority {value:g} now", "not changed")
    act(request, words, Way(reason, dry_run, yes, as_json, unrecorded))


@app.command()
def reveal(
    job_id: Annotated[str, typer.Argument(metavar="ID", help="A job's id, or its beginning.")],
    path: Annotated[str, typer.Option(metavar="PATH", help="One value, such as args.password or result.")] = "",
    reason: Reason = "",
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Show the masked values of a job.

    That it was shown, to whom and why, is in the audit.
    """
    request = Request("reveal", (job_id,), "", {"path": path} if path else {})
    performed = act(request, Words("shown", "not shown"), Way(reason, dry_run, yes, as_json))
    if performed is not None and not as_json:
        values = (
            f"{name} = {json.dumps(value, ensure_ascii=False, default=str)}" for name, value in performed.values.items()
        )
        emit(None, False, values)
