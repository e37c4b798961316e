"""Why a job of a flow does not run: which jobs it waits for, and which below it failed, the deepest first."""

from collections.abc import Callable

import pytest
import redis

from storage.broker.broker import Broker
from storage.broker.inspector import Inspector
from storage.broker.records import NewJob
from storage.broker.requests import job_table
from storage.broker.why import Reason
from storage.values import replace
from tests.storage.broker.conftest import REQUEST, done

Add = Callable[..., str]
Why = Callable[[str], dict[str, Reason]]
Consumer = Callable[..., None]


def test_a_blocked_job_names_the_jobs_that_it_waits_for(broker: Broker, add: Add, consumer: Consumer, why: Why) -> None:
    consumer()
    members = [job_table(NewJob(f"m{n}", "t.part", "default", b"{}", member=f"all:{n}:2")) for n in range(2)]
    table = [*members, job_table(NewJob("all", "t.whole", "default", b"{}", chord="all", blocked=True))]
    broker.write([("chord", "all", "all", ["m0", "m1"]), *(("enqueue", row) for row in table)])
    reason = why("all")["children"]
    assert reason.sentence == "It waits for 2 of 2 jobs: m0 part is queued, m1 part is queued."
    claim = broker.claim(REQUEST)
    assert claim is not None
    broker.settle(replace(done(claim), writes=(("join", "all", "0", 2, b"1"),)))
    reason = why("all")["children"]
    assert (reason.sentence, reason.jobs) == ("It waits for 1 of 2 jobs: m1 part is queued.", ("m1",))


def test_a_dead_job_whose_child_failed_names_that_child(broker: Broker, why: Why) -> None:
    rows = [
        job_table(NewJob("m", "t.part", "default", b"{}", member="all:0:1")),
        job_table(NewJob("all", "t.whole", "default", b"{}", chord="all", blocked=True, on_failure="fail")),
    ]
    broker.write([("chord", "all", "all", ["m"]), *(("enqueue", row) for row in rows)])
    broker.settle(done(broker.claim(REQUEST), "dead", error_type="E", error="no"))
    found = why("all")
    assert found["failed child"].jobs == ("m",)


def test_a_dead_job_of_which_two_children_failed_does_not_live_again_with_one_of_them(broker: Broker, why: Why) -> None:
    members = [job_table(NewJob(f"m{n}", "t.part", "default", b"{}", member=f"all:{n}:2")) for n in range(2)]
    whole = NewJob("all", "t.whole", "default", b"{}", chord="all", blocked=True, on_failure="fail")
    table = [*members, job_table(whole)]
    broker.write([("chord", "all", "all", ["m0", "m1"]), *(("enqueue", row) for row in table)])
    for _ in range(2):
        broker.settle(done(broker.claim(REQUEST), "dead", error_type="E", error="no"))
    assert why("all")["failed child"].sentence == (
        "Its child m0 part has failed: when that one and 1 other that failed beside it are requeued, it lives again as "
        "well."
    )
    broker.requeue("m0")
    assert why("all")["failed child"].sentence == (
        "Its child m1 part has failed: when that one is requeued, it lives again as well."
    )
    broker.requeue("m1")
    assert "It waits for 2 of 2 jobs" in why("all")["children"].sentence


def test_a_dead_job_names_the_deepest_below_it_that_failed_and_names_it_first(
    broker: Broker, consumer: Consumer, why: Why, inspector: Inspector
) -> None:
    consumer()
    rows = [
        job_table(NewJob("deep", "t.check", "default", b"{}", member="mid:0:1")),
        job_table(
            NewJob("mid", "t.pay", "default", b"{}", chord="mid", blocked=True, on_failure="fail", member="top:0:1")
        ),
        job_table(NewJob("top", "t.order", "default", b"{}", chord="top", blocked=True, on_failure="fail")),
    ]
    chords = [("chord", "mid", "mid", ["deep"]), ("chord", "top", "top", ["mid"])]
    broker.write([*chords, *(("enqueue", row) for row in rows)])
    broker.settle(done(broker.claim(REQUEST), "dead", error_type="E", error="no card"))
    first, *others = inspector.why("top").reasons
    assert (first.kind, first.jobs) == ("failed child", ("deep", "mid"))
    assert first.sentence == (
        "Job deep check, below its child mid, is dead: when that one is requeued, it lives again as well, "
        "with all in between."
    )
    assert [reason.kind for reason in others] == ["ended"]
    assert why("mid")["failed child"].jobs == ("deep",)
    broker.requeue("deep")
    assert why("top")["children"].sentence == "It waits for 1 of 1 job: mid pay is blocked."


def test_a_blocked_job_names_a_dead_child_before_those_that_go_on(
    broker: Broker, consumer: Consumer, why: Why, inspector: Inspector
) -> None:
    rows = [
        job_table(NewJob("deep", "t.check", "default", b"{}", member="pay:0:1")),
        job_table(NewJob("m", "t.part", "default", b"{}", member="all:0:2")),
        job_table(
            NewJob("pay", "t.pay", "default", b"{}", chord="pay", blocked=True, on_failure="fail", member="all:1:2")
        ),
        job_table(NewJob("all", "t.whole", "default", b"{}", chord="all", blocked=True)),
    ]
    chords = [("chord", "pay", "pay", ["deep"]), ("chord", "all", "all", ["m", "pay"])]
    broker.write([*chords, *(("enqueue", row) for row in rows)])
    broker.settle(done(broker.claim(REQUEST), "dead", error_type="E", error="no"))
    first, second = inspector.why("all").reasons
    assert (first.kind, first.jobs) == ("failed child", ("pay",))
    assert first.sentence == "Its child pay pay is dead: no consumer lives to hand that on to it: start one."
    assert second.sentence == "It waits for 2 of 2 jobs: pay pay is dead, m part is queued."
    consumer()
    assert why("all")["failed child"].sentence == (
        "Its child pay pay is dead: a consumer hands that on to it within a second or so."
    )


def test_of_a_thousand_children_that_failed_a_few_are_read(
    redis_client: "redis.Redis", broker: Broker, why: Why, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [
        job_table(NewJob("m", "t.part", "default", b"{}", member="all:0:1")),
        job_table(NewJob("all", "t.whole", "default", b"{}", chord="all", blocked=True, on_failure="fail")),
    ]
    broker.write([("chord", "all", "all", ["m"]), *(("enqueue", row) for row in rows)])
    broker.settle(done(broker.claim(REQUEST), "dead", error_type="E", error="no"))
    redis_client.hset(broker.keys.failed("all"), mapping={str(n): f"m{n}" for n in range(1, 5_000)})
    key, scan, sizes = broker.keys.failed("all"), redis_client.hscan, []

    def scanned(name: str, *args: object, **kwargs: object) -> object:
        found = scan(name, *args, **kwargs)  # type: ignore[arg-type]  # as they came
        sizes.append(len(found[1]))
        return found

    monkeypatch.setattr(redis_client, "hscan", scanned)
    named = why("all")["failed child"].jobs
    assert named[0].encode() in redis_client.hvals(key)
    assert 0 < max(sizes) < 100
