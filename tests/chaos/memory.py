"""G12 and G13: Redis without memory in the middle of jobs, and what is left in Redis after many of them."""

import json
import logging
import os
import random
import re
import subprocess
import time
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import redis
from huey import chord

from storage.broker.broker import Broker
from storage.broker.inspector import Inspector
from storage.broker.records import STATES
from storage.broker.requests import BATCH, Bounds
from tasks.engine import burial, logcapture
from tasks.engine.huey import DeweyHuey
from tests.chaos.arena import RedisProcess, open_arena
from tests.chaos.report import Row, row_of
from tests.servers import short_directory, wait_until

_logger = logging.getLogger(__name__)
LEASE_S = 1.5
FULL_S = 4 * LEASE_S
KEPT = 40
TIGHT = Bounds(20, 200, (3600.0, KEPT), (3600.0, KEPT), (3600.0, KEPT))
ROUNDS = 5
MORE_BYTES = 0.1
"""Memory may differ by this share between the second round and the last: allocators do not give back everything."""


def newer_redis() -> Path | None:
    """A redis-server of version 7 or later, when there is one on PATH."""
    for folder in os.environ.get("PATH", "").split(os.pathsep):
        found = Path(folder) / "redis-server"
        if os.access(found, os.X_OK):
            printed = subprocess.run([found, "--version"], capture_output=True, text=True, check=False).stdout
            version = re.search(r"v=(\d+)", printed)
            if version is not None and int(version[1]) >= 7:
                return found
    return None


def no_memory(seed: int, executable: Path | None) -> Row:
    """Redis reaches maxmemory while jobs of several leases run: they beat and settle; what is refused was not acked."""
    with open_arena(lease_s=LEASE_S, executable=executable) as arena:
        version = arena.client.info("server")["redis_version"]
        with arena.fleet(2, 4, app="ordeals") as fleet:
            arena.launch("hold", *[[FULL_S / 2]] * 8)
            enqueuer = arena.enqueue(seed, 1_000_000, CHAOS_PACE_S="0.02")
            wait_until(lambda: len(arena.history.of("done")) > 5, "the storm")
            before = len(arena.history.of("done"))
            arena.client.config_set("maxmemory", 1)
            time.sleep(FULL_S)  # so long Redis has no memory
            during = len(arena.history.of("done")) - before
            arena.client.config_set("maxmemory", 0)
            enqueuer.kill()
            arena.finish(fleet)
        verdict = arena.verdict()
        failures = []
        if int(version.split(".")[0]) >= 7 and verdict.extra_starts:
            failures.append(f"{verdict.extra_starts} jobs lost their lease for want of memory")
        if int(version.split(".")[0]) >= 7 and during < 8:
            failures.append(f"only {during} jobs ended without memory")
    note = f"{during} jobs ended in {FULL_S:g} s at maxmemory"
    trial = f"maxmemory reached, Redis {version}"
    return row_of("G12", trial, seed, verdict, faults=1, failures=failures, note=note)


@dataclass(slots=True)
class Household:
    """An application, a worker in this thread, and what Redis holds after each round."""

    huey: DeweyHuey
    client: "redis.Redis"
    chance: random.Random
    ran: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    tasks: dict[str, Any] = field(default_factory=dict)

    def declare(self) -> None:
        """Tasks that succeed, fail, retry, log, follow and join."""

        def touchy(number: int, _: object = None) -> int:
            _logger.info("number %s", number)
            if number % 5 == 0:
                raise RuntimeError(f"{number} is not right")
            return number

        def gathered(results: list[object]) -> int:
            return len(results)

        task: Any = self.huey.task
        self.tasks = {
            "plain": task(name="plain")(touchy),
            "again": task(name="again", retries=2, retry_delay=0.001)(touchy),
            "alone": task(name="alone", unique="{number}")(touchy),
            "gathered": task(name="gathered")(gathered),
        }

    def enqueue(self) -> None:
        """One job, pipeline or chord."""
        number, kind = self.chance.randrange(50), self.chance.randrange(8)
        plain, again, alone = (self.tasks[name] for name in ("plain", "again", "alone"))
        if kind < 2:
            plain(number)
        elif kind < 4:
            again(number)
        elif kind < 5:
            alone(number)
        elif kind < 6:
            self.huey.enqueue(plain.s(number).then(again, 7).then(plain, 8))
        elif kind < 7:
            members = [plain.s(number + place) for place in range(3)] + [again.s(number).then(plain, 3)]
            self.huey.enqueue(chord(members, self.tasks["gathered"]))
        else:
            plain.schedule((number,), delay=0.001).revoke()

    def work(self, *, crashes: bool) -> None:
        """Run what waits until nothing does, with the upkeep of a consumer; some attempts end with their worker."""
        broker, request = self.huey.broker, self.huey.claim_request("w")
        while True:
            broker.promote()
            burial.tell(self.huey)
            claim = broker.claim(request)
            if claim is None:
                if not self.huey.storage.inspector.count(("queued", "scheduled", "retrying", "blocked")):
                    return
                continue
            self.ran += 1
            unit, task = self.huey.open(claim)
            if crashes and self.chance.random() < 0.02:
                self.huey.held.drop(unit)
                self.client.zadd(broker.keys.index(claim.queue, "running"), {claim.id: 1})
                broker.reap(crashes_allowed=2)
            elif task is not None:
                self.huey.perform(unit, task)
                self.huey.settle(unit)


