"""Files in, passages out: ``dewey ingest`` and ``dewey search``."""

import mimetypes
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Annotated

import typer
from msgspec import Struct
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from console.commands.opening import Desk, WrongUse, open_desk
from console.commands.printing import Json, emit, note, paragraph, table
from console.commands.waiting import leaving, wait_for_all
from storage import chunks, files, users
from storage.broker.records import FINISHED
from storage.chunks import Hit
from storage.errors import JobMissing, Refused
from storage.files import Visibility
from storage.objects import Readable
from storage.wording import plural
from tasks.resources import Resources

ENDED_WELL = frozenset({"COMPLETED", "DUPLICATE"})
UNREADABLE = "UNREADABLE"
EXCERPT = 280
"""Characters of a passage that are shown."""

app = typer.Typer()


class Upload(Struct, frozen=True):
    """A file on its way: its row, and the job that ingests it. Neither is there when it could not be read."""

    name: str
    file_id: int
    job_id: str
    reason: str = ""


class Ingested(Struct, frozen=True):
    """What became of one file. ``status`` is a file's status, or GONE when its row was deleted, or UNREADABLE."""

    name: str
    file_id: int
    job_id: str
    status: str
    reason: str = ""
    chunks: int = 0


@app.command()
def ingest(
    paths: Annotated[
        list[Path], typer.Argument(metavar="PATH", help="Files, or directories: all in them that is not hidden.")
    ],
    wait: Annotated[bool, typer.Option("--wait", help="Wait until all are ingested; exit 1 if one failed.")] = False,
    timeout: Annotated[float, typer.Option(metavar="SECONDS", min=0, help="Longest wait.")] = 3600,
    owner: Annotated[
        str, typer.Option(metavar="EMAIL", help="Whose files they are; added when new.")
    ] = "operator@dewey.local",
    visibility: Annotated[Visibility, typer.Option(help="Who may see them.")] = "private",
    as_json: Json = False,
) -> None:
    """Upload files or directories and make them searchable.

    Each file becomes a job of the queue ingestion: its text is read, cut into passages and embedded.
    """
    found = list(_walk(paths))
    if not found:
        raise Refused(f"there is no file in {', '.join(map(str, paths))}")
    desk = open_desk()
    uploads = _upload_all(desk.resources, found, owner, visibility, quiet=as_json)
    if not wait:
        emit(uploads, as_json, _uploaded(uploads))
        if not all(one.job_id for one in uploads):
            raise typer.Exit(1)
        return
    ended = await_ingestion(desk, uploads, timeout, quiet=as_json)
    emit(ended, as_json, _report(ended))
    if not all(one.status in ENDED_WELL for one in ended):
        raise typer.Exit(1)


def _walk(paths: Iterable[Path]) -> Iterator[Path]:
    """Every file once, directories in order."""
    seen: set[Path] = set()
    for path in paths:
        if not path.exists():
            raise WrongUse(f"there is no file or directory {str(path)!r}")
        for one in _below(path) if path.is_dir() else [path]:
            if one.resolve() not in seen:
                seen.add(one.resolve())
                yield one


def _below(directory: Path) -> Iterator[Path]:
    def fail(error: OSError) -> None:
        raise Refused(f"the directory {error.filename!r} can not be read: {error.strerror}") from error

    for place, names, leaves in os.walk(directory, onerror=fail):
        names[:] = sorted(name for name in names if not name.startswith("."))
        found = (Path(place, name) for name in sorted(leaves) if not name.startswith("."))
        yield from (path for path in found if path.is_file())


def _upload_all(
    held: Resources, paths: Sequence[Path], owner: str, visibility: Visibility, *, quiet: bool
) -> list[Upload]:
    try:
        person = users.ensure(held.database, owner, owner.partition("@")[0] or owner)
    except Refused as error:
        raise WrongUse(f"--owner: {error}") from error
    uploads = []
    with _bar(quiet) as bar:
        line = bar.add_task("uploading", total=len(paths))
        for path in paths:
            uploads.append(_upload_file(held, person.id, path, visibility))
            bar.advance(line)
    return uploads


def _upload_file(held: Resources, owner_id: int, path: Path, visibility: Visibility) -> Upload:
    """One of many files: that it can not be read does not keep the others."""
    try:
        with path.open("rb") as content:
            size_bytes = os.fstat(content.fileno()).st_size
            made = upload(held, owner_id, path.name, content, size_bytes, visibility)
    except OSError as error:
        return Upload(str(path), 0, "", f"it can not be read: {error.strerror or error}")
    return Upload(str(path), made.file_id, made.job_id)


def upload(
    held: Resources, owner_id: int, name: str, content: bytes | Readable, size_bytes: int, visibility: Visibility
) -> Upload:
    """Reserve a key, put the bytes there, and enqueue the ingestion."""
    from tasks.ingestion import request_ingestion  # noqa: PLC0415 - imports every task, which few commands need

    mime_type = mimetypes.guess_type(name)[0] or "application/octet-stream"
    file = files.reserve(held.database, owner_id, name, mime_type, size_bytes, visibility)
    held.objects.put(file.object_key, content, content_type=mime_type)
    return Upload(name, file.id, request_ingestion(file.id, size_bytes=size_bytes))


