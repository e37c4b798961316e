"""Each reason why a job does not run: the situation is made on real Redis, and the sentence read."""

import json
from collections.abc import Callable

import pytest
import redis

from storage.broker.broker import Broker
from storage.broker.inspector import Inspector
from storage.broker.records import Limits, NewJob, TaskInfo
from storage.broker.requests import Beat, Claim, Settlement, job_table
from storage.broker.scene import RUNNING_READ
from storage.broker.why import Reason
from storage.errors import JobMissing
from storage.values import replace
from tasks.engine import registry
from tests.storage.broker.conftest import REQUEST

Add = Callable[..., str]


@pytest.fixture
def consumer(broker: Broker) -> Callable[..., None]:
    """A consumer beats: its id, its number of workers and the queues it serves."""

    def beat(name: str = "host:1", workers: int = 1, queues: str = "") -> None:
        fields = {"workers": str(workers), "queues": queues, "host": "host", f"running:{name.rpartition(':')[2]}": ""}
        broker.heartbeat(Beat(name, 60_000, (), fields, name.rpartition(":")[2]))

    return beat


@pytest.fixture
def why(inspector: Inspector) -> Callable[[str], dict[str, Reason]]:
    """The reasons of a job, by kind, in their order."""
    return lambda job_id: {reason.kind: reason for reason in inspector.why(job_id).reasons}


Why = Callable[[str], dict[str, Reason]]
Consumer = Callable[..., None]


def done(claim: Claim | None, state: str = "succeeded", **fields: object) -> Settlement:
    assert claim is not None
    outcome = "succeeded" if state == "succeeded" else "failed"
    return Settlement(claim.id, claim.token, state, outcome, 0, **fields)  # type: ignore[arg-type]  # a test's own mix


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


@pytest.fixture
def waits_since(redis_client: "redis.Redis", broker: Broker) -> Callable[[str, float], None]:
    """A job came in line so many seconds ago."""

    def put_back(job: str, seconds: float) -> None:
        now_s = redis_client.time()[0]
        redis_client.hset(broker.keys.job(job), "queued", str(round((now_s - seconds) * 1000)))

    return put_back


def test_nothing_is_said_to_keep_no_job_that_waits_long_while_workers_are_free(
    broker: Broker, add: Add, consumer: Consumer, why: Why, waits_since: Callable[[str, float], None]
) -> None:
    consumer("host:1", workers=2)
    consumer("host:2", workers=1, queues="default,email")
    consumer("host:3", workers=5, queues="email")
    add()
    assert broker.claim(REQUEST) is not None
    job = add()
    waits_since(job, 30)
    assert list(why(job)) == ["free"]
    waits_since(job, 5_900)
    assert list(why(job)) == ["unseen"]
    assert why(job)["unseen"].sentence == (
        "Nothing that can be seen keeps it, yet it has waited 1.6 h. Free workers: host:1 (1), host:2 (1)."
    )


def test_a_paused_queue_keeps_a_job_however_long_it_waits_and_workers_that_were_told_to_end_are_not_free(
    broker: Broker, add: Add, consumer: Consumer, why: Why, waits_since: Callable[[str, float], None]
) -> None:
    consumer("host:1")
    consumer("host:2", workers=2)
    first, job = add(), add()
    waits_since(first, 5_900)
    waits_since(job, 5_900)
    assert list(why(job)) == ["line"]
    assert why(first)["unseen"].sentence.endswith(" Free workers: host:1 (1), host:2 (2).")
    broker.order("host:1", "quiet")
    assert why(first)["unseen"].sentence.endswith(" Free workers: host:2 (2).")
    broker.pause("default", json.dumps({"by": "ada", "reason": ""}))
    assert list(why(job)) == ["paused", "line"]
    assert list(why(first)) == ["paused"]


def test_a_long_line_keeps_a_job_also_while_a_worker_is_between_two_jobs(
    broker: Broker, add: Add, consumer: Consumer, why: Why, waits_since: Callable[[str, float], None]
) -> None:
    consumer(workers=8)
    broker.enqueue([NewJob(str(n), "t.work", "default", b"{}") for n in range(1_200)])
    job = add()
    waits_since(job, 61)
    for _ in range(7):
        broker.claim(REQUEST)
    assert [reason.sentence for reason in why(job).values()] == ["1,193 jobs are ahead of it in line."]


