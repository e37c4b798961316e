"""The tabs of the list of jobs: each narrows the written filter to one state, and lives in it."""

from collections.abc import Mapping
from typing import Final

from textual.content import Content

from console.gateway.criteria import parsed, plain
from console.gateway.narrowing import tab_of, with_state
from console.gateway.views import Tally
from console.screens.filtering import FilteredScreen
from console.widgets.state_strip import EVERY, TABS, StateStrip
from console.widgets.tab_line import TabLine
from storage.broker.records import FINISHED, STATES, State
from storage.errors import FilterError
from storage.wording import plural

COUNTED_TO: Final = 10_000
"""Beyond this many it is only said that there are more."""


class StateTabs(FilteredScreen):
    """A screen whose filter has a strip of states above it."""

    def __init__(self, criteria: str = "") -> None:
        super().__init__(criteria)
        self._tallies: Mapping[State, Tally] = {}

    @property
    def strip(self) -> StateStrip:
        """The strip."""
        return self.query_one(StateStrip)

    def ask_states(self) -> None:
        """Ask how many jobs of the filter's queues are in each state."""
        criteria, gateway = self.criteria, self.dewey.gateway

        def show(tallies: Mapping[State, Tally]) -> None:
            if criteria == self.criteria:
                self._tallies = tallies
                self.show_states()

        self.ask("states", lambda: gateway.states(criteria), show, lambda _: None)

    def forget_states(self) -> None:
        """Show no number of another filter."""
        self._tallies = {}
        self.show_states()

    def count_typed(self, criteria: str) -> None:
        """Count what matches what is typed."""
        gateway = self.dewey.gateway

        def foresee(tally: Tally) -> None:
            self.bar.foresee(criteria, Content.assemble(("→ ", "$faint"), (said(tally), "$accent")))

        self.ask("foresee", lambda: gateway.count(criteria), foresee, lambda _: None)

    def listed(self) -> Tally | None:
        """Return how many are listed, as far as it is known."""
        raise NotImplementedError

    def show_states(self) -> None:
        """Draw the strip: of the tab in sight it is known best how many there are."""
        tab, order = self._tab_and_order()
        shown: dict[str, Tally] = {str(state): tally for state, tally in self._tallies.items()}
        if shown:
            shown[EVERY] = Tally(sum(one.value for one in shown.values()), all(one.is_exact for one in shown.values()))
        listed = self.listed()
        if tab is not None and listed is not None:
            shown[tab] = listed
        self.strip.tell_states(tab, shown, order)

    def _tab_and_order(self) -> tuple[str | None, tuple[str, ...]]:
        """The tab that the filter is, or None; and how the list is ordered, in words."""
        try:
            given = parsed(self.criteria, self.moment.now)
        except FilterError:  # a queue may be called as no filter can say: the list says so
            return None, ()
        asked, tab = plain(given), tab_of(given)
        if asked is None or all(one in FINISHED for one in asked[0]):
            return tab, ("newest created first", "newest created")
        if any(one in FINISHED for one in asked[0]):
            return tab, ("what is open first, then newest created", "open first")
        return tab, ("queue by queue", "by queue")

    def action_tab(self, step: int) -> None:
        """Show the next state, or the one before, of the same filter."""
        tabs = [tab for tab, _ in TABS]
        tab, _ = self._tab_and_order()
        self._choose(tabs[(tabs.index(tab) + step) % len(tabs)] if tab is not None else tabs[min(0, step)])

    def on_tab_line_chosen(self, event: TabLine.Chosen) -> None:
        """A click on a state shows it."""
        event.stop()
        self._choose(event.tab)

    def _choose(self, tab: str) -> None:
        state = next((state for state in STATES if state == tab), None)
        try:
            narrowed = with_state(self.criteria, self.moment.now, state)
        except FilterError as error:
            self.notify(f"Nothing is changed: {error}.", severity="warning")
        else:
            self.filter_by(narrowed)


def said(tally: Tally) -> str:
    """Write how many jobs there are, never as a number that looks more exact than it is."""
    return plural(tally.value, "job") if tally.is_exact else f"{min(tally.value, COUNTED_TO):,}+ jobs"
