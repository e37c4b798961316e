"""The states of jobs in one line, each with how many jobs are in it: the tabs of the list of jobs."""

from collections.abc import Mapping, Sequence
from typing import Final

from textual.content import Content

from console.formats import GLYPHS
from console.gateway.views import Tally
from console.widgets.palette import state_color
from console.widgets.tab_line import TabLine, tab_keys
from storage.broker.inspector import ORDER
from storage.broker.records import State

EVERY: Final = ""
"""The tab of jobs in any state."""
STATES_SHOWN: Final[tuple[State, ...]] = ORDER
TABS: Final = ((EVERY, "All"), *((state, state) for state in STATES_SHOWN))
_FORMS: Final = (("   ", True), ("  ", True), ("  ", False))
"""Forms of the line: what is between two tabs, and whether each has its name; without, the chosen one alone has."""


class StateStrip(TabLine):
    """Draws how many are in each state; ``active`` None is a filter that no tab stands for."""

    def __init__(self) -> None:
        super().__init__(TABS, EVERY)
        self.tallies: Mapping[str, Tally] = {}
        self.chosen: str | None = EVERY
        self.order: tuple[str, ...] = ()

    def tell_states(self, chosen: str | None, tallies: Mapping[str, Tally], order: tuple[str, ...]) -> None:
        """Take in which tab is shown, how many are in each, and words for the order of the list, the longest first."""
        if (chosen, tallies, order) != (self.chosen, self.tallies, self.order):
            self.chosen, self.tallies, self.order = chosen, dict(tallies), order
            self.redraw()

    def draw(self) -> Sequence[Content]:
        """Put the first of the forms that fits into the line; order and keys stand at its end where there is room."""
        width, keys = self.size.width, tab_keys(self.app)
        for gap, with_names in _FORMS:
            line = self._tabs(gap, with_names)
            if line.cell_length + keys.cell_length <= width:
                break
        for order in (*self.order, ""):
            end = Content.styled(f"{order}  " if order else "", "$muted") + keys
            if line.cell_length + end.cell_length <= width:
                return (line + Content(" " * (width - line.cell_length - end.cell_length)) + end,)
        return (line.truncate(width),)

    def _tabs(self, gap: str, with_names: bool) -> Content:
        line = Content(" ")
        self._spots = []
        for tab, name in self.tabs:
            is_here = tab == self.chosen
            entry = self._tab(tab, name, is_here, with_names or is_here or tab == EVERY)
            self._spots.append((line.cell_length, line.cell_length + entry.cell_length, tab))
            line += entry + Content(gap)
        return line

    def _tab(self, tab: str, name: str, is_here: bool, with_name: bool) -> Content:
        tally = self.tallies.get(tab)
        many = "" if tally is None or not tally.value else f" {tally.value:,}{'' if tally.is_exact else '+'}"
        style = "bold $strong underline" if is_here else "$muted"
        parts: list[tuple[str, str]] = [(name, style)] if with_name else []
        state = next((state for state in STATES_SHOWN if state == tab), None)
        if state is not None and not with_name:
            parts.insert(0, (GLYPHS[state], state_color(state) if many or tally is None else "$faint"))
        return Content.assemble(*parts, (many, "$strong" if is_here else "$foreground"))
