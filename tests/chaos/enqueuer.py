"""Enqueues a seeded mix of jobs and writes down each id once its enqueue returned.

``python -m tests.chaos.enqueuer SEED N``.

A chord's callback is acked with the number of its members, so that the checker knows how many results it must see.
"""

import random
import sys
from collections.abc import Callable
from typing import Any

from huey import chord

from storage.errors import StoreUnavailable
from tests.chaos import app
from tests.chaos.history import Event

KINDS = ("work", "flaky", "later", "pipeline", "chord")
WEIGHTS = (60, 15, 10, 10, 5)


class Enqueuer:
    """Jobs of every kind, by chance."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)
        self._by_kind: dict[str, Callable[[int], None]] = {
            "work": self._work,
            "flaky": lambda number: self._ack(app.flaky(number).id),
            "later": self._later,
            "pipeline": self._pipeline,
            "chord": self._chord,
        }

    def one_of_each(self) -> None:
        """One job of every kind."""
        for enqueue in self._by_kind.values():
            self._try(enqueue)

    def one(self) -> None:
        """One job of a kind that chance picks."""
        self._try(self._by_kind[self._chance.choices(KINDS, WEIGHTS)[0]])

    def _try(self, enqueue: Callable[[int], None]) -> None:
        try:
            enqueue(self._chance.randrange(1_000_000))
        except StoreUnavailable:
            return  # not acked: it may exist or not

    def _ack(self, job_id: str, size: int = 0) -> None:
        app.HISTORY.write(Event("acked", job_id, due_ms=size))

    def _work(self, number: int) -> None:
        self._ack(app.work(number, self._chance.uniform(0, 0.05)).id)

    def _later(self, number: int) -> None:
        delay_ms = self._chance.randrange(50, 1500)
        due_ms = app.huey.storage.inspector.clock_ms() + delay_ms
        self._ack(app.later.schedule((number, due_ms), delay=delay_ms / 1000 + 0.002).id)

    def _pipeline(self, number: int) -> None:
        results: Any = app.huey.enqueue(app.work.s(number).then(app.successor))
        for one in results:
            self._ack(one.id)

    def _chord(self, number: int) -> None:
        size = 2 + number % 4
        handle = app.huey.enqueue(chord([app.member.s(n) for n in range(size)], app.join))
        self._ack(handle.callback.id, size)
        for one in handle.results:
            self._ack(one.id)


def main() -> None:
    """Enqueue one of each kind, then as many more by chance."""
    seed, jobs = int(sys.argv[1]), int(sys.argv[2])
    enqueuer = Enqueuer(seed)
    enqueuer.one_of_each()
    for _ in range(jobs):
        enqueuer.one()


if __name__ == "__main__":
    main()
