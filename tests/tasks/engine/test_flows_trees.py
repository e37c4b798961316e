"""Trees of jobs across queues: who waits for whom, what a child's failure means, and how it is mended."""

from collections.abc import Callable
from typing import Any

import pytest
from huey import chord, group
from huey.api import TaskException
from huey.utils import Error

from storage.broker.flows import FlowNode
from storage.broker.records import Limits
from storage.errors import JobMissing, QueueFull, Refused
from tasks.engine import burial, launch
from tasks.engine.flows import node
from tests.tasks.engine.conftest import Order, Shop, attempt

Make = Callable[..., Shop]


def test_a_tree_is_blocked_from_the_inside_out_and_hands_results_up(order: Order) -> None:
    flow = order.launch()
    assert order.states(flow) == {
        "complete_order": "blocked",
        "validate_inventory": "queued",
        "reserve_shipping": "queued",
        "process_payment": "blocked",
        "validate_payment_method": "queued",
    }
    assert order.shop.run_all() == 5
    assert flow.get() == "complete_order 7"
    assert order.seen["complete_order"] == ["validate_inventory 7", "reserve_shipping 7", "process_payment 7"]
    assert order.seen["process_payment"] == ["validate_payment_method 7"]
    assert [child.get() for child in flow.children] == order.seen["complete_order"]
    assert set(order.states(flow).values()) == {"succeeded"}


def test_a_failed_child_takes_all_above_it_along_in_its_own_step(order: Order) -> None:
    order.broken = {"validate_payment_method"}
    flow = order.launch()
    order.shop.run_all()
    assert order.states(flow) == {
        "complete_order": "dead",
        "validate_inventory": "succeeded",
        "reserve_shipping": "succeeded",
        "process_payment": "dead",
        "validate_payment_method": "dead",
    }
    payment, check = order.shop.job(flow.children[2]), order.shop.job(flow.children[2].children[0])
    assert payment.error_type == "ChildFailed"
    assert payment.error == f"its child {check.task} ({check.id}) is dead: ValueError: {check.error}"
    top = order.shop.job(flow)
    assert top.error.startswith(f"its child {payment.task} ({payment.id}) is dead: ChildFailed: its child")
    assert burial.tell(order.shop.huey) == 2
    with pytest.raises(TaskException, match="validate_payment_method is broken"):
        flow.get()


def test_a_requeued_child_brings_back_all_that_it_took_along(order: Order) -> None:
    order.broken = {"validate_payment_method"}
    flow = order.launch()
    order.shop.run_all()
    burial.tell(order.shop.huey)
    order.broken = set()
    check = flow.children[2].children[0]
    with pytest.raises(Refused, match=f"waits for its child {check.id}, which failed"):
        order.shop.huey.broker.requeue(flow.children[2].id)
    order.shop.huey.broker.requeue(check.id)
    assert order.states(flow)["process_payment"] == order.states(flow)["complete_order"] == "blocked"
    assert burial.tell(order.shop.huey) == 0
    order.shop.run_all()
    flow.reset()
    assert flow.get() == "complete_order 7"
    job = order.shop.job(flow)
    assert (job.error, job.error_type, job.reason) == ("", "", "")


def test_with_two_failed_children_the_parent_waits_for_both_to_be_tried_again(order: Order) -> None:
    order.broken = {"validate_inventory", "reserve_shipping"}
    flow = order.launch()
    order.shop.run_all()
    order.broken = set()
    first, second = flow.children[:2]
    order.shop.huey.broker.requeue(second.id)
    order.shop.run_all()
    assert order.shop.job(flow).state == "dead"
    order.shop.huey.broker.requeue(first.id)
    assert order.shop.job(flow).state == "blocked"
    order.shop.run_all()
    assert flow.get() == "complete_order 7"


def test_a_flow_can_go_on_without_a_failed_child(order: Order) -> None:
    order.broken = {"validate_inventory", "validate_payment_method"}
    flow = order.launch(on_failure="continue")
    order.shop.run_all()
    assert flow.get() == "complete_order 7"
    inventory, shipping, payment = order.seen["complete_order"]
    assert isinstance(inventory, Error)
    assert "validate_inventory is broken" in inventory.metadata["error"]
    assert (shipping, payment) == ("reserve_shipping 7", "process_payment 7")
    assert isinstance(order.seen["process_payment"][0], Error)