def bounded(seed: int, jobs: int) -> Row:
    """So many jobs of all kinds under tight bounds, in rounds: keys and memory stay, and no key belongs to nothing."""
    with short_directory() as directory:
        server = RedisProcess(directory)
        server.start()
        try:
            client = redis.Redis.from_url(server.server.url)
            huey = DeweyHuey("house", url=server.server.url, bounds=TIGHT)
            home = Household(huey, client, random.Random(seed))
            home.declare()
            logcapture.install()
            logging.getLogger("huey").setLevel(logging.CRITICAL)  # it would print each failure that is meant
            sizes = [_round(home, jobs // ROUNDS) for _ in range(ROUNDS)]
            failures = _orphans(huey.broker, huey.storage.inspector)
            huey.storage.close()
            client.close()
        finally:
            logging.getLogger("huey").setLevel(logging.NOTSET)
            server.kill()
    (keys, size), (last_keys, last_size) = sizes[1], sizes[-1]
    if last_size > size * (1 + MORE_BYTES):
        failures.append(f"memory grew from {size:,} to {last_size:,} bytes, in {ROUNDS - 2} rounds")
    if last_keys > keys * (1 + MORE_BYTES):
        failures.append(f"keys grew from {keys} to {last_keys}, in {ROUNDS - 2} rounds")
    note = f"attempts {home.ran:,}; after each of {ROUNDS} rounds " + ", ".join(
        f"{count} keys and {bytes_ // 1024:,} KiB" for count, bytes_ in sizes
    )
    trial = f"{KEPT} finished jobs kept of each kind"
    return Row("G13", trial, seed, ROUNDS, 0, home.ran, failures=tuple(failures[:5]), note=note)


def _round(home: Household, attempts: int) -> tuple[int, int]:
    """Run so many attempts; answers the keys and bytes that are left, without the streams, which have bounds."""
    goal = home.ran + attempts
    while home.ran < goal:
        for _ in range(50):
            home.enqueue()
        home.work(crashes=True)
        while home.huey.broker.retain() >= BATCH:
            pass
    home.work(crashes=False)
    while home.huey.broker.retain():
        pass
    keys = home.huey.broker.keys
    client = home.client
    client.memory_purge()
    streams = sum(client.memory_usage(key, samples=0) or 0 for key in (keys.events, keys.tail))
    return client.dbsize(), client.info("memory")["used_memory"] - streams


def _orphans(broker: Broker, inspector: Inspector) -> list[str]:
    """Keys and fields that belong to no job that there is."""
    client: Any = broker.client
    jobs = {job.id for job in inspector.jobs(STATES, limit=1_000_000).jobs}
    chords = {client.hget(broker.keys.job(job_id), "chord") for job_id in jobs}
    known: dict[str, Callable[[bytes, str], bool]] = {
        "job": lambda _, job_id: job_id in jobs,
        "log": lambda _, job_id: job_id in jobs,
        "chord": lambda _, chord_id: chord_id.encode() in chords,
        "unique": lambda key, _: (client.get(key) or b"").decode() in jobs,
        "hold": lambda key, _: client.ttl(key) >= 0,
        "minute": lambda key, _: client.ttl(key) >= 0,
    }
    owned = set(jobs)
    for job_id in jobs:  # what a job's end wrote for those that will never follow it
        owned.update(json.loads(client.hget(broker.keys.job(job_id), "results") or b"[]"))
    found: Counter[str] = Counter()
    for key in client.scan_iter(f"{broker.keys.prefix}*", count=1_000):
        kind, _, rest = key.decode().removeprefix(broker.keys.prefix).partition(":")
        if kind in known and not known[kind](key, rest):
            found[f"keys {kind}:…"] += 1
    for name in client.hkeys(broker.keys.data):
        text = name.decode().removeprefix("r:")
        if _is_id(text) and text not in owned:
            found["results or revoke flags"] += 1
    return [f"{count} {what} belong to no job" for what, count in found.items()]


def _is_id(text: str) -> bool:
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return True
