"""Groups of failures: counts, trends, where they happened, and what operators said of them."""

import random
from datetime import timedelta

import pytest

from storage.broker.records import FailureGroup
from storage.database.connection import Database
from storage.errors import JobMissing
from storage.history import failures, partitions
from storage.history.failures import Group, Mark
from storage.history.query import parse
from tests.storage.history.shelf import NOW, TASK, Shelf, ago


@pytest.fixture
def shelf(database: Database) -> Shelf:
    return Shelf(database)


def only(found: tuple[Group, ...]) -> Group:
    (group,) = found
    return group


def groups(shelf: Shelf, text: str = "", live: list[FailureGroup] | None = None) -> tuple[Group, ...]:
    return failures.groups(shelf.database, now=NOW, live=live, given=parse(text, now=NOW, zone=NOW.tzinfo))  # type: ignore[arg-type]


def test_without_a_failure_there_is_no_group(shelf: Shelf) -> None:
    assert groups(shelf) == ()


def test_a_group_counts_what_failed_and_when(shelf: Shelf) -> None:
    ended = [ago(minutes=10), ago(minutes=50), ago(hours=2), ago(hours=20), ago(days=3), ago(days=9)]
    shelf.failure("f1", *ended)
    group = only(groups(shelf))
    trend = group.trend
    assert (group.attempts, trend.hour, trend.three_hours, trend.day, trend.week) == (6, 2, 3, 4, 5)
    assert (group.first_seen_at, group.last_seen_at, group.sample) == (ended[-1], ended[0], "f1-0")
    assert len(trend.hours) == 24
    assert {place: count for place, count in enumerate(trend.hours) if count} == {23: 2, 21: 1, 3: 1}
    assert (group.state, group.mark) == ("open", None)


def test_counts_are_those_of_counting_all_attempts(shelf: Shelf) -> None:
    chance = random.Random(11)
    ended = [NOW - timedelta(milliseconds=chance.randrange(10 * 24 * 3_600_000)) for _ in range(300)]
    edges = [
        NOW,
        ago(hours=1),
        ago(hours=24),
        ago(days=7),
        ago(days=7, hours=-1),
        ago(minutes=30),
        ago(hours=3, minutes=30),
    ]
    ended += [edge + timedelta(milliseconds=ms) for edge in edges for ms in (-1, 0, 1)]
    shelf.failure("f1", *ended)
    for at in (NOW, *edges, ago(days=5, hours=3.5), ago(hours=27.6)):
        group = only(failures.groups_at(shelf.database, at))
        past = [one for one in ended if one <= at]
        within = [sum(at - one < timedelta(hours=hours) for one in past) for hours in (1, 3, 24, 7 * 24)]
        trend = group.trend
        assert [trend.hour, trend.three_hours, trend.day, trend.week] == within, at
        assert (group.attempts, sum(trend.hours), group.last_seen_at) == (len(past), trend.day, max(past)), at


def test_a_group_whose_last_failures_are_forgotten_is_known_by_those_before(shelf: Shelf) -> None:
    shelf.failure("f1", ago(days=3))
    for number in (1, 2):  # jobs of long ago, which failed yesterday and go with their day
        created_at, ended_at = ago(days=31), ago(hours=20 + number)
        shelf.attempt(f"old{number}", created_at=created_at, fingerprint="f1", finished_at=ended_at)
    with shelf.database.session() as session:
        partitions.drop(session, "attempts", ago(days=31).date())
    group = only(failures.groups_at(shelf.database, NOW))
    assert (group.last_seen_at, group.sample) == (ago(days=3), "f1-0")


def test_an_attempt_that_is_added_again_counts_once(shelf: Shelf) -> None:
    shelf.failure("f1", ago(hours=1))
    with shelf.database.session() as session:
        again = "INSERT INTO attempts SELECT * FROM attempts ON CONFLICT DO NOTHING"
        assert session.run(again) == 0
    assert only(groups(shelf)).attempts == 1


def test_hosts_and_versions_are_named_by_how_often_they_failed(shelf: Shelf) -> None:
    shelf.failure("f1", ago(hours=1), host="w1", version="1.0")
    shelf.attempt("b", created_at=ago(hours=2), fingerprint="f1", host="w2", version="1.1")
    shelf.attempt("c", created_at=ago(hours=2), fingerprint="f1", host="w2", version="")
    group = only(groups(shelf))
    assert group.hosts == ("w2", "w1")
    assert group.versions == ("1.0", "1.1")


def test_the_latest_failure_comes_first(shelf: Shelf) -> None:
    shelf.failure("f1", ago(hours=2))
    shelf.failure("f2", ago(hours=1))
    assert [group.fingerprint for group in groups(shelf)] == ["f2", "f1"]


