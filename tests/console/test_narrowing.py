"""Narrowing by a state, over random filters: it means the rest of the filter and that state, and nothing else."""

import random
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Final

import pytest

from console.gateway.criteria import parsed
from console.gateway.demo_jobs import entry_of
from console.gateway.demo_night import canned_jobs
from console.gateway.narrowing import UNNARROWED, with_state
from storage.broker.records import STATES, State
from storage.errors import FilterError
from storage.history.entries import Entry
from storage.history.filters import All, Any, Filter, Node, Not
from storage.history.matching import matches
from storage.history.query import DEEPEST, MOST_CHARS, MOST_TERMS

NOW: Final = datetime(2026, 3, 14, 2, 47, tzinfo=UTC)
FILTERS: Final = 2_000
JOBS_PER_STATE: Final = 6
STATE_LEAVES: Final = (
    *("state:dead", "state:queued", "STATE:dead", "State:running", "state:DEAD", 'state:"dead"', 'state:de"ad"'),
    *("state:dead,queued", 'state:dead,"queued"', "state:succeeded,dead,running", 'state:"running",RETRYING'),
)
OTHER_LEAVES: Final = (
    *("send_email", '"send"', "queue:email", "queue:email,default", "task:send", "err:SMTP", 'err:"SMTP"'),
    *("attempt:>=2", "dur:>1s"),
    *("last:1h", "last:20m", "at:02:40..03:10", '"state:dead"', 'err:"(state:dead"', "args.to:state:dead"),
    *('args."state:dead":x', 'err:"a \\" state:dead"', "host:w1", "nothing", "w*", "é"),
)
SPACES: Final = (" ", " ", "  ", "\n", " AND ", "  AND\t")


@cache
def entries() -> dict[str, Entry]:
    """A few canned jobs of each state, by id."""
    found = [entry_of(canned) for canned in canned_jobs()]
    chosen = [one for state in STATES for one in [job for job in found if job.state == state][:JOBS_PER_STATE]]
    return {one.id: one for one in chosen}


def matching(text: str) -> frozenset[str]:
    """The ids of those that a filter lets through."""
    return of_node(parsed(text, NOW, UTC).node)


@cache
def of_node(node: Node | None) -> frozenset[str]:
    match node:
        case Not():
            return frozenset(entries()) - of_node(node.node)
        case All():
            return frozenset.intersection(*map(of_node, node.nodes))
        case Any():
            return frozenset.union(*map(of_node, node.nodes))
        case _:
            given = Filter(node, NOW)
            return frozenset(name for name, entry in entries().items() if matches(given, entry))


@dataclass(frozen=True)
class Written:
    """A piece of a filter: what it matches, and what it matches without the states that it demands by itself."""

    text: str
    whole: frozenset[str]
    rest: frozenset[str]


class Writer:
    """Writes random filters by the grammar, and says from how they are built what they match."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.every = frozenset(entries())

    def either(self, depth: int) -> Written:
        ways = [self.both(depth) for _ in range(self.chance.choice((1, 1, 1, 2, 3)))]
        whole = frozenset[str]().union(*(way.whole for way in ways))
        return Written(" OR ".join(way.text for way in ways), whole, ways[0].rest if len(ways) == 1 else whole)

    def both(self, depth: int) -> Written:
        parts = [self.one(depth) for _ in range(self.chance.choice((1, 2, 2, 3, 4)))]
        text = parts[0].text
        for part in parts[1:]:
            touches = ("", "AND") if text[-1] == ")" and part.text[0] == "(" else ()
            text += self.chance.choice((*SPACES, *touches)) + part.text
        whole = self.every.intersection(*(part.whole for part in parts))
        return Written(text, whole, self.every.intersection(*(part.rest for part in parts)))

    def one(self, depth: int) -> Written:
        kind = self.chance.choice(("state", "state", "other", "other", "group", "not") if depth else ("state", "other"))
        if kind == "group":
            inner = self.either(depth - 1)
            left, right = (self.chance.choice(("", "", " ")) for _ in range(2))
            return Written(f"({left}{inner.text}{right})", inner.whole, inner.rest)
        if kind == "not":
            inner = self.one(depth - 1)
            outside = self.every - inner.whole
            return Written(self.chance.choice(("-", "NOT ", "NOT  ")) + inner.text, outside, outside)
        text = self.chance.choice(STATE_LEAVES if kind == "state" else OTHER_LEAVES)
        found = matching(text)
        return Written(text, found, self.every if kind == "state" else found)


def test_a_state_in_place_of_another_matches_the_rest_of_the_filter_in_that_state_and_all_takes_it_away() -> None:
    writer = Writer(7)
    differing = 0
    for _ in range(FILTERS):
        written = writer.either(2)
        assert matching(written.text) == written.whole, written.text
        state: State = writer.chance.choice(STATES)
        narrowed = with_state(written.text, NOW, state, UTC)
        in_state = {name for name, entry in entries().items() if entry.state == state}
        assert matching(narrowed) == written.rest & in_state, (written.text, narrowed)
        every = with_state(written.text, NOW, None, UTC)
        assert matching(every) == written.rest, (written.text, every)
        assert matching(with_state(narrowed, NOW, None, UTC)) == written.rest, narrowed
        differing += bool(written.rest & in_state) and written.rest != writer.every
    assert differing > FILTERS / 10


DEEP: Final = DEEPEST - 1


@pytest.mark.parametrize(
    "text", ["x" * (MOST_CHARS - 5), " ".join(["x"] * MOST_TERMS), f"a OR {'(' * DEEP}b c{')' * DEEP}"]
)
def test_a_filter_that_has_no_room_for_a_state_is_not_narrowed(text: str) -> None:
    parsed(text, NOW, UTC)
    with pytest.raises(FilterError, match=UNNARROWED):
        with_state(text, NOW, "dead", UTC)
    assert with_state(text, NOW, None, UTC) == text
