"""Failed jobs by what broke, and what an operator does to all of one cause."""

from collections.abc import Sequence
from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content

from console import bindings
from console.gateway.failures import FailuresView, GroupRow, PlaceView
from console.screens.base import POLL
from console.screens.job_actions import Chosen, JobActions
from console.screens.listing import ListScreen
from console.widgets.failure_detail import FailureDetail, Shown
from console.widgets.failure_table import FailureTable
from console.widgets.line_table import LineTable
from console.widgets.notice import Notice
from console.widgets.tab_line import TabLine

TABS: Final = (("open", "Open"), ("muted", "Muted"), ("resolved", "Resolved"), ("all", "All"))


class FailuresScreen(JobActions, ListScreen):
    """Groups of failures, the one with the latest failure first."""

    BINDINGS = bindings.of("failures")
    PLACE: ClassVar[bindings.Place] = "failures"
    MODE: ClassVar[str] = "failures"

    DETAIL: ClassVar[str] = "#failure-detail"
    NOTHING: ClassVar[tuple[str, str]] = (
        "No job is dead, and none is failing.",
        "What breaks is listed here by its cause.",
    )

    def __init__(self) -> None:
        super().__init__()
        self.tab = "open"
        self.view: FailuresView | None = None
        self._places: dict[str, PlaceView] = {}

    def compose_body(self) -> ComposeResult:
        """Lay out the tabs, the table and the detail."""
        yield TabLine(TABS, self.tab)
        with Vertical(id="failures-body"):
            yield FailureTable(self.moment, id="failures-table")
            yield Notice(id="failures-notice")
        yield FailureDetail(id="failure-detail")

    @property
    def table(self) -> FailureTable:
        """The table."""
        return self.query_one(FailureTable)

    def poll(self) -> None:
        """Ask for all groups."""
        self.ask(POLL, self.dewey.gateway.failures, self._show)

    def _show(self, view: FailuresView) -> None:
        self.view = view
        self.list_rows(in_tab(view.groups, self.tab))
        self.tell_tabs(view)

    def show_detail(self) -> None:
        """Show the group under the cursor."""
        row = self.table.row
        if row is not None:
            shown = Shown(row, self._places.get(row.sample_key), None, self.moment)
            self.query_one(FailureDetail).show(shown)

    def chosen(self) -> Chosen:
        """Return the group under the cursor."""
        row = self.table.row
        return Chosen(group=row.key) if row is not None else Chosen()

    def on_line_table_opened(self, event: LineTable.Opened) -> None:
        """A double click opens."""
        event.stop()

    def tell_tabs(self, view: FailuresView) -> None:
        """Say how many groups there are in each tab."""
        counts = {tab: len(in_tab(view.groups, tab)) for tab, _ in TABS}
        self.query_one(TabLine).tell(self.tab, counts, Content(""))


def in_tab(groups: Sequence[GroupRow], tab: str) -> tuple[GroupRow, ...]:
    """Return the groups of a tab: those that somebody has to look at, those of which something was said, all."""
    if tab == "all":
        return tuple(groups)
    if tab == "open":
        return tuple(row for row in groups if row.is_live)
    return tuple(row for row in groups if row.state == tab)
