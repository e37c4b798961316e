"""H2: seeded random kills of real processes while jobs flow; then a checker reads what the jobs wrote."""

import os
import random
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from redis.exceptions import RedisError

from storage.broker.broker import Broker
from storage.broker.connection import connect
from storage.broker.inspector import Inspector
from storage.broker.records import FINISHED, STATES, Job
from storage.errors import JobMissing, StorageError
from tests.chaos.checkers import Books, Verdict, check
from tests.chaos.fleet import Fleet
from tests.chaos.history import History
from tests.servers import redis_server, short_directory, wait_until

NAMESPACE = "chaos"
DRAIN_S = 90.0


@dataclass(frozen=True, slots=True)
class Plan:
    """One storm. It stops killing after ``kills``, and enqueueing after ``jobs``."""

    seed: int
    kind: str = "thread"
    jobs: int = 600
    kills: int = 15
    consumers: int = 3
    workers: int = 4
    lease_s: float = 1.5


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a storm came to."""

    plan: Plan
    kills: int
    verdict: Verdict
    seconds: float


def run(plan: Plan) -> Outcome:
    """Run one storm on a Redis of its own."""
    start = time.monotonic()
    with short_directory() as directory, redis_server() as server:
        history = directory / "history"
        history.touch()
        environment = {
            "CHAOS_REDIS_URL": server.url,
            "CHAOS_NAMESPACE": NAMESPACE,
            "CHAOS_HISTORY": str(history),
            "CHAOS_LEASE_S": str(plan.lease_s),
        }
        log_path = directory / "consumers.log"
        client = connect(server.url)
        with Fleet("tests.chaos.app.huey", plan.kind, plan.consumers, plan.workers, log_path, environment) as fleet:
            _rage(plan, fleet, environment)
            inspector = Inspector(client, NAMESPACE)
            drain(inspector, fleet)
            told = History.read(history)
            books = read_books(inspector, Broker(client, NAMESPACE), told)
            kills = fleet.kills
        client.close()
        joins = {event.job: event.due_ms for event in told.events if event.what == "acked" and event.due_ms}
        return Outcome(plan, kills, check(told, books, joins), time.monotonic() - start)


def _rage(plan: Plan, fleet: Fleet, environment: dict[str, str]) -> None:
    """Kill by the seed while a process enqueues."""
    chance = random.Random(plan.seed)
    command = [sys.executable, "-m", "tests.chaos.enqueuer", str(plan.seed), str(plan.jobs)]
    enqueuer = subprocess.Popen(command, env={**os.environ, **environment}, cwd=Path(__file__).parents[2])
    try:
        for _ in range(plan.kills):
            time.sleep(chance.uniform(0.02, 0.4))  # the storm's own rhythm
            fleet.kill_one(chance)
            fleet.replace()
        enqueuer.wait(timeout=DRAIN_S)
    finally:
        enqueuer.kill()
        enqueuer.wait()


def drain(inspector: Inspector, fleet: Fleet) -> None:
    """Wait until nothing waits or runs; consumers that died are replaced, as a supervisor would."""

    def still() -> bool:
        fleet.replace()
        try:
            return inspector.count([state for state in STATES if state not in FINISHED]) == 0
        except StorageError:
            return False

    wait_until(still, "every job to end", timeout_s=DRAIN_S)


def read_books(inspector: Inspector, broker: Broker, history: History) -> Books:
    """The records of all acked jobs, and in which indexes each is."""
    jobs: dict[str, Job] = {}
    places: dict[str, list[str]] = {}
    for job_id in history.of("acked"):
        try:
            job = inspector.job(job_id)
        except JobMissing:
            continue
        jobs[job_id] = job
        places[job_id] = [
            state
            for queue in inspector.queue_names()
            for state in STATES
            if broker.client.zscore(broker.keys.index(queue, state), job_id) is not None
        ]
    for job_id in history.of("start"):
        if job_id not in jobs:
            try:
                jobs[job_id] = inspector.job(job_id)
            except (JobMissing, RedisError):
                continue
    return Books(jobs, places)
