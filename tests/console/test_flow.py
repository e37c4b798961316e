"""A flow as lines: its tree, and where it is stuck."""

from console.gateway.demo import DemoGateway
from console.gateway.demo_flow import children
from console.gateway.flow import flow_lines
from storage.broker.flows import FlowNode


def node(name: str, state: str, *children: FlowNode, error: str = "", left_out: int = 0) -> FlowNode:
    return FlowNode(name, f"shop.{name}", "default", state, error, "", children, left_out)


def test_children_stand_below_their_parent() -> None:
    tree = node("a", "blocked", node("b", "blocked", node("c", "succeeded"), node("d", "running")), node("e", "queued"))
    lines = flow_lines(tree, "d")
    assert [line.branch + line.key for line in lines] == ["a", "├─ b", "│  ├─ c", "│  └─ d", "└─ e"]
    assert [line.key for line in lines if line.is_asked] == ["d"]


def test_a_flow_is_stuck_where_a_job_waits_for_no_other() -> None:
    tree = node("a", "blocked", node("b", "dead", node("c", "succeeded"), error="E: no\nmore"), node("d", "running"))
    lines = {line.key: line for line in flow_lines(tree, "a")}
    assert [key for key, line in lines.items() if line.is_stuck] == ["b", "d"]
    assert lines["b"].note.plain == "stuck: r requeues · E: no"
    assert lines["a"].note.plain == "waits for 2 of 2"


def test_what_is_forgotten_or_left_out_is_said() -> None:
    lines = flow_lines(node("a", "blocked", node("b", ""), left_out=1_200), "a")
    assert lines[1].note.plain == "past its retention"
    assert lines[0].note.plain.endswith("1,200 more are not shown")


def test_flow_why_and_jobs_agree_on_every_job_of_the_demo_that_has_children() -> None:
    gateway = DemoGateway()
    states = {row.key: row.state for row in gateway.jobs("", 0, 1_000).rows}
    assert len(children()) == sum(1 for state in states.values() if state == "blocked")
    for parent, below in children().items():
        lines = {line.key: line for line in gateway.flow(parent)}
        assert {key: line.state for key, line in lines.items()} == {key: states[key] for key in lines}
        assert set(below) < set(lines)
        waits_for = [key for key in below if states[key] != "succeeded"]
        assert lines[parent].note.plain == f"waits for {len(waits_for)} of {len(below)}"
        reason = gateway.why(parent).reasons[0].sentence.plain
        assert reason.startswith(f"It waits for {len(waits_for)} of {len(below)} jobs: ")
        for key in waits_for:
            assert f"{key[:8]} {lines[key].task.plain} is {states[key]}" in reason
        assert gateway.job(parent).reason.plain == f"waits for {len(waits_for)} of {len(below)} jobs before it"


def test_a_flow_of_the_demo_is_the_same_tree_from_each_of_its_jobs() -> None:
    gateway = DemoGateway()
    (parent, below), *_ = children().items()
    trees = [[line.key for line in gateway.flow(key)] for key in (parent, *below)]
    assert all(tree == trees[0] for tree in trees)
    assert [line.key for line in gateway.flow(below[0]) if line.is_asked] == [below[0]]


def test_why_names_consumers_of_the_demo_that_workers_shows() -> None:
    gateway = DemoGateway()
    oldest = gateway.jobs("state:queued queue:email", 0, 100).rows[-1]
    said = gateway.why(oldest.key).reasons[0].sentence.plain
    assert said.startswith("Nothing that can be seen keeps it, yet it has waited 20.7 min. Free workers: ")
    for consumer in gateway.fleet():
        free = consumer.workers - len(consumer.runs)
        assert (f"{consumer.key} ({free})" in said) == (not consumer.is_silent and free > 0)
