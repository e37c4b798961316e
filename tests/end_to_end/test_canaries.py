"""Canaries and timed pauses are driven by whichever consumers there are: nobody looks on, and some are killed."""

import json
import uuid

from storage.broker.canaries import Canaries, Canary, Plan
from storage.broker.custody import Custody, Shown
from tests.end_to_end import shop as application
from tests.end_to_end.consumers import Shop
from tests.events import events_of
from tests.servers import wait_until

RATE = 1_200
"""Twenty a second."""


def canceled(count: int) -> list[str]:
    """Jobs that were called off before any consumer came."""
    ids = [application.work(0.01).id for _ in range(count)]
    for job_id in ids:
        application.huey.broker.cancel(job_id, "to be requeued")
    return ids


def begin(shop: Shop, ids: list[str]) -> str:
    broker, act = application.huey.broker, str(uuid.uuid4())
    shown = [Shown(job_id, str(shop.job(job_id).version)) for job_id in ids]
    Canaries(broker).begin(act, shown, Plan("ada", "a trial", RATE, 50.0))
    return act


def canary(act: str) -> Canary:
    return Canaries(application.huey.broker).one(act)


def test_a_canary_goes_on_while_consumers_are_killed_and_requeues_each_job_once(shop: Shop) -> None:
    ids = canceled(120)
    versions = {job_id: shop.job(job_id).version for job_id in ids}
    act = begin(shop, ids)
    consumers = [shop.start("thread", 2) for _ in range(2)]
    for kills in range(2):
        wait_until(lambda: canary(act).sent >= 15 + 25 * kills, "the canary to go on", timeout_s=60)  # noqa: B023 - awaited
        consumers[kills].kill()
        consumers.append(shop.start("thread", 2))
    wait_until(lambda: canary(act).state == "finished", "the canary to finish", timeout_s=60)
    done = canary(act)
    assert (done.sent, done.succeeded, done.failed, done.refused, done.gone) == (120, 120, 0, 0, 0)
    events = [
        event.job_id
        for event in events_of(application.huey.broker)
        if event.state == "queued" and event.version == versions[event.job_id] + 1
    ]
    assert sorted(events) == sorted(ids), "each was put in line by the canary once"
    starts = shop.starts()
    assert all(starts[job_id] <= 1 + shop.job(job_id).crashes for job_id in ids)


def test_a_pause_for_a_time_ends_while_nobody_looks(shop: Shop) -> None:
    broker, custody = application.huey.broker, Custody(application.huey.broker)
    job_id = application.work().id
    until_ms = shop.inspector.clock_ms() + 1_500
    who = json.dumps({"by": "ada", "reason": "a moment", "until_ms": until_ms})
    assert custody.replace(str(uuid.uuid4()), "paused", "default", who, "").verdict == "done"
    shop.start("thread", 1)
    wait_until(lambda: shop.job(job_id).state == "succeeded", "the job to run", timeout_s=20)
    started_at = shop.job(job_id).started_at
    assert started_at is not None
    assert started_at.timestamp() * 1000 >= until_ms
    assert broker.call("hlen", broker.keys.paused) == 0
