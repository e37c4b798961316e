"""Starting, showing and checking what Dewey runs on: ``up``, ``console``, ``doctor`` and ``migrate``."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from console.commands.consumers import Crew, Plan
from console.commands.opening import Desk, open_desk, operator
from console.commands.printing import Json, emit, shown, table
from storage import doctor as doctoring
from storage.database import migrations
from storage.embedded import Endpoints, endpoints_without_starting
from tasks import resources
from tasks.resources import Resources

TEND_S = 0.5
WORKER_KINDS = ("thread", "process")

app = typer.Typer()

Workers = Annotated[int, typer.Option(min=1, max=256, help="Workers of the consumer: jobs run at once.")]
Kind = Annotated[str, typer.Option(help="thread or process.")]


def check_kind(kind: str) -> str:
    """The kind of worker, if there is such a one."""
    if kind not in WORKER_KINDS:
        raise typer.BadParameter(f"{kind!r}: {' or '.join(WORKER_KINDS)}", param_hint="--kind")
    return kind


@app.command()
def up(
    workers: Workers = 4,
    kind: Kind = "thread",
    consumers: Annotated[int, typer.Option(min=1, max=64, help="Consumer processes.")] = 1,
) -> None:
    """Run everything: servers, migrations, consumers. Ctrl-C lets running jobs end, then stops."""
    plan = Plan(workers=workers, kind=check_kind(kind))
    with told_to_stop() as stop:
        desk = open_desk()
        for line in prepare(desk.resources):
            typer.echo(line)
        log_path = consumer_log(desk.resources)
        with Crew(Plan(plan.huey, plan.workers, plan.kind, plan.stop_s, log_path), consumers) as crew:
            pids = ", ".join(map(str, crew.pids))
            typer.echo(f"consumers   {consumers} × {workers} {kind} workers (pid {pids}), log {shown(log_path)}")
            typer.echo("Ready. `dewey console` in another terminal shows them; Ctrl-C stops.")
            while not stop.wait(TEND_S):
                happened = crew.tend()
                if happened:
                    typer.echo(happened)
            typer.echo("Stopping: running jobs may end …")
        typer.echo("Stopped.")


@contextmanager
def told_to_stop() -> Iterator[threading.Event]:
    """An event that SIGINT and SIGTERM set, instead of ending the process."""
    stop = threading.Event()
    before = {number: signal.signal(number, lambda *_: stop.set()) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def prepare(held: Resources) -> Iterator[str]:
    """Bring the schema up to date; a line on each thing that is ready."""
    endpoints = held.endpoints
    yield f"redis       {_place(endpoints, 'redis', endpoints.redis_url)}"
    yield f"postgresql  {_place(endpoints, 'postgres', held.database.host)}"
    applied = migrations.apply(endpoints.database_url)
    yield f"migrations  {len(applied)} applied" if applied else "migrations  up to date"
    where = shown(endpoints.objects_dir) if endpoints.objects_dir else f"bucket {held.settings.s3_bucket}"
    yield f"objects     {where}"


def _place(endpoints: Endpoints, name: str, address: str) -> str:
    without_secret = address.rsplit("@", maxsplit=1)[-1].split("?", maxsplit=1)[0].removeprefix("unix://")
    return f"embedded, {shown(Path(without_secret))}" if name in endpoints.embedded else without_secret


def consumer_log(held: Resources) -> Path:
    """The file that consumers write their own log to."""
    directory = held.settings.dewey_home / "log"
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    return directory / "consumer.log"


@app.command("console")
def show_console(
    start: Annotated[str, typer.Argument(help="Where to begin: a screen (queues, jobs, logs) or job:ID.")] = "",
    environment: Annotated[str, typer.Option(help="The name shown in the frame.")] = "local",
) -> None:
    """Open the console: queues, jobs, their logs and tracebacks, trigger, requeue, pause."""
    run_console_on(open_desk(), environment, start)


def run_console_on(desk: Desk, environment: str, start: str) -> None:
    """Run the console over the live stores until the operator leaves it."""
    from console.app import run_console  # noqa: PLC0415 - Textual is slow to import and most commands do without
    from console.gateway.live import LiveGateway  # noqa: PLC0415 - as above

    gateway = LiveGateway(desk.inspector, desk.operations, operator())
    run_console(gateway, environment, start)


@app.command()
def doctor(as_json: Json = False) -> None:
    """Check versions, connections, what is embedded, and settings that hurt; exit 1 when something fails."""
    settings = resources.current().settings
    findings = doctoring.diagnose(settings, endpoints_without_starting(settings))
    signs = {"ok": "ok", "warn": "WARN", "fail": "FAIL"}
    lines = table(["", "WHAT", "FOUND"], [[signs[one.level], one.subject, one.message] for one in findings])
    remedies = [f"{one.subject}: {one.remedy}" for one in findings if one.remedy]
    emit(findings, as_json, [*lines, *(["", *remedies] if remedies else [])])
    if any(one.level == "fail" for one in findings):
        raise typer.Exit(1)


@app.command()
def migrate(as_json: Json = False) -> None:
    """Bring the database schema up to date, in place."""
    applied = migrations.apply(resources.current().endpoints.database_url)
    emit({"applied": applied}, as_json, [f"applied {name}" for name in applied] or ["The schema is up to date."])
