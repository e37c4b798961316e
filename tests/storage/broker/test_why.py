"""Each reason why a job does not run: the situation is made on real Redis, and the sentence read."""

import json
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
import redis

from storage.broker.broker import Broker
from storage.broker.inspector import Inspector
from storage.broker.records import Limits, TaskInfo
from storage.broker.requests import Beat
from storage.broker.why import Reason
from storage.errors import JobMissing
from storage.values import replace
from tasks.engine import registry
from tests.storage.broker.conftest import REQUEST, done

Add = Callable[..., str]


Why = Callable[[str], dict[str, Reason]]
Consumer = Callable[..., None]


def test_a_job_that_is_not_there_has_no_reasons(inspector: Inspector) -> None:
    with pytest.raises(JobMissing, match="no job 'gone'"):
        inspector.why("gone")


def test_nothing_keeps_a_job_that_a_free_worker_takes(add: Add, consumer: Consumer, why: Why) -> None:
    consumer()
    assert why(add())["free"].sentence == "Nothing keeps it: the next free worker takes it."


def test_no_consumer_lives(add: Add, why: Why) -> None:
    assert list(why(add())) == ["no consumer"]


def test_a_consumer_that_stopped_beating_does_not_live(
    broker: Broker, redis_client: "redis.Redis", add: Add, consumer: Consumer, why: Why
) -> None:
    consumer()
    job = add()
    assert "free" in why(job)
    redis_client.zadd(broker.keys.consumers, {"host:1": 1})
    assert why(job)["no consumer"].sentence == "No consumer lives: start one."


def test_no_consumer_serves_its_queue(add: Add, consumer: Consumer, why: Why) -> None:
    consumer(queues="email,files")
    sentence = why(add(queue="video"))["no consumer"].sentence
    assert sentence == "No consumer serves queue video; those that live serve email, files."


def test_its_queue_is_paused_by_somebody(broker: Broker, add: Add, consumer: Consumer, why: Why) -> None:
    consumer()
    job = add(queue="email")
    broker.pause("email", json.dumps({"by": "ada", "reason": "the provider is down"}))
    reason = why(job)["paused"]
    assert reason.sentence.startswith("Queue email is paused by ada since 20")
    assert reason.sentence.endswith(" UTC: the provider is down.")


def test_a_pause_that_ends_by_itself_says_when(broker: Broker, add: Add, consumer: Consumer, why: Why) -> None:
    consumer()
    job = add(queue="email")
    broker.pause("email", json.dumps({"by": "ada", "reason": "", "until_ms": 4_102_444_799_000}))
    reason = why(job)["paused"]
    assert reason.sentence.endswith(" UTC until 2099-12-31 23:59:59 UTC.")
    assert reason.until_at == datetime(2099, 12, 31, 23, 59, 59, tzinfo=UTC)


def test_its_consumers_were_told_to_claim_nothing(broker: Broker, add: Add, consumer: Consumer, why: Why) -> None:
    consumer("host:1")
    consumer("host:2")
    job = add()
    broker.order("host:1", "quiet")
    assert "quiet" not in why(job)
    broker.order("host:2", "quiet")
    assert (
        why(job)["quiet"].sentence == "Every consumer of queue default was told to claim nothing more: host:1, host:2."
    )


def test_all_workers_are_busy_and_with_what(broker: Broker, add: Add, consumer: Consumer, why: Why) -> None:
    consumer(workers=2)
    first, second = add(task="video.cut"), add(task="mail.send")
    third = add()
    broker.claim(REQUEST)
    assert list(why(third)) == ["line"]
    broker.claim(REQUEST)
    reason = why(third)["busy"]
    assert set(reason.jobs) == {first, second}
    assert reason.sentence.startswith("All 2 workers that serve queue default are busy: ")
    assert f"{first[:8]} cut for " in reason.sentence


def test_the_only_worker_is_busy_in_another_queue(broker: Broker, add: Add, consumer: Consumer, why: Why) -> None:
    consumer()
    add(queue="files")
    broker.claim(REQUEST)
    assert why(add())["busy"].sentence.startswith("The only worker that serves queue default is busy: ")


def test_a_worker_process_of_a_consumer_counts_for_it(broker: Broker, add: Add, consumer: Consumer, why: Why) -> None:
    consumer("host:1")
    broker.heartbeat(Beat("host:1", 60_000, (), {"running:77": "", "workers": "1"}, "77"))
    add()
    broker.claim(replace(REQUEST, consumer="host:77", worker="host:77/Worker-1"))
    assert "busy" in why(add())


def test_the_cap_of_its_queue_is_reached(broker: Broker, add: Add, consumer: Consumer, why: Why) -> None:
    consumer(workers=4)
    broker.limit("default", Limits(cap=1))
    first, second = add(), add()
    broker.claim(REQUEST)
    reason = why(second)["cap"]
    assert reason.jobs == (first,)
    assert reason.sentence.startswith("At most 1 job of queue default may run at once, and 1 does: ")


