"""One job with all that belongs to it, counts up to a cap, suggestions, and the plans of every filter of one field."""

from datetime import UTC, timedelta

import pytest

from storage.database.connection import Database
from storage.errors import FilterError, JobMissing, StoreUnavailable
from storage.history import jobs, walking
from storage.history.conditions import Condition
from storage.history.entries import Count
from storage.history.filters import Filter, Window
from storage.history.matching import matches
from storage.history.query import FIELDS, parse
from tests.bench import population
from tests.bench.plans import WatchedDatabase
from tests.bench.search import SINGLE, readings_of
from tests.storage.history.shelf import NOW, TASK, Shelf, ago

PLANNED_JOBS = 50_000


@pytest.fixture
def shelf(database: Database) -> Shelf:
    return Shelf(database)


def ask(text: str) -> Filter:
    return parse(text, now=NOW, zone=UTC)


# -- one job ---------------------------------------------------------------------------------------------------


def test_a_job_comes_with_its_attempts_and_its_log(shelf: Shelf) -> None:
    at = ago(days=8)
    shelf.job("abc-1", created_at=at, attempt=3, started_at=at, finished_at=ago(days=7), result='{"pages": 2}')
    for number in (2, 1):
        shelf.attempt("abc-1", number, created_at=at, error_type="ValueError", traceback=f"trace {number}")
    shelf.line("abc-1", "late", at=ago(days=7))
    shelf.line("abc-1", "early", at=at)
    shelf.line("other", "not this", at=at)
    story = jobs.job(shelf.database, "abc")
    assert (story.entry.id, story.entry.task, story.result, story.namesakes) == ("abc-1", TASK, {"pages": 2}, 0)
    assert [(run.number, run.traceback) for run in story.runs] == [(1, "trace 1"), (2, "trace 2")]
    assert [line.message for line in story.lines] == ["early", "late"]
    assert not story.has_more_lines


def test_an_only_attempt_that_succeeded_is_told_by_the_job_itself(shelf: Shelf) -> None:
    shelf.job("abc-1", started_at=NOW, finished_at=NOW, duration_ms=5, host="w1", consumer_version="1.0")
    (run,) = jobs.job(shelf.database, "abc-1").runs
    assert (run.number, run.outcome, run.host, run.version) == (1, "succeeded", "w1", "1.0")


def test_a_long_log_shows_its_end(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "LINES_SHOWN", 2)
    shelf.job("a")
    for minutes in (3, 2, 1):
        shelf.line("a", f"{minutes} left", at=ago(minutes=minutes))
    story = jobs.job(shelf.database, "a")
    assert ([line.message for line in story.lines], story.has_more_lines) == (["2 left", "1 left"], True)


def test_an_id_is_that_job_and_a_beginning_must_be_of_one(shelf: Shelf) -> None:
    for name in ("ab", "abc", "a%c"):
        shelf.job(name, created_at=ago(days=len(name)))
    shelf.job("ab", created_at=NOW)
    story = jobs.job(shelf.database, "ab")
    assert (story.entry.id, story.entry.created_at, story.namesakes) == ("ab", NOW, 1)
    assert jobs.job(shelf.database, "a%").entry.id == "a%c"
    for prefix, says in (("a", "several jobs begin with 'a'"), ("zz", "there is no job 'zz'"), ("", "no job ''")):
        with pytest.raises(JobMissing, match=says):
            jobs.job(shelf.database, prefix)


def test_a_job_of_a_schedule_is_found_by_its_tick(shelf: Shelf) -> None:
    for name in ("cron:a.b:2026-11-22T21:00", "cron:a.b:2026-11-22T21:10", "cron:c:2026-11-22T21:10", "22T21:3"):
        shelf.job(name, created_at=NOW)
    assert jobs.job(shelf.database, "22T21:00").entry.id == "cron:a.b:2026-11-22T21:00"
    with pytest.raises(JobMissing, match="several jobs end with '22T21:10': write more of the id, as in cron:a"):
        jobs.job(shelf.database, "22T21:10")
    with pytest.raises(JobMissing, match="there is no job"):
        jobs.job(shelf.database, "2T21:00")


# -- counts and pages ------------------------------------------------------------------------------------------


def test_a_count_stops_at_its_cap(shelf: Shelf) -> None:
    for number in range(4):
        shelf.job(f"j{number}", created_at=ago(days=number))
    assert jobs.count(shelf.database, ask(""), cap=4) == Count(4, is_exact=True)
    assert jobs.count(shelf.database, ask(""), cap=3) == Count(3, is_exact=False)
    assert (str(Count(10_000, is_exact=False)), str(Count(1_204, is_exact=True))) == ("10,000+", "1,204")


