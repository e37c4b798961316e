"""Jobs from the command line: found with a filter, shown whole, and compared with a success of their task."""

import contextlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, tzinfo
from typing import Annotated, Any, Protocol

import typer
from msgspec.structs import asdict

from console.commands.jobs import HEAD, attempt_lines, compact, describe, find, job_document, job_row
from console.commands.opening import Desk, WrongUse, open_desk
from console.commands.printing import Json, emit, note, plain, table, visible
from storage.broker.inspector import Inspector
from storage.broker.records import STATES, State
from storage.errors import FilterError, JobMissing, StorageError
from storage.history import diff as differences
from storage.history import jobs as history
from storage.history import query
from storage.history.entries import Entry, Story
from storage.history.filters import Filter, Is
from storage.history.ledger import Found
from storage.wording import plural
from tasks.ledger import open_ledger

FILTER = "As in 'state:dead err:Timeout -queue:email last:24h'."


class Parse(Protocol):
    """Reads a filter of something. Raises FilterError."""

    def __call__(self, text: str, *, now: datetime, zone: tzinfo) -> Filter: ...


app = typer.Typer()

JobId = Annotated[str, typer.Argument(metavar="ID", help="A job's id, or its beginning.")]


# -- filters ---------------------------------------------------------------------------------------------------


def read_filter(text: str, now: datetime, parse: Parse = query.parse) -> Filter:
    """The filter that an operator wrote, of jobs unless ``parse`` reads others; its clock times are local ones.

    Raises:
        WrongUse: it is not understood; the message shows the place.
    """
    try:
        return parse(text, now=now, zone=datetime.now(UTC).astimezone().tzinfo or UTC)
    except FilterError as error:
        raise WrongUse(explained(text, error)) from error


def explained(text: str, error: FilterError) -> str:
    """What is wrong with a filter, under the place where it is."""
    before, wrong = (visible(part) for part in (text[: error.position], text[error.position :][: error.length]))
    lines = [str(error), f"  {visible(text)}", f"  {' ' * len(before)}{'^' * max(1, len(wrong))}"]
    if error.suggestion:
        better = text[: error.position] + error.suggestion + text[error.position + error.length :]
        lines.append(f"perhaps: {better}")
    return "\n".join(lines)


def clock(inspector: Inspector) -> datetime:
    """Now, on Redis's clock. Raises StoreUnavailable."""
    return datetime.fromtimestamp(inspector.clock_ms() / 1000, UTC)


# -- lists -----------------------------------------------------------------------------------------------------


@app.command("jobs")
def list_jobs(
    given: Annotated[str, typer.Argument(metavar="[FILTER]", help=FILTER)] = "",
    state: Annotated[
        list[str] | None, typer.Option(metavar="STATE", help=f"Only this state; may be repeated: {', '.join(STATES)}.")
    ] = None,
    queue: Annotated[list[str] | None, typer.Option(metavar="NAME", help="Only this queue; may be repeated.")] = None,
    limit: Annotated[int, typer.Option(metavar="N", min=1, max=100_000, help="Most jobs to show.")] = 50,
    after: Annotated[str, typer.Option(metavar="PLACE", help="Go on where a list with a filter ended.")] = "",
    as_json: Json = False,
) -> None:
    """List jobs: those of now, or with a filter all that history has.

    Without a filter those that run come first, then those that wait, then those that have ended, the latest end first:
    what Redis still holds. With a filter the newest come first, however long ago that was.

    A filter has fields (state queue task err args.NAME host worker attempt dur wait age last at id group parent unique
    log) and words, which search task, error and arguments. `-` or NOT negates; OR, parentheses and quotes work. One
    that begins with `-` goes behind `--`.
    """
    states = [_state(one) for one in state or []]
    if given or after:
        _list_matching(given, states, queue or [], after, limit, as_json)
        return
    inspector = open_desk().inspector
    page = inspector.listing(states, queue or [], limit)
    now = clock(inspector)
    rows = [job_row(job, now) for job in page.jobs]
    lines = table(HEAD, rows)
    hidden = page.total - len(rows)
    more = [f"{plural(hidden, 'more job')}: --limit {page.total} shows all"] if hidden > 0 else []
    documents = {"total": page.total, "jobs": [job_document(job) for job in page.jobs]}
    emit(documents, as_json, [*lines, *more] if rows else ["No job matches."])


def _state(text: str) -> State:
    for state in STATES:
        if state == text:
            return state
    raise WrongUse(f"{text!r} is no state of a job; there are {', '.join(STATES)}")


def _list_matching(
    text: str, states: Sequence[State], queues: Sequence[str], after: str, limit: int, as_json: bool
) -> None:
    """Jobs of history and of now that match, newest first."""
    desk = open_desk()
    now = clock(desk.inspector)
    given = read_filter(text, now)
    for field, values in (("state", states), ("queue", queues)):
        given = given.narrowed(Is(field, tuple(values)) if values else None)
    try:
        found = open_ledger(desk.resources, desk.inspector).search(given, after, limit)
    except FilterError as error:
        raise WrongUse(f"--after: {error}") from error
    if found.trouble:
        note(f"dewey: {found.trouble}")
    emit(_documents(desk, given, found), as_json, _lines(desk, given, found, now))


