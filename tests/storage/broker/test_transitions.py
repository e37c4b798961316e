"""Each transition of a job, on real Redis."""

import json
import threading
import time
from collections.abc import Callable

import pytest
import redis

from storage.broker.broker import Broker
from storage.broker.inspector import Inspector
from storage.broker.records import FINISHED, STATES, NewJob, State
from storage.broker.requests import Beat, Bounds, Claim, Note, job_table
from storage.errors import JobMissing, Refused
from storage.values import replace
from tests.events import Event, events_of
from tests.storage.broker.conftest import REQUEST, claimed, places, settlement

Add = Callable[..., str]


def test_an_enqueued_job_is_in_one_place_with_its_whole_record(broker: Broker, inspector: Inspector, add: Add) -> None:
    job_id = add(payload=b"\x00\xffbytes", priority=2, retries=3, retry_delay_s=1.5, parent="p")
    job = inspector.job(job_id)
    assert (job.state, job.queue, job.task, job.payload) == ("queued", "default", "t.work", b"\x00\xffbytes")
    assert (job.priority, job.retries, job.retries_left, job.retry_delay_s, job.parent) == (2, 3, 3, 1.5, "p")
    assert places(broker, "default", job_id) == ["queued"]


def test_an_enqueue_is_idempotent_by_job_id(broker: Broker, inspector: Inspector, add: Add) -> None:
    add(id="a", payload=b"first")
    add(id="a", payload=b"second")
    assert inspector.count() == 1
    assert inspector.job("a").payload == b"first"


def test_a_finished_job_is_launched_anew_by_a_new_call_but_not_by_a_repeated_one(
    broker: Broker, inspector: Inspector
) -> None:
    job = NewJob("a", "t.work", "default", b"{}")
    table = job_table(job)
    broker.write([("enqueue", table)])
    broker.settle(settlement(claimed(broker)))
    broker.write([("enqueue", table)])  # the reply of the first one was lost
    assert inspector.job("a").state == "succeeded"
    broker.enqueue([job], once=True)
    assert inspector.job("a").state == "succeeded"
    broker.enqueue([job])
    assert inspector.job("a").state == "queued"


def test_jobs_of_one_priority_run_in_their_order_and_higher_ones_first(broker: Broker, add: Add) -> None:
    for name, priority in [("a", 0), ("b", 5), ("c", 0), ("d", -1), ("e", 5), ("f", 0.5)]:
        add(id=name, priority=priority)
    assert [claimed(broker).id for _ in range(6)] == ["b", "e", "f", "a", "c", "d"]
    assert broker.claim(REQUEST) is None


@pytest.mark.parametrize("priority", [4001, -4001, float("inf")])
def test_a_priority_out_of_range_is_refused_by_name(add: Add, priority: float) -> None:
    with pytest.raises(Refused, match="out of range"):
        add(priority=priority)


def test_thousands_of_jobs_are_enqueued_in_order(broker: Broker, inspector: Inspector) -> None:
    jobs = [NewJob(f"j{n}", "t.work", "default", b"{}") for n in range(2_345)]
    assert broker.enqueue(jobs).added == 2_345
    assert inspector.count(("queued",)) == 2_345
    assert [claimed(broker).id for _ in range(3)] == ["j0", "j1", "j2"]


def test_a_delayed_job_waits_until_it_is_due_and_is_promoted(broker: Broker, inspector: Inspector, add: Add) -> None:
    job_id = add(delay_ms=40)
    assert inspector.job(job_id).state == "scheduled"
    assert broker.claim(REQUEST) is None
    moved, wait_s = broker.promote()
    assert moved == 0
    assert wait_s is not None
    assert 0 < wait_s <= 0.04
    deadline = time.monotonic() + 5
    while broker.promote()[0] == 0:
        assert time.monotonic() < deadline
    run_at = inspector.job(job_id).run_at
    assert run_at is not None
    assert inspector.clock_ms() >= run_at.timestamp() * 1000
    assert claimed(broker).id == job_id


def test_a_claim_carries_lease_attempt_token_and_flags(broker: Broker, inspector: Inspector, add: Add) -> None:
    job_id = add()
    broker.call("hset", broker.keys.data, mapping={f"r:{job_id}": b"one", "rt:t.work": b"all"})
    claim = claimed(broker)
    assert (claim.attempt, claim.revoked_one, claim.revoked_all) == (1, b"one", b"all")
    job = inspector.job(job_id)
    assert (job.state, job.worker, job.attempt) == ("running", "host:1/Worker-1", 1)
    assert job.lease_until is not None
    assert job.started_at is not None
    assert (job.lease_until - job.started_at).total_seconds() == pytest.approx(60, abs=1)
    assert [attempt.outcome for attempt in job.attempts] == ["running"]


