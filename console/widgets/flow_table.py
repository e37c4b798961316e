"""The tree of a flow, a job a line."""

from collections.abc import Sequence
from typing import Final

from console.formats import GLYPHS, Moment
from console.gateway.flow import FlowLine
from console.widgets.line_table import Cell, Column, LineTable
from console.widgets.palette import Tone

_TONES: Final[dict[str, Tone]] = {
    "running": "primary",
    "succeeded": "success",
    "dead": "error",
    "retrying": "warning",
    "canceled": "muted",
}


def _state(row: FlowLine, _moment: Moment) -> Cell:
    if not row.state:
        return Cell("· forgotten", "faint")
    return Cell(f"{GLYPHS[row.state]} {row.state}", _TONES.get(row.state, "text"))  # type: ignore[index]  # a state


def _task(row: FlowLine, _moment: Moment) -> Cell:
    here = " ←" if row.is_asked else ""
    return Cell(f"{row.branch}{row.task.plain}{here}", "strong" if row.is_asked or row.is_stuck else "text")


def _id(row: FlowLine, _moment: Moment) -> Cell:
    return Cell(row.short_id.plain, "id")


def _queue(row: FlowLine, _moment: Moment) -> Cell:
    return Cell(row.queue.plain, "muted")


def _note(row: FlowLine, _moment: Moment) -> Cell:
    return Cell(row.note.plain, "error" if row.is_stuck and row.state == "dead" else "muted")


NARROW: Final[Sequence[Column[FlowLine]]] = (
    Column("task", 30, _task),
    Column("state", 11, _state),
    Column("id", 8, _id),
    Column("", 0, _note),
)
WIDE: Final[Sequence[Column[FlowLine]]] = (
    Column("task", 44, _task),
    Column("state", 11, _state),
    Column("id", 8, _id),
    Column("queue", 14, _queue),
    Column("", 0, _note),
)


class FlowTable(LineTable[FlowLine]):
    """Rows of a flow."""

    def key_of(self, row: FlowLine) -> str:
        """Return the job's id."""
        return row.key

    def columns_for(self, width: int) -> Sequence[Column[FlowLine]]:
        """Return two sets, by width."""
        return NARROW if width < 110 else WIDE
