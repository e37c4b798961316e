"""Acting on jobs, queues and consumers from the command line: what each does, and what is said of it."""

from datetime import datetime

import pytest
from huey.exceptions import TaskException

from storage import trash
from storage.broker.records import Limits
from storage.broker.requests import Beat
from storage.errors import QueueFull
from tasks import resources
from tasks.app import huey
from tests.console.commands.office import REQUEST, CommandLine, Office

# -- jobs ------------------------------------------------------------------------------------------------------


def test_a_waiting_job_is_called_off_and_its_caller_is_told(dewey: CommandLine, office: Office) -> None:
    office.add("a1", "email")
    answer = dewey("cancel", "a1", "--yes", "--reason", "wrong month")
    assert answer.status == 0
    assert answer.lines == ["a1  canceled"]
    job = huey.storage.inspector.job("a1")
    assert job.state == "canceled"
    assert job.reason.endswith(": wrong month")
    with pytest.raises(TaskException, match="wrong month"):
        huey.result("a1", blocking=True, timeout=5)


def test_a_running_job_is_told_to_end_and_a_finished_one_is_refused(dewey: CommandLine, office: Office) -> None:
    office.start(office.add("b2", "email"))
    assert dewey("cancel", "b2", "--yes").lines == ["b2  canceled: it ran, and was asked to end"]
    office.add("a1", "email")
    dewey("cancel", "a1", "--yes")
    again = dewey("cancel", "a1", "--yes", "--json")
    assert again.status == 1
    assert again.document["done"] == 0
    assert "has ended already" in again.document["not_eligible"][0]["why"]


def test_what_is_thrown_away_is_shown_and_comes_back(dewey: CommandLine, office: Office) -> None:
    for job_id in ("a1", "b2"):
        office.run(office.add(job_id, "email"))
    answer = dewey("discard", "a1", "b2", "--yes", "--reason", "noise")
    assert (answer.status, answer.lines) == (0, ["a1  discarded", "b2  discarded"])
    assert "`dewey undo` puts back what was thrown away" in answer.err
    assert [line.split()[:4] for line in dewey("trash", "list").lines[1:]] == [
        ["b2", "pack", "email", "dead"],
        ["a1", "pack", "email", "dead"],
    ]
    assert dewey("trash", "--limit", "1").lines == dewey("trash", "list").lines[:2]
    assert dewey("trash", "restore", "b2", "--yes").lines == ["b2  restored: dead again"]
    assert dewey("undo", "--yes").status == 1, "b2 is back already"
    assert office.inspector.job("a1").state == "dead"
    assert dewey("trash", "list").lines == ["The trash is empty."]
    assert trash.listed(resources.current().database) == ()


def test_a_job_is_launched_again_with_another_argument(dewey: CommandLine, office: Office) -> None:
    office.publish()
    first = dewey("trigger", "send_welcome_email", "user_id=1", "--queue", "email").out.strip()
    answer = dewey("requeue", first, "--set", "user_id=2", "--yes", "--json")
    made = answer.document["items"][0]["detail"].removeprefix("job ")
    assert office.inspector.job(made).parent == first
    assert dewey("job", made, "--json").document["arguments"] == {"user_id": 2}
    assert "takes no 'x'" in dewey("requeue", first, "--set", "x=2", "--yes").err


def test_jobs_are_promoted_and_given_another_priority_and_that_is_undone(dewey: CommandLine, office: Office) -> None:
    office.add("a1", "email", delay_s=600)
    assert dewey("promote", "a1", "--yes").lines == ["a1  in line now"]
    assert dewey("priority", "7", "a1", "--yes").lines == ["a1  has priority 7 now"]
    assert office.inspector.job("a1").priority == 7
    assert dewey("undo", "--yes").lines == ["a1  undone"]
    assert office.inspector.job("a1").priority == 0


