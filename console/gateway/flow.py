"""Flows as the console shows them: the tree of a job's jobs, a line each, and where it is stuck."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from msgspec import Struct
from textual.content import Content

from console.formats import safe_text
from storage.wording import short_id, short_name

if TYPE_CHECKING:
    from storage.broker.flows import FlowNode

_DONE: Final = ("succeeded",)


class FlowLine(Struct, frozen=True):
    """One job of a flow. ``branch`` draws its place in the tree; ``state`` is "" when its record is forgotten.

    ``note`` says what an operator should know of it: its error, that the flow is stuck here, how many are left out.
    ``is_asked`` marks the job that the flow was opened from.
    """

    key: str
    branch: str
    state: str
    short_id: Content
    task: Content
    queue: Content
    note: Content
    is_stuck: bool
    is_asked: bool


def flow_lines(root: FlowNode, asked: str) -> tuple[FlowLine, ...]:
    """Return the tree from its root, parents before children."""
    return tuple(_lines(root, asked, "", "", True))


def _lines(node: FlowNode, asked: str, lead: str, before: str, is_last: bool) -> Iterator[FlowLine]:
    stuck = _is_stuck(node)
    yield FlowLine(
        key=node.id,
        branch=lead,
        state=node.state,
        short_id=safe_text(short_id(node.id)),
        task=safe_text(short_name(node.task), limit=80),
        queue=safe_text(node.queue, limit=80),
        note=safe_text(_note(node, stuck), limit=300),
        is_stuck=stuck,
        is_asked=node.id == asked,
    )
    for number, child in enumerate(node.children, 1):
        last = number == len(node.children) and not node.left_out
        below = before if not lead else before + ("   " if is_last else "│  ")
        yield from _lines(child, asked, below + ("└─ " if last else "├─ "), below, last)


def _is_stuck(node: FlowNode) -> bool:
    """Whether the flow waits here: this one is not done, and it waits for no other of the flow."""
    return node.state not in _DONE and all(child.state in _DONE for child in node.children) and bool(node.state)


def _note(node: FlowNode, stuck: bool) -> str:
    parts = [node.error.split("\n", 1)[0]] if node.error and node.state in ("dead", "retrying") else []
    if stuck and node.state == "dead":
        parts.insert(0, "stuck: r requeues")
    elif stuck and node.state == "canceled":
        parts.insert(0, "canceled: those above go on without it, or not at all")
    waiting = [child for child in node.children if child.state not in _DONE]
    if node.state == "blocked" and waiting:
        parts.append(f"waits for {len(waiting)} of {len(node.children) + node.left_out}")
    if not node.state:
        parts.append("past its retention")
    if node.left_out:
        parts.append(f"{node.left_out:,} more are not shown")
    return " · ".join(parts)
