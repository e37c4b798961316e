"""A filter of jobs as a tree of frozen values; ``str`` writes one so that `storage.history.query.parse` reads it again.

Numbers are whole and in the smallest unit: milliseconds, attempts. Instants are aware UTC.
"""

import re
from collections.abc import Callable, Iterator
from datetime import datetime

from msgspec import Struct

_BARE = re.compile(r"[^\s\"(),:\\-][^\s\"(),:\\]*\Z")
_SEGMENT = re.compile(r"[^\s\"(),:.\\]+\Z")
_KEYWORDS = ("OR", "AND", "NOT")
MS_UNITS = (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1))


class Word(Struct, frozen=True):
    """A part of the task's name or of the error, or the beginning of words in the arguments."""

    text: str

    def __str__(self) -> str:
        is_argument = self.text.lower().startswith("args.")  # or would be read as one
        is_bare = _BARE.match(self.text) and self.text.upper() not in _KEYWORDS and not is_argument
        return self.text if is_bare else quoted(self.text)


class Is(Struct, frozen=True):
    """A field that holds text is one of these; ``*`` stands for any characters where a name is asked for."""

    field: str
    values: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.field}:{','.join(map(written, self.values))}"


class Argument(Struct, frozen=True):
    """The argument at a path is, or is a list that has, one of these."""

    path: tuple[str, ...]
    values: tuple[str, ...]

    def __str__(self) -> str:
        path = "".join(f".{segment(part)}" for part in self.path)
        return f"args{path}:{','.join(map(written, self.values))}"


class Span(Struct, frozen=True):
    """Numbers from ``low`` to ``high``, both included; None: without an end on that side."""

    low: int | None
    high: int | None

    def holds(self, number: int) -> bool:
        """Whether a number is one of them."""
        return (self.low is None or number >= self.low) and (self.high is None or number <= self.high)


class Between(Struct, frozen=True):
    """A field that holds a number is in one of these spans: attempt, and in ms dur, wait and age."""

    field: str
    spans: tuple[Span, ...]

    def __str__(self) -> str:
        write: Callable[[int], str] = str if self.field == "attempt" else duration
        return f"{self.field}:{','.join(_span(one, write) for one in self.spans)}"


class Window(Struct, frozen=True):
    """The time from ``start_at`` until right before ``end_at``; None: without an end on that side."""

    start_at: datetime | None
    end_at: datetime | None

    def holds(self, at: datetime) -> bool:
        """Whether an instant is in it."""
        return (self.start_at is None or at >= self.start_at) and (self.end_at is None or at < self.end_at)

    def __str__(self) -> str:
        start, end = ("" if at is None else instant(at) for at in (self.start_at, self.end_at))
        return f"{start}..{end}"


class During(Struct, frozen=True):
    """The job was created in one of these windows."""

    windows: tuple[Window, ...]

    def __str__(self) -> str:
        return f"at:{','.join(map(str, self.windows))}"


class Not(Struct, frozen=True):
    """What the node does not match."""

    node: "Node"

    def __str__(self) -> str:
        return f"-({self.node})" if isinstance(self.node, All | Any) else f"-{self.node}"


class All(Struct, frozen=True):
    """What each of two or more nodes matches; none of them is an All."""

    nodes: tuple["Node", ...]

    def __str__(self) -> str:
        return " ".join(f"({node})" if isinstance(node, Any) else str(node) for node in self.nodes)


class Any(Struct, frozen=True):
    """What one of two or more nodes matches; none of them is an Any."""

    nodes: tuple["Node", ...]

    def __str__(self) -> str:
        return " OR ".join(map(str, self.nodes))


Leaf = Word | Is | Argument | Between | During
Node = Leaf | Not | All | Any


class Filter(Struct, frozen=True):
    """Which jobs, as of ``now``, which the ages count from; ``node`` is None for all of them."""

    node: Node | None
    now: datetime

    def __str__(self) -> str:
        return "" if self.node is None else str(self.node)

    def leaves(self) -> Iterator[Leaf]:
        """Every condition in it."""
        waiting: list[Node] = [self.node] if self.node is not None else []
        while waiting:
            node = waiting.pop()
            if isinstance(node, Not):
                waiting.append(node.node)
            elif isinstance(node, All | Any):
                waiting += node.nodes
            else:
                yield node

    def narrowed(self, node: Node | None) -> "Filter":
        """What matches this and the node too."""
        nodes = [one for given in (self.node, node) if given is not None for one in _parts(given)]
        return Filter(All(tuple(nodes)) if len(nodes) > 1 else next(iter(nodes), None), self.now)


def _parts(node: Node) -> tuple[Node, ...]:
    return node.nodes if isinstance(node, All) else (node,)


# -- how values are written ------------------------------------------------------------------------------------


def written(value: str) -> str:
    """A value of a field, in quotes where it must be."""
    return value if re.match(r"[^\s\"(),\\]+\Z", value) else quoted(value)


def segment(part: str) -> str:
    """A part of an argument's path, in quotes where it must be."""
    return part if _SEGMENT.match(part) else quoted(part)


def quoted(text: str) -> str:
    """A text in quotes."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def duration(ms: int) -> str:
    """A duration in the largest unit in which it is a whole number: 90s, 3h, 20ms."""
    unit, size = next((name, size) for name, size in MS_UNITS if ms % size == 0)
    return f"{ms // size}{unit}" if ms else "0s"


def instant(at: datetime) -> str:
    """An instant, in UTC."""
    return at.replace(tzinfo=None).isoformat() + "Z"


def _span(span: Span, write: Callable[[int], str]) -> str:
    low, high = ("" if end is None else write(end) for end in (span.low, span.high))
    if span.low is None:
        return f"<={high}"
    return f">={low}" if span.high is None else f"{low}..{high}"
