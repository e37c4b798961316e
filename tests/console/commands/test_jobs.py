"""Queues and jobs: what the commands show of them, and what requeue, pause and resume do."""

import json
import unicodedata

from console.commands.printing import table, terminal_width
from storage.broker.records import Limits
from storage.broker.requests import Settlement
from storage.values import replace
from tests.console.commands.office import CommandLine, Office
from tests.console.payloads import PAYLOADS

ESC, OSC, BIDI = "\x1b[2J", "\x1b]0;owned\x07", "\u202egpj.exe"
HOSTILE = f"{ESC}{OSC}{BIDI}\x9b31m"


def raw_controls(text: str) -> list[str]:
    """Every character that a terminal could act on, but for line ends."""
    return [f"U+{ord(one):04X}" for one in text if one != "\n" and unicodedata.category(one) in ("Cc", "Cf", "Cs")]


# -- queues ----------------------------------------------------------------------------------------------------


def test_without_any_queue_the_answer_is_a_sentence(dewey: CommandLine, office: Office) -> None:
    assert "no queue yet" in dewey("queues").out
    assert dewey("queues", "--json").document == []


def test_queues_are_shown_with_their_jobs_by_state(dewey: CommandLine, office: Office) -> None:
    office.add("a1", "email")
    office.run(office.add("b2", "email"))
    office.add("c3", "slow", delay_s=600)
    answer = dewey("queues")
    assert answer.status == 0
    head, email, slow = answer.lines
    assert head.split() == [
        *("QUEUE", "QUEUED", "RUNNING", "SCHEDULED", "RETRYING", "DEAD", "OLDEST", "STATUS"),
    ]
    assert email.split() == ["email", "1", "0", "0", "0", "1", "0s", "no", "consumer"]
    assert slow.split() == ["slow", "0", "0", "1", "0", "0", "-", "no", "consumer"]
    document = dewey("queues", "--json").document
    assert [(queue["name"], queue["counts"]["dead"], queue["pause"]) for queue in document] == [
        ("email", 1, None),
        ("slow", 0, None),
    ]


def test_a_limited_queue_says_its_limits(dewey: CommandLine, office: Office) -> None:
    office.add("a1")
    office.broker.limit("default", Limits(rate=(5, 60.0)))
    assert dewey("queues").lines[1].endswith("no consumer; at most 5 starts in any 60 s")
    office.broker.limit("default", Limits(keep={"dead": (60.0, 5)}))
    assert dewey("queues").lines[1].endswith("no consumer")


def test_a_queue_says_which_of_its_consumers_claim_nothing(dewey: CommandLine, office: Office) -> None:
    office.add("a1", "email")
    for one in ("w1:7", "w2:7"):
        office.beat(one)
    assert dewey("queues").lines[1].endswith("  2 consumers")
    office.broker.order("w1:7", "quiet")
    assert dewey("queues").lines[1].endswith("  2 consumers, 1 of them quiet")
    office.broker.order("w2:7", "quiet")
    assert dewey("queues").lines[1].endswith("  2 consumers, quiet")
    (document,) = dewey("queues", "--json").document
    assert (document["consumers"], document["quiet_consumers"]) == (2, 2)


# -- jobs ------------------------------------------------------------------------------------------------------


def test_jobs_are_listed_with_what_matters_in_each_state(dewey: CommandLine, office: Office) -> None:
    office.add("aaaaaaaa-1", "email")
    office.run(office.add("bbbbbbbb-2", "email"))
    office.start(office.add("cccccccc-3", "slow"))
    office.add("dddddddd-4", "slow", delay_s=7300)
    rows = [line.split() for line in dewey("jobs").lines]
    assert rows == [
        ["ID", "TASK", "QUEUE", "STATE", "ATTEMPT", "WHEN", "ERROR"],
        ["cccccccc", "pack", "slow", "running", "1", "for", "0s"],
        ["aaaaaaaa", "pack", "email", "queued", "0", "for", "0s"],
        ["dddddddd", "pack", "slow", "scheduled", "0", "in", "2h"],
        ["bbbbbbbb", "pack", "email", "dead", "1", "0s", "ago", "ValueError:", "no", "such", "page"],
    ]


