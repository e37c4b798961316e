"""Says, a few times per lease, that this process lives, and renews the leases of the jobs it runs."""

import logging
import os
import resource
import socket
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from storage.broker.broker import Broker
from storage.broker.requests import Beat
from storage.errors import StorageError
from tasks.engine.held import Held

_logger = logging.getLogger(__name__)

BEATS_PER_LEASE = 4
LONGEST_S = 1.0
"""A job that was called off hears of it with the next beat."""


def host() -> str:
    """This machine's name, as operators know it."""
    return socket.gethostname()


def memory_bytes() -> int:
    """The memory this process holds, in bytes; where that can not be read, the most it has held."""
    try:
        pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return pages * resource.getpagesize()


class Heart(threading.Thread):
    """The heartbeat of one process, for the jobs that it holds."""

    def __init__(
        self,
        broker: Broker,
        consumer: str,
        lease_s: float,
        held: Held,
        obey: Callable[[str], None],
        keep_alive: Callable[[], object] | None,
        fields: Mapping[str, str],
    ) -> None:
        super().__init__(name="dewey-heart", daemon=True)
        self._broker = broker
        self._consumer = consumer
        self._lease_ms = int(lease_s * 1000)
        self._interval_s = min(LONGEST_S, lease_s / BEATS_PER_LEASE)
        self._held = held
        self._obey = obey
        self._keep_alive = keep_alive
        self._fields = {
            "host": host(),
            "started": datetime.now(UTC).isoformat(),
            **fields,
        }
        self._stopped = threading.Event()

    def run(self) -> None:
        wait_s = 0.0
        while not self._stopped.wait(wait_s):
            wait_s = self._interval_s
            try:
                self.beat()
            except Exception:  # without this thread every lease of the process would run out
                _logger.exception("a heartbeat failed")

    def beat(self) -> None:
        """Beat once. A Redis that does not answer is tried again at the next beat."""
        held = self._held.tokens()
        pid = os.getpid()
        fields = {**self._fields, f"running:{pid}": ",".join(held), f"memory:{pid}": str(memory_bytes())}
        try:
            if self._keep_alive is not None:
                self._keep_alive()
            beat = Beat(self._consumer, self._lease_ms, tuple(held.items()), fields, str(pid))
            pulse = self._broker.heartbeat(beat)
        except StorageError as error:
            _logger.warning("a heartbeat of %s did not reach Redis: %s", self._consumer, error)
            return
        self._obey(pulse.order)
        for job_id in pulse.lost:
            if self._held.lose(job_id, held[job_id]):
                _logger.warning("the lease of job %s is lost: another worker may run it", job_id)
        for job_id, reason in pulse.called_off.items():
            self._held.call_off(job_id, held[job_id], reason)

    def stop(self) -> None:
        """End the thread. The consumer is forgotten when its last beat is old."""
        self._stopped.set()
