"""A canary tries one job, then ten, then the rest at a rate; it stops when they fail, and any operator can hold it."""

import uuid
from collections.abc import Callable

import pytest

from storage.broker.broker import Broker
from storage.broker.canaries import Canaries, Canary, Plan
from storage.broker.custody import Custody, Shown
from storage.broker.inspector import Inspector
from storage.broker.requests import Settlement
from storage.errors import JobMissing, Refused
from tests.storage.broker.conftest import REQUEST

Add = Callable[..., str]


class Trial:
    """A canary over dead jobs, and what becomes of those that it requeues."""

    def __init__(self, broker: Broker, inspector: Inspector, add: Add) -> None:
        self.broker, self.inspector, self.add = broker, inspector, add
        self.custody, self.canaries = Custody(broker), Canaries(broker)
        self.id = str(uuid.uuid4())

    def begin(self, count: int, **plan: object) -> None:
        jobs = [self.end(self.add(id=f"j{n:04}", retries=2), "dead") for n in range(count)]
        shown = [Shown(job.id, str(job.version)) for job in self.inspector.rows(jobs)]
        self.canaries.begin(self.id, shown, Plan("ada", "group f1", **plan))  # type: ignore[arg-type]

    def end(self, job_id: str, state: str) -> str:
        claim = self.broker.take(REQUEST, job_id)
        assert claim is not None
        self.settle(job_id, claim.token, state)
        return job_id

    def settle(self, job_id: str, token: str, state: str) -> None:
        outcome = "succeeded" if state == "succeeded" else "failed"
        delay_ms = 60_000 if state == "retrying" else 0
        self.broker.settle(Settlement(job_id, token, state, outcome, 1, delay_ms=delay_ms))  # type: ignore[arg-type]

    def step(self) -> Canary:
        self.custody.tend()
        return self.canaries.one(self.id)

    def waiting(self) -> list[str]:
        return [job.id for job in self.inspector.jobs(("queued",)).jobs]

    def run(self, state: str = "succeeded", most: int | None = None) -> int:
        """Let those that were requeued end so."""
        ready = self.waiting()[:most]
        for job_id in ready:
            self.end(job_id, state)
        return len(ready)

    def later(self, seconds: float) -> None:
        """As if so much time had passed since the last step."""
        key = self.broker.keys.canary(self.id)
        self.broker.call("hincrby", key, "last", -round(seconds * 1000))


@pytest.fixture
def trial(broker: Broker, inspector: Inspector, add: Add) -> Trial:
    return Trial(broker, inspector, add)


def test_one_then_ten_then_the_rest_at_its_rate(trial: Trial) -> None:
    trial.begin(40, rate=120)
    assert trial.step().sent == 1
    assert trial.waiting() == ["j0000"]
    assert trial.step().sent == 1, "it waits for the outcome of the first"
    trial.run()
    assert (trial.step().sent, trial.canaries.one(trial.id).phase) == (11, "ten")
    trial.run(most=9)
    assert trial.step().sent == 11, "it waits for the outcome of all ten"
    trial.run()
    assert (trial.step().sent, trial.canaries.one(trial.id).phase) == (11, "rest")
    trial.later(5)
    assert trial.step().sent == 21, "120 a minute are ten in five seconds"
    assert trial.step().sent == 21
    trial.later(3600)
    assert trial.step().sent == 40
    assert trial.step().state == "running", "some have not ended"
    trial.run()
    done = trial.step()
    assert (done.state, done.succeeded, done.failed, done.total, done.waiting, done.flying) == (
        "finished",
        40,
        0,
        40,
        0,
        0,
    )
    assert done.ended_at is not None
    assert trial.step() == done


@pytest.mark.parametrize("state", ["dead", "canceled", "retrying"])
def test_it_stops_when_the_first_one_fails_also_at_its_first_attempt(trial: Trial, state: str) -> None:
    trial.begin(40)
    trial.step()
    trial.run(state)
    stopped = trial.step()
    assert (stopped.state, stopped.sent) == ("stopped", 1)
    assert stopped.reason == "1 of 1 failed, more than 20%"
    assert trial.inspector.count(("dead",)) == (40 if state == "dead" else 39)


def test_a_few_failures_do_not_stop_it_and_too_many_do(trial: Trial) -> None:
    trial.begin(100, rate=600, share_percent=20.0)
    trial.step()
    trial.run()
    trial.step()
    trial.run("dead", most=2)
    trial.run()
    assert (trial.step().phase, trial.canaries.one(trial.id).failed) == ("rest", 2)
    trial.later(1)
    assert trial.step().sent == 21
    trial.run("dead", most=3)
    stopped = trial.step()
    assert (stopped.state, stopped.reason) == ("stopped", "5 of 14 failed, more than 20%")
    trial.later(3600)
    assert trial.step().sent == 21


