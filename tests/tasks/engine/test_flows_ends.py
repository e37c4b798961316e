"""What becomes of a parent whose child never runs: canceled, revoked, thrown away, gone, expired or crashed."""

from collections.abc import Callable
from typing import Any

import pytest
from huey.utils import SKIPPED

from storage.broker.reconciler import Reconciler, Repair
from tasks.engine import burial
from tasks.engine.flows import Flow, node
from tests.tasks.engine.conftest import Order, Shop
from tests.tasks.engine.faults import crash_all

Make = Callable[..., Shop]


def _cancel(shop: Shop, child: Flow) -> None:
    shop.huey.broker.cancel(child.id, "canceled by ann: no stock")


def _revoke(shop: Shop, child: Flow) -> None:
    child.revoke()


def _flush(shop: Shop, child: Flow) -> None:
    shop.huey.broker.flush(("queued",))


def _delete(shop: Shop, child: Flow) -> None:
    broker = shop.huey.broker
    broker.call("zrem", broker.keys.index("stock", "queued"), child.id)
    broker.call("delete", broker.keys.job(child.id))
    waiting = shop.inspector.jobs(("blocked",)).jobs[0].id
    assert Reconciler(broker).run() == [Repair("childless", waiting)]
    assert Reconciler(broker).run() == []
    assert shop.inspector.repairs() == {"childless": 1}


ENDS = {
    "canceled while it waits": (_cancel, "is canceled: canceled by ann: no stock"),
    "revoked": (_revoke, "is canceled: revoked"),
    "thrown away": (_flush, "is thrown away"),
    "gone": (_delete, "is gone"),
}


@pytest.mark.parametrize("how", ENDS)
def test_no_parent_waits_for_a_child_that_will_not_run(order: Order, how: str) -> None:
    end, words = ENDS[how]
    flow = order.shop.huey.launch(node(order.complete.s(7), order.validate.s(7)))
    end(order.shop, flow.children[0])
    order.shop.run_all()
    parent = order.shop.job(flow)
    assert (parent.state, parent.error_type) == ("dead", "ChildFailed")
    assert words in parent.error


@pytest.mark.parametrize("how", [how for how in ENDS if how != "thrown away"])  # that takes the parent along
def test_a_parent_that_goes_on_finds_a_gap_where_a_child_never_ran(order: Order, how: str) -> None:
    other = order.reserve.s(7)
    flow = order.shop.huey.launch(node(order.complete.s(7), order.validate.s(7), other, on_failure="continue"))
    order.shop.huey.execute(other)
    ENDS[how][0](order.shop, flow.children[0])
    order.shop.run_all()
    assert order.seen["complete_order"] == [SKIPPED, "reserve_shipping 7"]
    assert flow.get() == "complete_order 7"


def test_an_expired_child_fails_its_parent(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    @shop.huey.task()
    def child() -> None: ...

    @shop.huey.task()
    def parent(values: list[Any]) -> None: ...

    flow = shop.huey.launch(node(parent.s(), child.s(expires=-5)))
    shop.run_all()
    assert "is canceled: expired" in shop.job(flow).error


@pytest.mark.parametrize("policy", ["fail", "continue"])
def test_a_child_buried_by_its_crashes_is_told_of(shop: Shop, policy: Any) -> None:
    seen: list[Any] = []
    handled: list[Exception] = []

    @shop.huey.task()
    def poison() -> None: ...

    @shop.huey.task()
    def gather(values: list[Any]) -> str:
        seen.extend(values)
        return "gathered"

    @shop.huey.task()
    def handler(error: Exception) -> None:
        handled.append(error)

    flow = shop.huey.launch(node(gather.s().error(handler), poison.s(), on_failure=policy))
    crash_all(shop, times=3)
    told = burial.tell(shop.huey)
    shop.run_all()
    if policy == "fail":
        assert told == 2
        assert "worker lost 3 times" in shop.job(flow).error
        assert [str(error) for error in handled] == [shop.job(flow).error]
    else:
        assert told == 1
        assert "worker lost 3 times" in seen[0].metadata["error"]
        assert flow.get() == "gathered"
