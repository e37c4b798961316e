"""Secrets go through jobs, logs, errors and results, and come out nowhere: not on the command line, not in history, not
in the console. Who asks for one is shown it, and that is recorded."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from console.commands.opening import open_desk
from console.gateway.live import LiveGateway
from storage.history.recorder import Recorder
from storage.redaction import MASK
from tasks.app import huey
from tasks.engine import registry
from tasks.engine.context import progress
from tasks.engine.describing import Describer
from tasks.engine.logcapture import Shipper
from tests.console.commands.office import CommandLine
from tests.tasks.actions.conftest import plain
from tests.tasks.jobs import Jobs

NAMED, POSITIONAL, SHOWN = "canary-named-7f3", "canary-positional-9b1", "eyJhbGciOiJIUzI1NiJ9.Y2FuYXJ5.c2ln"
DEEP, URL, RESULT = "canary-deep-2c8", "canary-url-4d0", "canary-result-5e6"
SECRETS = (NAMED, POSITIONAL, SHOWN, DEEP, URL, RESULT)


@dataclass
class Leak:
    """Jobs that spill every secret wherever they can: one that failed and one that succeeded."""

    failed: str
    succeeded: str


@pytest.fixture
def leak(jobs: Jobs) -> Iterator[Leak]:
    def spill(user: str, password: str, options: dict[str, Any], *, api_key: str, fails: bool) -> dict[str, str]:
        logging.getLogger("shop").warning("as %s with %s and %s", user, password, options)
        logging.getLogger("shop").error("Authorization: Bearer %s at redis://:%s@host", SHOWN, URL)
        progress(1, 2, f"token={api_key}")
        if fails:
            raise RuntimeError(f"{user}, {password}, {api_key} and {options} at https://x:{URL}@host: {SHOWN}")
        return {"session_token": RESULT, "note": f"password={password}"}

    name = f"{__name__}.spill"
    task = huey.task(name="spill")(spill)
    registry.publish(huey.broker, huey.task_infos())
    shipper = Shipper(huey.broker, huey.held.running)
    given = ("ada", POSITIONAL, {"login": {"secret": DEEP}})
    ids = []
    for fails in (True, False):
        ids.append(task(*given, api_key=NAMED, fails=fails).id)
        huey.execute(huey.dequeue())
        shipper.ship()
    yield Leak(*ids)
    del huey._registry._registry[name]


def hits(text: str) -> list[str]:
    """The secrets in a text, also as JSON or a terminal writes them."""
    return [secret for secret in SECRETS if secret in text]


def test_no_command_shows_a_secret(dewey: CommandLine, leak: Leak) -> None:
    commands: list[tuple[str, ...]] = [("jobs",), ("queues",), ("logs",), ("failures",), ("trash", "list"), ("stats",)]
    for job_id in (leak.failed, leak.succeeded):
        commands += [("job", job_id), ("logs", job_id), ("why", job_id)]
        commands += [
            ("requeue", job_id, "--dry-run"),
            ("discard", job_id, "--dry-run"),
            ("reveal", job_id, "--dry-run"),
        ]
    commands += [("discard", leak.failed, "--yes", "--reason", f"password={NAMED}"), ("trash", "list"), ("audit",)]
    commands += [("undo", "--yes"), ("audit",), ("audit", "1")]
    commands += [
        ("trigger", "spill", "user=x", f"password={NAMED}", "options={}", "api_key=k", "fails=true", "--dry-run")
    ]
    for words in commands:
        for more in ((), ("--json",)):
            answer = dewey(*words, *more)
            assert hits(answer.out + answer.err) == [], (words, answer.out, answer.err)
    shown = dewey("job", leak.failed, "--json").document
    assert shown["arguments"]["api_key"] == MASK
    assert shown["arguments"]["#2"] == MASK
    assert shown["arguments"]["#1"] == "ada"
    assert MASK in dewey("job", leak.succeeded, "--json").document["result"]["session_token"]


def test_history_holds_no_secret(dewey: CommandLine, leak: Leak) -> None:
    desk = open_desk()
    redactor = huey.redactor
    recorder = Recorder(
        huey.broker, desk.resources.database, Describer(desk.inspector, redactor), redactor.redact_value
    )
    while recorder.step():
        pass
    dewey("discard", leak.failed, "--yes", "--reason", f"token={NAMED}")
    with desk.resources.database.session() as session:
        tables = [name for (name,) in session.rows("SELECT relname FROM pg_class WHERE relkind IN ('r', 'p')")]
        kept = [name for name in tables if not name.startswith(("pg_", "sql_", "yoyo", "_yoyo"))]
        rows = {name: session.rows(f'SELECT t.*::text FROM "{name}" AS t') for name in kept if name != "trash"}
        rows["trash"] = session.rows("SELECT job_id, task, queue, state FROM trash")
    assert {"jobs", "attempts", "logs", "audit", "audit_items", "failure_groups"} <= {
        n for n, found in rows.items() if found
    }
    assert hits(plain(rows)) == []
    for words in (("jobs", "state:succeeded"), ("failures",), ("stats",)):
        assert hits(dewey(*words, "--json").out) == [], words


def test_what_redis_keeps_beside_the_job_itself_holds_no_secret(leak: Leak) -> None:
    client = huey.broker.client
    for key in client.scan_iter(f"{{{huey.name}}}:*"):
        kind = client.type(key)
        if kind == b"hash":
            row = client.hgetall(key)
            if b":job:" in key:
                row = {name: value for name, value in row.items() if name not in (b"payload", b"result")}
            said = (
                "" if key.endswith(b":data") else str(row)
            )  # there is what callers get: a result, or the error itself
        else:
            said = str(client.xrange(key)) if kind == b"stream" else ""
        assert hits(said) == [], key


def test_no_view_of_the_console_holds_a_secret(dewey: CommandLine, leak: Leak) -> None:
    desk = open_desk()
    gateway = LiveGateway(desk, "ada")
    views: list[object] = [gateway.queues(), gateway.tail(""), gateway.tasks(), gateway.jobs("", 0, 100)]
    for job_id in (leak.failed, leak.succeeded):
        views += [gateway.job(job_id), gateway.log(job_id, ""), gateway.rows([job_id])]
    assert MASK in repr(views)
    assert hits(repr(views)) == []


def test_a_secret_is_revealed_to_who_asks_and_never_recorded(dewey: CommandLine, leak: Leak) -> None:
    answer = dewey("reveal", leak.failed, "--path", "args.password", "--yes", "--reason", "the partner asks")
    assert POSITIONAL in answer.out
    assert hits(dewey("audit", "--json").out) == []