def test_policies_are_each_nodes_own(order: Order) -> None:
    order.broken = {"validate_payment_method"}
    payment = node(order.pay.s(7), order.check.s(7))
    flow = order.shop.huey.launch(node(order.complete.s(7), order.validate.s(7), payment, on_failure="continue"))
    order.shop.run_all()
    assert order.shop.job(flow).state == "blocked"  # until the consumer hands the error over
    assert burial.tell(order.shop.huey) == 1
    order.shop.run_all()
    assert order.seen["complete_order"][0] == "validate_inventory 7"
    assert "validate_payment_method is broken" in order.seen["complete_order"][1].metadata["error"]
    assert flow.get() == "complete_order 7"


def test_a_child_may_be_a_pipeline_whose_last_value_counts(order: Order) -> None:
    chain = order.validate.s(7).then(order.reserve)
    flow = order.shop.huey.launch(node(order.complete.s(7), chain, order.check.s(7)))
    assert order.shop.run_all() == 4
    assert order.seen["complete_order"] == ["reserve_shipping validate_inventory 7", "validate_payment_method 7"]
    order.broken = {"validate_inventory"}
    broken = order.shop.huey.launch(node(order.complete.s(7), order.validate.s(7).then(order.reserve)))
    order.shop.run_all()
    assert order.shop.job(broken).state == "dead"
    assert "validate_inventory is broken" in order.shop.job(broken).error
    assert flow.get() == "complete_order 7"


def test_a_child_that_is_retried_is_not_a_failed_one(shop: Shop) -> None:
    @shop.huey.task(retries=2)
    def child() -> str:
        if attempt() < 3:
            raise ValueError("again")
        return "third"

    @shop.huey.task()
    def parent(values: list[str]) -> list[str]:
        return values

    flow = shop.huey.launch(node(parent.s(), child.s()))
    shop.run_all()
    assert flow.get() == ["third"]


def test_a_canceled_parent_that_is_requeued_waits_for_what_it_lacks(order: Order) -> None:
    flow = order.shop.huey.launch(node(order.complete.s(7), order.validate.s(7), order.reserve.s(7)))
    order.shop.run_one()
    order.shop.huey.broker.cancel(flow.id, "not now")
    order.shop.huey.broker.requeue(flow.id)
    assert order.shop.job(flow).state == "blocked"
    order.shop.run_all()
    assert flow.get() == "complete_order 7"


def test_a_flow_launched_by_a_job_that_fails_to_be_finished_is_not_launched(order: Order) -> None:
    shop = order.shop

    @shop.huey.task()
    def work() -> None: ...

    def fan_out(task: Any, value: Any, error: Any) -> None:
        if task.name.endswith("work"):
            order.launch()

    shop.huey.post_execute()(fan_out)
    work()
    unit, task = shop.huey.open(shop.claim())
    shop.huey.perform(unit, task)
    assert shop.inspector.count() == 1
    shop.huey.settle(unit)
    assert shop.inspector.count() == 6
    shop.run_all()
    assert shop.inspector.count(("succeeded",)) == 6


def test_nothing_of_a_flow_is_left_when_its_jobs_are_forgotten(order: Order) -> None:
    order.broken = {"validate_payment_method"}
    order.launch()
    order.shop.run_all()
    order.launch()
    broker = order.shop.huey.broker
    broker.flush(("blocked", "queued"))
    assert broker.flush(("succeeded", "dead", "canceled")) > 0
    left = {key.decode().split(":")[1] for key in broker.client.scan_iter("*")}
    assert left.isdisjoint({"job", "chord", "children", "failed", "queue", "log"})


def test_an_inspector_reads_a_flow_as_a_tree(order: Order) -> None:
    flow = order.launch()
    order.shop.huey.execute(flow.children[0].task)

    def shape(one: FlowNode) -> Any:
        return (one.task.rpartition(".")[2], one.state, [shape(child) for child in one.children])

    tree = order.shop.inspector.flow(flow.id)
    assert shape(tree) == (
        "complete_order",
        "blocked",
        [
            ("validate_inventory", "succeeded", []),
            ("reserve_shipping", "queued", []),
            ("process_payment", "blocked", [("validate_payment_method", "queued", [])]),
        ],
    )
    assert tree.waits_for_it == ""
    assert {child.waits_for_it for child in tree.children} == {flow.id}
    small = order.shop.inspector.flow(flow.id, limit=2)
    assert (len(small.children), small.left_out) == (1, 2)
    assert order.shop.inspector.flow(flow.children[1].id).children == ()
    with pytest.raises(JobMissing):
        order.shop.inspector.flow("nobody")


