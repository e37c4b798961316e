"""Logs from the command line: of a job, of everything, and followed while jobs run."""

import re
import threading
from collections.abc import Callable
from typing import Any

import pytest

from console.commands import logs as log_commands
from storage.broker.inspector import Inspector
from storage.broker.records import LogPage
from storage.broker.requests import Settlement
from storage.values import replace
from tests.console.commands.office import CommandLine, Office

STAMP = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} ")


def unstamped(lines: list[str]) -> list[str]:
    """Lines without their instants; a line that has none is kept as it is."""
    return [STAMP.sub("", line) for line in lines]


def test_the_log_of_a_job_is_printed_with_attempt_and_level(dewey: CommandLine, office: Office) -> None:
    token = office.start(office.add("aaaa-1"))
    office.log("aaaa-1", token, "begun", "two\nlines")
    office.log("aaaa-1", token, "done")
    office.log(office.add("bbbb-2"), office.start("bbbb-2"), "of another")
    answer = dewey("logs", "aaaa")
    assert all(STAMP.match(line) for line in answer.lines if not line.startswith("    "))
    assert unstamped(answer.lines) == ["INFO    #1: begun", "INFO    #1: two", "    lines", "INFO    #1: done"]
    document = dewey("logs", "aaaa", "--json").document
    assert [line["message"] for line in document] == ["begun", "two\nlines", "done"]


def test_the_log_of_everything_names_job_and_task(dewey: CommandLine, office: Office) -> None:
    for job_id in ("aaaaaaaa-1", "bbbbbbbb-2"):
        office.log(job_id, office.start(office.add(job_id)), f"by {job_id[:1]}")
    assert unstamped(dewey("logs").lines) == ["INFO    aaaaaaaa pack: by a", "INFO    bbbbbbbb pack: by b"]


def test_the_last_lines_are_shown_when_there_are_more_than_wanted(
    dewey: CommandLine, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_commands, "PAGE", 4)
    token = office.start(office.add("aaaa-1"))
    office.log("aaaa-1", token, *map(str, range(11)))
    for words in (["aaaa-1"], []):
        lines = dewey("logs", *words, "--limit", "3").lines
        assert [line.rpartition(" ")[2] for line in lines] == ["8", "9", "10"]
    assert len(dewey("logs", "aaaa-1").lines) == 11


def test_nothing_logged_is_a_sentence_or_an_empty_document(dewey: CommandLine, office: Office) -> None:
    office.add("aaaa-1")
    assert dewey("logs", "aaaa-1").out == "Nothing was logged.\n"
    assert dewey("logs", "--json").document == []
    assert dewey("logs", "zz").status == 1


def test_a_followed_log_ends_with_its_job_and_misses_nothing(
    dewey: CommandLine, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = office.start(office.add("aaaa-1"))
    office.log("aaaa-1", token, "begun")
    end = Settlement("aaaa-1", token, "succeeded", "succeeded", 0)
    steps: list[Callable[[], object]] = [
        lambda: office.log("aaaa-1", token, "half way"),
        lambda: office.log("aaaa-1", token, *map(str, range(5))),
        lambda: office.broker.settle(replace(end, lines=(office.encoded("the last words"),))),
    ]
    monkeypatch.setattr(log_commands, "PAGE", 2)
    monkeypatch.setattr("time.sleep", lambda _: steps.pop(0)() if steps else pytest.fail("it goes on for ever"))
    answer = dewey("logs", "aaaa-1", "-f")
    assert answer.status == 0
    said = [line.partition("#1: ")[2] for line in answer.lines]
    assert said == ["begun", "half way", "0", "1", "2", "3", "4", "the last words"]


def test_the_last_words_are_printed_also_when_the_job_ends_between_two_looks(
    dewey: CommandLine, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = office.start(office.add("aaaa-1"))
    end = Settlement("aaaa-1", token, "succeeded", "succeeded", 0, lines=(office.encoded("the last words"),))
    read = Inspector.log
    looks: list[LogPage] = []

    def read_then_end(inspector: Inspector, *asked: Any, **options: Any) -> LogPage:
        looks.append(read(inspector, *asked, **options))
        if len(looks) == 2:
            office.broker.settle(end)
        return looks[-1]

    monkeypatch.setattr(Inspector, "log", read_then_end)
    (line,) = dewey("logs", "-f", "aaaa-1").lines
    assert line.endswith("the last words")


def test_following_a_job_that_waits_says_so(
    dewey: CommandLine, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.add("aaaa-1")
    monkeypatch.setattr("time.sleep", lambda _: office.run("aaaa-1"))
    answer = dewey("logs", "-f", "aaaa")
    assert (answer.status, answer.out) == (0, "")
    assert answer.err == "The job is queued; its lines appear when it runs.\n"


def test_a_followed_job_that_is_forgotten_meanwhile_ends_it(
    dewey: CommandLine, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.add("aaaa-1")
    monkeypatch.setattr("time.sleep", lambda _: office.broker.call("delete", office.broker.keys.job("aaaa-1")))
    assert dewey("logs", "-f", "aaaa").status == 0


def test_everything_is_followed_until_ctrl_c(
    dewey: CommandLine, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = office.start(office.add("aaaaaaaa-1"))
    printed = threading.Event()

    def step(_: float) -> None:
        if printed.is_set():
            raise KeyboardInterrupt
        office.log("aaaaaaaa-1", token, "later")
        printed.set()

    monkeypatch.setattr("time.sleep", step)
    answer = dewey("logs", "--follow")
    assert (answer.status, unstamped(answer.lines), answer.err) == (130, ["INFO    aaaaaaaa pack: later"], "")
