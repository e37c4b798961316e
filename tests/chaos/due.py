"""G8: many jobs due at once, never early, whatever zones and clocks the hosts have."""

import contextlib
import json
import shutil
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator

from storage.broker.broker import Broker
from storage.broker.connection import connect
from storage.broker.records import NewJob
from storage.broker.requests import ClaimRequest
from tests.chaos.arena import ROOT, open_arena
from tests.chaos.checkers import EARLY_MS
from tests.chaos.fleet import Fleet
from tests.chaos.report import Row, row_of
from tests.servers import wait_until

ZONES = ("UTC", "America/New_York", "Asia/Kolkata", "Pacific/Kiritimati")
PROMOTERS = 3
SLOW_US = 1_000
LATE_S = 10.0
STALL_MS = 20.0
"""No command may keep Redis from the others for longer."""


def burst(seed: int, jobs: int) -> Row:
    """So many jobs due in the same instant, moved by several schedulers while a client keeps pinging."""
    with open_arena() as arena:
        broker = arena.broker
        due_ms = arena.inspector.clock_ms() + 2_000 + jobs // 3  # time to enqueue them all, on a busy machine too
        for start in range(0, jobs, 500):
            delay_ms = due_ms - arena.inspector.clock_ms()
            ids = [str(uuid.uuid4()) for _ in range(min(500, jobs - start))]
            broker.enqueue([NewJob(job_id, "t", "default", b"{}", delay_ms=delay_ms) for job_id in ids])
        arena.client.config_set("slowlog-log-slower-than", SLOW_US)
        arena.client.slowlog_reset()
        failures = []
        if arena.inspector.clock_ms() >= due_ms:
            failures.append("they were due before all were enqueued, so the trial shows nothing")
        with _pinging(arena.store.server.url) as pings:
            early, seconds = _promote_all(broker, arena.store.server.url, due_ms, jobs)
        slowest_ms = max((entry["duration"] for entry in arena.client.slowlog_get(128)), default=0) / 1000
        lost = jobs - arena.inspector.count(("queued",))
        claim = broker.claim(ClaimRequest("c", "w", 60_000))
        if early or claim is None or claim.claimed_at_ms < due_ms - EARLY_MS:
            failures.append(f"{early} jobs were in line before they were due")
    if slowest_ms > STALL_MS:
        failures.append(f"a command kept Redis for {slowest_ms:.1f} ms")
    note = f"all were in line {seconds:.2f} s after they were due; the longest command took {slowest_ms:.1f} ms; of "
    note += f"{pings['pings']:,} pings meanwhile the longest took {pings['longest_ms']:.1f} ms, 99.9 % at most "
    note += f"{pings['most_ms']:.1f} ms"
    trial = f"{PROMOTERS} schedulers, all due at once"
    return Row("G8", trial, seed, jobs=jobs, lost=lost, failures=tuple(failures), note=note)


@contextlib.contextmanager
def _pinging(url: str) -> Iterator[dict[str, float]]:
    """A process of its own that pings Redis while in the block; what it measured is there afterwards."""
    found: dict[str, float] = {}
    with subprocess.Popen(
        [sys.executable, "-m", "tests.chaos.pinger", url],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=ROOT,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield found
        said, _ = process.communicate(timeout=60)
        found.update(json.loads(said))


def _promote_all(broker: Broker, url: str, due_ms: int, jobs: int) -> tuple[int, float]:
    """Schedulers promote until all is moved: how many jobs came early, and seconds that it took."""
    over, early = threading.Event(), []

    def scheduler() -> None:
        client = connect(url)
        own = Broker(client, broker.namespace)
        while not over.is_set():
            moved, _ = own.promote()
            seconds, micros = own.call("time")
            if moved and seconds * 1000 + micros // 1000 < due_ms - EARLY_MS:
                early.append(moved)
        client.close()

    threads = [threading.Thread(target=scheduler) for _ in range(PROMOTERS)]
    for thread in threads:
        thread.start()
    queued = broker.keys.index("default", "queued")
    try:
        wait_until(lambda: broker.call("zcard", queued) == jobs, "all to be moved", timeout_s=30 + jobs / 500)
        seconds, micros = broker.call("time")
    finally:
        over.set()
        for thread in threads:
            thread.join()
    return sum(early), seconds + micros / 1e6 - due_ms / 1000


def zones(seed: int, jobs: int) -> Row:
    """Enqueuers in each zone, consumers in each zone: a time is the same time for all."""
    environment = {"CHAOS_KINDS": "later,eta,flaky"}
    with open_arena(environment=environment) as arena, arena.fleet(0) as fleet:
        fleet.running = [fleet.start(TZ=zone) for zone in ZONES]
        for number, zone in enumerate(ZONES):
            arena.enqueue(seed + number, jobs // len(ZONES), TZ=zone)
        arena.finish(fleet)
        verdict, late = arena.verdict(), _late(arena.history.events)
    pairs = len(ZONES) ** 2
    return row_of("G8", "zones of hosts, 4 x 4", seed, verdict, trials=pairs, faults=pairs, failures=late)


def wrong_clocks(seed: int, jobs: int) -> Row:
    """An enqueuer and a consumer whose clocks are an hour fast, and ones that are an hour slow."""
    faketime = shutil.which("faketime")
    trial = "clocks of clients an hour off"
    if faketime is None:
        return Row("G8", trial, seed, trials=0, note="not tried: there is no faketime on this machine")
    with open_arena(environment={"CHAOS_KINDS": "later,eta,flaky", "DONT_FAKE_MONOTONIC": "1"}) as arena:
        fleet: Fleet = arena.fleet(0)
        with fleet:
            for number, shift in enumerate(("+1h", "-1h")):
                fleet.running.append(fleet.start(before=(faketime, "-f", shift)))
                arena.enqueue(seed + number, jobs // 2, before=(faketime, "-f", shift))
            arena.finish(fleet)
        told = arena.history
        verdict, late = arena.verdict(), _late(told.events)
        off_s = [abs(event.at - time.time()) for event in told.events]
        if min(off_s) < 3_000:
            late = [*late, "some clock was right, so the trial shows nothing"]
    return row_of("G8", trial, seed, verdict, faults=4, failures=late)


def _late(events: object) -> list[str]:
    late_ms = [
        event.clock_ms - event.due_ms
        for event in events  # type: ignore[attr-defined]  # events of a history
        if event.what == "start" and event.due_ms
    ]
    found = [f"a job started {max(late_ms) / 1000:.0f} s late"] if late_ms and max(late_ms) > LATE_S * 1000 else []
    return found if late_ms else ["no scheduled job started, so the trial shows nothing"]