def test_a_masked_value_is_shown_to_who_asks_and_the_audit_says_so(dewey: CommandLine, office: Office) -> None:
    office.add("a1", password="hunter2-canary")
    answer = dewey("reveal", "a1", "--path", "args.password", "--yes", "--reason", "the partner asks")
    assert answer.lines == ["a1  shown: args.password was shown", 'args.password = "hunter2-canary"']
    (entry,) = dewey("audit", "--json").document
    assert (entry["action"], entry["reason"]) == ("reveal", "the partner asks")
    assert "hunter2" not in dewey("audit", "--json").out


def test_everything_that_matches_a_filter_is_acted_on_and_a_wrong_filter_is_explained(
    dewey: CommandLine, office: Office
) -> None:
    office.run(office.add("a1", "email"))
    office.run(office.add("b2", "sync"))
    answer = dewey("discard", "--matching", "state:dead queue:email", "--yes", "--json")
    assert [one["item"] for one in answer.document["items"]] == ["a1"]
    assert dewey("audit", "--json").document[0]["query"] == "state:dead queue:email"
    wrong = dewey("requeue", "--matching", "stat:dead", "--yes")
    assert wrong.status == 2
    assert "^^^^" in wrong.err


# -- the audit -------------------------------------------------------------------------------------------------


