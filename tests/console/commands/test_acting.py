"""Calling jobs off, limiting queues, and orders to consumers from the command line."""

import pytest
from huey.exceptions import TaskException

from storage.broker.records import Limits
from storage.broker.requests import Beat
from storage.errors import QueueFull
from tasks.app import huey
from tests.console.commands.office import CommandLine, Office


def test_a_waiting_job_is_called_off_and_its_caller_is_told(dewey: CommandLine, office: Office) -> None:
    office.add("a1", "email")
    answer = dewey("cancel", "a1", "--reason", "wrong month")
    assert answer.status == 0
    assert answer.lines == ["a1  canceled"]
    job = huey.storage.inspector.job("a1")
    assert job.state == "canceled"
    assert job.reason.endswith(": wrong month")
    with pytest.raises(TaskException, match="wrong month"):
        huey.result("a1", blocking=True, timeout=5)


def test_a_running_job_is_told_to_end_and_a_finished_one_is_refused(dewey: CommandLine, office: Office) -> None:
    office.start(office.add("b2", "email"))
    assert dewey("cancel", "b2").lines == ["b2  told to end"]
    office.add("a1", "email")
    dewey("cancel", "a1")
    again = dewey("cancel", "a1", "--json")
    assert again.status == 1
    assert again.document[0]["verdict"] == "refused"
    assert "has ended already" in again.document[0]["reason"]


def test_limits_are_set_replaced_and_lifted(dewey: CommandLine, office: Office) -> None:
    office.add("a1", "email")
    answer = dewey("limit", "email", "--rate", "100/60", "--cap", "5")
    assert answer.lines == ["email: at most 100 starts in any 60 s, at most 5 running"]
    assert dewey("limit", "email", "--max-jobs", "1", "--json").document["before"]["cap"] == 5
    with pytest.raises(QueueFull):
        office.add("a2", "email")
    assert dewey("limit", "email", "--lift").lines == ["email: no limits"]
    office.add("a2", "email")


@pytest.mark.parametrize("words", [(), ("--rate", "fast"), ("--rate", "100"), ("--lift", "--cap", "3"), ("--cap", "0")])
def test_limits_that_can_not_be_meant_are_wrong_use(dewey: CommandLine, office: Office, words: tuple[str, ...]) -> None:
    assert dewey("limit", "email", *words).status == 2
    assert huey.broker.limit("email", None) in (None, Limits())


def test_consumers_are_shown_and_ordered(dewey: CommandLine, office: Office) -> None:
    assert "No consumer lives" in dewey("consumers").out
    fields = {"host": "w1", "pid": "7", "workers": "4", "kind": "thread", "memory:7": str(50 * 2**20)}
    beat = Beat("w1:7", 60_000, (), fields, "7")
    assert huey.broker.heartbeat(beat).order == ""
    (_, row) = dewey("consumers").lines
    assert row.split()[:5] == ["w1:7", "4", "thread", "all", "0"]
    for command, order in (("quiet", "quiet"), ("stop", "stop"), ("wake", "")):
        assert dewey(command, "w1:7").status == 0
        assert huey.broker.heartbeat(beat).order == order
    nobody = dewey("quiet", "w9:1")
    assert nobody.status == 1
    assert "no consumer 'w9:1'" in nobody.err
