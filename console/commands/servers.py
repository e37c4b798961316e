"""Starting and checking what Dewey runs on: ``up``, ``doctor`` and ``migrate``."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Literal

import typer

from console.commands.consumers import APPLICATION, SAMPLES, TEND_S, Crew, Plan, consumer_log
from console.commands.opening import Desk, open_desk
from console.commands.printing import Json, emit, paragraph, say, shown
from console.commands.stopping import Stop, told_to_stop
from storage import doctor as doctoring
from storage.broker.connection import connect
from storage.broker.inspector import Inspector
from storage.broker.records import QueueStats
from storage.database import migrations
from storage.doctor import Finding
from storage.embedded import Endpoints, endpoints_without_starting
from storage.errors import StorageError
from storage.settings import Settings
from storage.wording import plural
from tasks import resources
from tasks.engine.heartbeat import host
from tasks.resources import Resources

READY_POLL_S = 0.1
AWAKE = "`dewey consumers` shows them, and `dewey wake ID` lets one claim again"
SIGNS = {"ok": "ok  ", "warn": "WARN", "fail": "FAIL"}

app = typer.Typer()


@app.command()
def up(
    workers: Annotated[int, typer.Option(metavar="N", min=1, max=256, help="Jobs that a consumer runs at once.")] = 4,
    kind: Annotated[Literal["thread", "process"], typer.Option(help="What each worker is.")] = "thread",
    consumers: Annotated[int, typer.Option(metavar="N", min=1, max=64, help="Consumer processes.")] = 1,
) -> None:
    """Run servers, migrations and consumers until Ctrl-C.

    What the settings do not name is started. On Ctrl-C running jobs may end, for 30 seconds; Ctrl-C again stops at
    once, and they run again next time.
    """
    with told_to_stop() as stop:
        desk = open_desk()
        for line in prepare(desk.resources):
            say(line)
        plan = Plan(consumer_log(desk.resources), _huey(desk), workers=workers, kind=kind)
        if not stop.is_asked:
            _serve(desk, plan, consumers, stop)
    say("Stopped.")


def _huey(desk: Desk) -> str:
    """Where the servers are our own, the demo may have been: its jobs wait for a consumer that knows them."""
    return SAMPLES if "redis" in desk.resources.endpoints.embedded else APPLICATION


def _serve(desk: Desk, plan: Plan, consumers: int, stop: Stop) -> None:
    with Crew(plan, consumers) as crew:
        if _await_consumers(desk, crew, stop):
            each = plural(plan.workers, f"{plan.kind} worker")
            pids = ", ".join(map(str, crew.pids))
            say(f"consumers   {consumers} with {each} (pid {pids}), log in {shown(plan.log_path)}")
            say("Ready: `dewey console` in another terminal shows what happens. Ctrl-C stops.")
        while not stop.wait(TEND_S):
            _tend(crew)
        say(f"Stopping: running jobs may end, for {plan.stop_s:g} s; Ctrl-C again stops at once, and they run again.")
        crew.stop(lambda: stop.is_urgent)


def _await_consumers(desk: Desk, crew: Crew, stop: Stop) -> bool:
    """Wait until all of a crew are seen to serve; False when told to stop before."""
    while not stop.wait(READY_POLL_S):
        serving = {one.pid for one in desk.inspector.consumers() if one.host == host()}
        if serving.issuperset(crew.pids):
            return True
        _tend(crew)
    return False


def _tend(crew: Crew) -> None:
    happened = crew.tend()
    if happened:
        say(happened)


def prepare(held: Resources) -> Iterator[str]:
    """Bring the schema up to date; a line on each thing that is ready."""
    endpoints = held.endpoints
    yield f"redis       {_place(endpoints, 'redis', endpoints.redis_url)}"
    yield f"postgresql  {_place(endpoints, 'postgres', held.database.host)}"
    applied = migrations.apply(endpoints.database_url)
    yield f"schema      {plural(len(applied), 'migration')} applied" if applied else "schema      up to date"
    where = shown(endpoints.objects_dir) if endpoints.objects_dir else f"bucket {held.settings.s3_bucket}"
    yield f"objects     {where}"


def _place(endpoints: Endpoints, name: str, address: str) -> str:
    without_secret = address.rsplit("@", maxsplit=1)[-1].split("?", maxsplit=1)[0].removeprefix("unix://")
    return f"embedded, {shown(Path(without_secret))}" if name in endpoints.embedded else without_secret


@app.command()
def doctor(as_json: Json = False) -> None:
    """Check servers, settings and versions, with the remedies.

    Starts and changes nothing. Exit status 1 when something fails; a warning is no failure.
    """
    settings = resources.current().settings
    endpoints = endpoints_without_starting(settings)
    findings = [*doctoring.diagnose(settings, endpoints), _consumers(settings, endpoints)]
    emit(findings, as_json, _findings(findings))
    if any(one.level == "fail" for one in findings):
        raise typer.Exit(1)


def _findings(findings: list[Finding]) -> Iterator[str]:
    width = max(len(one.subject) for one in findings)
    indent = " " * (width + 8)
    for one in findings:
        yield from paragraph(one.message, indent, f"{SIGNS[one.level]}  {one.subject:<{width}}  ")
        if one.remedy:
            yield from paragraph(one.remedy, f"{indent}   ", f"{indent}-> ")


def _consumers(settings: Settings, endpoints: Endpoints | None) -> Finding:
    """Whether anybody runs jobs."""
    remedy = "run dewey up, or huey_consumer tasks.app.huey"
    if endpoints is None:
        return Finding("consumers", "warn", "none runs: jobs wait", remedy)
    client = connect(endpoints.redis_url, timeout_s=5.0)
    try:
        inspector = Inspector(client, settings.dewey_namespace)
        found, quiet = inspector.consumers(), _quiet_queues(inspector.queues())
    except StorageError as error:
        return Finding("consumers", "fail", str(error), "see that Redis runs and can be reached from here")
    finally:
        client.close()
    if not found:
        return Finding("consumers", "warn", "none runs: jobs wait", remedy)
    workers = sum(one.workers for one in found)
    told = f"{plural(len(found), 'consumer')}, {plural(workers, 'worker')}"
    if all(one.order for one in found):
        return Finding("consumers", "warn", f"{told}: every one was told to be quiet or to stop, no job starts", AWAKE)
    if quiet:
        message = f"{told}; those that serve {', '.join(quiet)} were all told to be quiet or to stop: jobs wait"
        return Finding("consumers", "warn", message, AWAKE)
    return Finding("consumers", "ok", told)


def _quiet_queues(queues: Sequence[QueueStats]) -> list[str]:
    """Those of which every consumer was told to claim nothing more."""
    return [one.name for one in queues if one.consumers and one.quiet_consumers == one.consumers]


@app.command()
def migrate(as_json: Json = False) -> None:
    """Bring the database schema up to date, in place."""
    applied = migrations.apply(resources.current().endpoints.database_url)
    emit({"applied": applied}, as_json, [f"applied {name}" for name in applied] or ["The schema is up to date."])
