"""What was done, and taken back, from the command line: the audit, undoing, the trash, canaries."""

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from console.commands.asking import DryRun, Reason, Way, Words, Yes, act, finish_action
from console.commands.opening import WrongUse, open_desk, operator
from console.commands.printing import Json, emit, plain, span, table
from console.commands.searching import clock, read_filter
from storage import audit as records
from storage import audit_search
from storage import trash as bin_of_jobs
from storage.audit import Entry, Item
from storage.broker.canaries import Canaries, Canary
from storage.trash import Trashed
from storage.wording import SHORT_ID, short_name
from tasks.actions.registry import undoes_it
from tasks.actions.values import Request


class Listing(TyperGroup):
    """Commands of which `list` is what is meant when none is named."""

    def parse_args(self, ctx: Any, args: list[str]) -> Any:
        """Read what was written, with the command that was meant."""
        if not args or (args[0].startswith("-") and args[0] not in ctx.help_option_names):
            args = ["list", *args]
        return super().parse_args(ctx, args)


app = typer.Typer()
trash = typer.Typer(cls=Listing, help="Look at what was thrown away, and put single jobs back.")
canary = typer.Typer(cls=Listing, help="Look at canary requeues, pause them, let them go on, end them.")
app.add_typer(trash, name="trash")
app.add_typer(canary, name="canary")

CanaryId = Annotated[str, typer.Argument(metavar="ID", help="A canary's id, or its beginning.")]
SHOWN_ITEMS = 1_000
LAST = 10**records.DIGITS - 1
"""No action has a number beyond this one."""
FILTER = (
    "One action, with what it was done to; or which ones, as in 'actor:ada outcome:refused item:3f2a last:24h purge'."
)


# -- the audit -------------------------------------------------------------------------------------------------


@app.command()
def audit(  # noqa: PLR0913, PLR0917 - its options, each with a default
    what: Annotated[str, typer.Argument(metavar="[ID|FILTER]", help=FILTER)] = "",
    actor: Annotated[str, typer.Option(metavar="NAME", help="Only what they did.")] = "",
    action: Annotated[str, typer.Option(metavar="NAME", help="Only such actions.")] = "",
    item: Annotated[str, typer.Option(metavar="ID", help="Only what was done to this: a job, a queue …")] = "",
    finish: Annotated[bool, typer.Option("--finish", help="Do what is left of one that was cut short.")] = False,
    yes: Yes = False,
    before: Annotated[int | None, typer.Option(metavar="ID", max=LAST, help="Only what came before this one.")] = None,
    limit: Annotated[int, typer.Option(metavar="N", min=1, max=10_000, help="Most actions to show.")] = 50,
    as_json: Json = False,
) -> None:
    """Show who did what to what, when, why, with which outcome.

    A filter has fields (actor action outcome item reason host age last at) and words, which search the command line,
    the reason and the actor. `-` or NOT negates; OR, parentheses and quotes work. One that begins with `-` goes behind
    `--`.
    """
    is_number = what.isascii() and what.isdigit()
    if is_number and len(what) > records.DIGITS:
        raise WrongUse(f"{what[: records.DIGITS]}…: no action has such a number; `dewey audit` lists them")
    number = int(what) if is_number else None
    desk = open_desk()
    database = desk.resources.database
    if finish:
        if number is None:
            raise WrongUse("say which action is to be finished: dewey audit ID --finish")
        finish_action(number, Words("done", "not done"), Way(yes=yes, as_json=as_json))
        return
    if number is not None:
        entry = records.entry(database, number)
        items = records.items(database, number, limit=SHOWN_ITEMS)
        emit(_document(entry, items), as_json, _described(entry, items))
        return
    now = clock(desk.inspector)
    where = audit_search.condition(read_filter(what, now, audit_search.parse))
    found = records.entries(database, actor=actor, action=action, item=item, before=before, limit=limit, where=where)
    lines = table(
        [" ID", "WHEN", "WHO", "WHAT", " DONE", " NOT", "UNDONE", "WHY"], [_row(entry, now) for entry in found]
    )
    documents = (_document(entry, records.items(database, entry.id, limit=SHOWN_ITEMS)) for entry in found)
    nothing = "No action matches." if what else "Nothing was done, as far as the audit knows."
    emit(documents, as_json, lines if found else [nothing])


def _document(entry: Entry, items: tuple[Item, ...]) -> dict[str, object]:
    document: dict[str, object] = plain(entry)
    document["outcome"] = _outcome(entry)
    document["items"] = plain(items)
    document["item_count"] = entry.items
    return document


def _outcome(entry: Entry) -> str:
    if entry.finished_at is None:
        return "not finished"
    return f"{entry.done} done" + (f", {entry.refused} not" if entry.refused else "")


def _row(entry: Entry, now: datetime) -> list[str]:
    when = f"{span((now - entry.at).total_seconds())} ago"
    undone = "" if entry.undone_by is None else f"by {entry.undone_by}"
    done = str(entry.done) if entry.finished_at is not None else "?"
    return [str(entry.id), when, entry.actor, entry.command, done, str(entry.refused), undone, entry.reason]


