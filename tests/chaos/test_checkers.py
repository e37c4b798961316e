"""A checker that can not fail proves nothing: each is given a history in which its promise is broken."""

import dataclasses
from datetime import UTC, datetime

from storage.broker.records import Attempt, AttemptOutcome, Job, State
from storage.values import replace
from tests.chaos.checkers import Books, check
from tests.chaos.history import DEAD, Event, History, What

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def job(job_id: str, state: State = "succeeded", *outcomes: AttemptOutcome) -> Job:
    attempts = tuple(Attempt(n, outcome, NOW, NOW, "w") for n, outcome in enumerate(outcomes or ("succeeded",), 1))
    return Job(job_id, "t", "q", state, 0, NOW, 1, attempts=attempts)


def history(*events: tuple[What, str]) -> History:
    return History(tuple(Event(what, job_id) for what, job_id in events))


def books(*jobs: Job) -> Books:
    return Books({one.id: one for one in jobs}, {one.id: [one.state] for one in jobs})


JOINED_TWICE = History((Event("acked", "j", detail="2"), *(Event("done", "j", attempt=n, detail="2") for n in (1, 2))))
GOOD = history(("acked", "a"), ("start", "a"), ("done", "a"))


def test_a_clean_history_is_clean() -> None:
    assert check(GOOD, books(job("a"))).clean


def test_an_acked_job_that_never_finished_is_lost() -> None:
    verdict = check(history(("acked", "a"), ("start", "a")), books(job("a")))
    assert verdict.lost == ("a",)
    assert not verdict.clean


def test_a_job_that_nobody_acked_may_be_missing() -> None:
    assert check(history(("start", "b"), ("done", "b")), books(job("b"))).clean


def test_a_second_start_without_a_recorded_cause_is_unexplained() -> None:
    twice = history(("acked", "a"), ("start", "a"), ("start", "a"), ("done", "a"))
    assert check(twice, books(job("a"))).unexplained == ("a",)
    assert check(twice, books(replace(job("a"), released=1))).clean
    explained = check(twice, books(job("a", "succeeded", "lost", "succeeded")))
    assert explained.clean
    assert explained.extra_starts == 1


def test_a_start_after_a_failure_that_the_job_wrote_down_is_no_extra_one() -> None:
    retried = history(("acked", "a"), ("start", "a"), ("failed", "a"), ("start", "a"), ("done", "a"))
    verdict = check(retried, books(job("a", "succeeded", "failed", "succeeded")))
    assert verdict.clean
    assert verdict.extra_starts == 0


def test_a_job_in_two_places_or_none_is_misplaced() -> None:
    record = job("a")
    assert check(GOOD, Books({"a": record}, {"a": ["queued", "succeeded"]})).misplaced == ("a",)
    assert check(GOOD, Books({"a": record}, {"a": []})).misplaced == ("a",)
    assert check(GOOD, Books({"a": record}, {"a": ["dead"]})).misplaced == ("a",)
    assert check(GOOD, Books({}, {})).misplaced == ("a",)


def test_a_start_before_its_time_is_early() -> None:
    start = Event("start", "a", clock_ms=1_000, due_ms=1_051)
    early = History((Event("acked", "a"), start, Event("done", "a")))
    assert check(early, books(job("a"))).early == ("a",)
    in_time = History((Event("acked", "a"), dataclasses.replace(start, due_ms=1_050), Event("done", "a")))
    assert check(in_time, books(job("a"))).clean


def test_a_join_that_fired_twice_is_found() -> None:
    assert check(JOINED_TWICE, books(job("j", "succeeded", "succeeded", "succeeded"))).double_joins == ("j",)


def test_a_join_that_fired_twice_because_its_worker_died_is_no_double_join() -> None:
    assert check(JOINED_TWICE, books(job("j", "succeeded", "lost", "succeeded"))).clean


def test_a_join_with_a_hole_in_its_results_is_found() -> None:
    for seen in ("1", "2-1"):
        short = History((Event("acked", "j", detail="2"), Event("start", "j"), Event("done", "j", detail=seen)))
        assert check(short, books(job("j"))).holes == ("j",)


def test_a_job_that_must_fail_and_does_is_not_lost() -> None:
    failed = History((Event("acked", "a", detail=DEAD), Event("start", "a"), Event("failed", "a")))
    assert check(failed, books(job("a", "dead", "failed"))).clean


def test_a_job_that_must_fail_and_did_not_is_found() -> None:
    acked = Event("acked", "a", detail=DEAD)
    assert check(History((acked,)), books(job("a", "blocked"))).undead == ("a",)
    assert check(History((acked, Event("done", "a"))), books(job("a", "dead"))).undead == ("a",)
