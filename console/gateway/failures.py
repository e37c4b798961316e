"""Groups of failures as they are drawn: what broke, how often, since when, where, and what operators said of it.

What history alone knows (trends, hosts, versions, marks) is None or empty while nobody can ask it, never 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final

from msgspec import Struct, field
from textual.content import Content

from console.formats import ROW_LIMIT, safe_text
from console.gateway.tracebacks import read
from storage.wording import SHORT_ID, short_id, short_name

if TYPE_CHECKING:
    from console.gateway.views import FrameView
    from storage.broker.records import FailureGroup
    from storage.history.failures import Group, GroupState

HIDDEN: Final = ("muted", "resolved")
"""States of groups that nobody has to look at."""


class MarkView(Struct, frozen=True):
    """What an operator said of a group, and when."""

    state: str
    note: Content
    by: Content
    at: datetime


class TrendView(Struct, frozen=True):
    """Failed attempts within the last hour, three, a day and a week; by hour of the last day, oldest first; and all
    that history still has."""

    hour: int
    three_hours: int
    day: int
    week: int
    hours: tuple[int, ...]
    attempts: int


class GroupRow(Struct, frozen=True):
    """Failures of one cause. ``dead`` counts the jobs that are dead of it (None: can not be known then); ``trend`` is
    None when history can not be asked. ``sample_key`` is the job that failed last."""

    key: str
    short_id: Content
    state: GroupState
    mark: MarkView | None
    task: Content
    error_type: Content
    message: Content
    dead: int | None
    trend: TrendView | None
    first_seen_at: datetime
    last_seen_at: datetime
    hosts: tuple[Content, ...]
    versions: tuple[Content, ...]
    sample_key: str
    sample: Content

    @property
    def error(self) -> Content:
        """Type and message in a line."""
        return Content.assemble(self.error_type, ": ", self.message) if self.error_type else self.message

    @property
    def is_live(self) -> bool:
        """Whether somebody has to look at it: a job of it is dead, or it failed within the last hour."""
        failing = self.trend is not None and self.trend.hour > 0
        return self.state not in HIDDEN and (self.dead is None or self.dead > 0 or failing)

    @property
    def is_quiet(self) -> bool:
        """Whether it is over for now, though nobody has said so."""
        return self.state not in HIDDEN and not self.is_live


class FailuresView(Struct, frozen=True):
    """All groups, the one with the latest failure first; ``trouble`` says what is not known of them, and why."""

    groups: tuple[GroupRow, ...]
    trouble: Content = field(default_factory=lambda: Content(""))


class PlaceView(Struct, frozen=True):
    """Where the sample of a group broke: the innermost frame of the application's own code, and the exception."""

    sample_key: str
    frame: FrameView | None
    exception: Content


def group_row(group: Group) -> GroupRow:
    """Make a group that history knows into a view."""
    trend = group.trend
    mark = group.mark
    return GroupRow(
        key=group.fingerprint,
        short_id=safe_text(group.fingerprint[:SHORT_ID]),
        state=group.state,
        mark=None
        if mark is None
        else MarkView(mark.state, safe_text(mark.note, limit=300), safe_text(mark.by, limit=60), mark.at),
        task=safe_text(short_name(group.task), limit=120),
        error_type=safe_text(group.error_type, limit=120),
        message=safe_text(group.message, limit=ROW_LIMIT),
        dead=group.dead,
        trend=TrendView(trend.hour, trend.three_hours, trend.day, trend.week, trend.hours, group.attempts),
        first_seen_at=group.first_seen_at,
        last_seen_at=group.last_seen_at,
        hosts=tuple(safe_text(host, limit=80) for host in group.hosts),
        versions=tuple(safe_text(version, limit=40) for version in group.versions),
        sample_key=group.sample,
        sample=safe_text(short_id(group.sample)),
    )


def live_row(group: FailureGroup) -> GroupRow:
    """Make a group that only the broker was asked for into a view."""
    return GroupRow(
        key=group.fingerprint,
        short_id=safe_text(group.fingerprint[:SHORT_ID]),
        state="open",
        mark=None,
        task=safe_text(short_name(group.task), limit=120),
        error_type=safe_text(group.error_type, limit=120),
        message=safe_text(group.message, limit=ROW_LIMIT),
        dead=group.count,
        trend=None,
        first_seen_at=group.first_seen_at,
        last_seen_at=group.last_seen_at,
        hosts=(),
        versions=(),
        sample_key=group.sample,
        sample=safe_text(short_id(group.sample)),
    )


def group_of_label(label: Content, key: str) -> bool:
    """Say whether a canary with that label requeues a group."""
    head, _, prefix = label.plain.partition(" ")
    return head == "group" and bool(prefix) and key.startswith(prefix)


def place_view(sample_key: str, traceback: str) -> PlaceView:
    """Find where a traceback broke; one without frames of the application has a library's innermost one."""
    parts = read(traceback)
    frames: Sequence[FrameView] = [frame for part in parts for frame in part.frames]
    own = [frame for frame in frames if frame.application]
    chosen = own[-1] if own else frames[-1] if frames else None
    return PlaceView(sample_key, chosen, parts[-1].exception if parts else Content(""))
