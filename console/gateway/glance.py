"""The whole system at a glance: its stores, its consumers, its queues, and how long jobs waited."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final, Literal

from msgspec import Struct
from textual.content import Content

from console.formats import ROW_LIMIT, safe_text

if TYPE_CHECKING:
    from console.gateway.fleet import ConsumerView
    from console.gateway.views import QueueRow
    from storage.doctor import Finding

Part = Literal["redis", "postgres", "objects"]
PARTS: Final[tuple[Part, ...]] = ("redis", "postgres", "objects")
BEHIND_S: Final = 10.0
"""From here on it is worth saying that history is behind, or that nobody writes it."""
Level = Literal["ok", "warn", "fail", "unknown"]
_WORST: Final[tuple[Level, ...]] = ("ok", "unknown", "warn", "fail")


class FindingView(Struct, frozen=True):
    """One thing that was looked at; ``remedy`` is empty when all is well."""

    level: Level
    subject: Content
    message: Content
    remedy: Content


class HealthView(Struct, frozen=True):
    """How one store is: the worst of its findings, and all of them. The first one says what it is."""

    part: Part
    level: Level
    findings: tuple[FindingView, ...]
    at: datetime


class Glance(Struct, frozen=True):
    """Queues and consumers of one instant."""

    queues: tuple[QueueRow, ...]
    fleet: tuple[ConsumerView, ...]


class Waits(Struct, frozen=True):
    """The age of the oldest waiting job in each of the last minutes, oldest first; None where nobody looked.

    ``problem`` says why there are none.
    """

    seconds: tuple[float | None, ...]
    problem: Content


class Lateness(Struct, frozen=True):
    """How far history is behind what happens, and whether anybody writes it. Where there is none, it is not late."""

    seconds: float = 0
    is_written: bool = True


def health_view(part: Part, findings: Sequence[Finding], at: datetime) -> HealthView:
    """Return the view of what was found about a store."""
    views = tuple(
        FindingView(
            one.level,
            safe_text(one.subject, limit=40),
            safe_text(one.message, limit=ROW_LIMIT),
            safe_text(one.remedy, limit=ROW_LIMIT),
        )
        for one in findings
    )
    level: Level = max((view.level for view in views), key=_WORST.index, default="unknown")
    return HealthView(part, level, views, at)


def unknown(part: Part, why: str, at: datetime) -> HealthView:
    """Return the view of a store that was not looked at, and why."""
    finding = FindingView("unknown", safe_text(part), safe_text(why, limit=ROW_LIMIT), Content(""))
    return HealthView(part, "unknown", (finding,), at)