def test_a_count_that_takes_too_long_says_how_far_it_came(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    for days in (0, 1, 20):
        shelf.job(f"j{days}", created_at=ago(days=days))
    monkeypatch.setattr(jobs, "COUNTING_S", 0)
    assert jobs.count(shelf.database, ask("")) == Count(2, is_exact=False)


def test_a_place_that_no_page_named_is_refused(shelf: Shelf) -> None:
    for after in ("x", "2026-11-22/a", "2026-11-22T00:00:00+00:00/", "2026-11-22T00:00:00+00:00/a\0"):
        with pytest.raises(FilterError, match="no place in a list"):
            jobs.search(shelf.database, ask(""), after)


def test_no_more_is_looked_at_than_what_was_found_says(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walking, "NEWEST_READ", 12)
    for number in range(240):  # an hour each; every third one is what is asked for
        shelf.job(f"j{number}", created_at=ago(hours=number), state="succeeded" if number % 3 else "dead")
    looked_at: list[Window] = []
    original = walking.Walk._where

    def where(self: walking.Walk, window: Window, asked: Condition) -> Condition:
        looked_at.append(window)
        return original(self, window, asked)

    monkeypatch.setattr(walking.Walk, "_where", where)
    page = jobs.search(shelf.database, ask("state:dead"), limit=11)
    assert [one.id for one in page.entries] == [f"j{number}" for number in range(0, 33, 3)]
    first, *others = looked_at
    assert len(others) == 1
    # Four of twelve hours: the eight that are still wanted are in some 24 hours, and in 36 for sure.
    assert others[0].start_at is not None
    assert timedelta(hours=24) <= ago(hours=11) - others[0].start_at <= timedelta(hours=40)
    assert first.start_at == ago(hours=11) == others[0].end_at


def test_a_page_that_is_nearly_full_is_not_filled_by_many_small_questions(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(walking, "NEWEST_READ", 20)
    for number in range(20):
        shelf.job(f"burst{number}", created_at=ago(seconds=number), state="dead")
    for number in range(1, 60):
        shelf.job(f"old{number}", created_at=ago(hours=12 * number))
    looked_at: list[Window] = []
    original = walking.Walk._where

    def where(self: walking.Walk, window: Window, asked: Condition) -> Condition:
        looked_at.append(window)
        return original(self, window, asked)

    monkeypatch.setattr(walking.Walk, "_where", where)
    assert len(jobs.search(shelf.database, ask("state:dead"), limit=20).entries) == 20
    assert len(looked_at) < 25, "from twenty seconds to a month, each at least twice as long as the one before"


def test_a_question_that_takes_too_long_is_given_up(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walking, "TIMEOUT_MS", 1)
    with pytest.raises(StoreUnavailable, match="statement timeout"), walking.reading(shelf.database) as session:
        session.rows("SELECT pg_sleep(5)")


def test_reading_leaves_no_setting_behind(shelf: Shelf) -> None:
    with shelf.database.session() as session:
        jobs.search(shelf.database, ask("state:dead"))
        assert session.rows("SHOW enable_seqscan") == [("on",)]
        assert session.rows("SHOW statement_timeout") == [("0",)]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("dur:<=5s", {"runs"}),
        ("dur:<5s", set()),
        ("dur:>=5s", {"runs", "ran"}),
        ("dur:>5s", {"ran"}),
        ("dur:5.001s..6s", {"ran"}),
        ("age:>=5s age:<=5s", {"runs"}),
        ("age:<5s", set()),
        ("age:5.5s..6s", {"ran"}),
        ("wait:<=5s", {"waits"}),
        ("wait:<5s", set()),
    ],
)
def test_a_bound_is_exact_to_the_millisecond(shelf: Shelf, text: str, wanted: set[str]) -> None:
    shelf.job("runs", state="running", created_at=ago(seconds=5), started_at=ago(seconds=5), queue="a")
    shelf.job("ran", created_at=ago(seconds=5.5), duration_ms=5_001, queue="a")
    shelf.job("waits", state="queued", created_at=ago(minutes=9), queued_at=ago(seconds=5), attempt=0, queue="a")
    asked = ask(text)
    assert set(jobs.ids(shelf.database, asked, 10)) == wanted
    everything = jobs.search(shelf.database, ask("")).entries
    assert {entry.id for entry in everything if matches(asked, entry)} == wanted


# -- suggestions -----------------------------------------------------------------------------------------------


def test_what_occurs_is_suggested(shelf: Shelf) -> None:
    shelf.job("a", queue="email", host="w1", worker="w1:7/x", args={"user": {"id": 1, "k e.y": 2}, "to": "ada"})
    shelf.job("b", queue="Emu", task="shop.pack.unpack", host="w2", args={"to": "x", "empty": {}})
    shelf.job("older", created_at=ago(days=1))
    shelf.job("old", created_at=ago(days=9), host="w9")
    shelf.failure("f1", NOW)

    def suggested(field: str, prefix: str = "") -> set[str]:
        return set(jobs.suggest(shelf.database, field, prefix))

    assert suggested("queue", "em") == {"email", "Emu"}
    assert suggested("task", "unp") == {"shop.pack.unpack"}
    assert suggested("host") == {"w1", "w2"}
    assert suggested("worker", "w1:") == {"w1:7/x"}
    assert suggested("args") == {"user.id", 'user."k e.y"', "to", "empty"}
    assert suggested("err", "val") == {"ValueError"}
    assert suggested("group", "f") == {"f1"}
    assert suggested("state", "s") == {"scheduled", "succeeded"}
    assert suggested("", "a") == {"args", "attempt", "age", "at"}
    assert suggested("id") == set()
    for path in suggested("args"):
        assert ask(f"args.{path}:1").node is not None
    assert all(jobs.suggest(shelf.database, field, "") is not None for field in FIELDS)


def test_nothing_is_suggested_from_an_empty_history(database: Database) -> None:
    assert [jobs.suggest(database, field, "") for field in ("task", "host", "args", "err")] == [()] * 4


# -- plans -----------------------------------------------------------------------------------------------------


def test_no_filter_of_one_field_reads_a_day_from_end_to_end(database: Database, database_url: str) -> None:
    population.fill(database, PLANNED_JOBS)
    watched = WatchedDatabase(database_url)
    readings = {text: readings_of(watched, parse(text, now=population.END_AT, zone=UTC)) for text in SINGLE}
    # Many jobs with a line on something are found among those of the time of the lines: by key, and never all at once.
    walks = {text for text, found in readings.items() if any("Index" in one for one in found)}
    assert {text: found for text, found in readings.items() if any("Seq Scan" in one for one in found)} == {}
    assert {text for text in walks if not text.startswith("log:")} == set()
