"""A filter as a condition of SQL. What the reader wrote is in the parameters only, never in the text.

Each leaf is written so that an index answers it (0006_search.sql has them). Tasks and queues that a leaf means by a
part of the name are looked up beforehand (`Known`), because a handful of names is quicker to ask for than a pattern.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from enum import Enum

from msgspec import Struct, field

from storage.broker.records import FINISHED, STATES
from storage.history import texts
from storage.history.filters import All, Any, Argument, Between, During, Is, Leaf, Node, Not, Span, Window, Word

OPEN = tuple(state for state in STATES if state not in FINISHED)
BY_BEGINNING = {"id": "id", "group": "fingerprint", "parent": "parent", "worker": "worker"}
HAS_ERROR = "(error <> '' OR error_type <> '')"
ERROR = "error_text(error_type, error)"
_FINISHED = f"state IN ({', '.join(repr(state) for state in FINISHED)})"
_OPEN = f"state IN ({', '.join(repr(state) for state in OPEN)})"
_WORDS = "words_of(args::text)"
_LINE_MATCHES = "words_of(message) @@ %s::tsquery AND strpos(lower(message), %s) > 0"
# Lines from around the window that is looked at; only of jobs that may have logged later than that, line by line.
_LOGGED = f"""(id IN (
    SELECT job_id FROM logs WHERE at >= %s::timestamptz - interval '1 hour' AND at < %s::timestamptz + interval '1 day'
        AND {{0}}
) OR ({_OPEN} OR finished_at >= %s::timestamptz + interval '23 hours') AND EXISTS (
    SELECT FROM logs WHERE logs.job_id = jobs.id AND logs.at >= jobs.created_at - interval '1 hour' AND logs.at <=
        CASE WHEN {_FINISHED} THEN jobs.finished_at + interval '1 hour' ELSE 'infinity' END AND {{0}}
))"""


class WindowEnd(Enum):
    """A parameter that is an end of the window that is looked at."""

    START = "-infinity"
    END = "infinity"


class Logged(Struct, frozen=True):
    """A parameter: the ids of the jobs in the window that may have logged something, of all that have, with when each
    did so last. No line is more than a day older than its job, whatever its clock says."""

    jobs: tuple[tuple[str, datetime], ...]

    def within(self, window: Window) -> list[str]:
        """Those whose job may be in a window."""
        since = None if window.start_at is None else window.start_at - timedelta(days=1)
        return [job_id for job_id, at in self.jobs if since is None or at >= since]


class Condition(Struct, frozen=True):
    """SQL over jobs with its parameters. ``is_nullable``: it may be NULL where it is not true."""

    sql: str
    parameters: tuple[object, ...] = ()
    is_nullable: bool = False

    def within(self, window: Window) -> "Condition":
        """The condition for jobs that were created in a window."""
        ends = {WindowEnd.START: window.start_at, WindowEnd.END: window.end_at}
        given: list[object] = []
        for one in self.parameters:
            if isinstance(one, WindowEnd):
                given.append(ends[one] or one.value)
            else:
                given.append(one.within(window) if isinstance(one, Logged) else one)
        return Condition(self.sql, tuple(given), self.is_nullable)


class Known(Struct, frozen=True):
    """What there is: the names of tasks and queues; and for a leaf on logs the ids of the jobs that it matches, when
    they are few (else it is not in here)."""

    tasks: Sequence[str] = ()
    queues: Sequence[str] = ()
    logged: Mapping[Leaf, Logged] = field(default_factory=dict)


def condition(node: Node | None, now: datetime, known: Known) -> Condition:
    """The condition that a tree says, as of an instant."""
    return Condition("true") if node is None else _Writer(now, known).node(node)


def line_condition(leaf: Is) -> Condition:
    """What a line of logs meets that a leaf on logs means."""
    each = [Condition(_LINE_MATCHES, (tsquery(value), texts.lowered(value))) for value in leaf.values]
    return _joined(" OR ", each)


class _Writer(Struct, frozen=True):
    now: datetime
    known: Known

    def node(self, node: Node) -> Condition:
        match node:
            case Not():
                inner = self.node(node.node)
                pattern = "({}) IS NOT TRUE" if inner.is_nullable else "NOT ({})"
                return Condition(pattern.format(inner.sql), inner.parameters)
            case All():
                return _joined(" AND ", map(self.node, node.nodes))
            case Any():
                return _joined(" OR ", map(self.node, node.nodes))
            case _:
                return self._leaf(node)

    def _leaf(self, node: Leaf) -> Condition:
        match node:
            case Word():
                return self._word(node.text)
            case Argument():
                return _joined(" OR ", (_argument(node.path, value) for value in node.values))
            case Between():
                return _joined(" OR ", (self._span(node.field, span) for span in node.spans))
            case During():
                return _joined(
                    " OR ", (_between("created_at", one.start_at, one.end_at, high="<") for one in node.windows)
                )
            case Is():
                return self._is(node)

    def _is(self, leaf: Is) -> Condition:
        if leaf.field == "state":
            return _equals("state", leaf.values)
        if leaf.field == "task":
            return _equals("task", _named(leaf.values, self.known.tasks, texts.names_task))
        if leaf.field == "queue":
            exact = [value for value in leaf.values if "*" not in value]
            meant = _named([value for value in leaf.values if "*" in value], self.known.queues, texts.glob)
            return _equals("queue", [*exact, *meant])
        if leaf.field == "log":
            return self._log(leaf)
        write = {"err": _error, "unique": _unique, "host": _host}.get(leaf.field)
        if write is not None:
            return _joined(" OR ", map(write, leaf.values))
        return _joined(" OR ", (_begins(BY_BEGINNING[leaf.field], value) for value in leaf.values))

    def _log(self, leaf: Is) -> Condition:
        if leaf in self.known.logged:
            return Condition("id = ANY (%s::text[])", (self.known.logged[leaf],))
        line = line_condition(leaf)
        ends = (WindowEnd.START, WindowEnd.END)
        return Condition(_LOGGED.format(line.sql), (*ends, *line.parameters, WindowEnd.END, *line.parameters), True)

    def _word(self, text: str) -> Condition:
        task = _equals("task", _named([text], self.known.tasks, _part))
        query = tsquery(text)
        if not query:
            return _joined(" OR ", (task, _error(text, is_literal=True)))
        holds = f"{_WORDS} @@ %s::tsquery"
        arguments = Condition(f"({_FINISHED} AND {holds} OR {_OPEN} AND {holds})", (query, query), is_nullable=True)
        return _joined(" OR ", (task, _error(text, is_literal=True), arguments))

    def _span(self, name: str, span: Span) -> Condition:
        if name == "age":
            return self._elapsed("created_at", span)
        if name == "attempt":
            return _between("attempt", span.low, span.high)
        state, since, column = _MEASURED[name]
        past, growing = _between(column, span.low, span.high), self._elapsed(since, span)
        sql = f"(state <> '{state}' AND {past.sql} OR state = '{state}' AND {growing.sql})"
        return Condition(sql, past.parameters + growing.parameters, is_nullable=True)

    def _elapsed(self, since: str, span: Span) -> Condition:
        """Whole milliseconds since then are in a span."""
        latest = self.now - _ms(span.low) if span.low is not None else None
        after = self.now - _ms(span.high + 1) if span.high is not None else None
        return _between(since, after, latest, low=">")


_MEASURED = {"dur": ("running", "started_at", "duration_ms"), "wait": ("queued", "queued_at", "wait_ms")}
"""By field: the state in which it still grows, what it grows from, and the column that has it at last."""


def _joined(word: str, conditions: Iterable[Condition]) -> Condition:
    given = list(conditions)
    if len(given) == 1:
        return given[0]
    return Condition(
        f"({word.join(one.sql for one in given)})",
        tuple(parameter for one in given for parameter in one.parameters),
        any(one.is_nullable for one in given),
    )


def _equals(column: str, values: Iterable[str]) -> Condition:
    wanted = sorted(set(values))
    if len(wanted) == 1:
        return Condition(f"{column} = %s", (wanted[0],))
    return Condition(f"{column} = ANY (%s)", (wanted,)) if wanted else Condition("false")


def _between(column: str, first: object, last: object, low: str = ">=", high: str = "<=") -> Condition:
    ends = [(f"{column} {sign} %s", end) for sign, end in ((low, first), (high, last)) if end is not None]
    return Condition(" AND ".join(sql for sql, _ in ends) or "true", tuple(end for _, end in ends))


def _begins(column: str, value: str) -> Condition:
    beginning = value.rstrip("*")
    if not beginning:
        return Condition(f"{column} <> ''")
    return Condition(f"({column} <> '' AND {column} LIKE %s)", (like(beginning) + "%",))


def _unique(value: str) -> Condition:
    if value.endswith("*"):
        return _begins("unique_key", value)
    return Condition("(unique_key <> '' AND unique_key = %s)", (value,))


def _host(value: str) -> Condition:
    if "*" in value:
        return Condition("(host <> '' AND host LIKE %s)", ("%".join(map(like, value.split("*"))),))
    return Condition("(host <> '' AND host = %s)", (value,))


def _error(value: str, *, is_literal: bool = False) -> Condition:
    if value == "*" and not is_literal:
        return Condition(HAS_ERROR)
    part = texts.lowered(value)
    sql, parameters = f"{HAS_ERROR} AND {ERROR} LIKE %s", (f"%{like(part)}%",)
    if len(part) < 3:
        return Condition(f"({sql})", parameters)
    return Condition(f"({sql} AND trigrams_of({ERROR}) @> %s)", (*parameters, list(texts.trigrams(part))))


def _argument(path: tuple[str, ...], value: str) -> Condition:
    """An argument: its words lead to the jobs that may have it, and then it is looked at."""
    keys = list(path)
    holds = Condition("args #>> %s::text[] IS NOT NULL", (keys,)) if value == "*" else _holds(keys, value)
    query = _tsquery(texts.argument_words(path, value), whole=True)
    if not query:
        return holds
    led = f"({_FINISHED} AND {_WORDS} @@ %s::tsquery AND {holds.sql} OR {_OPEN} AND {holds.sql})"
    return Condition(led, (query, *holds.parameters, *holds.parameters), is_nullable=True)


def _holds(path: list[str], value: str) -> Condition:
    """The value at a path is this one, or a list that has it."""
    sql = (
        "(args #>> %s::text[] = %s OR CASE WHEN jsonb_typeof(args #> %s::text[]) = 'array' THEN EXISTS ("
        "SELECT FROM jsonb_array_elements_text(args #> %s::text[]) AS element WHERE element = %s) ELSE false END)"
    )
    parameters: tuple[object, ...] = (path, value, path, path, value)
    if value == "null":
        return Condition(f"({sql} OR args #> %s::text[] = 'null')", (*parameters, path), is_nullable=True)
    return Condition(sql, parameters, is_nullable=True)


def _named(values: Iterable[str], names: Sequence[str], means: Callable[[str, str], bool]) -> list[str]:
    return [name for name in names if any(means(value, name) for value in values)]


def _part(value: str, name: str) -> bool:
    return texts.lowered(value) in texts.lowered(name)


def _ms(ms: int) -> timedelta:
    return timedelta(milliseconds=ms)


def like(text: str) -> str:
    """A text as a pattern of LIKE that only it matches."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def tsquery(term: str) -> str:
    """The words of a term, by how they begin, as a tsquery; "" when it has none."""
    return _tsquery(texts.words_asked(term), whole=False)


def _tsquery(words: Iterable[str], *, whole: bool) -> str:
    parts = []
    for word in words:
        beginning = "" if whole and len(word) < texts.LONGEST_WORD else ":*"
        parts.append("'" + word.replace("\\", "\\\\").replace("'", "''") + "'" + beginning)
    return " & ".join(parts)
