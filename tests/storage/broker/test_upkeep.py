"""What keeps the books small and true over time, and what an answer of Redis means."""

from collections.abc import Callable

import pytest
import redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import OutOfMemoryError, ReadOnlyError, ResponseError

from storage.broker.broker import Broker
from storage.broker.inspector import Inspector
from storage.broker.records import Limits, NewJob
from storage.broker.requests import Beat, Bounds, Claim, ClaimRequest, Settlement, job_table
from storage.broker.scripts import pack, translated
from storage.errors import StoreRefused, StoreUnavailable
from storage.values import replace
from tests.servers import wait_until
from tests.storage.broker.conftest import REQUEST


def crash(broker: Broker, times: int) -> None:
    """Lose the worker of the first job in line, again and again."""
    for _ in range(times):
        assert broker.claim(ClaimRequest("host:9", "host:9/Worker-1", 1)) is not None
        wait_until(lambda: bool(broker.reap(crashes_allowed=3)), "the lease has ended", timeout_s=5)


def claimed(broker: Broker) -> Claim:
    claim = broker.claim(REQUEST)
    assert claim is not None
    return claim


def done(claim: Claim) -> Settlement:
    return Settlement(claim.id, claim.token, "succeeded", "succeeded", 0)


def test_a_job_launched_anew_begins_without_the_crashes_of_its_last_life(broker: Broker, inspector: Inspector) -> None:
    job = NewJob("a", "t.work", "default", b"{}")
    broker.enqueue([job])
    crash(broker, 2)
    broker.settle(done(claimed(broker)))
    assert inspector.job("a").crashes == 2
    broker.enqueue([job])
    crash(broker, 1)
    assert (inspector.job("a").state, inspector.job("a").crashes) == ("queued", 1)


def test_a_forgotten_job_takes_its_revoke_flag_along(redis_client: "redis.Redis", namespace: str) -> None:
    broker = Broker(redis_client, namespace, Bounds(succeeded=(86_400, 0)))
    broker.enqueue([NewJob("a", "t.work", "default", b"{}")])
    claim = claimed(broker)
    broker.call("hset", broker.keys.data, mapping={"r:a": b"late", "r:b": b"another's", "a": b"result"})
    broker.settle(done(claim))
    assert broker.retain() == 1
    assert broker.call("hkeys", broker.keys.data) == [b"r:b"]


def test_a_consumer_forgets_its_processes_that_do_not_beat_any_more(broker: Broker, inspector: Inspector) -> None:
    for process, memory in (("11", "100"), ("12", "10")):
        fields = {"host": "h", f"running:{process}": f"job-{process}", f"memory:{process}": memory}
        broker.heartbeat(Beat("host:1", 60_000, (), fields, process))
    (consumer,) = inspector.consumers()
    assert (consumer.running, consumer.memory_bytes) == (("job-11", "job-12"), 110)
    key = broker.keys.consumer("host:1")
    broker.call("hset", key, "beat:11", inspector.clock_ms() - 90_001)  # its worker was replaced long ago
    broker.heartbeat(Beat("host:1", 60_000, (), {"running:12": "job-13", "memory:12": "10"}, "12"))
    (consumer,) = inspector.consumers()
    assert (consumer.running, consumer.memory_bytes) == (("job-13",), 10)
    assert not [name for name in broker.call("hkeys", key) if name.endswith(b":11")]


def test_a_repeated_question_is_answered_only_while_its_job_runs(broker: Broker) -> None:
    question = REQUEST.first()
    assert broker.claim(question) is None
    broker.enqueue([NewJob(name, "t.work", "default", b"{}") for name in "ab"])
    first = broker.claim(question.again())
    assert first is not None
    assert (first.id, first.attempt) == ("a", 1)
    again = broker.claim(question.again())
    assert again is not None
    assert (again.id, again.token, again.attempt) == ("a", first.token, 1)
    broker.settle(done(first))
    other = broker.claim(question.again())
    assert other is not None
    assert other.id == "b"