def test_tokens_grow_with_every_claim(broker: Broker, add: Add) -> None:
    add()
    add()
    first, second = claimed(broker), claimed(broker)
    assert int(second.token) > int(first.token)


def test_a_claim_serves_only_the_queues_it_names(broker: Broker, add: Add) -> None:
    add(id="mail", queue="email")
    add(id="other", queue="default")
    assert claimed(broker, replace(REQUEST, queues=("email",))).id == "mail"
    assert broker.claim(replace(REQUEST, queues=("email",))) is None
    assert claimed(broker).id == "other"


def test_a_waiting_claim_wakes_up_for_a_job(broker: Broker, redis_url: str, add: Add, namespace: str) -> None:
    add()
    claimed(broker)
    assert broker.claim(REQUEST) is None  # learns the queues
    found: list[Claim | None] = []
    client = redis.Redis.from_url(redis_url)
    other = Broker(client, namespace)
    waiter = threading.Thread(target=lambda: found.append(other.claim(REQUEST, 10)))
    waiter.start()
    deadline = time.monotonic() + 5
    while not any(one["cmd"] == "blpop" for one in broker.client.client_list()):
        assert time.monotonic() < deadline
    start = time.monotonic()
    job_id = add()
    waiter.join()
    client.close()
    assert time.monotonic() - start < 5
    assert [claim.id for claim in found if claim] == [job_id]


def test_a_success_is_recorded_with_its_attempt_and_counted(broker: Broker, inspector: Inspector, add: Add) -> None:
    job_id = add()
    assert broker.settle(settlement(claimed(broker), result=b"42"))[0] == "settled"
    job = inspector.job(job_id)
    assert (job.state, job.result, job.retries_left) == ("succeeded", b"42", 0)
    assert [(attempt.number, attempt.outcome) for attempt in job.attempts] == [(1, "succeeded")]
    assert job.finished_at is not None
    assert places(broker, "default", job_id) == ["succeeded"]
    assert inspector.queues()[0].minutes[-1][:2] in {(1, 1), (0, 1)}


def test_a_failure_keeps_its_traceback_and_waits_for_its_retry(broker: Broker, inspector: Inspector, add: Add) -> None:
    job_id = add(retries=1)
    failed = settlement(
        claimed(broker),
        "retrying",
        retries_left=0,
        delay_ms=60_000,
        error_type="ValueError",
        error="no",
        traceback="tb",
    )
    broker.settle(failed)
    job = inspector.job(job_id)
    assert (job.state, job.error_type, job.error, job.retries_left) == ("retrying", "ValueError", "no", 0)
    assert (job.attempts[0].outcome, job.attempts[0].traceback) == ("failed", "tb")
    assert job.run_at is not None
    assert 55_000 < job.run_at.timestamp() * 1000 - inspector.clock_ms() <= 60_000
    assert broker.claim(REQUEST) is None


def test_a_settlement_after_a_lost_lease_changes_nothing(broker: Broker, inspector: Inspector, add: Add) -> None:
    job_id = add()
    lost = claimed(broker, replace(REQUEST, lease_ms=1))
    deadline = time.monotonic() + 5
    while not broker.reap(crashes_allowed=3):
        assert time.monotonic() < deadline
    again = claimed(broker)
    writes = (("set", "k", b"v"), ("enqueue", job_table(NewJob("next", "t.work", "default", b"{}"))))
    assert broker.settle(settlement(lost, result=b"late", writes=writes, lines=(b"[]",)))[0] == "stale"
    job = inspector.job(job_id)
    assert (job.state, job.attempt, job.result) == ("running", 2, None)
    assert broker.call("hget", broker.keys.data, "k") is None
    assert inspector.count() == 1
    assert broker.note([Note(job_id, lost.token, b'{"done":1}', (b"[]",))]) == [job_id]
    assert inspector.log(job_id).lines == ()
    assert broker.settle(settlement(again))[0] == "settled"


def test_a_repeated_settlement_is_known_as_one(broker: Broker, inspector: Inspector, add: Add) -> None:
    add()
    done = settlement(claimed(broker), writes=(("set", "k", b"v"),))
    assert broker.settle(done)[0] == "settled"
    broker.call("hdel", broker.keys.data, "k")
    assert broker.settle(done)[0] == "again"
    assert broker.call("hget", broker.keys.data, "k") is None
    assert inspector.queues()[0].minutes[-1][1] <= 1