def test_dead_jobs_are_those_of_history_when_the_broker_was_not_asked(shelf: Shelf) -> None:
    shelf.failure("f1", ago(hours=1))
    for name in "ab":
        shelf.job(name, state="dead", fingerprint="f1")
    shelf.job("c", state="retrying", fingerprint="f1")
    assert only(groups(shelf)).dead == 2
    live = FailureGroup("f1", TASK, "ValueError", "no page #", 7, ago(hours=1), ago(minutes=1), "z")
    group = only(groups(shelf, live=[live]))
    assert (group.dead, group.last_seen_at, group.sample) == (7, ago(minutes=1), "z")
    assert only(groups(shelf, live=[])).dead == 0


def test_a_group_that_only_the_broker_knows_is_there_too(shelf: Shelf) -> None:
    live = FailureGroup("f9", TASK, "WorkerLost", "its worker was lost", 1, ago(minutes=2), ago(minutes=1), "z")
    group = only(groups(shelf, live=[live]))
    assert (group.fingerprint, group.dead, group.attempts, group.trend.hour) == ("f9", 1, 0, 0)


def test_a_filter_leaves_the_groups_that_a_matching_job_failed_with(shelf: Shelf) -> None:
    shelf.failure("f1", ago(hours=1))
    shelf.failure("f2", ago(hours=2))
    shelf.job("a", state="dead", queue="email", fingerprint="f1", error_type="E", error="no ink")
    shelf.job("b", state="dead", fingerprint="f2", error_type="E", error="no page")
    assert only(groups(shelf, "queue:email")).fingerprint == "f1"
    assert only(groups(shelf, "err:page")).fingerprint == "f2"
    assert groups(shelf, "queue:nowhere") == ()


def test_a_muted_group_stays_muted_and_a_resolved_one_that_fails_again_is_regressed(shelf: Shelf) -> None:
    shelf.failure("f1", ago(hours=1))
    failures.mute(shelf.database, "f1", by="ada", note="known", at=ago(hours=2))
    group = only(groups(shelf))
    assert (group.state, group.mark) == ("muted", Mark("muted", "known", "ada", ago(hours=2)))
    failures.resolve(shelf.database, "f1", by="grace", note="fixed in 1.2", at=ago(minutes=30))
    assert only(groups(shelf)).state == "resolved"
    later = FailureGroup("f1", TASK, "ValueError", "no page #", 1, ago(hours=1), ago(minutes=29), "z")
    assert only(groups(shelf, live=[later])).state == "regressed"
    assert failures.mark_of(shelf.database, "f1") == Mark("resolved", "fixed in 1.2", "grace", ago(minutes=30))
    assert failures.reopen(shelf.database, "f1")
    assert not failures.reopen(shelf.database, "f1")
    assert only(groups(shelf)).state == "open"


def test_a_group_is_found_by_how_its_fingerprint_begins(shelf: Shelf) -> None:
    shelf.failure("f1a", ago(hours=1))
    shelf.failure("f1b", ago(hours=1))
    assert failures.find(shelf.database, "f1a") == "f1a"
    for prefix, says in (
        ("f1", "several groups"),
        ("x", "there is no group"),
        ("", "there is no group"),
        ("%", "no group"),
    ):
        with pytest.raises(JobMissing, match=says):
            failures.find(shelf.database, prefix)


def test_groups_at_an_instant_have_the_counts_and_the_last_failure_of_then(shelf: Shelf) -> None:
    shelf.failure("f1", ago(minutes=10), ago(hours=2), ago(hours=3), ago(days=2))
    shelf.failure("f2", ago(minutes=30))
    then = ago(hours=1)
    group = only(failures.groups_at(shelf.database, then))
    assert (group.fingerprint, group.last_seen_at, group.sample) == ("f1", ago(hours=2), "f1-1")
    assert (group.attempts, group.trend.hour, group.trend.three_hours, group.trend.day) == (3, 0, 2, 2)
    assert group.trend.hours[-2:] == (1, 0)


def test_a_mark_at_an_instant_is_what_was_said_before_it_and_still_holds(shelf: Shelf) -> None:
    shelf.failure("f1", ago(hours=3), ago(hours=1))
    failures.resolve(shelf.database, "f1", by="ada", note="fixed", at=ago(hours=2))
    assert only(failures.groups_at(shelf.database, ago(minutes=90))).state == "resolved"
    assert only(failures.groups_at(shelf.database, ago(minutes=30))).state == "regressed"
    before = only(failures.groups_at(shelf.database, ago(minutes=150)))
    assert (before.state, before.mark) == ("open", None)
