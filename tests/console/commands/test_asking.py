"""Every action of the command line asks first: without a terminal, dry, at a terminal, and without the audit."""

import os
import pty
import select
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from storage.broker.requests import Beat
from tasks import resources
from tasks.app import huey
from tests.console.commands.office import DEWEY, CommandLine, Office, told

EVERY = (
    ("requeue", "d1"),
    ("requeue", "--group", "f1"),
    ("requeue", "d1", "--canary"),
    ("cancel", "w1"),
    ("discard", "d1"),
    ("purge", "email"),
    ("promote", "w2"),
    ("priority", "5", "w1"),
    ("reveal", "d1"),
    ("pause", "email"),
    ("limit", "email", "--cap", "3"),
    ("quiet", "w1:7"),
    ("stop", "w1:7"),
    ("release", "--lock", "a"),
)


@pytest.fixture
def busy(office: Office) -> Office:
    """An office with something for each command to act on."""
    office.run(office.add("d1"), fingerprint="f1f1", shape="no such page")
    office.add("w1", "email")
    office.add("w2", "late", delay_s=600)
    office.broker.heartbeat(Beat("w1:7", 60_000, (), {"pid": "7"}, "7"))
    office.broker.run("put_if_empty", f"{huey.name}.lock.a", "1", 0)
    return office


def everything(office: Office) -> list[object]:
    """All that Redis and the audit hold, but for what lives."""
    client = office.broker.client
    keys = sorted(client.scan_iter(f"{{{huey.name}}}:*"))
    with resources.current().database.session() as session:
        rows = session.rows("SELECT count(*) FROM audit")
    return [*rows, *((key, client.dump(key)) for key in keys)]


@pytest.mark.parametrize("words", EVERY, ids=" ".join)
def test_without_a_terminal_nothing_is_done_but_with_yes(
    dewey: CommandLine, busy: Office, words: tuple[str, ...]
) -> None:
    before = everything(busy)
    refused = dewey(*words)
    assert refused.status == 2
    assert "there is no terminal to ask at: say --yes to do it" in refused.err
    assert everything(busy) == before
    assert dewey(*words, "--yes", "--json").document["done"] >= 1


@pytest.mark.parametrize("words", EVERY, ids=" ".join)
def test_a_dry_run_shows_what_would_be_done_and_does_nothing(
    dewey: CommandLine, busy: Office, words: tuple[str, ...]
) -> None:
    before = everything(busy)
    document = dewey(*words, "--dry-run", "--json").document
    assert document["count"] >= 1
    assert document["sample"]
    assert document["undo"]
    assert document["command"].startswith(f"dewey {words[0]}")
    lines = dewey(*words, "--dry-run", "--yes").lines
    assert lines[-1].startswith("undo: ")
    assert everything(busy) == before


def at_a_terminal(words: Sequence[str], directory: Path, environment: dict[str, str], answer: str) -> tuple[int, str]:
    """What a command at a terminal says and how it ends, when it is answered so."""
    master, slave = pty.openpty()
    popen = subprocess.Popen(
        [*DEWEY, *words], stdin=slave, stdout=slave, stderr=slave, cwd=directory, env=told(environment)
    )
    os.close(slave)
    said, answered, deadline = b"", False, time.monotonic() + 60
    try:
        while time.monotonic() < deadline:
            ready, _, _ = select.select([master], [], [], 0.1)
            if ready:
                try:
                    part = os.read(master, 65536)
                except OSError:
                    break
                if not part:
                    break
                said += part
            if not answered and said.rstrip().endswith((b"[y/N]:", b"to do it:")):
                os.write(master, answer.encode() + b"\n")
                answered = True
        return popen.wait(10), said.decode()
    finally:
        popen.kill()
        popen.wait()
        os.close(master)


def test_at_a_terminal_it_asks_and_enter_means_no(busy: Office, short_path: Path) -> None:
    status, said = at_a_terminal(["requeue", "d1"], short_path, busy.environment, "")
    assert status == 1
    assert "d1 pack in default, dead: ValueError: no such page" in said
    assert "nothing was done" in said
    assert busy.inspector.job("d1").state == "dead"
    status, said = at_a_terminal(["requeue", "d1"], short_path, busy.environment, "y")
    assert (status, busy.inspector.job("d1").state) == (0, "queued")


def test_purging_asks_for_the_name_of_the_queue(busy: Office, short_path: Path) -> None:
    status, said = at_a_terminal(["purge", "email"], short_path, busy.environment, "y")
    assert (status, busy.inspector.count((), ("email",))) == (1, 1)
    assert "type 'email' to say that you mean it; nothing was done" in said
    status, said = at_a_terminal(["purge", "email"], short_path, busy.environment, "email")
    assert (status, busy.inspector.count((), ("email",))) == (0, 0)


def test_an_action_that_applies_to_nothing_says_so(dewey: CommandLine, busy: Office) -> None:
    assert dewey("purge", "email", "--yes").status == 0
    answer = dewey("purge", "email", "--yes")
    assert (answer.status, answer.out) == (1, "")
    assert "nothing discarded: there is nothing that it would apply to" in answer.err


def test_what_it_would_be_done_to_is_counted_in_words_of_its_own(dewey: CommandLine, busy: Office) -> None:
    assert dewey("pause", "emial", "--dry-run").lines[0].endswith("; what runs goes on: 0 queues")
    assert dewey("pause", "email", "--yes").status == 0
    assert dewey("undo", "--dry-run").lines[0].endswith("'s pause: 1 thing")


def test_without_the_audit_nothing_is_done_unless_that_is_said_and_it_is_not_dangerous(
    dewey: CommandLine, busy: Office
) -> None:
    busy.jobs.database_url = "postgresql://nobody@127.0.0.1:1/nothing"
    busy.jobs.use()
    for words in (("discard", "d1"), ("purge", "email"), ("stop", "w1:7"), ("reveal", "d1")):
        answer = dewey(*words, "--yes")
        assert (answer.status, answer.out) == (1, "")
        assert "nothing was done, because the audit could not take it: PostgreSQL did not answer" in answer.err
        assert "--unrecorded" in dewey(*words, "--yes", "--unrecorded").err.replace("No such option: ", "")
        assert dewey(*words, "--yes", "--unrecorded").status == 2
    assert busy.inspector.job("d1").state == "dead"
    assert busy.inspector.count((), ("email",)) == 1
    answer = dewey("pause", "email", "--yes")
    assert (answer.status, "could not take it (--unrecorded does it all the same): Postgre" in answer.err) == (1, True)
    answer = dewey("mute", "f1", "--yes")
    assert (answer.status, "unrecorded" in answer.err) == (1, False)
    answer = dewey("pause", "email", "--yes", "--unrecorded")
    assert (answer.status, "it was done without the audit" in answer.err) == (0, True)
    assert busy.inspector.queues()[1].pause is not None
