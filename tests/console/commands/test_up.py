"""``dewey up`` as people run it: a process with servers and consumers below it, ended in every way."""

import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from storage.broker.inspector import Inspector
from storage.servers import launch
from tests.console.commands.office import Office, Process, once, process
from tests.servers import is_alive, wait_until
from tests.storage.embedded.users import wait_stopped

ORDINARY = launch.Identity(65534, 65534)
"""Who an ordinary user is when the tests run as root."""


@pytest.fixture
def identity() -> launch.Identity | None:
    """An ordinary user: this one, or another when this one is root."""
    return ORDINARY if os.geteuid() == 0 else None


@pytest.fixture
def home(short_path: Path) -> Iterator[Path]:
    """A DEWEY_HOME that anybody may make; at the end nothing of it runs."""
    short_path.chmod(0o777)
    yield short_path / "home"
    wait_stopped(short_path / "home")


@pytest.fixture
def workshop(short_path: Path, office: Office) -> dict[str, str]:
    """The environment of an ``up`` on this test's stores, so that it starts in no time."""
    return {**office.environment, "DEWEY_HOME": str(short_path / "home")}


def consumer_pids(running: Process) -> list[int]:
    """The consumers that it says it has started."""
    running.wait_for("Ready")
    (pids,) = re.findall(r"\(pid ([\d, ]+)\)", running.out)
    return [int(pid) for pid in pids.split(", ")]


def inspector_of(environment: dict[str, str]) -> Inspector:
    """What happens in a namespace."""
    return Inspector(redis.Redis.from_url(environment["REDIS_URL"]), environment["DEWEY_NAMESPACE"])


# -- with servers of its own -----------------------------------------------------------------------------------


def test_it_says_what_it_started_serves_and_stops_all_of_it(
    home: Path, short_path: Path, identity: launch.Identity | None
) -> None:
    environment = {"DEWEY_HOME": str(home), "HOME": str(short_path)}
    with process(["up", "--workers", "2"], short_path, environment, identity=identity) as running:
        pids = consumer_pids(running)
        assert [line.split()[0] for line in running.out.splitlines()] == [
            *("redis", "postgresql", "schema", "objects", "consumers", "Ready:"),
        ]
        assert "embedded, ~/home/" in running.out
        assert (home / "log" / "consumer.log").stat().st_uid == (identity.uid if identity else os.geteuid())
        with process(
            ["trigger", "sync_partner", "partner=contoso", "--wait", "--json"],
            short_path,
            environment,
            identity=identity,
        ) as other:
            answer = other.end()
        assert (answer.status, answer.document["state"]) == (0, "succeeded")
        answer = running.end(signal.SIGTERM, timeout_s=15)
    assert (answer.status, answer.err) == (0, "")
    assert answer.lines[-1] == "Stopped."
    assert not any(map(is_alive, pids))
    wait_stopped(home)


def test_a_killed_one_leaves_nothing_behind_and_two_share_one_home(home: Path, short_path: Path) -> None:
    environment = {"DEWEY_HOME": str(home)}
    with process(["up", "--workers", "1"], short_path, environment) as killed:
        pids = consumer_pids(killed)
        killed.popen.kill()
        wait_until(lambda: not any(map(is_alive, pids)), "its consumer has ended")
    with (
        process(["up", "--workers", "1"], short_path, environment) as first,
        process(["up", "--workers", "1"], short_path, environment) as second,
    ):
        pids = [*consumer_pids(first), *consumer_pids(second)]
        found = once(["doctor", "--json"], short_path, environment).document
        assert "2 consumers, 2 workers" in {one["message"] for one in found}
        assert first.end(signal.SIGINT).status == 0
        assert _run_a_job(environment, short_path) == "succeeded"
        assert second.end(signal.SIGINT).status == 0
    assert not any(map(is_alive, pids))


def _run_a_job(environment: dict[str, str], directory: Path) -> str:
    """The state in which a job ends that any consumer of the application can run."""
    answer = once(["trigger", "clean_public_files", "--wait", "--timeout", "30", "--json"], directory, environment)
    return str(answer.document.get("state", answer.document))


# -- on the servers of the tests -------------------------------------------------------------------------------


