"""A filter narrowed to one state, in the operator's own words: the rest of what was written stays as it was written.

A written "last:1h" must not become the hour that it was when a tab was chosen, so the text is changed and not the tree.
"""

import re
from collections.abc import Iterator
from typing import Final

from storage.broker.records import State
from storage.history.filters import All, Any, Filter, Is, Node

_PIECE: Final = re.compile(r'"(?:[^"\\]|\\.)*"|[()]|\s+|[^\s"()]+')
_STATES: Final = re.compile(r"state:[a-z]+(?:,[a-z]+)*\Z")


def tab_of(given: Filter) -> str | None:
    """Return the one state that all that match are in; "" where the filter names none, None where it names more."""
    named = [node.values for node in _together(given) if isinstance(node, Is) and node.field == "state"]
    if not named:
        return None if any(isinstance(leaf, Is) and leaf.field == "state" for leaf in given.leaves()) else ""
    return named[0][0] if len(named) == 1 and len(named[0]) == 1 else None


def with_state(text: str, given: Filter, state: State | None) -> str:
    """Return a filter's text with another state in the place of the one that it names; None: with none."""
    rest = _without_state(_opened(text)) if any(_is_state(node) for node in _together(given)) else text.strip()
    if state is None:
        return rest
    is_apart = isinstance(given.node, Any) and not _is_one(rest)
    return f"state:{state} ({rest})" if is_apart else f"state:{state} {rest}".strip()


def _together(given: Filter) -> tuple[Node, ...]:
    if isinstance(given.node, All):
        return given.node.nodes
    return (given.node,) if given.node is not None else ()


def _is_state(node: Node) -> bool:
    return isinstance(node, Is) and node.field == "state"


def _without_state(text: str) -> str:
    """The text without the states that it names outside of parentheses and quotes."""
    kept: list[str] = []
    for piece, depth in _pieces(text):
        if depth or not _STATES.match(piece):
            kept.append(piece)
            continue
        while kept and (kept[-1].isspace() or kept[-1] == "AND"):
            kept.pop()
    while kept and (kept[0].isspace() or kept[0] == "AND"):
        kept.pop(0)
    return "".join(kept)


def _opened(text: str) -> str:
    """The text without parentheses around all of it."""
    text = text.strip()
    while _is_one(text):
        text = text[1:-1].strip()
    return text


def _is_one(text: str) -> bool:
    """Whether one pair of parentheses is around all of a text."""
    opens = [piece == "(" and depth == 1 for piece, depth in _pieces(text)]
    return sum(opens) == 1 and all(depth for _, depth in _pieces(text))


def _pieces(text: str) -> Iterator[tuple[str, int]]:
    """The pieces of a text, each with how deep in parentheses it stands; those of a pair stand in it."""
    depth = 0
    for found in _PIECE.finditer(text):
        piece = found.group()
        if piece == "(":
            depth += 1
        yield piece, depth
        if piece == ")":
            depth -= 1
