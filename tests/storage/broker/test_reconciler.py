"""Impossible states, made by hand, are found, repaired where that is safe, and counted."""

from collections.abc import Callable

import pytest

from storage.broker.broker import Broker
from storage.broker.inspector import Inspector
from storage.broker.reconciler import Reconciler, Repair
from storage.broker.requests import Settlement
from storage.values import replace
from tests.storage.broker.conftest import REQUEST

Add = Callable[..., str]


@pytest.fixture
def reconciler(broker: Broker) -> Reconciler:
    return Reconciler(broker)


def test_a_healthy_namespace_is_left_alone(
    broker: Broker, inspector: Inspector, reconciler: Reconciler, add: Add
) -> None:
    for number in range(450):
        add(delay_ms=1000 * (number % 2), queue=f"q{number % 3}")
    for state in ("succeeded", "dead", "canceled", "retrying"):
        claim = broker.claim(REQUEST)
        assert claim is not None
        done = Settlement(claim.id, claim.token, "succeeded", "succeeded", 0)
        broker.settle(replace(done, state=state, delay_ms=60_000))
    assert broker.claim(REQUEST) is not None
    before = {key: broker.client.dump(key) for key in broker.client.keys("*")}
    assert reconciler.run() == []
    assert {key: broker.client.dump(key) for key in broker.client.keys("*")} == before
    assert inspector.repairs() == {}


def test_an_index_that_names_a_job_without_a_record_forgets_it(
    broker: Broker, inspector: Inspector, reconciler: Reconciler, add: Add
) -> None:
    job_id = add()
    broker.call("delete", broker.keys.job(job_id))
    assert reconciler.run() == [Repair("ghost", job_id)]
    assert inspector.count() == 0
    assert inspector.repairs() == {"ghost": 1}


def test_a_job_in_two_places_keeps_the_one_its_record_says(
    broker: Broker, inspector: Inspector, reconciler: Reconciler, add: Add
) -> None:
    job_id = add()
    broker.call("zadd", broker.keys.index("default", "dead"), {job_id: 1})
    assert reconciler.run() == [Repair("twice", job_id)]
    assert inspector.count(("dead",)) == 0
    assert inspector.count(("queued",)) == 1


def test_a_job_in_a_place_that_its_record_denies_goes_where_that_says(
    broker: Broker, inspector: Inspector, reconciler: Reconciler, add: Add
) -> None:
    job_id = add()
    broker.call("zrem", broker.keys.index("default", "queued"), job_id)
    broker.call("zadd", broker.keys.index("default", "succeeded"), {job_id: 1})
    assert reconciler.run() == [Repair("misfiled", job_id)]
    claim = broker.claim(REQUEST)
    assert claim is not None
    assert claim.id == job_id


def test_a_job_in_no_place_has_its_place_back(
    broker: Broker, inspector: Inspector, reconciler: Reconciler, add: Add
) -> None:
    waiting, running = add(), add()
    broker.call("zrem", broker.keys.index("default", "queued"), waiting)
    claim = broker.claim(REQUEST)
    assert claim is not None
    assert claim.id == running
    broker.call("zrem", broker.keys.index("default", "running"), running)
    assert sorted(repair.job_id for repair in reconciler.run()) == sorted([waiting, running])
    assert inspector.job(running).state == "queued"
    assert broker.settle(Settlement(running, claim.token, "succeeded", "succeeded", 0))[0] == "stale"
    assert {one.id for one in (broker.claim(REQUEST), broker.claim(REQUEST)) if one} == {waiting, running}


def test_a_job_that_runs_without_a_lease_is_taken_back(broker: Broker, reconciler: Reconciler, add: Add) -> None:
    add()
    claim = broker.claim(REQUEST)
    assert claim is not None
    broker.call("hset", broker.keys.job(claim.id), "token", "")
    assert reconciler.run() == [Repair("unleased", claim.id)]
    assert [reaped.id for reaped in broker.reap(crashes_allowed=3)] == [claim.id]


def test_it_walks_a_step_at_a_time(broker: Broker, reconciler: Reconciler, add: Add) -> None:
    job_id = add()
    broker.call("delete", broker.keys.job(job_id))
    found: list[Repair] = []
    for _ in range(40):
        found += reconciler.step()
    assert found == [Repair("ghost", job_id)]
