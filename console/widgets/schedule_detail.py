"""One schedule in words: its rule, its next five ticks, and how its ticks fared."""

from collections.abc import Sequence

from textual.content import Content

from console.formats import Moment, count
from console.gateway.timetable import ScheduleRow
from console.widgets.drawn import Drawn
from console.widgets.fitting import spread, whole
from console.widgets.schedule_table import status
from storage.wording import plural

POLICIES = {
    "skip": "missed ticks are left out",
    "latest": "of missed ticks the last one is made up",
    "all": "missed ticks are all made up",
}

NEXT, HOLD = 1, 3
"""Which of the lines say why there is no next tick, and who holds the schedule back."""


class ScheduleDetail(Drawn):
    """Says what the schedule under the cursor does next, and did."""

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self._row: ScheduleRow | None = None
        self._moment: Moment | None = None

    def show(self, row: ScheduleRow, moment: Moment) -> None:
        """Take a schedule in."""
        if (row, moment) != (self._row, self._moment):
            self._row, self._moment = row, moment
            self.redraw()

    def draw(self) -> Sequence[Content]:
        """Write four lines; what is too long has a row more."""
        if self._row is None or self._moment is None:
            return ()
        row, moment = self._row, self._moment
        width, height = self.content_size
        said = status(row)
        lines = [
            Content.assemble(row.name.stylize("bold $strong"), "  ", (said.text, f"${said.tone}"), "  ", _rule(row)),
            _next(row, moment, width),
            whole(_ticks(row, is_short=False), _ticks(row, is_short=True), width=width),
            _hold(row, moment),
        ]
        return spread(lines, width, height, (HOLD, NEXT))


def _rule(row: ScheduleRow) -> Content:
    if not row.rule.plain:
        return Content.styled("crontab()", "$faint")
    return Content.assemble(row.rule.stylize("$foreground"), " ", row.timezone)


def _next(row: ScheduleRow, moment: Moment, width: int) -> Content:
    label = Content.styled("next   ", "$muted")
    if row.problem.plain:
        return Content.assemble(label, row.problem.stylize("$warning"))
    if not row.next_at:
        return Content.assemble(label, ("none, until it is resumed", "$faint"))
    first, *others = row.next_at
    line = Content.assemble(
        label, (moment.short(first), "bold $strong"), (f" {moment.ago(first)}" if moment.is_absolute else "", "$muted")
    )
    for tick in others:
        longer = line + Content.assemble(("  ›  ", "$faint"), moment.short(tick))
        if longer.cell_length > width:
            break
        line = longer
    return line


def _ticks(row: ScheduleRow, *, is_short: bool) -> Content:
    parts = [Content.assemble((count(row.enqueued), "$foreground"), " ran")]
    for number, word, tone in (
        (row.late, "late", "$warning"),
        (row.missed, "missed" if is_short else "missed: nobody was there", "$error"),
        (row.skipped, "skipped" if is_short else "skipped while paused", "$warning"),
        (row.by_hand, "by hand", "$foreground"),
    ):
        if number:
            parts.append(Content.assemble((count(number), tone), f" {word}"))
    if row.enqueued and not (row.late or row.missed):
        parts.append(Content.styled("none late, none missed", "$success"))
    return Content.assemble(("ticks  ", "$muted"), Content.styled(" · ", "$faint").join(parts))


def _hold(row: ScheduleRow, moment: Moment) -> Content:
    hold = row.hold
    if hold is None:
        policy = POLICIES.get(row.policy.plain, "") if row.rule.plain else ""
        return Content.assemble(("queue  ", "$muted"), row.queue, (f" · {policy}" if policy else "", "$muted"))
    until = "until it is resumed" if hold.until_at is None else f"until {moment.short(hold.until_at)}"
    reason = Content.assemble(": ", hold.reason) if hold.reason.plain else Content("")
    return Content.assemble(
        ("‖ ", "$warning"), "paused by ", hold.by.stylize("bold"), f" {moment.ago(hold.at)}, {until}", reason
    )


def counted(rows: tuple[ScheduleRow, ...]) -> Content:
    """Say how many schedules are paused, and how many have missed ticks."""
    paused = sum(1 for row in rows if row.hold is not None)
    missed = sum(row.missed for row in rows)
    parts = []
    if missed:
        parts.append(Content.styled(f"{plural(missed, 'tick')} missed", "$warning"))
    if paused:
        parts.append(Content.styled(f"‖ {paused:,} paused", "$warning"))
    return Content(" · ").join(parts) if parts else Content.styled("all on time", "$success")
