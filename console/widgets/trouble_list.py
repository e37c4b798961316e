"""What is wrong, a line each; or, in green, that nothing is and no job is dead."""

from collections.abc import Sequence

from textual.content import Content
from textual.geometry import Size

from console.formats import fit
from console.gateway.troubles import Trouble
from console.widgets.drawn import Drawn
from storage.wording import plural

LEAST = 4
"""Lines that it takes where others want the room too."""
WHERE = 17
WHERE_NARROW = 12
"""Cells of the name of what is in trouble."""
NARROW = 100


class TroubleList(Drawn):
    """Says what is wrong, the worst first, with what helps."""

    DEFAULT_CSS = """
    TroubleList { height: auto; padding: 0 1; }
    TroubleList.-stale { opacity: 55%; }
    """

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self._troubles: Sequence[Trouble] = ()
        self._is_known = False
        self._dead = 0
        self._room = LEAST

    def give(self, rows: int) -> None:
        """Take as many lines as nobody else needs."""
        room = max(LEAST, rows)
        if room != self._room:
            self._room = room
            self.refresh(layout=True)

    def show(self, troubles: Sequence[Trouble], is_known: bool, dead: int = 0) -> None:
        """Take in what there is; ``is_known`` says that everything was looked at. ``dead`` counts the jobs that wait
        for somebody to decide."""
        if (tuple(troubles), is_known, dead) != (self._troubles, self._is_known, self._dead):
            before = self._height()
            self._troubles, self._is_known, self._dead = tuple(troubles), is_known, dead
            if self._height() != before:
                self.refresh(layout=True)
            self.redraw()

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """Return how many lines there are."""
        del container, viewport, width
        return self._height()

    def _height(self) -> int:
        return max(1, min(len(self._troubles), self._room))

    def draw(self) -> Sequence[Content]:
        """Write a line for each; what does not fit is counted."""
        width = self.content_size.width
        if not self._troubles:
            if not self._is_known:
                return (Content.styled("◌ looking…", "$muted"),)
            if not self._dead:
                return (Content.assemble(("● ", "$success"), ("Nothing is wrong.", "$foreground")),)
            said = f"Nothing goes wrong, but {plural(self._dead, 'job')} {'is' if self._dead == 1 else 'are'} dead."
            return (Content.assemble(("! ", "bold $warning"), (said, "$foreground")) + _arrow(Content("4")),)
        shown = len(self._troubles)
        if shown > self._room:
            shown = self._room - 1
        lines = [_line(trouble, width) for trouble in self._troubles[:shown]]
        if shown < len(self._troubles):
            lines.append(Content.styled(f"  and {len(self._troubles) - shown:,} more", "$muted"))
        return lines


def _line(trouble: Trouble, width: int) -> Content:
    """Write one; where its remedy does not fit, the keys that lead there stand at the end."""
    sign, tone = ("✗", "$error") if trouble.level == "fail" else ("!", "$warning")
    room = WHERE if width >= NARROW else WHERE_NARROW
    where = Content.styled(fit(trouble.where.plain, room), "bold $strong")
    line = Content.assemble((f"{sign} ", f"bold {tone}"), where, " ", trouble.what.stylize("$foreground"))
    remedy = _arrow(trouble.remedy)
    if not trouble.remedy.plain or line.cell_length + remedy.cell_length <= width:
        return line + remedy if trouble.remedy.plain else line.truncate(width, ellipsis=True)
    if not trouble.keys:
        return line.truncate(width, ellipsis=True)
    keys = _arrow(Content(trouble.keys))
    left = width - keys.cell_length
    return line.truncate(left, ellipsis=True) + Content(" " * max(0, left - line.cell_length)) + keys


def _arrow(remedy: Content) -> Content:
    return Content.assemble(("  → ", "$muted"), remedy.stylize("$primary"))