def _documents(desk: Desk, given: Filter, found: Found) -> dict[str, object]:
    """The page as JSON. ``count`` is history's: how many match in all, at least when it is not exact."""
    counted = None if found.trouble else plain(history.count(desk.resources.database, given))
    jobs = [entry_document(entry) for entry in found.entries]
    return {"filter": str(given), "jobs": jobs, "after": found.after, "count": counted, "trouble": found.trouble}


def entry_document(entry: Entry) -> dict[str, object]:
    """A job of history as JSON shows it: its columns, with ``args`` called arguments."""
    document: dict[str, object] = plain(entry)
    document["arguments"] = document.pop("args")
    return document


def _lines(desk: Desk, given: Filter, found: Found, now: datetime) -> Iterator[str]:
    if not found.entries:
        yield (
            "No job matches." if not found.after else f"None of these matches any more: --after {found.after} goes on."
        )
        return
    yield from table(HEAD, [job_row(entry, now) for entry in found.entries])
    if found.after:
        total = "" if found.trouble else f"{history.count(desk.resources.database, given)} in history; "
        yield f"{total}the next ones: --after '{found.after}'"


# -- one job ---------------------------------------------------------------------------------------------------


@app.command()
def job(job_id: JobId, as_json: Json = False) -> None:
    """Show one job: arguments, result, attempts, tracebacks.

    A job that Redis has forgotten is shown as history has it, with the last lines of its log.
    """
    desk = open_desk()
    try:
        found = desk.inspector.job(find(desk.inspector, job_id))
    except JobMissing as missing:
        story = _story(desk, job_id, missing)
        emit(story_document(story), as_json, _story_lines(story))
    else:
        emit(job_document(found), as_json, describe(found))


def _story(desk: Desk, job_id: str, missing: JobMissing) -> Story:
    """What history has of a job that the broker does not know, or not by this prefix alone. Raises JobMissing."""
    if not job_id or "begin with" in str(missing):
        raise missing
    try:
        return history.job(desk.resources.database, job_id)
    except JobMissing as error:
        raise (error if "several" in str(error) else missing) from error
    except StorageError as error:
        raise JobMissing(f"{missing}; history can not be asked: {error}") from error


def story_document(story: Story) -> dict[str, object]:
    """A job of history, whole, as JSON shows it."""
    document = entry_document(story.entry)
    document |= {"result": plain(story.result), "attempts": plain(story.runs), "log": plain(story.lines)}
    return document | {"has_more_log": story.has_more_lines, "namesakes": story.namesakes, "source": "history"}


def _story_lines(story: Story) -> Iterator[str]:
    entry = story.entry
    yield f"{visible(entry.task)}  {entry.state}  (from history)"
    shown = {
        **{"id": entry.id, "queue": entry.queue, "arguments": compact(entry.args), "reason": entry.reason},
        **{name: at and f"{at:%Y-%m-%d %H:%M:%S} UTC" for name, at in _instants(entry)},
        **{"result": None if story.result is None else compact(story.result)},
    }
    for name, value in shown.items():
        if value:
            yield f"{name:<10} {visible(str(value))}"
    for run in story.runs:
        yield from attempt_lines(run)
    if story.lines:
        yield ""
        yield "log" + (", its last lines" if story.has_more_lines else "")
    for line in story.lines:
        yield f"    {line.at:%H:%M:%S} {line.level:<7} {visible(line.message)}"
    if story.namesakes:
        yield f"{plural(story.namesakes, 'older job')} had this id, too."


def _instants(entry: Entry) -> tuple[tuple[str, datetime | None], ...]:
    return ("created", entry.created_at), ("started", entry.started_at), ("finished", entry.finished_at)


@app.command("diff")
def show_diff(job_id: JobId, as_json: Json = False) -> None:
    """Show what is different about a job, beside the last success of its task.

    Compared are its arguments, path by path, and its duration, wait, host, version, queue and attempt.
    """
    desk = open_desk()
    with contextlib.suppress(JobMissing):  # then history may still have it
        job_id = desk.inspector.find(job_id) if job_id else job_id
    found = differences.diff(desk.resources.database, job_id)
    emit(_diff_document(found), as_json, _diff_lines(found))


def _diff_document(found: differences.Diff) -> dict[str, object]:
    document = {name: plain(one) for name, one in asdict(found).items()}
    return document | {"job": entry_document(found.job), "other": entry_document(found.other)}


def _diff_lines(found: differences.Diff) -> Iterator[str]:
    when = "before it" if found.is_before else "after it: none did before"
    yield f"{visible(found.job.id)} ({found.job.state}) and {visible(found.other.id)}, which succeeded {when}"
    if found.differences:
        rows = [[one.path, *_sides(one)] for one in found.differences]
        yield from table(["WHAT", "THIS JOB", "THE SUCCESS"], rows)
    yield f"The same: {', '.join(found.same)}" if found.same else "Nothing is the same."


def _sides(one: differences.Difference) -> tuple[str, str]:
    values: tuple[Any, Any] = one.job, one.other
    mine, theirs = (value if isinstance(value, str) and value else compact(value) for value in values)
    return ("-" if one.present == "other" else mine), ("-" if one.present == "job" else theirs)
