"""The job under the cursor of a list, below it: what a row has no room for, above all its whole error."""

from collections.abc import Sequence
from typing import Final

from textual.content import Content

from console.formats import Moment
from console.gateway.views import JobRow
from console.widgets.drawn import Drawn
from console.widgets.palette import state_color
from storage.broker.records import FINISHED

LINES: Final = 3
_AT: Final = {"running": "began", "retrying": "due", "scheduled": "due", "dead": "died", "canceled": "canceled"}
"""What the instant is that matters in a state, where it is another one than that of the job's creation."""


class JobLine(Drawn):
    """Draws id, task, queue, worker and instants, and under them two lines of error or arguments."""

    DEFAULT_CSS = """
    JobLine { height: 3; background: $surface; padding: 0 1; }
    JobLine.-stale { opacity: 55%; }
    """

    def __init__(self) -> None:
        super().__init__()
        self.row: JobRow | None = None
        self.moment: Moment | None = None

    def tell(self, row: JobRow | None, moment: Moment) -> None:
        """Take in the job under the cursor, and what time it is."""
        before = self.moment
        is_same = row == self.row and before is not None and moment.mode == before.mode and moment.is_absolute
        self.row, self.moment = row, moment
        if not is_same:
            self.redraw()

    def draw(self) -> Sequence[Content]:
        """Write who and where in one line, then what is to be said of it in two."""
        row, moment = self.row, self.moment
        if row is None or moment is None:
            return ()
        width = self.size.width
        said = row.note.stylize("$error" if row.note_is_error else "$foreground")
        lines = said.wrap(width)[: LINES - 1] if row.note.plain else []
        if len(lines) == LINES - 1 and sum(len(line.plain) for line in lines) + LINES < len(row.note.plain):
            lines[-1] = (lines[-1] + Content(" …")).truncate(width, ellipsis=True)
        return [_where(row, moment).truncate(width, ellipsis=True), *lines]


def _where(row: JobRow, moment: Moment) -> Content:
    parts = [
        Content.assemble((row.state, state_color(row.state)), " ", row.task.stylize("bold $strong")),
        Content.assemble(("in ", "$muted"), row.queue),
    ]
    if row.worker.plain:
        parts.append(Content.assemble(("on ", "$muted"), row.worker))
    word = _AT.get(row.state, "ended" if row.state in FINISHED else "")
    if word:
        parts.append(Content.assemble((f"{word} ", "$muted"), moment.short(row.at)))
    parts.append(Content.assemble(("created ", "$muted"), moment.short(row.created_at)))
    return Content.styled(" · ", "$faint").join(parts)
