"""Enqueues a seeded mix of jobs and writes down each id once its enqueue returned.

``python -m tests.chaos.enqueuer SEED N``, with the application's module in ``CHAOS_APP``, the kinds of jobs in
``CHAOS_KINDS``, and seconds between two jobs in ``CHAOS_PACE_S`` (none).

What a job that waits for others must see of them is acked with it: how many results, and how many errors among them.
So is that a job must end dead.
"""

import importlib
import os
import random
import sys
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from huey import chord

from tasks.engine import flows
from tests.chaos.history import DEAD, Event

app: Any = importlib.import_module(os.environ.get("CHAOS_APP", "tests.chaos.app"))

WEIGHTS = {"work": 60, "flaky": 15, "later": 10, "eta": 5, "pipeline": 10, "chord": 5, "tree": 5, "flow": 5}
KINDS = tuple(os.environ.get("CHAOS_KINDS", "work,flaky,later,pipeline,chord").split(","))
PACE_S = float(os.environ.get("CHAOS_PACE_S", "0"))
AWAY_S = 0.05
TREE_NODES = 30
QUEUES = ("default", "second", "third")


class Enqueuer:
    """Jobs of every kind, by chance."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)
        self._by_kind: dict[str, Callable[[int], None]] = {
            "work": self._work,
            "flaky": lambda number: self._ack(app.JOBS.flaky(number).id),
            "later": self._later,
            "eta": self._eta,
            "pipeline": self._pipeline,
            "chord": self._chord,
            "tree": self._tree,
            "flow": self._flow,
        }

    def one_of_each(self) -> None:
        """One job of every kind."""
        for kind in KINDS:
            self._try(self._by_kind[kind])

    def one(self) -> None:
        """One job of a kind that chance picks."""
        self._try(self._by_kind[self._chance.choices(KINDS, [WEIGHTS[kind] for kind in KINDS])[0]])

    def _try(self, enqueue: Callable[[int], None]) -> None:
        try:
            enqueue(self._chance.randrange(1_000_000))
        except app.UNAVAILABLE:
            time.sleep(AWAY_S)  # not acked: it may exist or not
        if PACE_S:
            time.sleep(PACE_S)  # the trial's own rhythm

    def _ack(self, job_id: str, expected: str = "") -> None:
        app.HISTORY.write(Event("acked", job_id, detail=expected))

    def _work(self, number: int) -> None:
        longest_s = float(os.environ.get("CHAOS_WORK_S", "0.05"))
        self._ack(app.JOBS.work(number, self._chance.uniform(0, longest_s)).id)

    def _later(self, number: int) -> None:
        delay_ms = self._chance.randrange(50, 1500)
        due_ms = app.clock_ms() + delay_ms
        self._ack(app.JOBS.later.schedule((number, due_ms), delay=delay_ms / 1000 + 0.002).id)

    def _eta(self, number: int) -> None:
        """At a time of this host's own clock and zone, as people write it."""
        delay_ms = self._chance.randrange(50, 1500)
        due_ms = app.clock_ms() + delay_ms
        at = datetime.now() + timedelta(milliseconds=delay_ms + 2)  # noqa: DTZ005 - naive and local, as Huey takes it
        self._ack(app.JOBS.later.schedule((number, due_ms), eta=at).id)

    def _pipeline(self, number: int) -> None:
        results: Any = app.huey.enqueue(app.JOBS.work.s(number).then(app.JOBS.successor))
        for one in results:
            self._ack(one.id)

    def _chord(self, number: int) -> None:
        size = 2 + number % 4
        handle = app.huey.enqueue(chord([app.JOBS.member.s(n) for n in range(size)], app.JOBS.join))
        self._ack(handle.callback.id, str(size))
        for one in handle.results:
            self._ack(one.id)

    def _tree(self, number: int) -> None:
        """Chords in chords, with pipelines among their members, of up to TREE_NODES jobs."""
        del number
        nodes: list[tuple[Any, str]] = []
        tree = self._chord_of(nodes, 0)
        app.huey.enqueue(tree)
        for task, expected in nodes:
            self._ack(task.id, expected)

    def _chord_of(self, nodes: list[tuple[Any, str]], depth: int) -> Any:
        members: list[Any] = []
        for _ in range(self._chance.randint(1, 4)):
            kind = self._chance.random()
            if kind < 0.4 and depth < 3 and len(nodes) < TREE_NODES - 8:
                members.append(self._chord_of(nodes, depth + 1))
                continue
            member = app.JOBS.member.s(len(nodes))
            nodes.append((member, ""))
            if kind > 0.8:
                following = app.JOBS.successor.s()
                nodes.append((following, ""))
                member = member.then(following)
            members.append(member)
        callback = app.JOBS.join.s()
        nodes.append((callback, str(len(members))))
        return chord(members, callback)

    def _flow(self, number: int) -> None:
        """A tree of about TREE_NODES jobs in one call, across queues; some fail, and each parent has its policy."""
        del number
        nodes: list[tuple[Any, str]] = []
        tree, _ = self._node_of(nodes, 0)
        app.huey.launch(tree)
        for task, expected in nodes:
            self._ack(task.id, expected)

    def _node_of(self, nodes: list[tuple[Any, str]], depth: int) -> tuple[Any, bool]:
        """A node with all below it, and whether its job will succeed."""
        if depth and (depth == 4 or len(nodes) > TREE_NODES - 6 or self._chance.random() < 0.5):
            return self._leaf(nodes)
        below = [self._node_of(nodes, depth + 1) for _ in range(self._chance.randint(1, 4))]
        errors, goes_on = sum(not succeeds for _, succeeds in below), self._chance.random() < 0.5
        succeeds = goes_on or not errors
        seen = f"{len(below)}-{errors}" if errors else str(len(below))
        task = self._somewhere(app.JOBS.join.s())
        nodes.append((task, seen if succeeds else DEAD))
        children = [child for child, _ in below]
        return flows.node(task, *children, on_failure="continue" if goes_on else "fail"), succeeds

    def _leaf(self, nodes: list[tuple[Any, str]]) -> tuple[Any, bool]:
        kind, number = self._chance.random(), len(nodes)
        if kind < 0.12:
            task = self._somewhere(app.JOBS.doomed.s(number))
            nodes.append((task, DEAD))
            return flows.node(task), False
        task = self._somewhere((app.JOBS.flaky if kind < 0.3 else app.JOBS.member).s(number))
        nodes.append((task, ""))
        if kind > 0.8:
            following = self._somewhere(app.JOBS.successor.s())
            nodes.append((following, ""))
            task = task.then(following)
        return flows.node(task), True

    def _somewhere(self, task: Any) -> Any:
        task.queue = self._chance.choice(QUEUES)
        return task


def main() -> None:
    """Enqueue one of each kind, then as many more by chance."""
    seed, jobs = int(sys.argv[1]), int(sys.argv[2])
    enqueuer = Enqueuer(seed)
    enqueuer.one_of_each()
    for _ in range(jobs):
        enqueuer.one()


if __name__ == "__main__":
    main()