def test_a_settlement_commits_everything_that_belongs_to_it(broker: Broker, inspector: Inspector, add: Add) -> None:
    add()
    writes = (
        ("set", "kept", b"v"),
        ("set", "gone", b"v"),
        ("del", "gone"),
        ("enqueue", job_table(NewJob("next", "t.after", "other", b"{}"))),
    )
    broker.settle(settlement(claimed(broker), writes=writes))
    assert broker.call("hgetall", broker.keys.data) == {b"kept": b"v"}
    assert inspector.job("next").state == "queued"


def test_a_settlement_claims_the_next_job_in_the_same_trip(broker: Broker, add: Add) -> None:
    first, second = add(), add()
    claim = claimed(broker)
    assert claim.id == first
    verdict, following = broker.settle(settlement(claim), REQUEST)
    assert verdict == "settled"
    assert following is not None
    assert following.id == second
    assert broker.settle(settlement(following), REQUEST) == ("settled", None)


def test_a_released_job_keeps_its_place_and_its_attempts(broker: Broker, inspector: Inspector, add: Add) -> None:
    first = add()
    add()
    claim = claimed(broker)
    broker.settle(replace(settlement(claim, "queued"), release=True, outcome="released"))
    assert (inspector.job(first).attempt, inspector.job(first).released) == (0, 1)
    again = claimed(broker)
    assert (again.id, again.attempt) == (first, 1)
    broker.settle(settlement(again))
    assert (len(inspector.job(first).attempts), inspector.job(first).released) == (1, 1)


def test_an_expired_lease_returns_the_job_to_the_front_of_its_queue(
    broker: Broker, inspector: Inspector, add: Add
) -> None:
    first = add()
    add()
    claimed(broker, replace(REQUEST, lease_ms=1))
    deadline = time.monotonic() + 5
    reaped = broker.reap(crashes_allowed=3)
    while not reaped:
        assert time.monotonic() < deadline
        reaped = broker.reap(crashes_allowed=3)
    assert [(one.id, one.crashes, one.buried) for one in reaped] == [(first, 1, False)]
    job = inspector.job(first)
    assert (job.state, job.crashes, job.retries_left) == ("queued", 1, 0)
    assert job.attempts[0].outcome == "lost"
    assert claimed(broker).id == first


def test_a_job_that_loses_three_workers_is_buried_with_the_last_one_named(
    broker: Broker, inspector: Inspector, add: Add
) -> None:
    job_id = add(retries=9)
    for _ in range(3):
        claimed(broker, replace(REQUEST, lease_ms=1))
        deadline = time.monotonic() + 5
        while not broker.reap(crashes_allowed=3):
            assert time.monotonic() < deadline
    job = inspector.job(job_id)
    assert job.state == "dead"
    assert job.error == "worker lost 3 times; last on host:1/Worker-1, signal 9 suspected"
    assert [attempt.outcome for attempt in job.attempts] == ["lost"] * 3


def test_a_heartbeat_renews_the_leases_it_names_and_tells_of_lost_ones(
    broker: Broker, inspector: Inspector, add: Add
) -> None:
    add()
    claim = claimed(broker, replace(REQUEST, lease_ms=1_000))
    before = inspector.job(claim.id).lease_until
    beat = Beat("host:1", 60_000, ((claim.id, claim.token), ("gone", "1")), {"host": "h", "pid": "1"})
    assert broker.heartbeat(beat).lost == ("gone",)
    after = inspector.job(claim.id).lease_until
    assert before is not None
    assert after is not None
    assert (after - before).total_seconds() > 50
    assert [consumer.id for consumer in inspector.consumers()] == ["host:1"]
    broker.leave("host:1")
    assert inspector.consumers() == ()


def test_a_dead_job_is_requeued_with_all_its_retries_and_its_history(
    broker: Broker, inspector: Inspector, add: Add
) -> None:
    job_id = add(retries=2)
    broker.settle(settlement(claimed(broker), "dead", retries_left=0, error_type="E", error="no"))
    assert broker.requeue(job_id) == "dead"
    job = inspector.job(job_id)
    assert (job.state, job.retries_left, job.attempt, len(job.attempts)) == ("queued", 2, 1, 1)
    assert claimed(broker).attempt == 2
    with pytest.raises(Refused, match="is running"):
        broker.requeue(job_id)
    with pytest.raises(JobMissing, match="no job 'nope'"):
        broker.requeue("nope")


