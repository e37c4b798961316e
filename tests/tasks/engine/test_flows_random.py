"""Random trees with random failures end as the policies of their nodes say."""

import random
from collections import Counter
from typing import Any

import pytest

from tasks.engine import burial
from tasks.engine.flows import Node, node
from tests.tasks.engine.conftest import Shop


class Forest:
    """Random trees whose jobs fail while their numbers are in ``broken``; ``runs`` counts those that succeeded."""

    def __init__(self, shop: Shop, seed: int) -> None:
        self.shop = shop
        self.chance = random.Random(seed)
        self.broken: set[int] = set()
        self.runs: Counter[int] = Counter()
        self.numbers = iter(range(10_000))

        @shop.huey.task(retries=1)
        def work(number: int, values: list[Any] | None = None) -> int:
            if number in self.broken:
                raise ValueError(f"{number} is broken")
            self.runs[number] += 1
            return number

        self.work: Any = work

    def grow(self, depth: int) -> Node:
        number = next(self.numbers)
        if self.chance.random() < 0.25:
            self.broken.add(number)
        below = [self.grow(depth - 1) for _ in range(self.chance.randint(depth == 3, 3))] if depth else []
        task = self.work.s(number, priority=self.chance.randrange(4))
        return node(task, *below, on_failure="fail" if self.chance.random() < 0.5 else "continue")

    def succeeds(self, one: Node) -> bool:
        below = [self.succeeds(child) for child in one.children]
        return one.task.args[0] not in self.broken and (one.on_failure == "continue" or all(below))

    def settle(self) -> None:
        while self.shop.run_all() or burial.tell(self.shop.huey):
            pass

    def dead(self) -> list[str]:
        return [job.id for job in self.shop.inspector.jobs(("dead",)).jobs if job.error_type != "ChildFailed"]


@pytest.mark.parametrize("seed", range(8))
def test_random_trees_with_random_failures_end_as_their_policies_say(shop: Shop, seed: int) -> None:
    forest = Forest(shop, seed)
    tree = forest.grow(3)
    flow = shop.huey.launch(tree)
    forest.settle()
    for one, handle in zip(tree.walk(), flow.walk(), strict=True):
        assert shop.job(handle).state == ("succeeded" if forest.succeeds(one) else "dead"), one.task.args[0]
    assert set(forest.runs.values()) <= {1}
    forest.broken.clear()
    while dead := forest.dead():
        for job_id in dead:
            shop.huey.broker.requeue(job_id)
        forest.settle()
    assert shop.inspector.count(("succeeded",)) == shop.inspector.count() == len(list(tree.walk()))
    assert set(forest.runs.values()) == {1}
