"""A screen of several tabs: a click on one, and the keys to the next and to the one before."""

from collections.abc import Sequence
from typing import ClassVar

from console.screens.base import DeweyScreen
from console.widgets.tab_line import TabLine


class TabbedScreen(DeweyScreen):
    """A screen with tabs, of which one is in sight."""

    TABS: ClassVar[Sequence[tuple[str, str]]]
    """The name of each, and its title."""
    tab: str

    def go_to(self, tab: str) -> None:
        """Show a tab."""
        raise NotImplementedError

    def on_tab_line_chosen(self, event: TabLine.Chosen) -> None:
        """A tab was clicked."""
        event.stop()
        self.go_to(event.tab)

    def action_tab(self, step: int) -> None:
        """Go to the next tab, or to the one before."""
        names = [tab for tab, _ in self.TABS]
        self.go_to(names[(names.index(self.tab) + step) % len(names)])
