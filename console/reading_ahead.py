"""What the first screen shows, read by a process of its own while the console loads.

``python -m console.reading_ahead`` is told on stdin, as a line of JSON, what to read and where; it answers on stdout,
as MessagePack, what the inspector answered, and ends. When it can not answer it says nothing: the console asks again by
itself, and tells why.
"""

import os
import signal
import sys
import time
from typing import Final

import msgspec
from msgspec import Struct

from storage.broker.records import ConsumerInfo, Job, QueueStats, TaskInfo

SCREENS: Final = ("overview", "queues")
"""The screens whose first answer is read ahead."""
LATEST_S: Final = 2.0
"""After so long it ends, whatever it waits for: nobody does any more."""
RUNNING_READ: Final = 2_000
"""Running jobs that are read at most."""


class Errand(Struct, frozen=True):
    """What to read, and where. The address may hold a password."""

    screen: str
    redis_url: str
    namespace: str
    redact_keys: tuple[str, ...] = ()
    redact_patterns: tuple[str, ...] = ()


class Ahead(Struct, frozen=True):
    """What the inspector answered; None where it was not asked. ``jobs`` are those that consumers run.

    ``read_at_s`` is when, on the monotonic clock, which is the same one in all processes of a machine.
    """

    read_at_s: float
    clock_ms: int
    queues: tuple[QueueStats, ...]
    consumers: tuple[ConsumerInfo, ...] | None = None
    jobs: tuple[Job, ...] | None = None
    tasks: tuple[TaskInfo, ...] | None = None


def read(errand: Errand) -> Ahead:
    """Ask what the gateway asks for that screen, in its order.

    Raises:
        StorageError: Redis did not answer.
    """
    from storage.broker.connection import connect  # noqa: PLC0415 - redis-py is what the console does not wait for
    from storage.redaction import Redactor  # noqa: PLC0415 - as above
    from tasks.masking import MaskedInspector  # noqa: PLC0415 - as above

    redactor = Redactor(errand.redact_keys, errand.redact_patterns)
    inspector = MaskedInspector(connect(errand.redis_url, timeout_s=LATEST_S), errand.namespace, redactor)
    read_at_s, clock_ms = time.monotonic(), inspector.clock_ms()
    queues = inspector.queues()
    if errand.screen == "queues":
        return Ahead(read_at_s, clock_ms, queues)
    consumers = inspector.consumers(silent=True)
    ids = [job_id for consumer in consumers for job_id in consumer.running][:RUNNING_READ]
    jobs = inspector.rows(ids)
    return Ahead(read_at_s, clock_ms, queues, consumers, jobs, inspector.tasks() if jobs else None)


def main() -> None:
    """Read and answer."""
    signal.setitimer(signal.ITIMER_REAL, LATEST_S)
    errand = msgspec.json.decode(sys.stdin.buffer.readline(), type=Errand)
    sys.stdout.buffer.write(msgspec.msgpack.encode(read(errand)))
    sys.stdout.buffer.flush()
    os._exit(0)  # there is nothing to tidy up, and the console waits for the end


if __name__ == "__main__":
    main()
