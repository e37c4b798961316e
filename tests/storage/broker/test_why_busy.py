"""Why a job that could run does not: who is busy, who is free, and what can not be known of that."""

import json
from collections.abc import Callable

import pytest
import redis

from storage.broker.broker import Broker
from storage.broker.inspector import Inspector
from storage.broker.records import Limits, NewJob
from storage.broker.requests import Beat
from storage.broker.scene import RUNNING_READ
from storage.broker.why import Reason
from storage.values import replace
from tests.storage.broker.conftest import REQUEST

Add = Callable[..., str]
Why = Callable[[str], dict[str, Reason]]
Consumer = Callable[..., None]


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
