"""The recorder as a process of its own, beside a consumer: ``python -m tasks.engine.recorder_process``.

It is told on stdin, as a line of JSON, what to record and where; the end of stdin, or a signal, tells it to stop.
"""

import gc
import logging
import signal
import sys
import threading

from storage.broker.broker import Broker
from storage.broker.connection import connect as connect_redis
from storage.broker.inspector import Inspector
from storage.database.connection import connect as connect_database
from storage.history.recorder import Recorder
from storage.redaction import Redactor
from storage.stop_flag import StopFlag
from tasks.engine.assignment import Assignment
from tasks.engine.describing import Describer

GARBAGE_AT = 100_000
"""Values made since cycles among them were last looked for."""
SWITCH_S = 0.0005
"""How long one of its threads computes while another one could: what Redis has answered is to be read soon."""
IDLE_S = 30.0
"""One that has not led for so long leaves the place to those who do."""


def recorder_of(assignment: Assignment) -> Recorder:
    """A recorder that does what it is told."""
    client = connect_redis(assignment.redis_url)
    redactor = Redactor(assignment.redact_keys, assignment.redact_patterns)
    return Recorder(
        Broker(client, assignment.namespace),
        connect_database(assignment.database_url),
        Describer(Inspector(client, assignment.namespace), redactor),
        events_waiting=assignment.events_waiting,
        ages=assignment.ages,
    )


def prepare() -> None:
    """Set up this process for what a recorder does."""
    # Batches are thousands of values that do not hold each other: to look for cycles among them would be for nothing.
    gc.freeze()
    gc.set_threshold(GARBAGE_AT)
    sys.setswitchinterval(SWITCH_S)


def main() -> None:
    """Record until told to stop, or until another one has led for a while."""
    logging.basicConfig(level=logging.INFO, format="[%(asctime)s] %(levelname)s:%(name)s:%(process)d:%(message)s")
    stop = StopFlag()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    prepare()
    assignment = Assignment.read(sys.stdin.readline())

    def await_the_end() -> None:
        sys.stdin.read()
        stop.set()

    threading.Thread(target=await_the_end, name="dewey-parent", daemon=True).start()
    recorder_of(assignment).run(stop, idle_s=IDLE_S, gives_way=True)


if __name__ == "__main__":
    main()
