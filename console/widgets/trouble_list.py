"""What is wrong, a line each; or, in green, that nothing is."""

from collections.abc import Sequence

from textual.content import Content
from textual.geometry import Size
from textual.widget import Widget

from console.formats import fit
from console.gateway.troubles import Trouble

MOST = 4
MOST_IN_TALL = 8
TALL = 34
WHERE = 17
WHERE_NARROW = 12
"""Cells of the name of what is in trouble."""
NARROW = 100


class TroubleList(Widget):
    """Says what is wrong, the worst first, with what helps."""

    DEFAULT_CSS = """
    TroubleList { height: auto; padding: 0 1; }
    TroubleList.-stale { opacity: 55%; }
    """

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self._troubles: Sequence[Trouble] = ()
        self._is_known = False

    def show(self, troubles: Sequence[Trouble], is_known: bool) -> None:
        """Take in what there is; ``is_known`` says that everything was looked at."""
        if (tuple(troubles), is_known) != (self._troubles, self._is_known):
            self._troubles, self._is_known = tuple(troubles), is_known
            self.refresh(layout=True)

    @property
    def _most(self) -> int:
        return MOST_IN_TALL if self.screen.size.height >= TALL else MOST

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """Return how many lines there are."""
        del container, viewport, width
        return max(1, min(len(self._troubles), self._most))

    def render(self) -> Content:
        """Write a line for each; what does not fit is counted."""
        width = self.content_size.width
        if not self._troubles:
            if not self._is_known:
                return Content.styled("◌ looking…", "$muted")
            return Content.assemble(("● ", "$success"), ("Nothing is wrong.", "$foreground"))
        lines = [_line(trouble, width) for trouble in self._troubles[: self._most]]
        left = len(self._troubles) - self._most
        if left > 0:
            more = Content.styled(f"  and {left:,} more", "$muted")
            lines[-1] = lines[-1].truncate(width - more.cell_length, ellipsis=True, pad=True) + more
        return Content("\n").join(lines)


def _line(trouble: Trouble, width: int) -> Content:
    sign, tone = ("✗", "$error") if trouble.level == "fail" else ("!", "$warning")
    room = WHERE if width >= NARROW else WHERE_NARROW
    where = Content.styled(fit(trouble.where.plain, room), "bold $strong")
    line = Content.assemble((f"{sign} ", f"bold {tone}"), where, " ", trouble.what.stylize("$foreground"))
    remedy = Content.assemble(("  → ", "$faint"), trouble.remedy.stylize("$accent"))
    if trouble.remedy.plain and line.cell_length + remedy.cell_length <= width:
        return line + remedy
    return line.truncate(width, ellipsis=True)