def test_what_has_ended_is_listed_by_its_end_whatever_its_queue(dewey: CommandLine, office: Office) -> None:
    for number, queue in enumerate(("sync", "email", "payments", "email")):
        job_id = office.run(office.add(f"j{number}", queue), state="succeeded", outcome="succeeded")
        office.broker.call("zadd", office.broker.keys.index(queue, "succeeded"), {job_id: 1_000 + number})
    assert [job["id"] for job in dewey("jobs", "--json").document["jobs"]] == ["j3", "j2", "j1", "j0"]
    assert [line.split()[0] for line in dewey("jobs", "--limit", "2").lines] == ["ID", "j3", "j2", "2"]


def test_jobs_are_chosen_by_state_queue_and_number(dewey: CommandLine, office: Office) -> None:
    for number in range(3):
        office.add(f"e{number}", "email")
        office.run(office.add(f"s{number}", "slow"))

    def ids(*options: str) -> set[str]:
        return {job["id"] for job in dewey("jobs", "--json", *options).document["jobs"]}

    assert ids("--state", "dead") == {"s0", "s1", "s2"}
    assert ids("--state", "dead", "--state", "queued", "--queue", "email") == {"e0", "e1", "e2"}
    assert ids("--queue", "email", "--queue", "slow") == {"e0", "e1", "e2", "s0", "s1", "s2"}
    document = dewey("jobs", "--limit", "2", "--json").document
    assert (document["total"], len(document["jobs"])) == (6, 2)
    assert dewey("jobs", "--limit", "2").lines[-1] == "4 more jobs: --limit 6 shows all"
    assert dewey("jobs", "--limit", "5").lines[-1] == "1 more job: --limit 6 shows all"
    assert dewey("jobs", "--queue", "nowhere").out == "No job matches.\n"


def test_an_unknown_state_is_wrong_use_and_named(dewey: CommandLine) -> None:
    answer = dewey("jobs", "--state", "ded")
    assert (answer.status, answer.out) == (2, "")
    assert "'ded' is no state of a job" in answer.err
    assert "dead" in answer.err


# -- job -------------------------------------------------------------------------------------------------------


def test_a_job_is_shown_with_arguments_and_traceback(dewey: CommandLine, office: Office) -> None:
    trace = 'Traceback (most recent call last):\n  File "x.py", line 3, in pack\n    raise E\nValueError: no such page'
    office.run(office.add("abc-1", "email", order=7, note="so"), traceback=trace)
    answer = dewey("job", "abc")
    assert answer.status == 0
    assert answer.lines[0] == "shop.tasks.pack  dead"
    assert "id         abc-1" in answer.lines
    assert 'arguments  {"order": 7, "note": "so"}' in answer.lines
    at = answer.lines.index("    Traceback (most recent call last):")
    assert answer.lines[at - 1].startswith("attempt 1  failed after 0.")
    assert answer.lines[at + 1 :] == [f"    {line}" for line in trace.split("\n")[1:]]
    document = dewey("job", "abc-1", "--json").document
    assert (document["arguments"], document["state"]) == ({"order": 7, "note": "so"}, "dead")
    assert document["attempts"][0]["traceback"] == trace
    assert "payload" not in document


def test_a_beginning_that_several_jobs_share_is_refused(dewey: CommandLine, office: Office) -> None:
    office.add("abc-1")
    office.add("abd-2")
    assert dewey("job", "abd", "--json").document["id"] == "abd-2"
    answer = dewey("job", "ab")
    assert (answer.status, answer.out) == (1, "")
    assert "2 jobs begin with 'ab'" in answer.err
    assert dewey("job", "zz").status == 1
    assert "there is no job 'zz'" in dewey("job", "zz").err
    assert "empty" in dewey("job", "").err


