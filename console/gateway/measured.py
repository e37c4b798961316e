"""What only the books know of queues: how long their jobs wait and run, and who has limited them, since when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final

from msgspec import Struct, field
from textual.content import Content

from console.formats import safe_text
from storage.values import replace

if TYPE_CHECKING:
    from console.gateway.views import QueueRow
    from storage.history.measures import Quantiles, Stats

MINUTES: Final = 60
"""How far back waits and runs are measured."""


class Spans(Struct, frozen=True):
    """Half of all took at most ``p50_s`` seconds, and so on."""

    p50_s: float
    p95_s: float
    p99_s: float


class MeasuredView(Struct, frozen=True):
    """How long a queue's jobs waited and ran in the last hour; None: none did."""

    wait: Spans | None
    run: Spans | None


class SetterView(Struct, frozen=True):
    """Who set something, and when."""

    by: Content
    at: datetime


class Measures(Struct, frozen=True):
    """What the books know, by queue. A queue that is not in ``queues`` started and ended nothing in that time.

    ``problem`` says why nothing is known.
    """

    queues: Mapping[str, MeasuredView] = field(default_factory=dict)
    limited: Mapping[str, SetterView] = field(default_factory=dict)
    problem: Content = field(default_factory=lambda: Content(""))


IDLE: Final = MeasuredView(None, None)


def measures_of(found: Stats) -> dict[str, MeasuredView]:
    """Return what was measured of each queue."""
    return {row.queue: MeasuredView(_spans(row.wait), _spans(row.run)) for row in found.rows}


def setter_view(by: str, at: datetime) -> SetterView:
    """Return who set something."""
    return SetterView(safe_text(by, limit=80), at)


def _spans(found: Quantiles) -> Spans | None:
    if found.p50_s is None or found.p95_s is None or found.p99_s is None:
        return None
    return Spans(found.p50_s, found.p95_s, found.p99_s)


def with_measures(rows: Sequence[QueueRow], known: Measures | None) -> tuple[QueueRow, ...]:
    """Put what the books know beside what is now: nothing, before they were asked and when they can not say."""
    if known is None or known.problem.plain:
        return tuple(rows)
    return tuple(_with(row, known) for row in rows)


def _with(row: QueueRow, known: Measures) -> QueueRow:
    setter = known.limited.get(row.key)
    limit = row.limit if row.limit is None or setter is None else replace(row.limit, setter=setter)
    return replace(row, limit=limit, measured=known.queues.get(row.key, IDLE))
