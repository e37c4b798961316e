"""Waiting for jobs, and saying what keeps them."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from console.commands.opening import Desk
from console.commands.printing import note
from storage.broker.records import FINISHED, Job
from storage.errors import JobMissing, Refused

POLL_S = 0.2
LOOK_S = 2.0
"""How often is looked for what keeps the jobs."""
NO_CONSUMER_AFTER_S = 15.0
"""How long a queue may be without any consumer before waiting for it is given up."""
CHECKED_AT_ONCE = 20


class Patience:
    """How long a command waits: for ``timeout_s``, and for a consumer to come."""

    def __init__(self, desk: Desk, timeout_s: float) -> None:
        self._desk = desk
        self._timeout_s = timeout_s
        self._began = self._served = time.monotonic()
        self._look_at = 0.0
        self._said: set[str] = set()

    def check(self, queues: set[str], what: str) -> None:
        """Go on waiting for ``what`` in those queues; says once what keeps it.

        Raises:
            Refused: it takes too long, or nobody serves a queue.
        """
        now = time.monotonic()
        if now - self._began > self._timeout_s:
            raise Refused(f"{what} after {self._timeout_s:g} s; the work goes on without this command")
        if now >= self._look_at:
            self._look_at = now + LOOK_S
            self._look(queues, now)

    def _look(self, queues: set[str], now: float) -> None:
        consumers = self._desk.inspector.consumers()
        alone = sorted(name for name in queues if not any(not c.queues or name in c.queues for c in consumers))
        if not alone:
            self._served = now
        elif now - self._served > NO_CONSUMER_AFTER_S:
            raise Refused(f"no consumer serves the queue {alone[0]}: run `dewey up` in another terminal; the jobs wait")
        else:
            self._say(f"No consumer serves the queue {alone[0]}: `dewey up` in another terminal starts one.")
        for queue in self._desk.inspector.queues():
            if queue.name in queues and queue.pause is not None:
                why = f" ({queue.pause.reason})" if queue.pause.reason else ""
                self._say(f"{queue.pause.by} has paused the queue {queue.name}{why}: `dewey resume {queue.name}`.")

    def _say(self, sentence: str) -> None:
        if sentence not in self._said:
            self._said.add(sentence)
            note(sentence)


@contextmanager
def leaving(what: str) -> Iterator[None]:
    """Ctrl-C ends the waiting, and says what goes on."""
    try:
        yield
    except KeyboardInterrupt:
        note(f"\nNot waiting any longer: {what} without this command.")
        raise


def wait_for(desk: Desk, job_id: str, timeout_s: float) -> Job:
    """The job, once it has ended.

    Raises:
        Refused: it takes longer than ``timeout_s``, or nobody serves its queue.
        JobMissing: there is no such job.
    """
    patience = Patience(desk, timeout_s)
    while True:
        found = desk.inspector.job(job_id)
        if found.state in FINISHED:
            return found
        patience.check({found.queue}, f"job {job_id} is still {found.state}")
        time.sleep(POLL_S)


def wait_for_all(desk: Desk, job_ids: list[str], timeout_s: float, on_end: Callable[[], object]) -> None:
    """Wait until all have ended, calling ``on_end`` for each; the last in line are not asked for before the first.

    Raises:
        Refused: it takes longer than ``timeout_s``, or nobody serves their queues.
    """
    patience = Patience(desk, timeout_s)
    waiting = list(job_ids)
    while waiting:
        queues: set[str] = set()
        unfinished: list[str] = []
        for n, job_id in enumerate(waiting):
            if len(unfinished) >= CHECKED_AT_ONCE:
                unfinished += waiting[n:]
                break
            queue = _queue_of_unfinished(desk, job_id)
            if queue is None:
                on_end()
            else:
                queues.add(queue)
                unfinished.append(job_id)
        waiting = unfinished
        if waiting:
            patience.check(queues, f"{len(waiting)} of {len(job_ids)} jobs have not ended")
            time.sleep(POLL_S)


def _queue_of_unfinished(desk: Desk, job_id: str) -> str | None:
    try:
        found = desk.inspector.job(job_id)
    except JobMissing:  # it ended so long ago that it is forgotten
        return None
    return None if found.state in FINISHED else found.queue
