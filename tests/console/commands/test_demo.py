"""``dewey demo`` without a console: the samples run to their end, and the summary tells the truth."""

import signal
from pathlib import Path

from tests.console.commands.office import Office, once, process
from tests.servers import wait_until

EXPECTED = {
    "jobs": {"dead": 5, "succeeded": 13},
    "files": {"COMPLETED": 4, "DUPLICATE": 1, "FAILED": 2},
}


def test_it_ends_well_also_a_second_time_on_the_same_stores(office: Office, short_path: Path) -> None:
    for _ in range(2):
        answer = once(["demo", "--headless", "60"], short_path, office.environment)
        assert answer.status == 0, answer
        summary = answer.document
        assert summary["as_expected"] is True
        assert {name: summary[name] for name in EXPECTED} == summary["expected"] == EXPECTED
        assert (summary["wrong"], summary["chunks"]) == ([], 4)
        assert answer.err.splitlines()[-1] == "running     18 sample jobs, for 60 s at most"


def test_too_little_time_is_a_failure_that_says_what_is_missing(office: Office, short_path: Path) -> None:
    answer = once(["demo", "--headless", "1"], short_path, office.environment)
    assert answer.status == 1
    summary = answer.document
    assert summary["as_expected"] is False
    assert "sync initech" in {one["name"] for one in summary["wrong"]}
    for one in summary["wrong"]:
        assert one["state"] != one["expected"]
    assert sum(summary["jobs"].values()) == 18
    assert summary["expected"]["jobs"] == EXPECTED["jobs"]
    assert "The samples go to what the settings name: REDIS_URL, DATABASE_URL." in answer.err


def test_ctrl_c_ends_it_and_its_consumer(office: Office, short_path: Path) -> None:
    with process(["demo", "--headless", "60"], short_path, office.environment) as running:
        _wait_for_err(running.err_path, "sample jobs")
        answer = running.end(signal.SIGINT)
    assert (answer.status, answer.out) == (130, "")
    assert office.inspector.consumers() == ()


def _wait_for_err(path: Path, text: str) -> None:
    wait_until(lambda: text in path.read_text(), f"{text!r} on stderr")


def test_a_consumer_of_some_queues_only_could_never_end_it(office: Office, short_path: Path) -> None:
    answer = once(["demo", "--headless", "60"], short_path, {**office.environment, "DEWEY_QUEUES": "email,sync"})
    assert (answer.status, answer.out) == (2, "")
    assert "DEWEY_QUEUES is email,sync" in answer.err
