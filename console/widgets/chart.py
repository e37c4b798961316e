"""Bars over time, with an axis on both sides and units: what came in each minute, in eighths of a cell."""

import math
from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Final

from msgspec import Struct
from textual.content import Content

from console.formats import SPARKS, count, duration

AXIS: Final = 6
"""Cells of the axis at the left."""
Value = float | None
NONE: Final = Content("")


class Chart(Struct, frozen=True):
    """One chart. ``values`` are one per minute, oldest first, up to the last whole minute; None: not known.

    ``scale`` writes a value on the axis; ``now`` is said beside the title. ``problem`` is why there are no values;
    with ``is_asked`` the first answer is under way.
    """

    title: str
    now: Content
    values: Sequence[Value]
    tone: str
    scale: Callable[[float], str]
    problem: Content = NONE
    is_asked: bool = False


def rates(value: float) -> str:
    """Write a number per minute."""
    return count(round(value)) if value >= 10 or value == round(value) else f"{value:.1f}"


def spans(value: float) -> str:
    """Write a span of seconds."""
    return "0" if value <= 0 else duration(value).replace(" ", "")


def nice_count(highest: float) -> float:
    """Return the next whole number of 1, 1.5, 2, 3, 4, 6, 8, and those times ten, a hundred … that is not below."""
    if highest <= 1:
        return 1.0
    power = 10.0 ** math.floor(math.log10(highest))
    steps = (power * step for step in (1, 1.5, 2, 3, 4, 6, 8, 10))
    return next(step for step in steps if step >= highest and step == round(step))


def nice_span(highest: float) -> float:
    """Return a round span of time that is not below: 10 s, a minute, an hour …"""
    steps = (1, 2, 5, 10, 30, 60, 120, 300, 600, 1_800, 3_600, 7_200, 14_400, 28_800, 86_400)
    for step in steps:
        if highest <= step:
            return float(step)
    return math.ceil(highest / 86_400) * 86_400.0


def draw(chart: Chart, width: int, height: int, word: str = "now") -> list[Content]:
    """Return the lines of a chart: its title, bars in ``height - 2`` lines, and the axis of time."""
    title = Content.assemble((chart.title, "bold $primary"), "  ", chart.now)
    rows = max(1, height - 2)
    room = max(1, width - AXIS)
    if chart.is_asked:
        asked = [title, Content.styled("◌ asking…", "$muted"), *[Content("")] * (height - 2)]
        return [_cell(line, width) for line in asked[:height]]
    if chart.problem.plain:
        words = Content.assemble(("can not know: ", "$warning"), chart.problem.stylize("$muted"))
        lines = words.wrap(width)[:rows]
        return [_cell(line, width) for line in [title, *lines, *[Content("")] * (height - 1 - len(lines))]]
    cell = max(1, room // max(1, len(chart.values)))
    values = list(chart.values)[-(room // cell) :]
    known = [value for value in values if value is not None]
    nice = nice_span if chart.scale is spans else nice_count
    top = nice(max(known, default=0))
    body = [_axis(chart, (row, rows, top)) + _bars(chart, values, cell, (row, rows, top)) for row in range(rows)]
    return [_cell(line, width) for line in [title, *body, _time(len(values), cell, word)]]


def _cell(line: Content, width: int) -> Content:
    return line.truncate(width, ellipsis=True, pad=True)


def _axis(chart: Chart, place: tuple[int, int, float]) -> Content:
    """The top stands at the first line, half of it in the middle, nothing at the last."""
    row, rows, top = place
    label = ""
    if row == 0:
        label = chart.scale(top)
    elif row == rows - 1:
        label = "0"
    elif rows % 2 and row == rows // 2 and rows >= 5:
        label = chart.scale(top / 2)
    return Content.styled(f"{label:>{AXIS - 1}}" + ("┤" if label else "│"), "$faint")


def _bars(chart: Chart, values: Sequence[Value], cell: int, place: tuple[int, int, float]) -> Content:
    """Return one line of all bars, in as few pieces as there are changes of colour."""
    row, rows, top = place
    pieces: list[tuple[str, str]] = []
    for is_known, run in groupby(values, lambda value: value is not None):
        marks = "".join(_mark(value, cell, (row, rows, top)) for value in run)
        pieces.append((marks, chart.tone if is_known else "$faint"))
    return Content.assemble(*pieces)


def _mark(value: Value, cell: int, place: tuple[int, int, float]) -> str:
    """Return one bar's part of a line; bars that are wide enough stand apart, narrow ones touch."""
    row, rows, top = place
    if value is None:
        return ("·" if row == rows - 1 else " ") * cell
    eighths = max(1, round(value * rows * 8 / top)) if value > 0 else 0
    mark = SPARKS[max(0, min(8, eighths - (rows - 1 - row) * 8))]
    return mark * (cell - 1) + " " if cell > 2 else mark * cell


def _time(minutes: int, cell: int, word: str) -> Content:
    """Return the axis of time: how far back it goes at its left end, now (or then) at its right."""
    cells = minutes * cell
    left, right = f"−{minutes} min", word
    middle = f"−{minutes // 2}"
    line = left + " " * max(1, cells - len(left) - len(right)) + right
    at = cells // 2 - len(middle) // 2
    if at > len(left) + 2 and at + len(middle) < cells - len(right) - 2:
        line = line[:at] + middle + line[at + len(middle) :]
    return Content.assemble((" " * AXIS, ""), (line, "$faint"))
