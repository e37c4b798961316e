"""Groups of dead jobs: who is in them, and that their counts never drift."""

import random
from collections import Counter
from collections.abc import Callable

import pytest

from storage.broker.broker import Broker
from storage.broker.inspector import Inspector
from storage.broker.reconciler import Reconciler
from storage.broker.records import NewJob
from storage.broker.requests import Bounds, ClaimRequest, Settlement
from storage.errors import JobMissing
from storage.values import replace
from tests.storage.broker.conftest import REQUEST

Add = Callable[..., str]


def end(broker: Broker, fingerprint: str = "f1", **fields: object) -> str:
    """Let the first job in line die of an error; answers its id."""
    claim = broker.claim(REQUEST)
    assert claim is not None
    settled = Settlement(claim.id, claim.token, "dead", "failed", 0, error_type="ValueError", error="no user 7")
    settled = replace(settled, fingerprint=fingerprint, shape="no user #")
    broker.settle(replace(settled, **fields))  # type: ignore[arg-type]  # a test's own mix of fields
    return claim.id


def counts(inspector: Inspector) -> dict[str, int]:
    return {group.fingerprint: group.count for group in inspector.failure_groups()}


def test_dead_jobs_of_one_fingerprint_are_one_group(broker: Broker, inspector: Inspector, add: Add) -> None:
    for name in "abc":
        add(id=name)
    for _ in range(2):
        end(broker)
    end(broker, "f2", shape="no file #")
    last, first = inspector.failure_groups()
    assert (first.task, first.error_type, first.message, first.count) == ("t.work", "ValueError", "no user #", 2)
    assert first.sample == "b"
    assert first.first_seen_at <= first.last_seen_at <= last.last_seen_at
    assert inspector.failure_group("f2") == last
    assert inspector.failed_jobs("f1") == ("a", "b")
    assert inspector.failed_jobs("f1", 1) == ("a",)
    assert inspector.failed_jobs("f1", 0) == ()
    with pytest.raises(JobMissing, match="2 groups"):
        inspector.failure_group("f")
    with pytest.raises(JobMissing, match="no group"):
        inspector.failure_group("x")


def test_a_job_that_is_tried_again_leaves_its_group_and_the_last_one_takes_it_along(
    broker: Broker, inspector: Inspector, add: Add
) -> None:
    add(id="a")
    add(id="b")
    end(broker)
    end(broker)
    broker.requeue("a")
    assert counts(inspector) == {"f1": 1}
    broker.enqueue([NewJob("b", "t.work", "default", b"{}")])  # launched anew
    assert counts(inspector) == {}
    left = {key.decode().split(":")[1] for key in broker.client.scan_iter("*")}
    assert left.isdisjoint({"failures", "failure", "grave"})


def test_a_job_that_dies_of_something_else_is_in_the_other_group_only(
    broker: Broker, inspector: Inspector, add: Add
) -> None:
    add(id="a")
    end(broker)
    broker.requeue("a")
    end(broker, "f2")
    assert counts(inspector) == {"f2": 1}


def test_a_job_without_the_engines_fingerprint_has_one_by_type_and_task(
    broker: Broker, inspector: Inspector, add: Add
) -> None:
    for task in ("t.one", "t.one", "t.two"):
        add(task=task)
        end(broker, "", error_type="StoreRefused", reason="its end could not be recorded")
    assert sorted(counts(inspector).values()) == [1, 2]
    assert {group.message for group in inspector.failure_groups()} == {"its end could not be recorded"}


def test_jobs_that_took_their_workers_down_are_a_group_with_the_worker_named(
    broker: Broker, inspector: Inspector, add: Add
) -> None:
    add(id="a")
    broker.claim(ClaimRequest("host:1", "host:1/Worker-1", 1))
    while not broker.reap(crashes_allowed=1):
        pass
    (group,) = inspector.failure_groups()
    assert (group.error_type, group.message) == ("WorkerLost", "its worker was lost, again and again")
    assert inspector.job("a").error == "worker lost 1 times; last on host:1/Worker-1, signal 9 suspected"


def test_requeueing_many_says_of_each_why_not(broker: Broker, inspector: Inspector, add: Add) -> None:
    add(id="a")
    end(broker)
    add(id="b")
    assert [str(one or "")[:24] for one in broker.requeue_many(["a", "b", "c"])] == [
        "",
        "job b is queued: only de",
        "there is no job 'c': it ",
    ]


@pytest.mark.parametrize("seed", range(4))
def test_counts_never_drift_whatever_happens(broker: Broker, inspector: Inspector, seed: int) -> None:
    chance = random.Random(seed)
    small = Broker(broker.client, broker.namespace, Bounds(dead=(10_000.0, 12)))
    for step in range(300):
        dead = [job.id for job in inspector.jobs(("dead",)).jobs]
        what = chance.randrange(6)
        if what < 3:
            broker.enqueue([NewJob(f"j{step}", f"t.{chance.randrange(2)}", "default", b"{}")])
            end(broker, chance.choice(["f1", "f2", "f3", ""]))
        elif what == 3 and dead:
            broker.requeue(chance.choice(dead))
            end(broker, chance.choice(["f1", "f2", "f3", ""]))
        elif what == 4 and dead:
            broker.enqueue([NewJob(chance.choice(dead), "t.0", "default", b"{}")])
            claim = broker.claim(REQUEST)
            assert claim is not None
            broker.settle(Settlement(claim.id, claim.token, "succeeded", "succeeded", 0))
        elif what == 5:
            small.retain()
        found = Counter(
            broker.call("hget", broker.keys.job(job.id), "fingerprint").decode()
            for job in inspector.jobs(("dead",)).jobs
        )
        assert counts(inspector) == dict(found)


def test_a_job_whose_record_was_deleted_by_hand_leaves_its_group(
    broker: Broker, inspector: Inspector, add: Add
) -> None:
    for name in "ab":
        add(id=name)
        end(broker)
    broker.call("delete", broker.keys.job("a"))
    assert {repair.kind for repair in Reconciler(broker).run()} == {"ghost", "misgrouped"}
    assert counts(inspector) == {"f1": 1}
    broker.call("delete", broker.keys.job("b"))
    Reconciler(broker).run()
    assert counts(inspector) == {}
    assert Reconciler(broker).run() == []
