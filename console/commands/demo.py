"""``dewey demo``: everything running, with sample documents, mail and failures to look at and mend."""

import time
from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Annotated
from uuid import uuid4

import typer
from msgspec import Struct

from console.commands.console import run_console_on
from console.commands.consumers import SAMPLES, Crew, Plan, Tending, consumer_log
from console.commands.documents import Upload, upload
from console.commands.opening import Desk, WrongUse, open_desk, require_terminal
from console.commands.printing import emit, note
from console.commands.servers import prepare
from storage import chunks, files
from storage.broker.records import FINISHED, State

POLL_S = 0.2
STOP_S = 5.0

app = typer.Typer()


class Sample(Struct, frozen=True):
    """A job of the demo, and the state that it is expected to end in."""

    job_id: str
    name: str
    expected: State


class Seeded(Struct, frozen=True):
    """What one run of the demo was filled with."""

    jobs: tuple[Sample, ...]
    uploads: tuple[Upload, ...]
    expected_files: Mapping[str, int]


@app.command()
def demo(
    headless: Annotated[
        float | None,
        typer.Option(
            metavar="SECONDS", min=1, help="No console: run the sample jobs to their end, print a JSON summary."
        ),
    ] = None,
    workers: Annotated[int, typer.Option(metavar="N", min=1, max=64, help="Jobs that run at once.")] = 16,
) -> None:
    """Try everything: servers, sample jobs, and the console.

    Some jobs run, some wait, and some fail on purpose, to be read and requeued. With --headless the exit status is 0
    only if every sample job and file ended as it should.
    """
    if headless is None:
        require_terminal("dewey demo --headless 60 runs the samples without one")
    desk = open_desk()
    _check_settings(desk)
    for line in prepare(desk.resources):
        note(line)
    plan = Plan(consumer_log(desk.resources), SAMPLES, workers=workers, stop_s=STOP_S)
    with ExitStack() as stack:
        crew = stack.enter_context(Crew(plan))
        seeded = _seed(desk, lively=headless is None)
        if headless is None:
            tending = Tending(crew)
            tending.start()
            stack.callback(tending.end)
            run_console_on(desk, "demo", "")
            note(f"Stopping: running jobs may end, for {STOP_S:g} s; the others run again next time.")
            return
        note(f"running     {len(seeded.jobs)} sample jobs, for {headless:g} s at most")
        summary = _run_to_end(desk, crew, seeded, headless)
    emit(summary, True, [])
    if not summary["as_expected"]:
        raise typer.Exit(1)


def _check_settings(desk: Desk) -> None:
    """The samples need every queue, and should not land among other people's jobs unsaid."""
    settings = desk.resources.settings
    if settings.dewey_queues:
        raise WrongUse(f"DEWEY_QUEUES is {','.join(settings.dewey_queues)}, and the samples need all: unset it")
    given = {
        "REDIS_URL": settings.redis_url,
        "DATABASE_URL": settings.database_url,
        "S3_BUCKET": settings.s3_bucket,
        "SMTP_URL": settings.smtp_url,
        "GEMINI_API_KEY": settings.gemini_api_key,
    }
    named = [name for name, value in given.items() if value is not None]
    if named:
        note(f"The samples go to what the settings name: {', '.join(named)}.")


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
    """Wait until every job has ended, or the time is over; a summary of how."""
    start = time.monotonic()
    waiting = {one.job_id for one in seeded.jobs}
    while waiting and time.monotonic() < start + seconds:
        waiting = {job_id for job_id in waiting if desk.inspector.job(job_id).state not in FINISHED}
        happened = crew.tend()
        if happened:
            note(happened)
        if waiting:
            time.sleep(POLL_S)
    return {"seconds": round(time.monotonic() - start, 1), **_summary(desk, seeded)}


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
