"""Jobs found with a filter, in history and in what happens now; one job that Redis forgot; and what is different."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from console.commands.opening import open_desk
from console.commands.searching import explained
from storage.broker.requests import Settlement
from storage.database.connection import connect
from storage.errors import FilterError
from storage.history.recorder import Recorder
from storage.redaction import Redactor
from tasks import resources
from tasks.engine.describing import Describer
from tests.console.commands.office import CommandLine, Office
from tests.console.payloads import PAYLOADS
from tests.storage.history.shelf import Shelf


@pytest.fixture
def now(office: Office) -> datetime:
    return datetime.fromtimestamp(office.inspector.clock_ms() / 1000, UTC)


@pytest.fixture
def shelf(office: Office) -> Shelf:
    return Shelf(resources.current().database)


def found(dewey: CommandLine, *words: str) -> list[str]:
    return [job["id"] for job in dewey("jobs", *words, "--json").document["jobs"]]


# -- history ---------------------------------------------------------------------------------------------------


def test_what_redis_forgot_is_found_newest_first(dewey: CommandLine, shelf: Shelf, now: datetime) -> None:
    for days in (1, 9, 4):
        shelf.job(f"day-{days}", created_at=now - timedelta(days=days), state="dead", error_type="TimeoutError")
    shelf.job("good", created_at=now - timedelta(days=2))
    shelf.job("mail", created_at=now - timedelta(days=2), state="dead", error_type="TimeoutError", queue="email")
    assert found(dewey, "state:dead err:timeout -queue:email") == ["day-1", "day-4", "day-9"]
    assert found(dewey, "state:dead err:timeout -queue:email last:5d") == ["day-1", "day-4"]
    assert found(dewey, "err:timeout", "--queue", "email") == ["mail"]
    assert found(dewey, "last:30d", "--state", "dead", "--state", "succeeded", "--queue", "default") == [
        *("day-1", "good", "day-4", "day-9"),
    ]
    assert dewey("jobs", "queue:nowhere").out == "No job matches.\n"


def test_a_page_names_where_the_next_one_begins(dewey: CommandLine, shelf: Shelf, now: datetime) -> None:
    for number in range(5):
        shelf.job(f"j{number}", created_at=now - timedelta(hours=number), state="dead")
    lines = dewey("jobs", "state:dead", "--limit", "2").lines
    assert [line.split()[0] for line in lines[:-1]] == ["ID", "j0", "j1"]
    assert lines[-1].startswith("5 in history; the next ones: --after '")
    document = dewey("jobs", "state:dead", "--limit", "2", "--json").document
    assert document["count"] == {"value": 5, "is_exact": True}
    following = dewey("jobs", "state:dead", "--limit", "2", "--after", document["after"], "--json").document
    assert [job["id"] for job in following["jobs"]] == ["j2", "j3"]
    last = dewey("jobs", "state:dead", "--limit", "2", "--after", following["after"], "--json").document
    assert ([job["id"] for job in last["jobs"]], last["after"]) == (["j4"], "")
    answer = dewey("jobs", "state:dead", "--after", "yesterday")
    assert (answer.status, "no place in a list" in answer.err) == (2, True)


def test_a_job_of_history_is_a_document(dewey: CommandLine, shelf: Shelf, now: datetime) -> None:
    shelf.job("a", created_at=now, args={"user_id": 42}, host="w1", duration_ms=20, state="dead", error_type="E")
    (job,) = dewey("jobs", "args.user_id:42", "--json").document["jobs"]
    assert (job["id"], job["arguments"], job["host"], job["duration_ms"]) == ("a", {"user_id": 42}, "w1", 20)
    assert job["created_at"] == now.isoformat()
    assert "payload" not in job


# -- what happens now ------------------------------------------------------------------------------------------


def test_a_job_that_history_has_not_read_yet_is_found(dewey: CommandLine, office: Office) -> None:
    office.add("a-1", "email", user_id=42)
    office.run(office.add("b-2", "email", user_id=7))
    office.start(office.add("c-3", "slow"))
    assert set(found(dewey, "queue:email")) == {"a-1", "b-2"}
    assert found(dewey, "state:running") == ["c-3"]
    assert found(dewey, "args.user_id:42") == ["a-1"]
    assert found(dewey, "err:page") == ["b-2"]
    assert found(dewey, "NOT state:dead", "--queue", "email") == ["a-1"]
    (job,) = dewey("jobs", "--queue", "email", "--json", "--", "-state:dead").document["jobs"]
    assert job["id"] == "a-1"


def test_history_never_contradicts_a_job_that_lives(dewey: CommandLine, office: Office, shelf: Shelf) -> None:
    for name in ("a-1", "b-2"):
        office.add(name, kept=name)
        created_at = office.inspector.job(name).created_at
        shelf.job(name, created_at=created_at, state="queued", attempt=0, version=1, args={"kept": name})
    assert set(found(dewey, "state:queued")) == {"a-1", "b-2"}
    token = office.start("a-1")
    assert found(dewey, "state:queued") == ["b-2"]
    assert found(dewey, "state:running") == ["a-1"]
    (job,) = dewey("jobs", "state:running", "--json").document["jobs"]
    assert (job["state"], job["arguments"], job["attempt"]) == ("running", {"kept": "a-1"}, 1)
    office.broker.settle(Settlement("a-1", token, "succeeded", "succeeded", 0))
    assert found(dewey, "state:running") == []
    assert found(dewey, "state:succeeded kept") == ["a-1"]


def test_a_page_of_those_that_changed_since_says_where_it_goes_on(
    dewey: CommandLine, office: Office, shelf: Shelf
) -> None:
    for number in range(3):
        name = office.add(f"j-{number}")
        shelf.job(name, created_at=office.inspector.job(name).created_at, state="queued", version=1, attempt=0)
    newest = found(dewey, "state:queued", "--limit", "1")
    office.start(newest[0])
    document = dewey("jobs", "state:queued", "--limit", "1", "--json").document
    assert len(document["jobs"]) <= 1
    assert document["after"]
    rest = found(dewey, "state:queued", "--after", document["after"])
    assert {job["id"] for job in document["jobs"]} | set(rest) == {"j-0", "j-1", "j-2"} - set(newest)


def test_without_postgresql_redis_is_searched_and_that_is_said(
    dewey: CommandLine, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.run(office.add("a-1", "email", user_id=42))
    office.add("b-2", "slow")
    monkeypatch.setattr(resources.current(), "database", connect("postgresql://dewey@/x?host=/nowhere"))
    answer = dewey("jobs", "state:dead args.user_id:42")
    assert [line.split()[0] for line in answer.lines] == ["ID", "a-1"]
    assert "history is not in this list, only the jobs that Redis holds: PostgreSQL did not answer" in answer.err
    document = dewey("jobs", "user_id", "--json").document
    assert ([job["id"] for job in document["jobs"]], document["count"]) == (["a-1"], None)
    assert "history is not in this list" in document["trouble"]
    missing = dewey("job", "zz")
    assert missing.status == 1
    assert "there is no job 'zz'" in missing.err
    assert "history can not be asked" in missing.err


def test_what_the_recorder_wrote_is_found_after_redis_forgot_it(dewey: CommandLine, office: Office) -> None:
    office.run(
        office.add("good-1", "email", user_id=41), state="succeeded", outcome="succeeded", error_type="", error=""
    )
    office.run(office.add("bad-2", "email", user_id=42), fingerprint="f1", shape="no page #")
    desk = open_desk()
    redactor = Redactor()
    recorder = Recorder(
        office.broker, desk.resources.database, Describer(office.inspector, redactor), redactor.redact_value
    )
    while recorder.step():
        pass
    before = dewey("jobs", "queue:email", "--json").document["jobs"]
    office.broker.client.flushdb()
    asked = (("queue:email state:dead", ["bad-2"]), ("args.user_id:41", ["good-1"]), ("group:f1", ["bad-2"]))
    assert [found(dewey, text) for text, _ in asked] == [wanted for _, wanted in asked]
    assert {job["id"]: job["state"] for job in before} == {"good-1": "succeeded", "bad-2": "dead"}
    document = dewey("job", "bad-2", "--json").document
    assert (document["arguments"], document["attempts"][0]["error"]) == ({"user_id": 42}, "no such page")
    differences = {one["path"]: one for one in dewey("diff", "bad-2", "--json").document["differences"]}
    assert (differences["args.user_id"]["job"], differences["args.user_id"]["other"]) == (42, 41)
    (group,) = dewey("failures", "--json").document
    assert (group["fingerprint"], group["attempts"], group["dead"], group["trend"]["hour"]) == ("f1", 1, 0, 1)


# -- mistakes --------------------------------------------------------------------------------------------------


def test_a_mistake_in_a_filter_is_shown_where_it_is(dewey: CommandLine, office: Office) -> None:
    answer = dewey("jobs", "queue:email state:ded")
    assert (answer.status, answer.out) == (2, "")
    said, text, place, better = answer.err.splitlines()
    assert "“ded” is no state: did you mean dead?" in said
    assert text == "  queue:email state:ded"
    assert place == "                    ^^^"
    assert better == "perhaps: queue:email state:dead"


def test_what_is_wrong_is_marked_below_what_a_terminal_shows() -> None:
    lines = explained("\x1b :", FilterError("so", 2, 1)).split("\n")
    assert lines == ["so", "  \\x1b :", "       ^"]


# -- one job ---------------------------------------------------------------------------------------------------


def test_a_job_that_redis_forgot_is_shown_from_history(dewey: CommandLine, shelf: Shelf, now: datetime) -> None:
    at = now - timedelta(days=20)
    shelf.job("abc-1", created_at=at, state="dead", attempt=2, args={"order": 7}, error_type="ValueError")
    shelf.attempt("abc-1", 1, created_at=at, error_type="ValueError", traceback="Traceback\n  in pack", worker="w1:1/x")
    shelf.line("abc-1", "packing \x1b[2J now", at=at)
    answer = dewey("job", "abc")
    assert answer.lines[0] == "shop.tasks.pack  dead  (from history)"
    assert 'arguments  {"order": 7}' in answer.lines
    assert "attempt 1  failed after 0.0 s, on w1:1/x" in answer.lines
    assert "      in pack" in answer.lines
    assert "packing \\x1b[2J now" in answer.out
    document = dewey("job", "abc", "--json").document
    assert (document["source"], document["arguments"], document["state"]) == ("history", {"order": 7}, "dead")
    assert document["attempts"][0]["traceback"] == "Traceback\n  in pack"
    assert document["log"][0]["message"] == "packing \x1b[2J now"


def test_a_beginning_that_several_old_jobs_share_is_refused(dewey: CommandLine, shelf: Shelf, now: datetime) -> None:
    for name in ("abc-1", "abd-2"):
        shelf.job(name, created_at=now - timedelta(days=20))
    answer = dewey("job", "ab")
    assert (answer.status, answer.out) == (1, "")
    assert "several jobs begin with 'ab'" in answer.err
    assert "there is no job 'x'" in dewey("job", "x").err


def test_a_job_is_compared_with_the_last_success(dewey: CommandLine, shelf: Shelf, now: datetime) -> None:
    shelf.job("good", created_at=now - timedelta(days=2), args={"to": "ada", "n": 1}, host="w1", duration_ms=5)
    shelf.job("bad", created_at=now, state="dead", args={"to": "", "n": 1}, host="w2", duration_ms=5)
    first, _, *rows, same = dewey("diff", "ba").lines
    assert first == "bad (dead) and good, which succeeded before it"
    assert [row.split() for row in rows] == [["host", "w2", "w1"], ["args.to", '""', "ada"]]
    assert "args.n" in same
    document = dewey("diff", "bad", "--json").document
    assert (document["job"]["id"], document["other"]["id"]) == ("bad", "good")
    assert document["differences"][0] == {"path": "host", "job": "w2", "other": "w1", "present": "both"}
    answer = dewey("diff", "good")
    assert (answer.status, "no other job of shop.tasks.pack has succeeded" in answer.err) == (1, True)


# -- hostile ---------------------------------------------------------------------------------------------------


def test_nothing_that_a_job_says_reaches_the_terminal_raw(dewey: CommandLine, shelf: Shelf, now: datetime) -> None:
    for number, payload in enumerate(PAYLOADS):
        text = payload.encode("utf-8", "replace").decode().replace("\0", "")
        good, bad = (f"{number}-{end}-{text}" for end in "ab")
        fields: dict[str, Any] = {"queue": f"q{text}", "task": f"t{text}", "args": {text: text}, "reason": text}
        shelf.job(good, created_at=now, **fields)
        fields |= {"state": "dead", "error": text, "args": {text: "x"}, "host": text}
        shelf.job(bad, created_at=now, **fields)
        for words in (("jobs", f"id:{number}-"), ("job", f"{number}-b"), ("diff", f"{number}-b"), ("jobs", text)):
            answer = dewey(*words)
            assert not {"\x1b", "\x07", "\x9b", "\u202e", "\x00"} & set(answer.out + answer.err), words
