"""``dewey`` is killed for real while it throws jobs away or requeues them: none is lost, and it can be finished."""

import subprocess
import sys
from pathlib import Path

import pytest

from storage import audit, trash
from tasks import resources
from tests.chaos.faults import Fault, Kind
from tests.console.commands.office import ROOT, CommandLine, Office, told

JOBS = tuple(f"job-{number}" for number in range(8))


def kill(office: Office, directory: Path, fault: Fault, *words: str) -> None:
    """Run a command until it is killed by the fault."""
    fired = directory / "fired"
    environment = {"CHAOS_READY": str(directory / "ready"), "CHAOS_FIRED": str(fired), "CHAOS_FAULT": str(fault)}
    ended = subprocess.run(
        [sys.executable, "-m", "tests.chaos.desk", *words],
        env=told({**office.environment, **environment}),
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == -9, ended.stderr.decode()
    assert fired.exists()


@pytest.mark.parametrize("kind", ["kill-before", "kill-after"])
@pytest.mark.parametrize("finishes", [True, False])
def test_jobs_on_their_way_to_the_trash_are_never_lost(
    dewey: CommandLine, office: Office, tmp_path: Path, kind: Kind, finishes: bool
) -> None:
    for job_id in JOBS:
        office.run(office.add(job_id, "email"))
    kill(office, tmp_path, Fault("discard", 1, kind), "discard", *JOBS, "--yes", "--reason", "noise")
    database = resources.current().database
    (entry,) = audit.entries(database)
    assert (entry.reason, entry.items, entry.finished_at) == ("noise", len(JOBS), None)
    in_redis = {job.id for job in office.inspector.rows(JOBS)}
    in_trash = set(trash.of(database, entry.key))
    assert in_redis == (set(JOBS) if kind == "kill-before" else set())
    assert in_trash == set(JOBS), "the trash had them before they left"
    if finishes:
        assert dewey("audit", str(entry.id), "--finish", "--yes").status == 0
        assert office.inspector.rows(JOBS) == ()
    dewey("undo", str(entry.id), "--yes")
    assert {job.id: (job.state, job.attempt) for job in office.inspector.rows(JOBS)} == dict.fromkeys(JOBS, ("dead", 1))
    assert trash.of(database, entry.key) == ()
    assert office.inspector.count() == len(JOBS)


@pytest.mark.parametrize("kind", ["kill-before", "kill-after"])
def test_a_requeue_that_was_killed_is_finished_and_done_once(
    dewey: CommandLine, office: Office, tmp_path: Path, kind: Kind
) -> None:
    versions = {job_id: office.inspector.job(office.run(office.add(job_id))).version for job_id in JOBS}
    kill(office, tmp_path, Fault("retry_shown", 1, kind), "requeue", *JOBS, "--yes")
    (entry,) = audit.entries(resources.current().database)
    finished = dewey("audit", str(entry.id), "--finish", "--yes", "--json")
    assert (finished.status, finished.document["done"]) == (0, len(JOBS))
    assert {job.id: job.version for job in office.inspector.rows(JOBS)} == {one: v + 1 for one, v in versions.items()}