def test_a_paused_queue_gives_no_job_until_it_is_resumed(broker: Broker, inspector: Inspector, add: Add) -> None:
    job_id = add(queue="email")
    assert broker.pause("email", json.dumps({"by": "ann", "reason": "deploy"}))
    assert broker.claim(REQUEST) is None
    pause = inspector.queues()[0].pause
    assert pause is not None
    assert (pause.by, pause.reason) == ("ann", "deploy")
    assert broker.resume("email")
    assert not broker.resume("email")
    assert claimed(broker).id == job_id
    with pytest.raises(Refused, match="no queue 'nope'"):
        broker.pause("nope", "{}")


def test_a_chord_joins_once_by_the_set_of_its_members(broker: Broker, inspector: Inspector) -> None:
    callback = NewJob("callback", "t.sum", "default", b"{}", chord="c", blocked=True)
    broker.write([("chord", "c", "callback"), ("enqueue", job_table(callback))])
    assert inspector.job("callback").state == "blocked"
    broker.write([("join", "c", 1, 3, b"one")])
    broker.write([("join", "c", 1, 3, b"one")])  # a duplicate delivery counts once
    broker.write([("join", "c", 0, 3, b"zero")])
    assert inspector.job("callback").state == "blocked"
    broker.write([("join", "c", 2, 3, b"two")])
    assert inspector.job("callback").state == "queued"
    claim = claimed(broker)
    assert claim.inputs == (b"zero", b"one", b"two")
    broker.write([("join", "c", 2, 3, b"two")])
    assert inspector.job("callback").state == "running"
    broker.settle(settlement(claim))
    assert not broker.client.exists(broker.keys.chord("c"))


def test_old_and_surplus_finished_jobs_are_forgotten_with_all_their_keys(
    redis_client: "redis.Redis", namespace: str
) -> None:
    bounds = Bounds(succeeded=(86_400, 3), dead=(0, 100), canceled=(86_400, 100))
    broker, inspector = Broker(redis_client, namespace, bounds), Inspector(redis_client, namespace)
    line = json.dumps([1, 1, "INFO", "l", "m", "t", "q"]).encode()
    for n in range(8):
        broker.enqueue([NewJob(f"j{n}", "t.work", "default", b"{}")])
        claim = claimed(broker)
        state: State = "dead" if n == 7 else "succeeded"
        broker.settle(settlement(claim, state, writes=(("set", claim.id, b"r"),), lines=(line,)))
    assert broker.retain() == 5
    left = {job.id for job in inspector.jobs().jobs}
    assert left == {"j4", "j5", "j6"}
    keys = {key.decode() for kind in ("job", "log") for key in broker.call("keys", f"*:{kind}:*")}
    assert keys == {key for job_id in left for key in (broker.keys.job(job_id), broker.keys.log(job_id))}
    assert {key.decode() for key in broker.call("hkeys", broker.keys.data)} == left


def test_results_that_a_job_left_for_others_are_forgotten_with_it_unless_those_came_to_be(
    redis_client: "redis.Redis", namespace: str
) -> None:
    broker = Broker(redis_client, namespace, Bounds(dead=(0, 100)))
    broker.enqueue([NewJob("head", "t.work", "default", b"{}")])
    left = (("result", "never", b"error"), ("result", "later", b"error"), ("set", "own", b"v"))
    broker.settle(settlement(claimed(broker), "dead", writes=left))
    assert set(broker.call("hkeys", broker.keys.data)) == {b"never", b"later", b"own"}
    broker.enqueue([NewJob("later", "t.work", "default", b"{}")])
    assert broker.retain() == 1
    assert set(broker.call("hkeys", broker.keys.data)) == {b"later", b"own"}


def test_a_tick_is_enqueued_once_by_any_number_of_callers(broker: Broker, inspector: Inspector) -> None:
    job = NewJob("cron:x:1", "t.work", "default", b"{}")
    assert [broker.tick("x", 60_000, job) for _ in range(5)] == [True, False, False, False, False]
    assert not broker.tick("x", 1, NewJob("cron:x:0", "t.work", "default", b"{}"))
    assert inspector.count() == 1


def test_every_transition_leaves_one_event(broker: Broker, add: Add) -> None:
    job_id = add()
    claim = claimed(broker)
    broker.settle(settlement(claim, "dead"))
    broker.requeue(job_id)
    states = ["queued", "running", "dead", "queued"]
    assert events_of(broker) == [Event(job_id, version, state) for version, state in enumerate(states, 1)]


def test_finished_states_are_the_last_words_of_a_life() -> None:
    assert set(FINISHED) < set(STATES)