def test_ten_that_are_sure_to_fail_too_often_stop_it_at_once(trial: Trial) -> None:
    trial.begin(40)
    trial.step()
    trial.run()
    trial.step()
    trial.run("dead", most=2)
    assert trial.step().state == "running", "two of eleven may be few enough"
    trial.run("dead", most=1)
    assert trial.step().state == "stopped", "three of eleven are not"


def test_any_operator_pauses_it_lets_it_go_on_and_ends_it(trial: Trial) -> None:
    trial.begin(40)
    trial.step()
    trial.run()
    tell = trial.canaries.tell
    assert tell("a1", trial.id, "paused", "bob", "wait", "running").verdict == "done"
    assert trial.step().sent == 1
    paused = trial.canaries.one(trial.id)
    assert (paused.state, paused.told_by, paused.reason) == ("paused", "bob", "wait")
    assert tell("a1", trial.id, "paused", "bob", "wait", "running").verdict == "done", "a repeat answers the same"
    assert tell("a2", trial.id, "paused", "eve", "", "running").word == "paused"
    assert tell("a3", trial.id, "running", "eve", "", "paused").verdict == "done"
    assert trial.step().sent == 11
    assert tell("a4", trial.id, "aborted", "eve", "enough", "running").verdict == "done"
    trial.run()
    assert (trial.step().state, trial.canaries.one(trial.id).waiting) == ("aborted", 29)
    assert tell("a5", trial.id, "running", "eve", "", "aborted").verdict == "refused"


def test_one_that_stopped_by_itself_may_go_on_with_new_counts(trial: Trial) -> None:
    trial.begin(5, rate=6000)
    trial.step()
    trial.run("dead")
    trial.step()
    trial.canaries.tell("a1", trial.id, "running", "ada", "mended", "stopped")
    assert trial.step().phase == "ten"
    trial.run()
    done = trial.step()
    assert (done.state, done.succeeded, done.failed) == ("finished", 4, 0)


def test_one_that_stopped_by_itself_keeps_what_failed_when_it_is_ended(trial: Trial) -> None:
    trial.begin(5)
    trial.step()
    trial.run("dead")
    assert trial.step().state == "stopped"
    trial.canaries.tell("a1", trial.id, "aborted", "ada", "enough", "stopped")
    ended = trial.step()
    assert (ended.state, ended.sent, ended.failed) == ("aborted", 1, 1)


def test_those_that_changed_before_their_turn_are_left_alone(trial: Trial) -> None:
    trial.begin(3)
    trial.broker.requeue("j0000")
    trial.end("j0000", "succeeded")
    assert trial.step().refused == 1
    assert trial.step().sent == 1
    assert trial.inspector.job("j0000").state == "succeeded"


def test_beginning_again_after_a_crash_makes_no_second_one(trial: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("storage.broker.canaries.LOADED_AT_ONCE", 2)
    jobs = [trial.end(trial.add(id=f"j{n}"), "dead") for n in range(5)]
    shown = [Shown(job.id, str(job.version)) for job in trial.inspector.rows(jobs)]
    plan = Plan("ada", "five")
    real, calls = trial.canaries._scripts.run, []

    def cut(*given: object) -> object:
        calls.append(given)
        if len(calls) == 3:
            raise ConnectionError
        return real(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(trial.canaries._scripts, "run", cut)
    with pytest.raises(ConnectionError):
        trial.canaries.begin(trial.id, shown, plan)
    assert trial.step().state == "loading", "one that is not whole does not start"
    assert trial.broker.call("pttl", trial.broker.keys.canary(trial.id)) > 0, "nor does it stay"
    monkeypatch.setattr(trial.canaries._scripts, "run", real)
    assert trial.canaries.begin(trial.id, shown, plan) == "running"
    assert trial.canaries.begin(trial.id, shown, plan) == "running"
    canary = trial.canaries.one(trial.id)
    assert (canary.total, canary.waiting) == (5, 5)
    assert trial.broker.call("pttl", trial.broker.keys.canary(trial.id)) == -1


def test_plans_that_can_not_be_meant_and_canaries_that_are_not_there_are_refused(trial: Trial) -> None:
    for plan in (Plan("a", "", rate=0), Plan("a", "", share_percent=101), Plan("a", "", rate=10**9)):
        with pytest.raises(Refused):
            trial.canaries.begin(trial.id, [], plan)
    with pytest.raises(JobMissing, match="no canary 'x'"):
        trial.canaries.one("x")
    assert trial.canaries.tell("a", "x", "paused", "ada", "", "").verdict == "missing"