def _described(entry: Entry, items: tuple[Item, ...]) -> Iterator[str]:
    yield f"{entry.command}  {_outcome(entry)}"
    why = f": {entry.reason}" if entry.reason else ""
    yield f"by {entry.actor} on {entry.host}, {entry.at:%Y-%m-%d %H:%M:%S} UTC{why}"
    if entry.finished_at is None:
        yield f"it was cut short, or goes on: `dewey audit {entry.id} --finish` does what is left of it"
    if entry.undone_by is not None:
        yield f"undone by action {entry.undone_by}"
    elif entry.undoes is not None:
        yield f"undoes action {entry.undoes}"
    else:
        undone = f"`dewey undo {entry.id}` {undoes_it(entry.action, entry.done)}"
        yield f"can not be undone: {entry.undo}" if entry.undo else undone
    rows = [[one.item, one.outcome or "not known", one.detail] for one in items]
    yield from table(["ITEM", "OUTCOME", "DETAIL"], rows)


@app.command()
def undo(
    number: Annotated[
        int | None, typer.Argument(metavar="ID", min=1, max=LAST, help="The action, as `dewey audit` shows it.")
    ] = None,
    reason: Reason = "",
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Undo an action: your last one, unless you name one.

    What was thrown away comes back; what was requeued and still waits is called back; what was set is as it was before.
    """
    named = () if number is None else (str(number),)
    request = Request("undo", named, "", {"actor": operator()})
    act(request, Words("undone", "not undone"), Way(reason, dry_run, yes, as_json))


# -- the trash -------------------------------------------------------------------------------------------------


@trash.command("list")
def list_trash(
    queue: Annotated[str, typer.Option(metavar="NAME", help="Only jobs of this queue.")] = "",
    limit: Annotated[int, typer.Option(metavar="N", min=1, max=10_000, help="Most jobs to show.")] = 50,
    as_json: Json = False,
) -> None:
    """Show the jobs that were thrown away in the last seven days."""
    desk = open_desk()
    found = bin_of_jobs.listed(desk.resources.database, queue=queue, limit=limit)
    now = clock(desk.inspector)
    rows = [_thrown(one, now) for one in found]
    lines = table(["ID", "TASK", "QUEUE", "STATE", "THROWN AWAY", ""], rows)
    emit(found, as_json, lines if rows else ["The trash is empty."])


def _thrown(one: Trashed, now: datetime) -> list[str]:
    when = f"{span((now - one.trashed_at).total_seconds())} ago"
    still = "" if one.left_at else "maybe still in its queue"
    return [one.job_id, short_name(one.task), one.queue, one.state, when, still]


@trash.command("restore")
def restore(
    job_ids: Annotated[list[str], typer.Argument(metavar="ID…", help="Ids of jobs, or their beginnings.")],
    reason: Reason = "",
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Put single jobs back to where they were."""
    act(Request("restore", tuple(job_ids)), Words("restored", "not restored"), Way(reason, dry_run, yes, as_json))


# -- canaries --------------------------------------------------------------------------------------------------


@canary.command("list")
def list_canaries(as_json: Json = False) -> None:
    """Show the canaries that go on, and those that ended in the last seven days."""
    found = Canaries(open_desk().broker).all()
    rows = [_canary_row(one) for one in found]
    head = ["CANARY", "STATE", "PHASE", " REQUEUED", " SUCCEEDED", " FAILED", "BY", "GROUP", "OF"]
    emit(found, as_json, table(head, rows) if rows else ["There is no canary: `dewey requeue --group ID --canary`."])


def _canary_row(one: Canary) -> list[str]:
    counts = [f"{one.sent}/{one.total}", str(one.succeeded), str(one.failed)]
    return [one.id[:SHORT_ID], one.state, one.phase, *counts, one.by, one.group, one.name]


@canary.command()
def show(canary_id: CanaryId, as_json: Json = False) -> None:
    """Show one canary."""
    found = Canaries(open_desk().broker).one(canary_id)
    emit(found, as_json, _canary_lines(found))


def _canary_lines(found: Canary) -> Iterator[str]:
    yield f"{found.id}  {found.sentence()}"
    if found.about:
        yield found.about
    yield f"of {found.label}, by {found.by}, since {found.started_at:%Y-%m-%d %H:%M:%S} UTC"
    yield f"{found.rate} a minute after the first eleven, until more than {found.share_percent:g} % have failed"
    if found.told_by:
        yield f"{found.told_by} said the last word" + (f": {found.reason}" if found.reason else "")


def _tell(action: str, canary_id: str, words: Words, way: Way) -> None:
    act(Request(action, (canary_id,)), words, way)


@canary.command("pause")
def pause_canary(
    canary_id: CanaryId, reason: Reason = "", dry_run: DryRun = False, yes: Yes = False, as_json: Json = False
) -> None:
    """Let a canary requeue nothing more until it goes on."""
    _tell("canary-pause", canary_id, Words("is paused", "not paused"), Way(reason, dry_run, yes, as_json))


@canary.command("resume")
def resume_canary(
    canary_id: CanaryId, reason: Reason = "", dry_run: DryRun = False, yes: Yes = False, as_json: Json = False
) -> None:
    """Let a canary go on, also one that stopped by itself."""
    _tell("canary-resume", canary_id, Words("goes on", "does not go on"), Way(reason, dry_run, yes, as_json))


@canary.command("abort")
def abort_canary(
    canary_id: CanaryId, reason: Reason = "", dry_run: DryRun = False, yes: Yes = False, as_json: Json = False
) -> None:
    """End a canary; the jobs that it has not requeued stay as they are."""
    _tell("canary-abort", canary_id, Words("is ended", "not ended"), Way(reason, dry_run, yes, as_json))
