"""A histogram of durations on an axis of ever longer ones, with one of them marked."""

from collections.abc import Sequence
from typing import Final

from textual.content import Content

from console.formats import count
from console.widgets.queue_detail import bars
from storage.history.histogram import bucket_of

AXIS: Final = 7
"""Cells of the labels at the left, with the line that they stand at."""
TICKS: Final = (
    *((ms, f"{ms} ms") for ms in (1, 10, 100)),
    *((1_000 * s, f"{s} s") for s in (1, 10)),
    *((60_000 * minutes, f"{minutes} min") for minutes in (1, 10)),
    *((3_600_000 * hours, f"{hours} h") for hours in (1, 10)),
    *((ms, f"{ms} ms") for ms in (2, 5, 20, 50, 200, 500)),
    *((1_000 * s, f"{s} s") for s in (2, 5, 20, 30)),
    *((60_000 * minutes, f"{minutes} min") for minutes in (2, 5, 30)),
)
"""Durations that may be written under the axis, those that are wanted most first."""


def draw(counts: Sequence[int], mine: int | None, width: int, rows: int) -> list[Content]:
    """Return bars, axis and mark; ``mine`` is the bucket that is marked."""
    used = [bucket for bucket, number in enumerate(counts) if number]
    shown = [*used, mine] if mine is not None else used
    if not shown:
        return []
    first, last = max(0, min(shown) - 1), max(shown) + 1
    room = max(8, width - AXIS - 1)
    each = -(-(last - first + 1) // room)
    columns = [sum(counts[start : start + each]) for start in range(first, last + 1, each)]
    cell = max(1, min(3, room // len(columns)))
    own = None if mine is None else (mine - first) // each
    lines = [
        _bars(line, own, cell, _label(index, rows, max(columns))) for index, line in enumerate(_rows(columns, rows))
    ]
    lines.append(Content.styled(" " * AXIS + _ticks(first, last, each, cell), "$faint"))
    if own is not None:
        mark = f"{' ' * (AXIS + own * cell)}▲ this job"
        lines.append(Content.styled(mark, "bold $accent"))
    return lines


def _rows(columns: Sequence[int], rows: int) -> list[str]:
    return bars(columns, rows, max([*columns, 1]))


def _label(row: int, rows: int, top: int) -> str:
    label = count(top) if row == 0 else "0" if row == rows - 1 else ""
    return f"{label:>{AXIS - 1}}" + ("┤" if label else "│")


def _bars(line: str, own: int | None, cell: int, label: str) -> Content:
    parts: list[tuple[str, str]] = [(label, "$faint")]
    for column, mark in enumerate(line):
        wide = mark * (cell - 1) + " " if cell > 2 else mark * cell
        parts.append((wide, "$accent" if column == own else "$primary"))
    return Content.assemble(*parts)


def _ticks(first: int, last: int, each: int, cell: int) -> str:
    """Write as many durations as there is room for."""
    cells = [" "] * ((last - first + 1) // each * cell + 8)
    for ms, label in TICKS:
        bucket = bucket_of(ms)
        at = (bucket - first) // each * cell
        free = first <= bucket <= last and all(one == " " for one in cells[max(0, at - 1) : at + len(label) + 2])
        if free and at + len(label) + 1 < len(cells):
            cells[at : at + len(label) + 1] = f"╵{label}"
    return "".join(cells).rstrip()
