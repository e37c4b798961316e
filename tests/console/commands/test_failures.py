"""Groups of failures: what is shown of them, and how one is tried again."""

from storage.broker.records import State
from tests.console.commands.office import CommandLine, Office


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
    assert head.split() == ["GROUP", "JOBS", "LAST", "FIRST", "TASK", "SAMPLE", "ERROR"]
    assert row.split() == ["f1f1f1f1", "2", "0s", "0s", "pack", "bbbbbbbb", "ValueError:", "no", "page", "#"]
    assert "dewey requeue --group f1f1f1f1" in hint
    (group,) = dewey("failures", "--json").document
    assert (group["fingerprint"], group["count"], group["sample"]) == ("f1f1f1f1f1f1", 2, "bbbbbbbb-2")


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
