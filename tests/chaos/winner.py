"""Workers that start one job each and hold it until they are killed: ``python -m tests.chaos.winner URL NAMESPACE``.

Each line of stdin forks one. It says its process id and the job's id, and keeps the job without ever beating.
"""

import os
import signal
import sys

from storage.broker.broker import Broker
from storage.broker.connection import connect
from storage.broker.requests import ClaimRequest

LEASE_MS = 200


def main() -> None:
    """Fork workers until stdin is closed."""
    url, namespace = sys.argv[1:]
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody asks how they ended
    for _ in sys.stdin:
        if os.fork() == 0:
            _hold(url, namespace)


def _hold(url: str, namespace: str) -> None:
    broker = Broker(connect(url), namespace)
    claim = broker.claim(ClaimRequest("c", f"host:{os.getpid()}/Worker-1", LEASE_MS))
    sys.stdout.write(f"{os.getpid()} {claim.id if claim is not None else '-'}\n")
    sys.stdout.flush()
    signal.pause()


if __name__ == "__main__":
    main()