@pytest.fixture
def run(broker: Broker) -> Callable[..., None]:
    """So many jobs of a queue start to run on a consumer."""

    def start(queue: str, number: int, consumer: str) -> None:
        broker.enqueue([NewJob(f"{queue}-{n}", "t.work", queue, b"{}") for n in range(number)])
        request = replace(REQUEST, queues=(queue,), consumer=consumer)
        for _ in range(number):
            assert broker.claim(request) is not None

    return start


Run = Callable[[str, int, str], None]


def test_workers_are_busy_however_much_runs_in_queues_before_theirs_and_none_of_them_is_said_to_be_free(
    run: Run, add: Add, consumer: Consumer, why: Why, waits_since: Callable[[str, float], None]
) -> None:
    consumer("a-host:1", workers=2_000, queues="a")
    consumer("z-host:2", workers=2, queues="z")
    run("a", RUNNING_READ + 10, "a-host:1")
    run("z", 2, "z-host:2")
    job = add(queue="z")
    waits_since(job, 5_900)
    found = why(job)
    assert list(found) == ["busy"]
    assert found["busy"].sentence.startswith("All 2 workers that serve queue z are busy: z-0 work for ")
    assert found["busy"].jobs == ("z-0", "z-1")
    consumer("z-host:3", workers=1, queues="z")
    assert why(job)["unseen"].sentence.endswith(" Free workers: z-host:3 (1).")


def test_a_cap_counts_all_that_runs_of_its_queue_and_only_that(
    broker: Broker, run: Run, add: Add, consumer: Consumer, why: Why
) -> None:
    consumer("host:1", workers=5_000)
    run("a", RUNNING_READ, "host:1")
    run("z", 3, "host:1")
    job = add(queue="z")
    broker.limit("z", Limits(cap=4))
    assert "cap" not in why(job)
    broker.limit("z", Limits(cap=3))
    found = why(job)["cap"]
    assert found.sentence.startswith("At most 3 jobs of queue z may run at once, and 3 do: z-0 work for ")
    assert found.jobs == ("z-0", "z-1", "z-2")
    run("b", RUNNING_READ + 1, "host:1")
    broker.limit("b", Limits(cap=RUNNING_READ + 1))
    sentence = why(add(queue="b"))["cap"].sentence
    assert sentence.startswith("At most 1,001 jobs of queue b may run at once, and 1,001 do: b-")
    assert sentence.endswith(" and 998 more.")


def test_where_more_runs_than_is_read_nothing_is_said_of_free_workers_and_beats_say_who_is_busy(
    broker: Broker, run: Run, add: Add, consumer: Consumer, why: Why, waits_since: Callable[[str, float], None]
) -> None:
    number = RUNNING_READ + 5
    consumer("host:1", workers=number)
    run("a", number, "host:1")
    job = add(queue="z")
    waits_since(job, 5_900)
    assert [reason.sentence for reason in why(job).values()] == [
        "Nothing that was read, which is not all that runs, keeps it: the next free worker takes it."
    ]
    held = {"running:1": ",".join(f"a-{n}" for n in range(number))}
    broker.heartbeat(Beat("host:1", 60_000, (), held, "1"))
    sentence = why(job)["busy"].sentence
    assert sentence.startswith("All 1,005 workers that serve queue z are busy by the last beat of its consumer: a-")
    assert sentence.endswith(" and 1,002 more.")


def test_what_starts_between_two_reads_makes_it_ask_again(
    broker: Broker, inspector: Inspector, add: Add, consumer: Consumer, monkeypatch: pytest.MonkeyPatch
) -> None:
    consumer()
    first, job = add(), add()
    ask, asked = inspector._questions, []

    def ask_and_start(job_id: str) -> object:
        asked.append(ask(job_id))
        if len(asked) == 1:
            assert broker.claim(REQUEST) is not None
        return asked[-1]

    monkeypatch.setattr(inspector, "_questions", ask_and_start)
    assert [reason.jobs for reason in inspector.why(job).reasons] == [(first,)]
    assert len(asked) == 2


def test_a_consumer_that_stopped_beating_does_not_make_it_ask_again(
    redis_client: "redis.Redis",
    broker: Broker,
    inspector: Inspector,
    add: Add,
    consumer: Consumer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    consumer("host:1")
    consumer("host:2")
    redis_client.zadd(broker.keys.consumers, {"host:1": 1})
    job = add()
    ask = inspector._questions
    asked: list[str] = []

    def noted(job_id: str) -> object:
        asked.append(job_id)
        return ask(job_id)

    monkeypatch.setattr(inspector, "_questions", noted)
    assert [one.id for one in inspector.scene(job).consumers] == ["host:2"]
    assert len(asked) == 1


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
