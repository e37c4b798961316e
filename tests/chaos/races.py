"""G9 and G12: one live job per unique key, and no job beyond a limit, however many ask at once."""

import os
import random
import signal
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from storage.broker.broker import Broker
from storage.broker.connection import connect
from storage.broker.records import WAITING, Limits, NewJob
from storage.broker.requests import ClaimRequest, Settlement
from storage.errors import QueueFull
from tests.chaos.arena import ROOT
from tests.chaos.report import Row
from tests.servers import wait_until

THREADS = 64
PRODUCERS = 32
ROOM = 100


def unique_keys(seed: int, redis_url: str, races: int) -> Row:
    """Each race has one winner. In every other one a process that runs it is SIGKILLed, and the key stays with its job
    until the end."""
    client = connect(redis_url)
    broker = Broker(client, f"races-{uuid.uuid4().hex[:10]}")
    failures: list[str] = []
    command = [sys.executable, "-m", "tests.chaos.winner", redis_url, broker.namespace]
    with (
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT, text=True) as workers,
        ThreadPoolExecutor(THREADS) as pool,
    ):
        barrier = threading.Barrier(THREADS)

        def race(key: str) -> int:
            return _race(pool, barrier, broker, key)

        try:
            for number in range(races):
                failures += _run_race(broker, race, f"key-{number}", workers if number % 2 else None)
        finally:
            workers.kill()
    client.close()
    trial = f"{THREADS} threads race for a key, half of the winners SIGKILLed"
    return Row("G9", trial, seed, races, races // 2, races, failures=tuple(failures[:5]))


def _run_race(
    broker: Broker, race: Callable[[str], int], key: str, workers: "subprocess.Popen[str] | None"
) -> list[str]:
    """One race to its end, by way of the death of its winner's process when there are ``workers``."""
    failures = []
    if (winners := race(key)) != 1:
        failures.append(f"the race for {key} had {winners} winners")
    if workers is not None:
        killed = _start_and_kill(workers)
        again = race(key)
        wait_until(lambda: bool(broker.reap(crashes_allowed=3)), f"the lease of {killed} to end")
        if again := again + race(key):
            failures.append(f"{key} had {again} winners more while the first one's job was saved")
    claim = broker.claim(ClaimRequest("c", "w", 60_000))
    if claim is None or (workers is not None and claim.id != killed):
        return [*failures, f"the winner of {key} is not in line"]
    broker.settle(Settlement(claim.id, claim.token, "dead" if len(key) % 2 else "succeeded", "failed", 0))
    if broker.call("exists", broker.keys.unique(key)):
        failures.append(f"{key} was not let go")
    return failures


def _start_and_kill(workers: "subprocess.Popen[str]") -> str:
    """Have a process start the job in line, and SIGKILL it; answers the job's id."""
    assert workers.stdin is not None
    assert workers.stdout is not None
    workers.stdin.write("start\n")
    workers.stdin.flush()
    pid, job_id = workers.stdout.readline().split()
    os.kill(int(pid), signal.SIGKILL)
    return job_id


def _race(pool: ThreadPoolExecutor, barrier: threading.Barrier, broker: Broker, key: str) -> int:
    def one(_: int) -> int:
        barrier.wait(30)
        return broker.enqueue([NewJob(str(uuid.uuid4()), "t", "default", b"{}", unique=key)]).added

    return sum(pool.map(one, range(THREADS)))


def full_queue(seed: int, redis_url: str, each: int) -> Row:
    """Producers fill a queue faster than it drains: it never holds more than its limit, and what it took is there."""
    client, stop = connect(redis_url), threading.Event()
    broker = Broker(client, f"full-{uuid.uuid4().hex[:10]}")
    broker.limit("default", Limits(max_jobs=ROOM, max_bytes=ROOM * 20))
    chance = random.Random(seed)
    sizes = [chance.randint(1, 7) for _ in range(PRODUCERS)]

    def produce(number: int) -> tuple[int, int]:
        added = refused = 0
        for _ in range(each):
            jobs = [NewJob(str(uuid.uuid4()), "t", "default", b"x" * 20) for _ in range(sizes[number])]
            try:
                added += broker.enqueue(jobs).added
            except QueueFull:
                refused += 1
        return added, refused

    def drain() -> int:
        ran = 0
        while True:
            claim = broker.claim(ClaimRequest("c", "w", 60_000))
            if claim is not None:
                broker.settle(Settlement(claim.id, claim.token, "succeeded", "succeeded", 0))
                ran += 1
            elif stop.is_set():
                return ran

    with ThreadPoolExecutor(PRODUCERS + 3) as pool:
        peak = pool.submit(_peak, broker, stop.is_set)
        drains = [pool.submit(drain) for _ in range(2)]
        made = list(pool.map(produce, range(PRODUCERS)))
        stop.set()
        ran = sum(one.result() for one in drains)
        most = peak.result()
    added, refused = sum(one for one, _ in made), sum(one for _, one in made)
    failures = [f"{most} jobs waited in a queue of {ROOM}"] if most > ROOM else []
    if not refused:
        failures.append("the queue was never full, so the trial shows nothing")
    if bytes_left := int(client.hget(f"{broker.keys.prefix}bytes", "default") or 0):
        failures.append(f"{bytes_left} bytes are counted of no job")
    client.close()
    note = f"at most {most} of {ROOM} waited; {refused} calls were refused"
    trial = f"{PRODUCERS} producers at a full queue"
    return Row("G12", trial, seed, 1, refused, added, lost=added - ran, failures=tuple(failures), note=note)


def _peak(broker: Broker, over: Callable[[], bool]) -> int:
    most = 0
    while not over():
        with broker.client.pipeline() as pipe:
            for state in WAITING:
                pipe.zcard(broker.keys.index("default", state))
            most = max(most, sum(pipe.execute()))
    return most