def test_chords_and_pipelines_are_read_as_trees_too(shop: Shop) -> None:
    @shop.huey.task()
    def number(n: int) -> int:
        return n

    @shop.huey.task()
    def total(values: list[int]) -> int:
        return sum(values)

    handle = shop.huey.enqueue(group([number.s(1).then(number), number.s(2)]).then(total))
    shop.run_one()
    tree = shop.inspector.flow(handle.callback.id)
    assert [child.state for child in tree.children] == ["queued", "queued"]
    assert [[one.state for one in child.children] for child in tree.children] == [["succeeded"], []]
    shop.run_all()
    assert handle.callback.get() == 3


@pytest.mark.parametrize("broken", [False, True])
def test_immediate_mode_runs_a_tree_at_once(make_shop: Make, broken: bool) -> None:
    order = Order(make_shop(immediate=True))
    order.broken = {"validate_payment_method"} if broken else set()
    flow = order.launch()
    if broken:
        with pytest.raises(TaskException, match="validate_payment_method is broken"):
            flow.get()
        assert "complete_order" not in order.seen
        assert order.launch(on_failure="continue").get() == "complete_order 7"
    else:
        assert flow.get() == "complete_order 7"
        assert order.seen["complete_order"] == ["validate_inventory 7", "reserve_shipping 7", "process_payment 7"]


@pytest.mark.parametrize("limits", [Limits(max_jobs=1), Limits(max_bytes=100)])
def test_a_tree_for_which_one_queue_has_no_room_is_refused_whole(order: Order, limits: Limits) -> None:
    order.shop.huey.broker.limit("payments", limits)  # two of its jobs are for that queue
    with pytest.raises(QueueFull, match="'payments' is full"):
        order.launch()
    assert order.shop.inspector.count() == 0
    order.shop.huey.broker.limit("payments", Limits(max_jobs=2, max_bytes=10_000))
    order.launch()
    with pytest.raises(QueueFull, match="'payments' is full"):
        order.launch()
    order.shop.run_all()
    assert order.shop.inspector.count(("succeeded",)) == order.shop.inspector.count() == 5
    broker = order.shop.huey.broker
    assert int(broker.call("hget", f"{broker.keys.prefix}bytes", "payments")) == 0


def test_a_tree_or_chord_that_is_too_large_for_one_step_is_refused(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    @shop.huey.task()
    def work(number: int, values: object = None) -> int:
        return number

    monkeypatch.setattr(launch, "MOST_TOGETHER", 10)
    members = [work.s(number) for number in range(10)]
    with pytest.raises(ValueError, match="11 jobs can not be launched in one step"):
        shop.huey.launch(node(work.s(10), *members))
    with pytest.raises(ValueError, match="11 jobs can not be launched in one step"):
        shop.huey.enqueue(chord([work.s(number) for number in range(10)], work.s(10)))
    assert shop.inspector.count() == 0
    shop.huey.launch(node(work.s(10), *[work.s(number) for number in range(9)]))
    assert shop.inspector.count() == 10


def test_what_can_not_be_a_flow_is_refused_with_what_to_do(order: Order) -> None:
    launch = order.shop.huey.launch
    task = order.validate.s(1)
    with pytest.raises(ValueError, match="twice"):
        launch(node(order.complete.s(1), task, task))
    with pytest.raises(ValueError, match=r"write node\(callback"):
        node(order.complete.s(1), group([task]))
    with pytest.raises(ValueError, match="use a task"):
        node("complete_order")
    with pytest.raises(ValueError, match="'fail' or 'continue'"):
        node(task, on_failure="ignore")  # type: ignore[arg-type]  # what a person might write
    launch(node(order.complete.s(1), task))
    with pytest.raises(ValueError, match="part of another"):
        launch(node(order.complete.s(1), task))
    assert order.shop.inspector.count() == 2
