"""Files in, passages out: ``dewey ingest`` and ``dewey search``."""

import mimetypes
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from console.commands.opening import Desk, note, open_desk
from console.commands.printing import Json, emit, table, visible
from storage import chunks, files, users
from storage.broker.records import FINISHED
from storage.errors import Refused, StorageError
from storage.files import Visibility
from storage.objects import Readable
from tasks.resources import Resources

POLL_S = 0.2
NO_CONSUMER_AFTER_S = 15.0

app = typer.Typer()

Owner = Annotated[str, typer.Option(help="Whose files they are; the person is added when new.")]


@dataclass(frozen=True, slots=True)
class Upload:
    """A file on its way: its row, and the job that ingests it."""

    name: str
    file_id: int
    job_id: str


@dataclass(frozen=True, slots=True)
class Ingested:
    """What became of one file. ``status`` is a file's status, or GONE when its row was deleted."""

    name: str
    file_id: int
    job_id: str
    status: str
    reason: str = ""
    chunks: int = 0


@app.command()
def ingest(
    paths: Annotated[
        list[Path], typer.Argument(metavar="PATH…", help="Files, or directories with all that is in them.")
    ],
    wait: Annotated[bool, typer.Option("--wait", help="Wait until all are ingested; exit 1 if one failed.")] = False,
    timeout: Annotated[float, typer.Option(min=0, help="Longest wait, in seconds.")] = 3600,
    owner: Owner = "operator@dewey.local",
    visibility: Annotated[str, typer.Option(help="public or private.")] = "private",
    as_json: Json = False,
) -> None:
    """Upload files and enqueue their ingestion: text, chunks, embeddings, search."""
    chosen = _visibility(visibility)
    found = list(_walk(paths))
    if not found:
        raise Refused(f"there is no file in {', '.join(map(str, paths))}")
    desk = open_desk()
    uploads = _upload_all(desk.resources, found, owner, chosen, quiet=as_json)
    if not wait:
        emit(uploads, as_json, [f"{len(uploads)} files uploaded; `dewey jobs --queue ingestion` shows their jobs"])
        return
    ended = await_ingestion(desk, uploads, timeout, quiet=as_json)
    emit(ended, as_json, _report(ended))
    if any(one.status not in {"COMPLETED", "DUPLICATE"} for one in ended):
        raise typer.Exit(1)


def _visibility(text: str) -> Visibility:
    if text == "public":
        return "public"
    if text == "private":
        return "private"
    raise typer.BadParameter(f"{text!r}: public or private", param_hint="--visibility")


def _walk(paths: Iterable[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            yield from sorted(one for one in path.rglob("*") if one.is_file() and not one.name.startswith("."))
        elif path.is_file():
            yield path
        else:
            raise typer.BadParameter(f"there is no file or directory {str(path)!r}", param_hint="PATH…")


def _upload_all(
    held: Resources, paths: Sequence[Path], owner: str, visibility: Visibility, *, quiet: bool
) -> list[Upload]:
    person = users.ensure(held.database, owner, owner.partition("@")[0] or owner)
    uploads = []
    with _bar(quiet) as bar:
        line = bar.add_task("uploading", total=len(paths))
        for path in paths:
            with path.open("rb") as content:
                uploads.append(upload(held, person.id, path.name, content, path.stat().st_size, visibility))
            bar.advance(line)
    return uploads


def upload(
    held: Resources, owner_id: int, name: str, content: bytes | Readable, size_bytes: int, visibility: Visibility
) -> Upload:
    """Reserve a key, put the bytes there, and enqueue the ingestion."""
    from tasks.ingestion import request_ingestion  # noqa: PLC0415 - imports every task, which few commands need

    mime_type = mimetypes.guess_type(name)[0] or "application/octet-stream"
    file = files.reserve(held.database, owner_id, name, mime_type, size_bytes, visibility)
    held.objects.put(file.object_key, content, content_type=mime_type)
    return Upload(name, file.id, request_ingestion(file.id, size_bytes=size_bytes))


def await_ingestion(desk: Desk, uploads: Sequence[Upload], timeout_s: float, *, quiet: bool) -> list[Ingested]:
    """What became of each file, once all their jobs have ended.

    Raises:
        Refused: no consumer serves their queue, or it takes longer than ``timeout_s``.
    """
    start = time.monotonic()
    waiting = {one.job_id: one for one in uploads}
    with _bar(quiet) as bar:
        line = bar.add_task("ingesting", total=len(uploads))
        while waiting:
            for job_id in list(waiting):
                if desk.inspector.job(job_id).state in FINISHED:
                    del waiting[job_id]
                    bar.advance(line)
            _check_patience(desk, len(waiting), time.monotonic() - start, timeout_s)
            if waiting:
                time.sleep(POLL_S)
    return [_outcome(desk, one) for one in uploads]


def _check_patience(desk: Desk, waiting: int, waited_s: float, timeout_s: float) -> None:
    if waiting and waited_s > NO_CONSUMER_AFTER_S and not _served(desk):
        raise Refused("no consumer serves the queue ingestion: run `dewey up` in another terminal; the jobs wait")
    if waiting and waited_s > timeout_s:
        raise Refused(f"{waiting} files are not ingested after {timeout_s:g} s; their jobs go on without this command")


def _served(desk: Desk) -> bool:
    return any(not one.queues or "ingestion" in one.queues for one in desk.inspector.consumers())


def _outcome(desk: Desk, upload: Upload) -> Ingested:
    database = desk.resources.database
    file = files.get(database, upload.file_id)
    if file is None:
        return Ingested(upload.name, upload.file_id, upload.job_id, "GONE", "its row was deleted")
    reason = file.error or (f"same content as file {file.duplicate_of}" if file.status == "DUPLICATE" else "")
    return Ingested(upload.name, file.id, upload.job_id, file.status, reason, chunks.count(database, file.id))


def _report(ended: Sequence[Ingested]) -> list[str]:
    rows = [[one.name, one.status, str(one.chunks), one.reason] for one in ended]
    counted = Counter(one.status for one in ended)
    total = ", ".join(f"{count} {status}" for status, count in sorted(counted.items()))
    return [*table(["FILE", "STATUS", " CHUNKS", "REASON"], rows), "", total]


def _bar(quiet: bool) -> Progress:
    """A progress bar on stderr, only where somebody looks at it."""
    console = Console(stderr=True, quiet=quiet)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    return Progress(*columns, console=console, disable=quiet or not console.is_terminal)


@app.command()
def search(
    text: Annotated[str, typer.Argument(help="What to look for, in any words.")],
    limit: Annotated[int, typer.Option(min=1, max=100, help="Most passages to show.")] = 5,
    as_json: Json = False,
) -> None:
    """Show the stored passages nearest to a text."""
    if not text.strip():
        raise typer.BadParameter("say what to look for", param_hint="TEXT")
    held = open_desk().resources
    embedder = held.embedder
    hits = chunks.nearest(held.database, embedder.embed_query(text), embedder.model, limit=limit)
    _warn_of_other_models(held, embedder.model)
    lines = []
    for hit in hits:
        passage = " ".join(hit.text.split())
        lines += [f"{hit.score:.3f}  {hit.file_name}  (passage {hit.ordinal + 1})", f"       {passage[:300]}", ""]
    emit(hits, as_json, lines or ["Nothing is stored yet: `dewey ingest PATH` adds files."])


def _warn_of_other_models(held: Resources, model: str) -> None:
    try:
        others = [name for name in chunks.models(held.database) if name != model]
    except StorageError:
        return
    if others:
        note(visible(f"Searched what {model} embedded; passages of {', '.join(others)} can not be compared with it."))
