"""The console is SIGKILLed in the middle of an action, by a fault at the broker's seam: done once or not at all."""

import os
import sys
from pathlib import Path

import pytest

from storage import audit, trash
from tasks import resources
from tests.chaos.faults import Fault, Kind
from tests.console.commands.office import CommandLine, Office
from tests.console.commands.test_terminal import LONGEST_S, Terminal

JOBS = tuple(f"job-{number}" for number in range(6))
DESK = (sys.executable, "-m", "tests.chaos.desk")


@pytest.mark.parametrize(
    ("key", "title", "operation", "kind"),
    [(b"r", b"Requeue", "retry_shown", "kill-after"), (b"d", b"Discard", "discard", "kill-before")],
    ids=["requeue", "discard"],
)
def test_an_action_of_a_killed_console_can_be_finished_and_is_done_once(
    dewey: CommandLine, office: Office, tmp_path: Path, key: bytes, title: bytes, operation: str, kind: Kind
) -> None:
    versions = {job_id: office.inspector.job(office.run(office.add(job_id))).version for job_id in JOBS}
    fired = tmp_path / "fired"
    fault = Fault(operation, 1, kind)
    told = {"CHAOS_READY": str(tmp_path / "ready"), "CHAOS_FIRED": str(fired), "CHAOS_FAULT": str(fault)}
    words = ("console", "--write", "a trial", "state:dead")
    terminal = Terminal(*words, environment=office.environment | told, command=DESK)
    try:
        terminal.read_until(b"6 jobs")
        os.write(terminal.master, b"a")
        terminal.read_until(b"6 marked")
        os.write(terminal.master, key)
        terminal.read_until(title + b" 6 jobs")
        os.write(terminal.master, b"\x1b[C\r")
        while terminal.popen.poll() is None:
            terminal.read(0.05)
        assert terminal.popen.wait(LONGEST_S) == -9
    finally:
        terminal.close()
    assert fired.exists()
    (entry,) = (one for one in audit.entries(resources.current().database) if one.finished_at is None)
    assert (entry.reason, entry.items) == ("a trial", len(JOBS))
    assert dewey("audit", str(entry.id), "--finish", "--yes").status == 0
    found = {job.id: job.version for job in office.inspector.rows(JOBS)}
    if operation == "discard":
        assert found == {}
        assert set(trash.of(resources.current().database, entry.key)) == set(JOBS)
    else:
        assert found == {one: version + 1 for one, version in versions.items()}
