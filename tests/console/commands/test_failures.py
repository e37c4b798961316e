"""Groups of failures: what is shown of them, and how one is tried again."""

from datetime import UTC, datetime, timedelta

import pytest

from console.commands.failures import bars
from storage.broker.records import State
from storage.database.connection import connect
from storage.history import failures as history
from tasks import resources
from tests.console.commands.office import CommandLine, Office
from tests.storage.history.shelf import Shelf


def states(office: Office, *job_ids: str) -> list[State]:
    return [office.inspector.job(job_id).state for job_id in job_ids]


def fail(office: Office, job_id: str, fingerprint: str, shape: str) -> str:
    return office.run(office.add(job_id), fingerprint=fingerprint, shape=shape)


def test_without_a_dead_job_the_answer_is_a_sentence(dewey: CommandLine, office: Office) -> None:
    assert dewey("failures").out == "No job is dead.\n"
    assert dewey("failures", "--json").document == []


def test_groups_are_shown_with_what_their_errors_have_in_common(dewey: CommandLine, office: Office) -> None:
    for job_id in ("aaaaaaaa-1", "bbbbbbbb-2"):
        fail(office, job_id, "f1f1f1f1f1f1", "no page #")
    head, row, hint = dewey("failures").lines
    assert head.split() == [
        *("GROUP", "STATE", "DEAD", "1H", "24H", "7D", "BY", "HOUR", "LAST", "FIRST", "TASK", "SAMPLE", "ERROR"),
    ]
    assert row.split() == [
        *("f1f1f1f1", "open", "2", "0", "0", "0", "0s", "0s", "pack", "bbbbbbbb", "ValueError:", "no", "page", "#"),
    ]
    assert "dewey requeue --group f1f1f1f1" in hint
    (group,) = dewey("failures", "--json").document
    assert (group["fingerprint"], group["dead"], group["sample"]) == ("f1f1f1f1f1f1", 2, "bbbbbbbb-2")
    assert (group["state"], group["attempts"], group["trend"]["hours"]) == ("open", 0, [0] * 24)


def test_history_says_how_often_and_when_and_what_was_said_of_it(dewey: CommandLine, office: Office) -> None:
    now = datetime.fromtimestamp(office.inspector.clock_ms() / 1000, UTC)
    fail(office, "aaaaaaaa-1", "f1", "no page #")
    shelf = Shelf(resources.current().database)
    shelf.failure("f1", *(now - timedelta(hours=hours, minutes=1) for hours in (0, 0, 5, 30)), host="w1")
    shelf.failure("f2", now - timedelta(hours=2))
    shelf.job("f1-0", state="dead", queue="email", fingerprint="f1", error_type="E", created_at=now)
    row, hint, more = dewey("failures").lines[1:]
    assert row.split()[:6] == ["f1", "open", "1", "2", "3", "4"]
    assert "█" in row
    assert "1 more: muted, resolved, or without a dead job; --all shows them." in more
    assert "requeue" in hint
    first, second = dewey("failures", "--json").document
    assert (first["dead"], first["attempts"], first["hosts"], first["sample"]) == (1, 4, ["w1"], "aaaaaaaa-1")
    assert (second["fingerprint"], second["dead"], second["attempts"]) == ("f2", 0, 1)
    assert [one["fingerprint"] for one in dewey("failures", "queue:email", "--json").document] == ["f1"]
    history.mute(resources.current().database, "f1", by="ada", note="known", at=now)
    assert dewey("failures").lines == [
        "No job is dead.",
        "2 more: muted, resolved, or without a dead job; --all shows them.",
    ]
    assert [line.split()[1] for line in dewey("failures", "--all").lines[1:3]] == ["muted", "open"]


def test_without_history_the_dead_are_shown_all_the_same(
    dewey: CommandLine, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail(office, "a", "f1", "no page #")
    monkeypatch.setattr(resources.current(), "database", connect("postgresql://dewey@/x?host=/nowhere"))
    answer = dewey("failures")
    assert answer.lines[1].split()[:7] == ["f1", "open", "1", "?", "?", "?", "?"]
    assert "history is away, so there are no counts by time" in answer.err
    (group,) = dewey("failures", "--json").document
    assert (group["dead"], group["attempts"], group["hosts"]) == (1, None, None)
    assert group["trend"] == dict.fromkeys(("hour", "three_hours", "day", "week", "hours"))
    refused = dewey("failures", "queue:email")
    assert (refused.status, refused.out) == (2, "")
    assert "a filter needs history" in refused.err


def test_bars_are_as_high_as_what_they_count() -> None:
    assert bars([0, 1, 4, 8]) == " ▁▄█"
    assert bars([0, 0]) == "  "
    assert bars([0, 1, 1_000]) == " ▁█"


def test_a_hostile_message_is_shown_as_escapes(dewey: CommandLine, office: Office) -> None:
    fail(office, "a", "f1", "\x1b]0;owned\x07\u202egpj.exe")
    for answer in (dewey("failures"), dewey("failures", "--json")):
        assert not set("\x1b\x07\u202e") & set(answer.out)


def test_a_group_is_requeued_by_the_beginning_of_its_id(dewey: CommandLine, office: Office) -> None:
    for job_id in "abc":
        fail(office, job_id, "f1f1", "no page #")
    fail(office, "d", "f2f2", "no ink")
    some = dewey("requeue", "--group", "f1", "--limit", "1", "--yes", "--json")
    assert [one["item"] for one in some.document["items"]] == ["a"]
    answer = dewey("requeue", "--group", "f1", "--yes")
    assert (answer.status, answer.lines) == (0, ["b  requeued", "c  requeued"])
    assert states(office, *"abcd") == ["queued", "queued", "queued", "dead"]
    gone = dewey("requeue", "--group", "f1", "--yes")
    assert (gone.status, "no group of failures 'f1'" in gone.err) == (1, True)


def test_requeue_takes_jobs_or_one_group(dewey: CommandLine, office: Office) -> None:
    for words in (("requeue",), ("requeue", "a", "--group", "f1")):
        answer = dewey(*words)
        assert answer.status == 2
        assert "name jobs, or one group" in answer.err
