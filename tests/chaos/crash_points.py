"""H1: the n-th call of one operation fails, loses its reply, hangs, or takes its process along; then a checker reads.

One consumer meets the fault and a healthy one is beside it, as after any crash in a fleet. The operations of an
enqueuer (``enqueue``, ``write``) meet it in a process of their own.
"""

import os
import subprocess
import sys
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

from storage.broker.broker import Broker
from storage.broker.connection import connect
from storage.broker.inspector import Inspector
from tests.chaos import arena
from tests.chaos.checkers import Verdict, check
from tests.chaos.faults import Fault, Kind
from tests.chaos.fleet import Fleet
from tests.chaos.history import History
from tests.chaos.report import Row, row_of, summed
from tests.servers import short_directory, wait_until

OF_CONSUMERS = ("claim", "settle", "heartbeat", "reap", "promote", "retain", "tick")
OF_ENQUEUERS = ("enqueue", "write")
OPERATIONS = OF_CONSUMERS + OF_ENQUEUERS
CUTS: tuple[Kind, ...] = ("lose-reply", "kill-before", "kill-after")
REACHED = {"tick": 1, "write": 1, "reap": 5, "retain": 5}
"""How many calls of an operation a short trial is sure to see, where these are fewer than USUAL: one tick a minute."""
USUAL = 10


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one trial came to."""

    fault: Fault
    fired: bool
    verdict: Verdict
    seconds: float


def run(
    fault: Fault, redis_url: str, *, kind: str = "thread", seed: int = 1, jobs: int = 12, kinds: str = ""
) -> Outcome:
    """One trial, on a namespace of its own."""
    start = time.monotonic()
    with short_directory() as directory:
        history, fired = directory / "history", directory / "fired"
        history.touch()
        environment = {
            "CHAOS_REDIS_URL": redis_url,
            "CHAOS_NAMESPACE": f"h1-{uuid.uuid4().hex[:10]}",
            "CHAOS_HISTORY": str(history),
            "CHAOS_LEASE_S": "1.0",
        }
        if kinds:
            environment["CHAOS_KINDS"] = kinds
        faulty = {"CHAOS_FAULT": str(fault), "CHAOS_FIRED": str(fired)}
        with Fleet("tests.chaos.app.huey", kind, 0, 2, directory / "log", environment) as fleet:
            if fault.operation in OF_CONSUMERS:
                fleet.running.append(fleet.start(**faulty))
                _enqueue(environment, seed, jobs)
            else:
                _enqueue({**environment, **faulty}, seed, jobs)
            client = connect(redis_url)
            try:
                inspector = Inspector(client, environment["CHAOS_NAMESPACE"])
                if fault.operation in OF_CONSUMERS:
                    wait_until(fired.exists, f"{fault} to strike", timeout_s=30)
                fleet.size = len(fleet.running) + 1
                fleet.replace()
                arena.drain(inspector, fleet)
                told = History.read(history)
                books = arena.read_books(inspector, Broker(client, environment["CHAOS_NAMESPACE"]), told)
            finally:
                client.close()
        return Outcome(fault, fired.exists(), check(told, books), time.monotonic() - start)


def row(seed: int, redis_url: str, depth: int) -> Row:
    """Every operation cut in every way, ``depth`` times: at each of its first calls, and then again with other jobs."""
    cut = [
        (Fault(operation, 1 + time_ % REACHED.get(operation, USUAL), kind), worker)
        for operation in OPERATIONS
        for kind in CUTS
        for time_ in range(depth)
        for worker in (("thread", "process") if operation == "settle" else ("thread",))
    ]
    rows = []
    for number, (fault, worker) in enumerate(cut):
        outcome = run(fault, redis_url, kind=worker, seed=seed + number)
        failures = [] if outcome.fired else [f"{fault} did not strike"]
        rows.append(row_of("G1", "crash points", seed, outcome.verdict, faults=int(outcome.fired), failures=failures))
    return summed(rows)[0]


def trees(kinds: str, seed: int, redis_url: str, depth: int) -> Row:
    """G14: the worker dies around each of the first settlements of one tree of jobs, of chords or in one call."""
    rows = []
    for nth in range(1, depth + 1):
        for kind in CUTS:
            fault = Fault("settle", nth, kind)
            outcome = run(fault, redis_url, seed=seed, jobs=2 + depth // 4, kinds=kinds)
            failures = [] if outcome.fired else [f"{fault} did not strike"]
            rows.append(row_of("G14", f"crash points of a {kinds}", seed, outcome.verdict, faults=1, failures=failures))
    return summed(rows)[0]


def _enqueue(environment: dict[str, str], seed: int, jobs: int) -> None:
    """Enqueue from a process of its own, which may not live to its end."""
    subprocess.run(
        [sys.executable, "-m", "tests.chaos.enqueuer", str(seed), str(jobs)],
        env={**os.environ, **environment},
        cwd=Path(__file__).parents[2],
        check=False,
        timeout=60,
        capture_output=True,
    )
