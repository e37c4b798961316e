"""``dewey demo``: everything running, with sample documents, mail and failures to look at and mend."""

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated
from uuid import uuid4

import typer

from console.commands.consumers import Crew, Plan
from console.commands.documents import Upload, upload
from console.commands.opening import Desk, note, open_desk
from console.commands.printing import emit
from console.commands.servers import consumer_log, prepare, run_console_on
from storage import chunks, files
from storage.broker.records import FINISHED, State

POLL_S = 0.2
HUEY = "tasks.samples.huey"

app = typer.Typer()


@dataclass(frozen=True, slots=True)
class Sample:
    """A job of the demo, and the state that it is expected to end in."""

    job_id: str
    name: str
    expected: State


@dataclass(frozen=True, slots=True)
class Seeded:
    """What one run of the demo was filled with."""

    jobs: tuple[Sample, ...]
    uploads: tuple[Upload, ...]
    expected_files: Mapping[str, int]


@app.command()
def demo(
    headless: Annotated[
        float | None,
        typer.Option(metavar="SECONDS", min=1, help="No console: run the sample jobs to their end, print a summary."),
    ] = None,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Workers of the consumer.")] = 4,
) -> None:
    """Look at Dewey with real jobs in it: some run, some wait, and some fail, to be read and requeued."""
    desk = open_desk()
    for line in prepare(desk.resources):
        note(line)
    log_path = consumer_log(desk.resources)
    with Crew(Plan(huey=HUEY, workers=workers, stop_s=5, log_path=log_path)) as crew:
        seeded = _seed(desk, lively=headless is None)
        if headless is None:
            run_console_on(desk, "demo", "")
            note("Stopping: running jobs may end for 5 seconds; those that do not run again next time.")
            return
        summary = _run_to_end(desk, crew, seeded, headless)
    emit(summary, True, [])
    if not summary["as_expected"]:
        raise typer.Exit(1)


def _seed(desk: Desk, *, lively: bool) -> Seeded:
    """Fill the queues. A lively demo also has work that takes minutes, and work that waits."""
    from tasks import samples  # noqa: PLC0415 - imports every task, which few commands need
    from tasks.accounts import register  # noqa: PLC0415 - as above

    person, welcome = register(f"ada+{uuid4().hex[:8]}@demo.dewey", "Ada Lovelace")
    documents = samples.documents()
    uploads = tuple(
        upload(desk.resources, person.id, one.name, one.content, len(one.content), "private") for one in documents
    )
    jobs = [
        Sample(one.job_id, f"ingest {one.name}", "dead" if document.expected == "FAILED" else "succeeded")
        for one, document in zip(uploads, documents, strict=True)
    ]
    jobs.append(Sample(welcome, "welcome", "succeeded"))
    jobs += [Sample(one.job_id, one.name, one.expected) for one in samples.launch(lively=lively)]
    return Seeded(tuple(jobs), uploads, Counter(document.expected for document in documents))


def _run_to_end(desk: Desk, crew: Crew, seeded: Seeded, seconds: float) -> dict[str, object]:
    """Wait until every job has ended; a summary of how."""
    deadline = time.monotonic() + seconds
    waiting = {one.job_id for one in seeded.jobs}
    while waiting and time.monotonic() < deadline:
        waiting = {job_id for job_id in waiting if desk.inspector.job(job_id).state not in FINISHED}
        happened = crew.tend()
        if happened:
            note(happened)
        time.sleep(POLL_S)
    return _summary(desk, seeded)


def _summary(desk: Desk, seeded: Seeded) -> dict[str, object]:
    states = {one: desk.inspector.job(one.job_id).state for one in seeded.jobs}
    rows = [files.get(desk.resources.database, one.file_id) for one in seeded.uploads]
    statuses = Counter(row.status if row is not None else "GONE" for row in rows)
    stored = sum(chunks.count(desk.resources.database, one.file_id) for one in seeded.uploads)
    wrong = [
        {"job": one.job_id, "name": one.name, "state": state, "expected": one.expected}
        for one, state in states.items()
        if state != one.expected
    ]
    return {
        "jobs": dict(sorted(Counter(states.values()).items())),
        "files": dict(sorted(statuses.items())),
        "chunks": stored,
        "expected": {
            "jobs": dict(sorted(Counter(one.expected for one in seeded.jobs).items())),
            "files": dict(sorted(seeded.expected_files.items())),
        },
        "wrong": wrong,
        "as_expected": not wrong and statuses == Counter(seeded.expected_files) and stored > 0,
    }
