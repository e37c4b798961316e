"""One group of failures in more detail: the error, where it broke, since when and where, and what was said of it."""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct
from textual.content import Content

from console.formats import Moment, count
from console.gateway.acting import CanaryRow
from console.gateway.failures import GroupRow, PlaceView
from console.widgets.drawn import Drawn
from console.widgets.failure_table import drawn_state
from console.widgets.fitting import listed, spread
from console.widgets.queue_detail import bars
from console.widgets.write_bar import canary_line
from storage.wording import plural

CHART: Final = 24
"""Hours of the chart."""


class Shown(Struct, frozen=True):
    """A group with where its sample broke (None: not known yet), and the canary that requeues it, if there is one."""

    row: GroupRow
    place: PlaceView | None
    canary: CanaryRow | None
    moment: Moment


class FailureDetail(Drawn):
    """Words on the left, failures by hour on the right; a canary of the group has a line of its own."""

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self._shown: Shown | None = None

    def show(self, shown: Shown) -> None:
        """Take a group in."""
        if shown != self._shown:
            self._shown = shown
            self.redraw()

    def draw(self) -> Sequence[Content]:
        """Put words and chart side by side."""
        shown = self._shown
        if shown is None:
            return ()
        width, height = self.content_size
        title = _title(shown)
        notes = [title.stylize("bold $strong"), _said(shown.row, shown.moment, title)]
        if shown.canary is not None:
            notes.insert(1, canary_line(shown.canary))
        least = len(_words(shown, width))
        is_said = shown.row.mark is not None and notes[-1].cell_length > width
        top = spread(notes, width, max(len(notes), height - least + is_said))
        chart = _chart(shown, height - len(top), 2 if width >= 110 else 1)
        left_width = max(20, width - max(line.cell_length for line in chart) - 2)
        words = _words(shown, left_width, height - len(top))
        lines = []
        for index in range(height - len(top)):
            left = (words[index] if index < len(words) else Content("")).truncate(left_width, ellipsis=True)
            right = chart[index] if index < len(chart) else Content("")
            lines.append(left + Content(" " * (left_width - left.cell_length + 1)) + right)
        return [*top, *lines]


def _title(shown: Shown) -> Content:
    """What broke, as the job that failed last said it; as it is grouped, where that is not known."""
    said = shown.place.exception.first_line if shown.place is not None else Content("")
    return said if said.plain.strip() else shown.row.error


def _words(shown: Shown, width: int, height: int = 99) -> list[Content]:
    """What there is to say beside the chart; where rows are few, without the code, which `enter` shows."""
    row, moment = shown.row, shown.moment
    lines = [_line("task", row.task)]
    broke_at = _broke_at(shown.place, width)
    around = 3 if row.trend is None else 5
    lines += broke_at[: max(1, height - around)]
    first, last = moment.ago(row.first_seen_at), moment.ago(row.last_seen_at)
    lines.append(_line("seen", Content.assemble(last, (", first ", "$muted"), first)))
    dead = "can not be known" if row.dead is None else plural(row.dead, "job") + " dead"
    lines.append(_line(moment.word, Content.assemble(dead, (" · last ", "$muted"), row.sample.stylize("$primary"))))
    if row.trend is not None:
        lines.append(_line("hosts", _list(row.hosts, width - 10)))
        lines.append(_line("versions", _list(row.versions, width - 10)))
    return lines


def _said(row: GroupRow, moment: Moment, title: Content) -> Content:
    """The state, and what an operator said of the group."""
    text, tone = drawn_state(row)
    state = Content.styled(text, f"${tone}")
    mark = row.mark
    if mark is None:
        return (
            state
            if title.plain == row.error.plain
            else state + Content.styled(" · grouped as ", "$muted") + row.message
        )
    said = Content.assemble((" by ", "$muted"), mark.by.stylize("bold"), f" {moment.ago(mark.at)}")
    word = Content.styled(f" · {mark.state}", "$muted") if mark.state != row.state else Content("")
    return state + word + said + (Content(": ") + mark.note if mark.note else Content(""))


def _broke_at(place: PlaceView | None, width: int) -> list[Content]:
    """File, line and function of the frame, and its code."""
    if place is None:
        return [_line("broke at", Content.styled("…", "$faint"))]
    if place.frame is None:
        return [_line("broke at", Content.styled("no traceback is kept", "$muted"))]
    lines = place.frame.text.split("\n", allow_blank=True)
    where = _place(lines[0].plain)
    shown = where if len(where) <= width - 10 else "…" + where[-(width - 11) :]
    found = [_line("broke at", Content.styled(shown, "$strong"))]
    if len(lines) > 1:
        found.append(_line("", Content.styled(lines[1].plain.strip(), "$foreground")))
    return found


def _place(line: str) -> str:
    """Write 'File "/app/x.py", line 1, in f' as "/app/x.py:1 in f"."""
    head, separator, rest = line.removeprefix('File "').partition('", line ')
    number, comma, function = rest.partition(", in ")
    return f"{head}:{number} in {function}" if separator and comma else line


def _line(name: str, value: Content | str) -> Content:
    return Content.assemble((f"{name:<10}", "$muted"), value)


def _list(names: Sequence[Content], room: int) -> Content:
    return listed(names, room) if names else Content.styled("not recorded", "$faint")


def _chart(shown: Shown, height: int, cell: int) -> list[Content]:
    """Draw the failed attempts of the last day by hour, with axis and counts."""
    trend = shown.row.trend
    if trend is None:
        return [Content.styled("trend: can not know", "$faint")]
    highest = max([*trend.hours, 1])
    rows = max(1, min(8, height - 3))
    lines = []
    for index, line in enumerate(bars(trend.hours, rows, highest)):
        label = f"{count(highest)}┤" if index == 0 else "│"
        wide = "".join(character * cell for character in line)
        lines.append(Content.assemble((f"{label:>7}", "$faint"), (wide, "$error")))
    axis = "−24 h" + shown.moment.word.rjust(CHART * cell - 5)
    lines.append(Content.assemble(" " * 7, (axis, "$faint")))
    lines.append(Content.styled("failed attempts by hour".rjust(7 + CHART * cell), "$muted"))
    return lines