def test_a_failure_is_one_json_document_too(dewey: CommandLine, office: Office) -> None:
    answer = dewey("job", "zz", "--json")
    assert answer.status == 1
    assert "there is no job 'zz'" in answer.document["error"]


def test_arguments_that_can_not_be_read_are_said_to_be_so(dewey: CommandLine, office: Office) -> None:
    office.add("abc-1")
    office.broker.call("hset", office.broker.keys.job("abc-1"), "payload", b"\x80\x04pickle")
    assert "(not readable" in dewey("job", "abc-1").out
    assert "(not readable" in dewey("job", "abc-1", "--json").document["arguments"]
    assert dewey("jobs").status == 0


# -- hostile ---------------------------------------------------------------------------------------------------


def test_nothing_that_a_job_says_reaches_the_terminal_raw(dewey: CommandLine, office: Office) -> None:
    for number, payload in enumerate((HOSTILE, *PAYLOADS)):
        text = payload.encode("utf-8", "replace").decode()
        job_id = office.add(f"{number:03}-{text}", f"q{text}", argument=text)
        token = office.start(job_id)
        office.log(job_id, token, text, f"two\nlines {text}")
        end = Settlement(job_id, token, "dead", "failed", 0, reason=text, error_type=text, error=text)
        office.broker.settle(replace(end, traceback=f"{text}\n{text}"))
        office.broker.pause(f"q{text}", json.dumps({"by": text, "reason": text}))
        for words in (("job", job_id), ("logs", job_id), ("requeue", job_id, "--yes"), ("discard", job_id, "--yes")):
            _assert_clean(dewey, *words)
    for word in ("queues", "jobs", "logs", "audit"):
        _assert_clean(dewey, word)
    _assert_clean(dewey, "trash", "list")
    _assert_clean(dewey, "requeue", HOSTILE, "--yes", "--reason", HOSTILE)
    _assert_clean(dewey, "resume", HOSTILE, "--yes")


def _assert_clean(dewey: CommandLine, *words: str) -> None:
    answer, documented = dewey(*words), dewey(*words, "--json")
    assert raw_controls(answer.out + answer.err + documented.out) == [], words
    assert documented.document


def test_json_gives_hostile_text_back_as_it_was(dewey: CommandLine, office: Office) -> None:
    office.add("abc-1", argument=HOSTILE)
    assert dewey("job", "abc-1", "--json").document["arguments"]["argument"] == HOSTILE


def test_wide_and_hostile_cells_stay_in_their_columns() -> None:
    lines = table(["NAME", " N"], [["日本語", "1"], [ESC, "22"], ["ab", "333"]])
    assert lines == ["NAME       N", "日本語     1", "\\x1b[2J   22", "ab       333"]
    assert terminal_width() is None


# -- acting ----------------------------------------------------------------------------------------------------


def test_several_are_requeued_and_one_that_can_not_be_does_not_keep_the_others(
    dewey: CommandLine, office: Office
) -> None:
    office.run(office.add("aa-1"))
    office.add("bb-2")
    office.run(office.add("cc-3"))
    answer = dewey("requeue", "aa", "bb-2", "zz", "cc-3", "aa-1", "--yes")
    assert answer.status == 1
    assert answer.lines == [
        "aa-1  requeued",
        "cc-3  requeued",
        "zz  not requeued: there is no job 'zz': it may be past its retention",
        "bb-2  not requeued: it is queued: only dead, canceled and retrying jobs are",
    ]
    assert {office.inspector.job(one).state for one in ("aa-1", "cc-3")} == {"queued"}


def test_a_requeue_that_did_all_ends_well(dewey: CommandLine, office: Office) -> None:
    office.run(office.add("aa-1"))
    answer = dewey("requeue", "aa-1", "--yes", "--json")
    assert (answer.status, answer.document["done"]) == (0, 1)
    assert answer.document["items"] == [{"item": "aa-1", "outcome": "done", "detail": ""}]
