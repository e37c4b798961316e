"""A flow as lines: its tree, and where it is stuck."""

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
    assert lines["b"].note.plain == "stuck here: r requeues it · E: no"
    assert lines["a"].note.plain == "waits for 2 of 2"


def test_what_is_forgotten_or_left_out_is_said() -> None:
    lines = flow_lines(node("a", "blocked", node("b", ""), left_out=1_200), "a")
    assert lines[1].note.plain == "past its retention"
    assert lines[0].note.plain.endswith("1,200 more are not shown")