def test_the_audit_says_who_did_what_to_what_when_why_and_with_which_outcome(
    dewey: CommandLine, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert dewey("audit").lines == ["Nothing was done, as far as the audit knows."]
    monkeypatch.setenv("LOGNAME", "ada")
    office.run(office.add("a1"))
    office.add("b2")
    dewey("requeue", "a1", "b2", "--yes", "--reason", "mended")
    monkeypatch.setenv("LOGNAME", "bob")
    dewey("pause", "default", "--yes")
    pause, requeue = dewey("audit", "--json").document
    assert (pause["actor"], pause["action"], pause["items"][0]["item"]) == ("bob", "pause", "default")
    assert (requeue["actor"], requeue["reason"], requeue["outcome"]) == ("ada", "mended", "1 done")
    assert (requeue["command"], requeue["at"][:2]) == ("dewey requeue a1 b2", "20")
    assert requeue["items"] == [{"item": "a1", "seen": "3", "outcome": "done", "detail": "", "after": "4"}]
    assert [one["id"] for one in dewey("audit", "--actor", "ada", "--json").document] == [requeue["id"]]
    assert [one["id"] for one in dewey("audit", "--item", "default", "--json").document] == [pause["id"]]
    for given, found in (("actor:ada outcome:done", [requeue]), ("item:a1 OR DEFAULT", [pause, requeue]), ("x9", [])):
        assert [one["id"] for one in dewey("audit", given, "--json").document] == [one["id"] for one in found]
    assert dewey("audit", "actor:bob", "--item", "a1").lines == ["No action matches."]
    wrong = dewey("audit", "last:1h who:ada")
    assert (wrong.status, "did you mean actor?" in wrong.err, "perhaps: last:1h actor:ada" in wrong.err) == (
        2,
        True,
        True,
    )
    head, *rows = dewey("audit").lines
    assert head.split() == ["ID", "WHEN", "WHO", "WHAT", "DONE", "NOT", "UNDONE", "WHY"]
    assert "ada" in rows[1]
    assert rows[1].endswith("mended")
    assert dewey("audit", str(requeue["id"])).lines[0] == "dewey requeue a1 b2  1 done"
    assert f"`dewey undo {requeue['id']}` undoes it while it waits" in dewey("audit", str(requeue["id"])).lines
    assert f"`dewey undo {pause['id']}` undoes it" in dewey("audit", str(pause["id"])).lines
    undone = dewey("undo", str(requeue["id"]), "--yes")
    assert undone.lines == ["a1  undone"]
    assert f"undone by action {pause['id'] + 1}" in dewey("audit", str(requeue["id"])).out
    assert "no action 999" in dewey("audit", "999").err
    assert "bob has done nothing" not in dewey("undo", "--dry-run").err
    assert "is resumed" not in dewey("undo", "--yes").out


def test_an_action_that_was_cut_short_is_shown_and_finished(
    dewey: CommandLine, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.run(office.add("a1"))

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("storage.audit.record", killed)
        assert dewey("discard", "a1", "--yes").status == 130
    (entry,) = dewey("audit", "--json").document
    assert entry["outcome"] == "not finished"
    assert f"`dewey audit {entry['id']} --finish`" in dewey("audit", str(entry["id"])).out
    assert dewey("audit", str(entry["id"]), "--finish", "--yes").lines == ["a1  done"]
    assert dewey("audit", "--json").document[0]["outcome"] == "1 done"
    assert "is finished" in dewey("audit", str(entry["id"]), "--finish", "--yes").err
    assert dewey("audit", "--finish", "--yes").status == 2
    assert dewey("undo", "--yes").lines == ["a1  undone: dead again"]


# -- canaries --------------------------------------------------------------------------------------------------


def test_a_group_is_requeued_by_a_canary_that_any_operator_can_hold(dewey: CommandLine, office: Office) -> None:
    for number in range(20):
        office.run(office.add(f"d{number}"), fingerprint="f1f1", shape="no such page")
    assert "There is no canary" in dewey("canary", "list").out
    assert dewey("canary").lines == dewey("canary", "list").lines
    assert dewey("canary", "--json").document == []
    assert "abort" in dewey("canary", "-h").out
    answer = dewey("requeue", "--group", "f1", "--canary", "--rate", "60", "--yes", "--json")
    assert (answer.status, answer.document["done"]) == (0, 20)
    assert answer.document["command"] == "dewey requeue --group f1 --canary --rate 60"
    (canary,) = dewey("canary", "list", "--json").document
    assert (canary["state"], canary["total"], canary["rate"], canary["label"]) == ("running", 20, 60, "group f1")
    listed = dewey("canary", "list").lines[1]
    assert listed.endswith("  f1     ValueError: no such page")
    assert dewey("canary", "show", canary["id"][:8]).lines[1] == "ValueError: no such page"
    assert dewey("canary", "pause", canary["id"][:8], "--yes", "--reason", "wait").status == 0
    assert "paused: 0 of 20 requeued" in dewey("canary", "show", canary["id"][:8]).out
    assert dewey("canary", "resume", canary["id"], "--yes").lines == [f"{canary['id']}  goes on: running"]
    assert dewey("canary", "abort", canary["id"], "--yes").lines == [f"{canary['id']}  is ended: aborted"]
    assert dewey("canary", "abort", canary["id"], "--yes").status == 1
    assert "no canary 'x'" in dewey("canary", "show", "x").err


# -- queues and consumers --------------------------------------------------------------------------------------


def test_of_many_the_first_are_named_and_those_that_were_refused(dewey: CommandLine, office: Office) -> None:
    for number in range(25):
        office.add(f"w{number:02}", "email")
    answer = dewey("cancel", *(f"w{number:02}" for number in range(25)), "gone", "--yes")
    assert len(answer.lines) == 22
    assert answer.lines[19].startswith("w19  ")
    assert answer.lines[20].startswith("and 5 more  ")
    assert answer.lines[21].startswith("gone  ")


def test_limits_are_set_replaced_and_lifted(dewey: CommandLine, office: Office) -> None:
    office.add("a1", "email")
    answer = dewey("limit", "email", "--rate", "100/60", "--cap", "5", "--yes")
    assert answer.lines == ["email  has at most 100 starts in any 60 s, at most 5 running"]
    dewey("limit", "email", "--max-jobs", "1", "--yes")
    with pytest.raises(QueueFull):
        office.add("a2", "email")
    assert dewey("limit", "email", "--lift", "--yes").lines == ["email  has no limits"]
    office.add("a2", "email")
    dewey("undo", "--yes")
    with pytest.raises(QueueFull):
        office.add("a3", "email")


@pytest.mark.parametrize("words", [(), ("--rate", "fast"), ("--rate", "100"), ("--lift", "--cap", "3"), ("--cap", "0")])
def test_limits_that_can_not_be_meant_are_wrong_use(dewey: CommandLine, office: Office, words: tuple[str, ...]) -> None:
    assert dewey("limit", "email", *words, "--yes").status == 2
    assert huey.broker.limit("email", None) in (None, Limits())


def test_a_queue_is_paused_again_and_resumed_once(dewey: CommandLine, office: Office) -> None:
    office.add("a1", "email")
    paused = dewey("pause", "email", "--yes", "--reason", "disk full")
    assert (paused.status, paused.lines) == (0, ["email  is paused; `dewey resume` lets it go on"])
    assert dewey("pause", "email", "--yes", "--reason", "still full").status == 0
    assert dewey("queues").lines[1].endswith(": still full")
    assert office.broker.claim(REQUEST) is None
    assert dewey("resume", "email", "--yes").lines == ["email  is resumed"]
    answer = dewey("resume", "email", "--yes")
    assert (answer.status, answer.lines) == (1, ["email  not resumed: it is not paused"])
    assert dewey("queues", "--json").document[0]["pause"] is None


def test_a_pause_for_a_time_ends_by_itself(dewey: CommandLine, office: Office) -> None:
    office.add("a1", "email")
    assert (
        dewey("pause", "email", "--for", "30m", "--yes", "--json").document["command"]
        == "dewey pause email --for 1800s"
    )
    (until_at,) = (one["pause"]["until_at"] for one in dewey("queues", "--json").document)
    until = f"until {datetime.fromisoformat(until_at):%Y-%m-%d %H:%M:%S} UTC"
    assert dewey("queues").lines[1].endswith(f" {until}")
    assert f" {until}." in dewey("why", "a1").lines[1]
    (paused,) = dewey("pause", "email", "--until", "2099-12-31T23:59:59Z", "--yes").lines
    assert paused == "email  is paused until 2099-12-31 23:59:59 UTC; `dewey resume` lets it go on before"
    for words in (("--for", "soon"), ("--until", "noon"), ("--for", "1h", "--until", "2026-11-22T06:00Z")):
        assert dewey("pause", "email", *words, "--yes").status == 2
    assert "is over" in dewey("pause", "email", "--until", "2020-01-01T00:00Z", "--yes").out


def test_a_schedule_is_paused_resumed_and_run(dewey: CommandLine, office: Office) -> None:
    office.publish()
    paused = dewey("pause", "clean_expired_tokens", "--schedule", "--yes", "--reason", "disk")
    assert paused.lines[0].endswith("clean_expired_tokens  is paused; `dewey resume --schedule` lets it go on")
    assert "paused by" in dewey("schedules").out
    assert (
        dewey("run", "clean_expired_tokens", "--yes")
        .lines[0]
        .startswith("tasks.tokens.clean_expired_tokens  runs now: job")
    )
    assert dewey("resume", "clean_expired_tokens", "--schedule", "--yes").status == 0
    assert "has no schedule" in dewey("run", "send_email", "--yes").err


@pytest.mark.parametrize("verb", ["pause", "resume"])
def test_a_queue_that_never_was_can_not_be_paused_or_resumed(dewey: CommandLine, office: Office, verb: str) -> None:
    office.add("a1", "email")
    answer = dewey(verb, "emial", "--yes")
    assert answer.status == 1
    assert "there is none of that name; there are email" in answer.out


def test_consumers_are_shown_and_ordered(dewey: CommandLine, office: Office) -> None:
    assert "No consumer lives" in dewey("consumers").out
    fields = {"host": "w1", "pid": "7", "workers": "4", "kind": "thread", "memory:7": str(50 * 2**20)}
    beat = Beat("w1:7", 60_000, (), fields, "7")
    assert huey.broker.heartbeat(beat).order == ""
    (_, row) = dewey("consumers").lines
    assert row.split()[:5] == ["w1:7", "4", "thread", "all", "0"]
    for command, order, word in (("quiet", "quiet", "quiet"), ("stop", "stop", "stops"), ("wake", "", "on")):
        assert dewey(command, "w1:7", "--yes").status == 0
        assert dewey("consumers").lines[1].split()[-1] == word
        assert dewey("consumers", "--json").document[0]["order"] == order
        assert huey.broker.heartbeat(beat).order == order
    nobody = dewey("quiet", "w9:1", "--yes")
    assert (nobody.status, nobody.lines) == (1, ["w9:1  not told: there is none of that name; there are w1:7"])
