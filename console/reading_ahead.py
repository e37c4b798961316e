"""What the first screen shows, read by a process of its own while the console loads: see console/head_start.py.

``python -m console.reading_ahead`` is told on stdin, as a line of JSON, what to read and where; it answers on stdout,
as MessagePack, what the inspector answered, and ends. When it can not answer it says nothing: the console asks again by
itself, and tells why.
"""

from __future__ import annotations

import gc
import importlib
import os
import re
import signal
import sys
import time
from typing import TYPE_CHECKING, Final, Self

import msgspec
from msgspec import Struct

from console.head_start import SCREENS
from storage.broker.records import ConsumerInfo, Job, QueueStats, TaskInfo

if TYPE_CHECKING:
    from tasks.resources import Resources

DRIVERS: Final = ("storage.broker.connection", "storage.redaction", "tasks.masking")
LATEST_S: Final = 2.0
"""So long after it was told what to read it ends, whatever it waits for: nobody waits for it any more."""
FRESH_S: Final = 2.0
"""What was read longer ago is no answer: things are asked about every second."""
RUNNING_READ: Final = 2_000
"""Running jobs that are read at most."""
_PLAIN: Final = re.compile(r"[^?]*(?:\?db=\d+)?")
"""An address without options: a wrong option is for the driver to refuse, before the console opens."""


class Errand(Struct, frozen=True):
    """What to read, and where. The address may hold a password."""

    screen: str
    redis_url: str
    namespace: str
    redact_keys: tuple[str, ...] = ()
    redact_patterns: tuple[str, ...] = ()

    @classmethod
    def of(cls, held: Resources, start: str) -> Self | None:
        """What there is to read for a console that starts so; None where it is not read ahead."""
        settings, address = held.settings, held.endpoints.redis_url
        screen = start.strip() or SCREENS[0]
        if screen not in SCREENS or _PLAIN.fullmatch(address) is None:
            return None
        keys, patterns = settings.dewey_redact_keys, settings.dewey_redact_patterns
        return cls(screen, address, settings.dewey_namespace, keys, patterns)

    def as_line(self) -> bytes:
        """As a line of JSON."""
        return msgspec.json.encode(self) + b"\n"


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


def fresh(answer: bytes) -> Ahead | None:
    """Return what an answer says; None when it was cut off, or is old."""
    try:
        found = msgspec.msgpack.decode(answer, type=Ahead)
    except msgspec.DecodeError:
        return None
    return found if time.monotonic() - found.read_at_s < FRESH_S else None


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
    gc.disable()  # it ends before there is any
    for driver in DRIVERS:  # while the console finds out what there is to read
        importlib.import_module(driver)
    line = sys.stdin.buffer.readline()
    if not line:  # the console has ended, or wants nothing
        return
    signal.setitimer(signal.ITIMER_REAL, LATEST_S)
    errand = msgspec.json.decode(line, type=Errand)
    sys.stdout.buffer.write(msgspec.msgpack.encode(read(errand)))
    sys.stdout.buffer.flush()
    os._exit(0)  # there is nothing to tidy up, and the console waits for the end


if __name__ == "__main__":
    main()
