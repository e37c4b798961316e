"""What an inspector reads of jobs: progress and log lines, lists page by page, ages, and jobs by their ids."""

import json
from collections.abc import Callable

import pytest
import redis

from storage.broker.broker import Broker
from storage.broker.inspector import Inspector
from storage.broker.records import NewJob, State
from storage.broker.requests import Bounds, Note
from storage.errors import JobMissing
from tests.storage.broker.conftest import REQUEST, claimed, settlement

Add = Callable[..., str]


def test_progress_and_log_lines_are_read_while_the_job_runs(broker: Broker, inspector: Inspector, add: Add) -> None:
    job_id = add()
    claim = claimed(broker)
    line = json.dumps([1_700_000_000_000, 1, "INFO", "shop", "half way", "t.work", "default"]).encode()
    word = json.dumps({"done": 1, "total": 2, "note": "pages", "at": 1_700_000_000_000}).encode()
    assert broker.note([Note(job_id, claim.token, word, (line,))]) == []
    assert [entry.message for entry in inspector.log(job_id).lines] == ["half way"]
    progress = inspector.job(job_id).progress
    assert progress is not None
    assert (progress.done, progress.total, progress.note) == (1, 2, "pages")
    cursor = inspector.log(job_id).cursor
    assert inspector.log(job_id, cursor).lines == ()
    broker.settle(settlement(claim, lines=(line, line)))
    assert len(inspector.log(job_id, cursor).lines) == 2
    assert [entry.job for entry in inspector.tail().lines] == [job_id] * 3


def test_lines_of_all_jobs_are_read_in_the_order_in_which_they_were_logged(
    broker: Broker, inspector: Inspector, add: Add
) -> None:
    add()
    add()
    for first, claim in enumerate([claimed(broker), claimed(broker)]):
        lines = tuple(
            json.dumps([1_700_000_000_000 + at, 1, "INFO", "shop", str(at), "t.work", "default"]).encode()
            for at in range(first, 10, 2)
        )
        assert broker.note([Note(claim.id, claim.token, lines=lines)]) == []
    page = inspector.tail()
    assert [entry.message for entry in page.lines] == [str(at) for at in range(10)]
    assert inspector.tail(page.cursor).lines == (), "what comes next is after what was shipped last"
    assert [entry.message for entry in inspector.tail(limit=5).lines] == ["1", "3", "5", "7", "9"]


def test_a_jobs_log_is_bounded(redis_client: "redis.Redis", namespace: str) -> None:
    broker = Broker(redis_client, namespace, Bounds(log_lines=10))
    inspector = Inspector(redis_client, namespace)
    broker.enqueue([NewJob("a", "t.work", "default", b"{}")])
    claim = claimed(broker)
    lines = tuple(json.dumps([n, 1, "INFO", "l", str(n), "t", "q"]).encode() for n in range(50))
    broker.note([Note("a", claim.token, b"", lines)])
    assert [line.message for line in inspector.log("a").lines] == [str(n) for n in range(40, 50)]


def test_the_list_of_jobs_is_paged_state_by_state(broker: Broker, inspector: Inspector, add: Add) -> None:
    ids = [add(queue=f"q{n % 3}") for n in range(30)]
    done = [claimed(broker) for _ in range(5)]
    for claim in done:
        broker.settle(settlement(claim))
    running = claimed(broker).id
    seen: list[str] = []
    for offset in range(0, 30, 7):
        page = inspector.jobs(offset=offset, limit=7)
        assert page.total == 30
        seen += [job.id for job in page.jobs]
    assert sorted(seen) == sorted(ids)
    assert seen[0] == running
    assert {job.state for job in inspector.jobs(offset=25).jobs} == {"succeeded"}
    assert inspector.jobs(("queued",), ("q1",)).total == inspector.count(("queued",), ("q1",))


def test_a_listing_ends_with_what_ended_last_first_whatever_its_queue_and_state(
    broker: Broker, inspector: Inspector, add: Add, redis_client: "redis.Redis"
) -> None:
    ends: list[tuple[str, State]] = [
        *(("b", "succeeded"), ("a", "dead"), ("c", "canceled"), ("a", "succeeded"), ("b", "dead")),
    ]
    waiting = add(queue="z")
    for number, (queue, state) in enumerate(ends):
        claim = broker.take(REQUEST, add(id=f"j{number}", queue=queue))
        assert claim is not None
        broker.settle(settlement(claim, state))
        redis_client.zadd(broker.keys.index(queue, state), {f"j{number}": 1_000 + number})
    assert [job.id for job in inspector.listing().jobs] == [waiting, "j4", "j3", "j2", "j1", "j0"]
    page = inspector.listing(limit=3)
    assert ([job.id for job in page.jobs], page.total) == ([waiting, "j4", "j3"], 6)
    assert [job.id for job in inspector.listing(("dead", "succeeded"), ("a",)).jobs] == ["j3", "j1"]
    assert [job.id for job in inspector.listing(limit=1).jobs] == [waiting]


def test_the_age_of_the_oldest_job_is_found_in_any_priority(broker: Broker, inspector: Inspector, add: Add) -> None:
    old = add(priority=-3)
    for n in range(5):
        add(priority=n)
    broker.call("hset", broker.keys.job(old), "queued", inspector.clock_ms() - 90_000)
    assert 89 < inspector.queues()[0].oldest_waiting_s < 120


def test_a_job_is_found_by_the_beginning_of_its_id(inspector: Inspector, add: Add) -> None:
    add(id="abc-1")
    add(id="abd-2")
    assert inspector.find("abc") == "abc-1"
    with pytest.raises(JobMissing, match="2 jobs begin"):
        inspector.find("ab")
    with pytest.raises(JobMissing, match="no job 'x'"):
        inspector.find("x")


def test_a_job_of_a_schedule_is_found_by_its_tick(inspector: Inspector, add: Add) -> None:
    for name in ("cron:a.b:2026-11-22T21:00", "cron:a.b:2026-11-22T21:10", "cron:c:2026-11-22T21:10"):
        add(id=name)
    assert inspector.find("22T21:00") == "cron:a.b:2026-11-22T21:00"
    with pytest.raises(JobMissing, match="2 jobs end with '22T21:10': write more of the id, as in cron:a"):
        inspector.find("22T21:10")