def test_a_consumer_that_is_killed_is_replaced(workshop: dict[str, str], short_path: Path) -> None:
    with process(["up", "--kind", "process", "--consumers", "2"], short_path, workshop) as running:
        first, second = consumer_pids(running)
        wait_until(lambda: len(inspector_of(workshop).consumers()) == 2, "both consumers are there")
        os.kill(first, signal.SIGKILL)
        running.wait_for(f"consumer {first} ended (signal 9); consumer ")
        third = int(running.out.rpartition("; consumer ")[2].split()[0])
        wait_until(lambda: third in {one.pid for one in inspector_of(workshop).consumers()}, "the third one serves")
        assert running.end(signal.SIGTERM).status == 0
    assert not any(map(is_alive, (second, third)))


def test_a_job_that_runs_may_end_before_it_stops(workshop: dict[str, str], short_path: Path, office: Office) -> None:
    job_id = _slow_job(workshop, short_path, office, seconds=1.5)
    with process(["up", "--workers", "1"], short_path, _with_samples(workshop, short_path)) as running:
        wait_until(lambda: office.inspector.job(job_id).state == "running", "the job runs")
        answer = running.end(signal.SIGTERM)
    assert answer.status == 0
    assert answer.lines[-2].startswith("Stopping: running jobs may end, for 30 s;")
    assert office.inspector.job(job_id).state == "succeeded"


def test_asked_twice_it_stops_at_once_and_the_job_runs_again(
    workshop: dict[str, str], short_path: Path, office: Office
) -> None:
    job_id = _slow_job(workshop, short_path, office, seconds=60)
    with process(["up", "--workers", "1"], short_path, _with_samples(workshop, short_path)) as running:
        wait_until(lambda: office.inspector.job(job_id).state == "running", "the job runs")
        running.popen.send_signal(signal.SIGINT)
        running.wait_for("Stopping")
        answer = running.end(signal.SIGINT, timeout_s=10)
    assert (answer.status, answer.lines[-1]) == (0, "Stopped.")
    office.broker.call("zadd", office.broker.keys.index("reports", "running"), {job_id: 1}, xx=True)
    office.broker.reap(crashes_allowed=3)
    assert office.inspector.job(job_id).state == "queued"


def _with_samples(workshop: dict[str, str], directory: Path) -> dict[str, str]:
    """An environment in which the application's consumers know the sample tasks."""
    (directory / "sitecustomize.py").write_text(
        "import sys, importlib.util, threading\n"
        "if 'tasks.app.huey' in sys.argv:\n"
        "    sys.argv[sys.argv.index('tasks.app.huey')] = 'tasks.samples.huey'\n"
    )
    return {**workshop, "PYTHONPATH": f"{directory}{os.pathsep}{workshop['PYTHONPATH']}"}


def _slow_job(workshop: dict[str, str], directory: Path, office: Office, *, seconds: float) -> str:
    office.publish()
    words = ["trigger", "build_report", "month=x", "pages=1", f"seconds_per_page={seconds}", "--json"]
    return str(once(words, directory, workshop).document["id"])


def test_a_consumer_that_can_not_start_is_said_to_end_with_its_words(
    workshop: dict[str, str], short_path: Path
) -> None:
    (short_path / "sitecustomize.py").write_text(
        "import sys\nif 'tasks.app.huey' in sys.argv:\n    sys.exit('there is no more memory')\n"
    )
    environment = {**workshop, "PYTHONPATH": f"{short_path}{os.pathsep}{workshop['PYTHONPATH']}"}
    with process(["up"], short_path, environment) as running:
        running.wait_for("ended (exit status 1, saying: SystemExit: there is no more memory); consumer ")
        assert running.end(signal.SIGTERM).status == 0


def test_a_home_that_can_not_be_written_is_a_setting_to_mend(workshop: dict[str, str], short_path: Path) -> None:
    (short_path / "file").write_text("")
    answer = once(["up"], short_path, {**workshop, "DEWEY_HOME": str(short_path / "file" / "home"), "S3_BUCKET": "bkt"})
    assert answer.status == 2
    assert "DEWEY_HOME=" in answer.err
    assert "set it to a directory that you can write" in answer.err


def test_asked_to_stop_while_it_starts_it_stops(workshop: dict[str, str], short_path: Path) -> None:
    with process(["up"], short_path, workshop) as running:
        running.wait_for("redis")
        answer = running.end(signal.SIGINT)
    assert answer.status == 0
    assert answer.lines[-1] == "Stopped."
