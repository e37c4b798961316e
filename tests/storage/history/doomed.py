"""A recorder in a process of its own that is killed at a given call: ``python -m tests.storage.history.doomed``.

Arguments: address of Redis, of PostgreSQL, namespace, name of the call, when (before or after), at which of them.
"""

import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any

from storage.broker.broker import Broker
from storage.broker.connection import connect as connect_redis
from storage.database.connection import connect
from storage.history import lines, recorder
from storage.history.recorder import Recorder
from storage.history.stream import Stream
from storage.history.writing import Writer

CALLS: dict[str, tuple[object, str]] = {
    "read": (Stream, "events"),
    "lock": (Writer, "lock"),
    "write": (Writer, "write"),
    "commit": (Writer, "committed"),
    "ack": (Stream, "recorded"),
    "lines": (lines, "write"),
    "lines ack": (Stream, "lines_recorded"),
}


def doom(name: str, when: str, number: int) -> None:
    """Let the process be killed by the n-th call of that name."""
    holder, method = CALLS[name]
    original: Callable[..., Any] = getattr(holder, method)
    left = [number]

    def fatal(*args: Any, **kwargs: Any) -> Any:
        left[0] -= 1
        if left[0] == 0 and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        answer = original(*args, **kwargs)
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return answer

    setattr(holder, method, fatal)


def main() -> None:
    """Record until killed."""
    redis_url, database_url, namespace, name, when, number = sys.argv[1:]
    doom(name, when, int(number))
    recorder.PAUSE_S = 0.01
    Recorder(Broker(connect_redis(redis_url), namespace), connect(database_url)).run(threading.Event())


if __name__ == "__main__":
    main()