def test_the_rate_of_its_queue_says_until_when(broker: Broker, add: Add, consumer: Consumer, why: Why) -> None:
    consumer(workers=4)
    broker.limit("default", Limits(rate=(2, 600)))
    for _ in range(2):
        add()
        broker.settle(done(broker.claim(REQUEST)))
    job = add()
    claimed = why(job)["rate"]
    assert claimed.sentence.startswith("Queue default starts at most 2 jobs in 600 s: the next may start at 20")
    assert claimed.until_at is not None
    broker.limit("default", Limits(rate=(3, 600)))
    assert "rate" not in why(job)


def test_so_many_are_ahead_of_it(add: Add, consumer: Consumer, why: Why) -> None:
    consumer(workers=9)
    add()
    second = add()
    add(priority=5)
    third = add()
    assert why(second)["line"].sentence == "2 jobs are ahead of it in line."
    assert why(third)["line"].sentence == "3 jobs are ahead of it in line."


def test_a_job_that_its_queues_line_does_not_have_is_offered_to_nobody(
    broker: Broker, redis_client: "redis.Redis", add: Add, consumer: Consumer, why: Why
) -> None:
    consumer()
    job = add()
    redis_client.zrem(broker.keys.index("default", "queued"), job)
    assert [reason.sentence for reason in why(job).values()] == [
        "It is queued, but missing from the line of its queue, so that no worker is offered it."
    ]


def test_a_scheduled_job_is_due_at_an_instant(add: Add, consumer: Consumer, why: Why) -> None:
    consumer()
    reason = why(add(delay_ms=90_000))["due"]
    assert reason.sentence.startswith("It is due at 20")
    assert reason.sentence.endswith(", in 1.5 min.")
    assert reason.until_at is not None


def test_a_paused_queue_keeps_a_scheduled_job_too(broker: Broker, add: Add, consumer: Consumer, why: Why) -> None:
    consumer()
    job = add(delay_ms=90_000)
    broker.pause("default", json.dumps({"by": "ada", "reason": ""}))
    assert list(why(job)) == ["due", "paused"]


def test_a_retrying_job_says_what_failed(broker: Broker, add: Add, consumer: Consumer, why: Why) -> None:
    consumer()
    job = add(retries=3)
    claim = broker.claim(REQUEST)
    settled = done(claim, "retrying", delay_ms=60_000, error_type="Timeout", error="no answer")
    broker.settle(replace(settled, retries_left=2))
    assert why(job)["due"].sentence.endswith(": attempt 1 failed with Timeout: no answer; 2 retries left after that.")


def test_a_due_job_waits_for_any_consumer_to_put_it_in_line(
    broker: Broker, redis_client: "redis.Redis", add: Add, consumer: Consumer, why: Why
) -> None:
    job = add(delay_ms=90_000)
    redis_client.hset(broker.keys.job(job), "run_at", "1000")
    assert why(job)["overdue"].sentence == "It is due, but no consumer lives to put it in line: start one."
    consumer()
    assert why(job)["overdue"].sentence == "It is due: it comes in line within a second or so."


def test_no_consumer_knows_its_task(broker: Broker, add: Add, consumer: Consumer, why: Why) -> None:
    consumer()
    job = add(task="shop.new")
    claim = broker.claim(REQUEST)
    reason = "no task 'shop.new' in host:1"
    broker.settle(replace(done(claim, "scheduled", delay_ms=15_000, release=True, reason=reason), outcome="released"))
    found = why(job)["unknown task"]
    assert found.sentence.startswith("A consumer was offered it and does not know the task shop.new, and none has")
    registry.publish(broker, [TaskInfo("shop.new", "default", "", (), 0, 0)])
    assert "none has published it" not in why(job)["unknown task"].sentence


def test_a_job_that_has_ended_says_how_and_who_holds_its_unique_key(broker: Broker, add: Add, why: Why) -> None:
    first = add(unique="order 7")
    broker.settle(done(broker.claim(REQUEST), "dead", error_type="E", error="out of stock"))
    assert why(first)["ended"].sentence == "It has ended: it is dead (out of stock); it is not tried again by itself."
    assert "unique" not in why(first)
    second = add(unique="order 7")
    reason = why(first)["unique"]
    assert reason.jobs == (second,)
    assert reason.sentence == f"It can not be requeued while job {second[:8]} holds its unique key 'order 7'."


def test_a_running_job_says_where(broker: Broker, add: Add, why: Why) -> None:
    job = add()
    broker.claim(REQUEST)
    assert why(job)["running"].sentence.endswith(" UTC on host:1/Worker-1.")


def test_asking_changes_nothing(
    redis_client: "redis.Redis", broker: Broker, add: Add, consumer: Consumer, why: Why
) -> None:
    consumer()
    job = add()
    keys = sorted(redis_client.keys(f"{broker.keys.prefix}*"))
    before = [redis_client.dump(key) for key in keys]
    why(job)
    assert [redis_client.dump(key) for key in keys] == before
