"""A job beside others of its task: how long they run, and what is different about it and the last success."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct, field
from textual.content import Content

from console.formats import compact, duration, safe_text
from storage.history.histogram import bucket_of, quantile
from storage.redaction import MASK, Redactor
from storage.wording import short_id

if TYPE_CHECKING:
    from storage.history.diff import Diff, Difference

NOTHING: Final = Content("")
ABSENT: Final = "–"
_NAMES: Final[Mapping[str, str]] = {"duration_ms": "duration", "wait_ms": "waited"}


class RunTimes(Struct, frozen=True):
    """How many runs of a task ended in each bucket of storage/history/histogram.py, within some days. ``mine_s`` is how
    long this job's last run took, or takes; ``problem`` says why nothing is known."""

    counts: tuple[int, ...] = ()
    days: int = 0
    mine_s: float | None = None
    is_running: bool = False
    problem: Content = NOTHING

    @property
    def total(self) -> int:
        """How many runs there are."""
        return sum(self.counts)

    @property
    def mine(self) -> int | None:
        """The bucket of this job's own run."""
        return None if self.mine_s is None else bucket_of(round(self.mine_s * 1000))

    @property
    def longer_than(self) -> int:
        """How many runs were in shorter buckets than this job's."""
        return 0 if self.mine is None else sum(self.counts[: self.mine])

    def quantile_s(self, share: float) -> float | None:
        """Return the seconds that a share of all runs is not longer than."""
        found = quantile(self.counts, share)
        return None if found is None else found / 1000


class DifferenceView(Struct, frozen=True):
    """One thing that is not the same: what, here, there, and what that means."""

    name: Content
    mine: Content
    other: Content
    note: str = ""


class DiffView(Struct, frozen=True):
    """A job beside the last success of its task; ``problem`` says why there is nothing to compare."""

    other_key: str = ""
    other: Content = NOTHING
    ended_at: datetime | None = None
    is_before: bool = True
    differences: tuple[DifferenceView, ...] = ()
    same: tuple[Content, ...] = ()
    is_cut: bool = False
    problem: Content = NOTHING


class BesideView(Struct, frozen=True):
    """Both."""

    key: str
    times: RunTimes = field(default_factory=RunTimes)
    diff: DiffView = field(default_factory=DiffView)


def diff_view(found: Diff, redactor: Redactor) -> DiffView:
    """Make a comparison into a view, without secrets."""
    other = found.other
    return DiffView(
        other_key=other.id,
        other=safe_text(short_id(other.id)),
        ended_at=other.finished_at,
        is_before=found.is_before,
        differences=tuple(_difference(one, redactor) for one in found.differences),
        same=tuple(safe_text(_NAMES.get(name, name), limit=80) for name in found.same),
        is_cut=found.is_cut,
    )


def _difference(one: Difference, redactor: Redactor) -> DifferenceView:
    name = _NAMES.get(one.path, one.path)
    if one.path in _NAMES:
        mine, other = (ABSENT if value is None else duration(value / 1000) for value in (one.job, one.other))
        return DifferenceView(Content(name), Content(mine), Content(other), _ratio(one.job, one.other))
    is_secret = any(redactor.is_secret(part) for part in one.path.split(".")[1:])
    mine, other = (
        ABSENT if one.present == absent else _written(value, redactor, is_secret)
        for value, absent in ((one.job, "other"), (one.other, "job"))
    )
    note = {"job": "only here", "other": "only there"}.get(one.present, "")
    return DifferenceView(safe_text(name, limit=120), safe_text(mine, limit=300), safe_text(other, limit=300), note)


def _written(value: Any, redactor: Redactor, is_secret: bool) -> str:
    if is_secret:
        return MASK
    text = value if isinstance(value, str) and value else compact(value, 300)
    if isinstance(value, str) and value and _looks_like_json(value):
        text = json.dumps(value, ensure_ascii=False)
    return redactor.redact_text(text)


def _looks_like_json(text: str) -> bool:
    """Say whether a text would be read as another value without its quotes: "1" is not 1."""
    try:
        return not isinstance(json.loads(text), str)
    except ValueError:
        return False


def _ratio(mine: int | None, other: int | None) -> str:
    """Say how many times as long it took, when that is worth a word."""
    if not mine or not other or 0.8 < mine / other < 1.25:
        return ""
    times = mine / other
    if times < 0.01:
        return "less than 0.01 times as long"
    return f"{times:.2f} times as long" if times < 1 else f"{times:,.1f} times as long"
