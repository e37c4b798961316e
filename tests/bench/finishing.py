"""A load on Redis, as consumers make it: jobs that start and end at a rate, or a job that logs at a rate.

``python -m tests.bench.finishing URL jobs|lines RATE`` goes on until it is told to stop, and then prints how many there
were a second. Jobs go through the same scripts as those of a consumer: enqueued, claimed, settled, all in one process.
"""

import itertools
import signal
import sys
import time
from collections.abc import Callable

import msgspec
from huey.registry import Message

from storage.broker.broker import Broker
from storage.broker.connection import connect
from storage.broker.records import NewJob
from storage.broker.requests import ClaimRequest, Note, Settlement
from tasks.engine.codec import encode

NAMESPACE = "bench"
QUEUES = ("email", "ingestion", "billing", "orders")
REQUEST = ClaimRequest("bench:1", "bench:1/Worker-1", 3_600_000, QUEUES)
LATE_S = 0.5
"""A load that is so far behind gives that up, instead of hurrying after it."""


def main() -> None:
    """Be a load until SIGTERM."""
    url, kind, rate = sys.argv[1], sys.argv[2], float(sys.argv[3])
    broker = Broker(connect(url), NAMESPACE)
    make = {"jobs": _jobs, "lines": _lines}[kind](broker)
    told: list[int] = []
    signal.signal(signal.SIGTERM, lambda *_: told.append(1))
    made, begun_s = make(), time.monotonic()
    due_s = begun_s
    print("begun", flush=True)
    while not told:
        count = make()
        made += count
        due_s = max(due_s + count / rate, time.monotonic() - LATE_S)
        time.sleep(max(0.0, due_s - time.monotonic()))
    print(f"{made / (time.monotonic() - begun_s):.0f}", flush=True)


def _jobs(broker: Broker) -> Callable[[], int]:
    numbers = itertools.count()

    def make() -> int:
        batch = [next(numbers) for _ in range(50)]
        broker.enqueue([_job(number) for number in batch])
        claim = broker.claim(REQUEST)
        while claim is not None:
            done = Settlement(claim.id, claim.token, "succeeded", "succeeded", 0)
            _, claim = broker.settle(done, REQUEST)
        return len(batch)

    return make


def _lines(broker: Broker) -> Callable[[], int]:
    broker.enqueue([_job(-1)])
    claim = broker.claim(REQUEST)
    assert claim is not None
    numbers = itertools.count()

    def make() -> int:
        now_ms = int(time.time() * 1_000)
        lines = [
            msgspec.json.encode(
                [now_ms, 1, "INFO", "shop", f"line {next(numbers)} of an order", "shop.orders.confirm_order", "orders"]
            )
            for _ in range(200)
        ]
        broker.note([Note(claim.id, claim.token, lines=tuple(lines))])
        return len(lines)

    return make


def _job(number: int) -> NewJob:
    queue = QUEUES[number % len(QUEUES)]
    name, key = f"shop.{queue}.work", f"{time.time_ns():x}-{number}"
    return NewJob(key, name, queue, encode(Message(key, name, None, 0, 0, args=(), kwargs={"order": number})))


if __name__ == "__main__":
    main()