def test_a_queue_of_any_length_is_flushed_in_batches(broker: Broker, inspector: Inspector) -> None:
    broker.enqueue([NewJob(f"j{n}", "t.work", f"q{n % 3}", b"{}") for n in range(1_300)])
    running = claimed(broker).id
    assert broker.flush(("queued", "blocked")) == 1_299
    assert [job.id for job in inspector.jobs().jobs] == [running]
    assert len(broker.call("keys", f"{broker.keys.prefix}job:*")) == 1


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (RedisConnectionError("gone"), StoreUnavailable),
        (ReadOnlyError("READONLY You can't write against a read only replica."), StoreUnavailable),
        (OutOfMemoryError("OOM command not allowed when used memory > 'maxmemory'."), StoreUnavailable),
        (
            ResponseError("Error running script (f_35d): @user_script:9: @user_script: 9: -OOM not allowed"),
            StoreUnavailable,
        ),
        (ResponseError("MISCONF Redis is configured to save RDB snapshots"), StoreUnavailable),
        (ResponseError("BUSY Redis is busy running a script."), StoreUnavailable),
        (ResponseError("NOREPLICAS Not enough good replicas to write."), StoreUnavailable),
        (ResponseError("WRONGTYPE Operation against a key holding the wrong kind of value"), StoreRefused),
        (ResponseError("Error running script: unknown write"), StoreRefused),
        (ResponseError("Error running script: the name is BUSY"), StoreRefused),
    ],
)
def test_redis_in_trouble_is_told_from_a_request_it_refuses(error: redis.RedisError, kind: type[Exception]) -> None:
    assert type(translated(error)) is kind


def test_a_redis_without_memory_takes_no_new_job_but_runs_and_ends_those_it_has(
    redis_client: "redis.Redis", broker: Broker, inspector: Inspector
) -> None:
    broker.enqueue([NewJob("a", "t.work", "default", b"{}")])
    claim = claimed(broker)
    redis_client.config_set("maxmemory", "1")
    try:
        with pytest.raises(StoreUnavailable, match="can not do this now"):
            broker.enqueue([NewJob("b", "t.work", "default", b"{}")])
        assert broker.heartbeat(Beat("host:1", 60_000, (("a", claim.token),), {"host": "h"})).lost == ()
        assert [consumer.id for consumer in inspector.consumers()] == ["host:1"]
        result = (("set", "a", b"result"), ("enqueue", job_table(NewJob("after", "t.work", "default", b"{}"))))
        assert broker.settle(replace(done(claim), writes=result))[0] == "settled"  # what runs can end
        assert [job.id for job in inspector.jobs(("queued", "succeeded")).jobs] == ["after", "a"]
        waiting = broker.claim(replace(REQUEST, lease_ms=1))  # what waits can run, and make room
        assert waiting is not None
        assert waiting.id == "after"
        wait_until(lambda: bool(broker.reap(crashes_allowed=3)), "the end of its lease")
    finally:
        redis_client.config_set("maxmemory", "0")


@pytest.mark.parametrize("value", [2**64, {"a": [2**70]}, "bad \udcff", object()])
def test_what_has_no_form_for_lua_is_refused(value: object) -> None:
    with pytest.raises(StoreRefused, match="can not be sent to Redis"):
        pack(value)


def test_a_bulk_enqueue_survives_a_redis_that_forgot_its_scripts(broker: Broker, inspector: Inspector) -> None:
    broker.enqueue([NewJob("first", "t", "default", b"{}")])
    broker.client.script_flush()
    assert broker.enqueue([NewJob(f"j{n}", "t", "default", b"{}") for n in range(700)]).added == 700
    assert inspector.count() == 701


def test_a_queue_with_very_many_due_jobs_does_not_keep_the_others_waiting(broker: Broker, inspector: Inspector) -> None:
    crowd = [NewJob(f"many-{n}", "t.work", "crowd", b"{}", delay_ms=1) for n in range(600)]
    few = [NewJob(f"few-{n}", "t.work", f"quiet-{n}", b"{}", delay_ms=1) for n in range(5)]
    broker.enqueue(crowd)
    broker.enqueue(few)
    due_ms = inspector.clock_ms() + 1
    wait_until(lambda: inspector.clock_ms() > due_ms, "all to be due")
    moved, wait_s = broker.promote()
    assert [inspector.job(job.id).state for job in few] == ["queued"] * 5
    assert moved > 50  # what the small queues leave goes to the large one
    assert wait_s == 0
    while broker.promote()[0]:
        pass
    assert inspector.count(("queued",)) == 605
    assert broker.promote() == (0, None)


def test_due_jobs_are_put_in_line_in_the_order_in_which_they_are_due(broker: Broker, inspector: Inspector) -> None:
    broker.enqueue([NewJob(f"{n:03}", "t.work", "default", b"{}", delay_ms=1 + n) for n in reversed(range(250))])
    due_ms = inspector.clock_ms() + 250
    wait_until(lambda: inspector.clock_ms() > due_ms, "all to be due")
    while broker.promote()[0]:
        pass
    assert [claimed(broker).id for _ in range(250)] == [f"{n:03}" for n in range(250)]


def test_jobs_that_are_flushed_free_their_unique_keys_and_their_bytes(broker: Broker, add: Callable[..., str]) -> None:
    broker.limit("default", Limits(max_bytes=1_000))
    add(id="first", unique="u", payload=b"x" * 600)
    assert broker.flush(("queued",)) == 1
    assert broker.enqueue([NewJob("second", "t", "default", b"x" * 600, unique="u")]).added == 1
