"""A filter narrowed to one state, in the operator's own words: the rest of what was written stays as it was written.

A written "last:1h" must not become the hour that it was when a tab was chosen, so the text is changed and not the tree;
the tree then says whether the changed text means what it should.
"""

from datetime import datetime, tzinfo
from typing import Final

from console.gateway.criteria import parsed, state_parts
from storage.broker.records import State
from storage.errors import FilterError
from storage.history.filters import All, Any, Filter, Is, Node

UNNARROWED: Final = "this filter can not be narrowed by state here"


def tab_of(given: Filter) -> str | None:
    """Return the one state that all that match are in; "" where the filter names none, None where it names more."""
    named = [node.values for node in _together(given) if _is_state(node) and isinstance(node, Is)]
    if not named:
        return None if any(isinstance(leaf, Is) and leaf.field == "state" for leaf in given.leaves()) else ""
    return named[0][0] if len(named) == 1 and len(named[0]) == 1 else None


def with_state(text: str, now: datetime, state: State | None, zone: tzinfo | None = None) -> str:
    """Return a filter's text with another state in the place of those that all that match are in; None: with none.

    Raises:
        FilterError: the text is no filter, or no longer means the same with the state in it.
    """
    given = parsed(text, now, zone)
    others = Filter(None, now)
    for node in _together(given):
        others = others if _is_state(node) else others.narrowed(node)
    narrowed = rest = _rest(text, now, zone)
    if state is not None:
        if isinstance(others.node, Any):
            rest = f"({_opened(rest, now, zone)})"
        narrowed = f"state:{state} {rest}".strip()
    meant = others if state is None else Filter(Is("state", (state,)), now).narrowed(others.node)
    if not _means(narrowed, meant, zone):
        raise FilterError(UNNARROWED)
    return narrowed


def _together(given: Filter) -> tuple[Node, ...]:
    if isinstance(given.node, All):
        return given.node.nodes
    return (given.node,) if given.node is not None else ()


def _is_state(node: Node) -> bool:
    return isinstance(node, Is) and node.field == "state"


def _rest(text: str, now: datetime, zone: tzinfo | None) -> str:
    """The text without what it says by itself of states."""
    if not state_parts(text, now, zone):
        return text.strip()
    text = _opened(text, now, zone)
    kept, done = "", 0
    for start, end in (*state_parts(text, now, zone), (len(text), len(text))):
        kept, done = _joined(kept, text[done:start]), end
    return kept.strip()


def _joined(left: str, right: str) -> str:
    """Two texts that do not run into each other."""
    is_apart = not left or not right or left[-1].isspace() or right[0].isspace() or left[-1] == "(" or right[0] == ")"
    return left + right if is_apart else f"{left} {right}"


def _opened(text: str, now: datetime, zone: tzinfo | None) -> str:
    """The text without parentheses around all of it."""
    text = text.strip()
    meant = parsed(text, now, zone)
    while text[:1] == "(" and text[-1:] == ")" and _means(text[1:-1], meant, zone):
        text = text[1:-1].strip()
    return text


def _means(text: str, meant: Filter, zone: tzinfo | None) -> bool:
    try:
        return parsed(text, meant.now, zone) == meant
    except FilterError:
        return False
