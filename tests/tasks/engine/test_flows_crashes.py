"""Flows whose workers die, freeze or repeat themselves between any two steps: every join is made once, with all."""

import random
from collections import Counter
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from storage.broker.requests import Claim, ClaimRequest
from tasks.engine.flows import Node, node
from tests.servers import wait_until
from tests.tasks.engine.conftest import Shop

NODES = 30
STEPS = ("well", "well", "dies before", "dies after", "repeats", "freezes")

Shape = list[Any]
"""A node as the list of its children."""


def size(shape: Shape) -> int:
    return 1 + sum(map(size, shape))


TREES: st.SearchStrategy[Shape] = st.recursive(
    st.just([]), lambda below: st.lists(below, max_size=4), max_leaves=NODES // 2
)
SHAPES = TREES.filter(lambda shape: size(shape) <= NODES)


class Storm:
    """A worker to which something happens at each of its steps, and what its jobs got and did."""

    def __init__(self, shop: Shop, seed: int) -> None:
        self.shop = shop
        self.chance = random.Random(seed)
        self.got: dict[int, list[int]] = {}
        self.verdicts: Counter[str] = Counter()
        self.frozen: list[Any] = []
        self.numbers = iter(range(10_000))
        self.children: dict[int, list[int]] = {}

        @shop.huey.task(name=f"work-{id(self)}")
        def work(number: int, values: list[int] | None = None) -> int:
            self.got[number] = values or []
            return number

        self.work: Any = work

    def tree(self, shape: Shape) -> Node:
        number = next(self.numbers)
        below = [self.tree(one) for one in shape]
        self.children[number] = [child.task.args[0] for child in below]
        return node(self.work.s(number), *below)

    def claim(self, lease_ms: int = 60_000) -> Claim:
        found = self.shop.huey.broker.claim(ClaimRequest("host:1", "host:1/storm", lease_ms))
        assert found is not None, "a job waits"
        return found

    def perform(self, claim: Claim) -> Any:
        unit, task = self.shop.huey.open(claim)
        self.shop.huey.perform(unit, task)
        self.shop.huey.held.drop(unit)
        return unit.settlement()

    def settle(self, settlement: Any) -> None:
        self.verdicts[self.shop.huey.broker.settle(settlement)[0]] += 1

    def step(self) -> None:
        """The next job in line, and what happens to its worker."""
        what = self.chance.choice(STEPS)
        if what == "well":
            self.settle(self.perform(self.claim()))
        elif what == "repeats":
            settlement = self.perform(self.claim())
            self.settle(settlement)
            self.settle(settlement)
        else:
            claim = self.claim(lease_ms=1)
            if what != "dies before":
                settlement = self.perform(claim)
                if what == "freezes":
                    self.frozen.append(settlement)
            wait_until(lambda: bool(self.shop.huey.broker.reap(crashes_allowed=1_000)), "the lease has ended")

    def run(self) -> None:
        """All jobs, and at last those workers that were frozen."""
        while self.shop.inspector.count(("queued",)):
            self.step()
        for settlement in self.frozen:
            self.settle(settlement)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(shape=SHAPES, seed=st.integers(0, 2**32))
def test_each_join_happens_once_with_all_its_values_whatever_happens_to_workers(
    shop: Shop, shape: Shape, seed: int
) -> None:
    for key in shop.huey.broker.client.scan_iter(f"{{{shop.huey.broker.namespace}}}:*"):
        shop.huey.broker.client.delete(key)  # what the last example left
    storm = Storm(shop, seed)
    flow = shop.huey.launch(storm.tree(shape))
    storm.run()
    jobs = [shop.job(handle) for handle in flow.walk()]
    assert {job.state for job in jobs} == {"succeeded"}
    assert len(jobs) == size(shape) == storm.verdicts["settled"]
    assert storm.got == storm.children
    assert storm.verdicts["stale"] + storm.verdicts["again"] >= len(storm.frozen)
    assert all(len(job.attempts) == 1 + job.crashes for job in jobs)
    left = {key.decode().split(":")[1] for key in shop.huey.broker.client.scan_iter("*")}
    assert left.isdisjoint({"chord", "failed"})


def test_a_launch_whose_reply_was_lost_is_not_launched_twice(shop: Shop) -> None:
    @shop.huey.task()
    def work(values: list[int] | None = None) -> int:
        return 1 + sum(values or [])

    writes: list[Any] = []
    tree = node(work.s(), node(work.s(), work.s()), work.s())
    handle = shop.huey._lay_tree(tree, writes)
    shop.huey.broker.write(writes)
    shop.run_one()
    shop.huey.broker.write(writes)
    shop.run_all()
    assert shop.inspector.count(("succeeded",)) == shop.inspector.count() == 4
    assert handle.get() == 4
    shop.huey.broker.write(writes)
    assert shop.inspector.count(("succeeded",)) == 4
