"""The filter of a list of jobs as the console carries it: the text that an operator wrote, parsed anew for each answer.

So "last:1h" is the last hour at each of them. "" is every job. Clock times and dates are this machine's, as they are
for the actions that a filter chooses the jobs of.
"""

from datetime import UTC, datetime, tzinfo

from storage import audit_search
from storage.broker.records import FINISHED, STATES, State
from storage.history import query
from storage.history.filters import All, Filter, Is, Node

OPEN: tuple[State, ...] = tuple(state for state in STATES if state not in FINISHED)
Plain = tuple[tuple[State, ...], tuple[str, ...]]


def parsed(text: str, now: datetime, zone: tzinfo | None = None) -> Filter:
    """Read a filter as of an instant. Raises FilterError, which says where and what."""
    return query.parse(text, now=now, zone=_zone(now, zone))


def state_parts(text: str, now: datetime, zone: tzinfo | None = None) -> tuple[tuple[int, int], ...]:
    """Where a filter says the states of all that match. Raises FilterError, which says where and what."""
    return query.state_parts(text, now=now, zone=_zone(now, zone))


def parsed_audit(text: str, now: datetime, zone: tzinfo | None = None) -> Filter:
    """Read a filter of actions as of an instant. Raises FilterError, which says where and what."""
    return audit_search.parse(text, now=now, zone=_zone(now, zone))


def _zone(now: datetime, zone: tzinfo | None) -> tzinfo:
    return zone or now.astimezone().tzinfo or UTC


def plain(given: Filter) -> Plain | None:
    """The states and queues of a filter that says nothing else, which Redis can answer; no queues: all of them."""
    nodes: tuple[Node, ...] = given.node.nodes if isinstance(given.node, All) else (given.node,) if given.node else ()
    said: dict[str, tuple[str, ...]] = {}
    for node in nodes:
        if not isinstance(node, Is) or node.field not in ("state", "queue") or node.field in said:
            return None
        if node.field == "queue" and any("*" in value for value in node.values):
            return None
        said[node.field] = node.values
    states = tuple(state for state in STATES if state in said.get("state", STATES))
    return states, said.get("queue", ())


def of_queue(queue: str) -> str:
    """The filter of one queue's jobs."""
    return str(Is("queue", (queue,)))


def of_group(fingerprint: str) -> str:
    """The filter of the jobs of a group of failures, by how its fingerprint begins."""
    return str(Is("group", (fingerprint,)))


def of_states(*states: State) -> str:
    """The filter of the jobs in some states."""
    return str(Is("state", states))
