"""What runs now and what broke of late, in a few lines: for terminals with rows to spare."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from textual.content import Content

from console.formats import Moment, duration
from console.widgets.drawn import Drawn
from console.widgets.fleet_table import elapsed_s, is_slow
from console.widgets.page import heading, side_by_side
from storage.wording import plural

if TYPE_CHECKING:
    from console.gateway.failures import FailuresView, GroupRow
    from console.gateway.fleet import ConsumerView, RunView

Room = tuple[int, int]
"""Cells and lines that there are."""
SIDE_BY_SIDE: Final = 150
"""From this width on, the two parts stand beside each other."""


class Happenings(Drawn):
    """Running jobs, the one that takes longest at first; and open groups of failures, the most frequent at first."""

    DEFAULT_CSS = """
    Happenings { height: 1fr; padding: 1 1 0 1; display: none; }
    Happenings.-stale { opacity: 55%; }
    """

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self._fleet: Sequence[ConsumerView] | None = None
        self._failures: FailuresView | None = None
        self._moment: Moment | None = None

    def show(self, fleet: Sequence[ConsumerView] | None, failures: FailuresView | None, moment: Moment) -> None:
        """Take in who runs what, and what broke; None is not known (yet)."""
        if (fleet, failures, moment) != (self._fleet, self._failures, self._moment):
            self._fleet, self._failures, self._moment = fleet, failures, moment
            self.redraw()

    def draw(self) -> Sequence[Content]:
        """Write as many lines of each as there is room for."""
        if self._fleet is None or self._moment is None:
            return ()
        width, height = self.content_size
        beside = width >= SIDE_BY_SIDE and self._failures is not None
        each = (width - 2) // 2 if beside else width
        rows = height if beside or self._failures is None else (height - 1) // 2
        left = _running(self._fleet, self._moment, (each, rows))
        right = [] if self._failures is None else _broke(self._failures, self._moment, (each, rows))
        lines = side_by_side(left, right, each) if beside else [*left, Content(""), *right]
        return lines[:height]


def _listed(head: Sequence[Content], entries: Sequence[Content], total: int, room: Room) -> list[Content]:
    """Return heading lines and as many entries as fit; those that are left out are counted."""
    width, rows = room
    lines = [*head, *entries]
    if len(head) + total > rows > len(head):
        left_out = total - (rows - len(head) - 1)
        lines = [*lines[: rows - 1], Content.styled(f"  and {left_out:,} more", "$muted")]
    return [line.truncate(width, ellipsis=True) for line in lines[: max(1, rows)]]


def _running(fleet: Sequence[ConsumerView], moment: Moment, room: Room) -> list[Content]:
    width, rows = room
    runs = sorted(
        ((consumer, run) for consumer in fleet for run in consumer.runs),
        key=lambda pair: elapsed_s(pair[1], moment),
        reverse=True,
    )
    head = heading(
        "Ran then" if moment.is_past else "Runs now",
        width,
        f"{plural(len(runs), 'job')}, the longest first" if runs else "nothing",
    )
    return _listed([head], [_run(consumer, run, moment) for consumer, run in runs[:rows]], len(runs), room)


def _run(consumer: ConsumerView, run: RunView, moment: Moment) -> Content:
    slow = is_slow(run, moment)
    usual = "" if run.p95_s is None else f"{'▲' if slow else ' '} p95 {duration(run.p95_s)}"
    return Content.assemble(
        (f"{duration(elapsed_s(run, moment)):>7} ", "$warning" if slow else "$foreground"),
        (f"{usual:<15}", "$warning" if slow else "$muted"),
        run.job.short_id.stylize("$primary"),
        "  ",
        run.job.task.stylize("$strong"),
        (" on ", "$muted"),
        consumer.name.stylize("$muted"),
        ("  ", ""),
        run.job.note.stylize("$muted"),
    )


def _broke(found: FailuresView, moment: Moment, room: Room) -> list[Content]:
    width, rows = room
    groups = sorted((one for one in found.groups if one.is_live), key=_weight, reverse=True)
    head = [heading("Broke of late", width, f"{plural(len(groups), 'group')}; 4 shows them" if groups else "nothing")]
    if found.trouble.plain:
        head.append(Content.assemble(("can not know all: ", "$warning"), found.trouble.stylize("$muted")))
    return _listed(head, [_group(one, moment) for one in groups[:rows]], len(groups), room)


def _weight(one: GroupRow) -> tuple[int, int]:
    return (one.trend.day if one.trend is not None else 0, one.dead or 0)


def _group(one: GroupRow, moment: Moment) -> Content:
    often = "" if one.trend is None else f"{one.trend.day:,} in 24 h"
    dead = f"{one.dead:,} dead" if one.dead else ""
    return Content.assemble(
        (f"{often:>11} ", "$foreground"),
        (f"{dead:>9}  ", "$error"),
        one.task.stylize("$strong"),
        "  ",
        one.error.stylize("$foreground"),
        (f"  last {moment.ago(one.last_seen_at)}", "$muted"),
    )