def _uploaded(uploads: Sequence[Upload]) -> list[str]:
    lines = [f"{one.name}: {one.reason}" for one in uploads if one.reason]
    count = sum(1 for one in uploads if one.job_id)
    return [*lines, f"{plural(count, 'file')} uploaded; `dewey jobs --queue ingestion` shows their jobs."]


def await_ingestion(desk: Desk, uploads: Sequence[Upload], timeout_s: float, *, quiet: bool) -> list[Ingested]:
    """What became of each file, once all their jobs have ended.

    Raises:
        Refused: no consumer serves their queue, or it takes longer than ``timeout_s``.
    """
    job_ids = [one.job_id for one in uploads if one.job_id]
    with leaving("the ingestion goes on"), _bar(quiet) as bar:
        line = bar.add_task("ingesting", total=len(job_ids))
        wait_for_all(desk, job_ids, timeout_s, lambda: bar.advance(line))
    return [_outcome(desk, one) for one in uploads]


def _outcome(desk: Desk, upload: Upload) -> Ingested:
    database = desk.resources.database
    if not upload.job_id:
        return Ingested(upload.name, 0, "", UNREADABLE, upload.reason)
    file = files.get(database, upload.file_id)
    if file is None:
        return Ingested(upload.name, upload.file_id, upload.job_id, "GONE", "its row was deleted")
    reason = file.error or ""
    if file.status == "DUPLICATE":
        reason = f"same content as file {file.duplicate_of}"
    elif file.status in ("PENDING", "PROCESSING"):
        reason = _end_of(desk, upload.job_id)
    return Ingested(upload.name, file.id, upload.job_id, file.status, reason, chunks.count(database, file.id))


def _end_of(desk: Desk, job_id: str) -> str:
    """Why a file is left as it is by a job that has ended: its worker died, or somebody canceled it."""
    try:
        job = desk.inspector.job(job_id)
    except JobMissing:
        return "its job is gone"
    why = f": {job.error or job.reason}" if job.error or job.reason else ""
    return f"its job is {job.state}{why}" if job.state in FINISHED else ""


def _report(ended: Sequence[Ingested]) -> Iterator[str]:
    head, *rows = table(["STATUS", " PASSAGES", "FILE"], [[one.status, str(one.chunks), one.name] for one in ended])
    indent = " " * head.index("FILE")
    yield head
    for row, one in zip(rows, ended, strict=True):
        yield row
        if one.reason:
            yield from paragraph(one.reason, f"{indent}   ", f"{indent}-> ")
    counted = Counter(one.status for one in ended)
    yield ""
    yield ", ".join(f"{count} {status}" for status, count in sorted(counted.items()))


def _bar(quiet: bool) -> Progress:
    """A progress bar on stderr, only where somebody looks at it."""
    console = Console(stderr=True, quiet=quiet)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    return Progress(*columns, console=console, disable=quiet or not console.is_terminal)


@app.command()
def search(
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What to look for, in any words.")],
    limit: Annotated[int, typer.Option(metavar="N", min=1, max=100, help="Most passages to show.")] = 5,
    as_json: Json = False,
) -> None:
    """Show the stored passages nearest to a text.

    The score is the cosine similarity, 1 for the same words. Passages embedded by another model than the present one
    are not compared.
    """
    if not text.strip():
        raise WrongUse("say what to look for: dewey search TEXT")
    held = open_desk().resources
    embedder = held.embedder
    hits = chunks.nearest(held.database, embedder.embed_query(text), embedder.model, limit=limit)
    others = [name for name in chunks.models(held.database) if name != embedder.model]
    if others:
        note(f"Searched what {embedder.model} embedded; passages of {', '.join(others)} can not be compared with it.")
    nothing = "" if others else "Nothing is stored yet: `dewey ingest PATH` adds files."
    emit(hits, as_json, _found(hits, text) if hits else [nothing or f"Nothing was embedded by {embedder.model}."])


def _found(hits: Sequence[Hit], text: str) -> Iterator[str]:
    for hit in hits:
        yield f"{hit.score:.3f}  {hit.file_name}, passage {hit.ordinal + 1}"
        yield from paragraph(excerpt(hit.text, text), " " * 7, " " * 7)


def excerpt(passage: str, sought: str, size: int = EXCERPT) -> str:
    """The part of a passage that holds most of the words that were sought, as one line."""
    line = " ".join(passage.split())
    if len(line) <= size:
        return line
    words = {word for word in re.findall(r"\w+", sought.casefold()) if len(word) > 2}
    places = [(found.start(), found.group()) for found in re.finditer(r"\w+", line.lower()) if found.group() in words]
    best, most = 0, 0
    for start, _ in places:
        count = len({word for at, word in places if start <= at <= start + size - 20})
        if count > most:
            best, most = start, count
    start = line.rfind(" ", 0, max(0, best - 40)) + 1 if best > 40 else 0
    end = len(line) if start + size >= len(line) else line.rfind(" ", start, start + size)
    end = end if end > start else start + size
    return ("… " if start else "") + line[start:end] + (" …" if end < len(line) else "")
