"""``dewey trigger``: a task launched, with the arguments of the command line read by its signature."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from console.commands.asking import DryRun, Reason, Unrecorded, Way, launch
from console.commands.jobs import describe, job_document
from console.commands.opening import Desk, WrongUse, open_desk
from console.commands.printing import Json, emit
from console.commands.waiting import leaving, wait_for
from storage.broker.records import PRIORITY_LIMIT, TaskInfo
from tasks.actions.values import Request

if TYPE_CHECKING:
    from console.gateway.views import FieldView

TRUE, FALSE = frozenset({"true", "yes", "1"}), frozenset({"false", "no", "0"})

app = typer.Typer()


@app.command()
def trigger(  # noqa: PLR0913, PLR0917 - its options, each with a default
    task: Annotated[str, typer.Argument(metavar="TASK", help="A task's name, or the end of it (ingest_file).")],
    arguments: Annotated[
        list[str] | None,
        typer.Argument(metavar="KEY=VALUE", help="Its arguments, by the names that it gave them."),
    ] = None,
    queue: Annotated[str | None, typer.Option(metavar="NAME", help="Another queue than the task's own.")] = None,
    priority: Annotated[
        float | None,
        typer.Option(metavar="N", min=-PRIORITY_LIMIT, max=PRIORITY_LIMIT, help="The higher one runs first."),
    ] = None,
    delay: Annotated[float, typer.Option(metavar="SECONDS", min=0, help="How long it waits before it may run.")] = 0,
    wait: Annotated[bool, typer.Option("--wait", help="Wait for its end; exit 1 unless it succeeded.")] = False,
    timeout: Annotated[float, typer.Option(metavar="SECONDS", min=0, help="Longest wait.")] = 3600,
    reason: Reason = "",
    dry_run: DryRun = False,
    unrecorded: Unrecorded = False,
    as_json: Json = False,
) -> None:
    """Launch a task, and with --wait see how it ends.

    Values are read by the task's signature: text as it is, numbers, true or false, and lists and objects as JSON. A
    consumer must have run once: it is what tells of the tasks that there are.
    """
    desk = open_desk()
    info = desk.operations.find_task(task)
    kwargs = read_arguments(info, arguments or [])
    options = {"kwargs": kwargs, "queue": queue, "priority": priority, "delay_s": delay or None}
    given = {name: value for name, value in options.items() if value is not None}
    way = Way(reason, dry_run, as_json=as_json, unrecorded=unrecorded, asks=False)
    job_id = launch(Request("trigger", (info.name,), "", given), way, desk)
    if not wait:
        emit({"id": job_id, "task": info.name, "queue": queue or info.queue}, as_json, [job_id])
        return
    with leaving(f"job {job_id} goes on"):
        ended = wait_for(desk, job_id, timeout)
    emit(job_document(ended), as_json, describe(ended))
    if ended.state != "succeeded":
        raise typer.Exit(1)


def read_arguments(info: TaskInfo, given: Sequence[str]) -> dict[str, object]:
    """What was typed as KEY=VALUE, as the task takes it.

    Raises:
        WrongUse: a key is unknown, twice there or missing, or a value is none for its key; the message names it.
    """
    from console.gateway.signatures import field_of  # noqa: PLC0415 - Textual's texts are slow to import

    fields = {parameter.name: field_of(parameter) for parameter in info.parameters}
    read = _read(info, fields, given)
    missing = [name for name, field in fields.items() if field.required and name not in read]
    if missing:
        raise WrongUse(f"{info.name} needs {' '.join(f'{name}=…' for name in missing)}")
    return read


def read_edits(desk: Desk, prefix: str, given: Sequence[str]) -> dict[str, object]:
    """The arguments of a job that are to be others, as its task takes them. Raises WrongUse, JobMissing, Refused."""
    from console.gateway.signatures import field_of  # noqa: PLC0415 - as above

    info = desk.operations.find_task(desk.inspector.job(desk.inspector.find(prefix)).task)
    return _read(info, {parameter.name: field_of(parameter) for parameter in info.parameters}, given)


def _read(info: TaskInfo, fields: "Mapping[str, FieldView]", given: Sequence[str]) -> dict[str, object]:
    read: dict[str, object] = {}
    for text in given:
        key, separator, value = text.partition("=")
        if not separator or not key:
            raise WrongUse(f"{text!r} is not KEY=VALUE")
        if key not in fields:
            raise WrongUse(f"{info.name} takes no {key!r}; it takes {', '.join(fields) or 'nothing'}")
        if key in read:
            raise WrongUse(f"{key!r} is there twice")
        read[key] = _value(fields[key], key, value)
    return read


def _value(field: "FieldView", key: str, text: str) -> object:
    """One value, by the rules of the console's form. A text may be empty here: leaving the key out is the default."""
    from console.gateway.signatures import FieldError, value_of  # noqa: PLC0415 - as above

    if field.kind == "text" and not text:
        return ""
    if field.optional and text in ("None", "null"):
        return None
    if field.kind == "choice":
        return _choice(field, key, text)
    if field.kind == "flag":
        return _flag(key, text)
    try:
        return value_of(field, text)
    except FieldError as error:
        raise WrongUse(f"{key}={text}: {error}") from error


def _choice(field: "FieldView", key: str, text: str) -> object:
    for choice, _ in field.choices:
        if str(choice) == text:
            return choice
    raise WrongUse(f"{key}={text}: expected one of {', '.join(str(choice) for choice, _ in field.choices)}")


def _flag(key: str, text: str) -> bool:
    if text.lower() not in TRUE | FALSE:
        raise WrongUse(f"{key}={text}: expected true or false")
    return text.lower() in TRUE
