"""Failed jobs by what broke, and what an operator does to all of one cause."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar, Final

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content

from console import bindings
from console.gateway.acting import CanaryRow, Done
from console.gateway.errors import GatewayRefused
from console.gateway.failures import FailuresView, GroupRow, PlaceView, group_of_label
from console.gateway.past import PastFailures
from console.screens.base import POLL
from console.screens.exporting import ExportingScreen
from console.screens.job_actions import Chosen, JobActions, safe_key
from console.screens.listing import ListScreen
from console.screens.tabbed import TabbedScreen
from console.screens.travelling import TravellingScreen
from console.widgets.drawn import Sentence
from console.widgets.failure_detail import FailureDetail, Shown
from console.widgets.failure_table import FailureTable
from console.widgets.line_table import LineTable
from console.widgets.notice import Notice
from console.widgets.tab_line import TabLine
from console.widgets.write_bar import shown_canary
from storage.wording import plural
from tasks.actions.values import Request

if TYPE_CHECKING:
    from console.exporting import Sheet

TABS: Final = (("open", "Open"), ("muted", "Muted"), ("resolved", "Resolved"), ("quiet", "Quiet"), ("all", "All"))
ON_GROUP: Final = ("open", "open_sample", "mute", "resolve", "reopen", "copy", "copy_command")
ON_JOBS: Final = ("requeue", "canary", "discard")
PLACES_KEPT: Final = 200


class FailuresScreen(TabbedScreen, JobActions, ExportingScreen, ListScreen, TravellingScreen):
    """Groups of failures, the one with the latest failure first."""

    BINDINGS = bindings.of("failures")
    PLACE: ClassVar[bindings.Place] = "failures"
    MODE: ClassVar[str] = "failures"
    TABS = TABS
    UNRECORDED: ClassVar[str] = "how many were dead of each, and what was said and taken back"

    DETAIL: ClassVar[str] = "#failure-detail"
    NOTHING: ClassVar[tuple[str, str]] = ("No job has failed.", "What breaks is listed here by its cause.")

    def __init__(self) -> None:
        super().__init__()
        self.tab = "open"
        self.view: FailuresView | None = None
        self._places: dict[str, PlaceView] = {}
        self._is_anew = False

    def compose_body(self) -> ComposeResult:
        """Lay out the tabs, the table and the detail."""
        yield TabLine(TABS, self.tab)
        yield Sentence(id="failures-trouble")
        with Vertical(id="failures-body"):
            yield FailureTable(self.moment, id="failures-table")
            yield Notice(id="failures-notice")
        yield FailureDetail(id="failure-detail")

    @property
    def table(self) -> FailureTable:
        """The table."""
        return self.query_one(FailureTable)

    # Asking.

    def poll_now(self) -> None:
        """Ask for all groups; after something was said of one, anew."""
        gateway, anew = self.dewey.gateway, self._is_anew
        self.ask(POLL, lambda: gateway.failures(anew), self._show)

    def ask_past(self, at: datetime) -> PastFailures:
        """Ask for the groups as they stood."""
        return self.dewey.gateway.past_failures(at)

    def show_past(self, found: PastFailures) -> None:
        """Show the groups as they stood."""
        self._show(found.view)

    def _show(self, view: FailuresView) -> None:
        self.view, self._is_anew = view, False
        self._list()

    def _list(self) -> None:
        if self.view is None:
            return
        rows = in_tab(self.view.groups, self.tab)
        self.list_rows(rows)
        if not rows and self.view.groups:
            self.query_one(Notice).nothing_here(*_nothing_in(self.tab))
        counts = {tab: len(in_tab(self.view.groups, tab)) for tab, _ in TABS}
        self.query_one(TabLine).tell(self.tab, counts, Content(""))
        trouble = self.query_one("#failures-trouble", Sentence)
        trouble.display = bool(self.view.trouble)
        trouble.say(Content.assemble((" ! ", "bold $warning"), self.view.trouble))

    def show_detail(self) -> None:
        """Show the group under the cursor, and ask where it broke if that is not known."""
        row = self.table.row
        if row is None:
            return
        place = self._places.get(row.sample_key)
        if place is None and self.dewey.away is None and not self.awaits("place"):
            gateway, key = self.dewey.gateway, row.sample_key
            self.ask("place", lambda: gateway.place(key), self._show_place, lambda why: self._no_place(key, why))
        self.query_one(FailureDetail).show(Shown(row, place, self._canary(row), self.moment))

    def _show_place(self, place: PlaceView) -> None:
        if len(self._places) > PLACES_KEPT:
            self._places.clear()
        self._places[place.sample_key] = place
        self._detail()

    def _no_place(self, key: str, why: GatewayRefused) -> None:
        self._show_place(PlaceView(key, None, why.sentence))

    def _canary(self, row: GroupRow) -> CanaryRow | None:
        """The canary of a group that goes on, or has ended a moment ago."""
        if self.shown_past is not None:
            return None
        ours = tuple(one for one in self.dewey.canaries if group_of_label(one.label, row.key))
        return shown_canary(ours, self.moment.now)

    # Tabs.

    def go_to(self, tab: str) -> None:
        """Show a tab, from its top."""
        self.tab = tab
        self.table.clear()
        self._list()

    # What can be done.

    def why_not(self, action: str) -> str:
        """Say why an action can not be done now."""
        row = self.table.row
        if action in (*ON_GROUP, *ON_JOBS, "export") and row is None:
            return "There is no group under the cursor."
        if action in ON_JOBS and row is not None and row.dead == 0:
            return "No job of this group is dead."
        if action in ("mute", "resolve", "reopen") and row is not None:
            why = _why_not_said(action, row) or self._no_history()
            return why or super().why_not(action)
        return super().why_not(action)

    def _no_history(self) -> str:
        row = self.table.row
        return "History is away: what is said of a group is kept there." if row is not None and not row.trend else ""

    def chosen(self) -> Chosen:
        """Return the group under the cursor."""
        row = self.table.row
        return Chosen(group=row.key) if row is not None else Chosen()

    def acted(self, done: Done) -> None:
        """Ask for the counts anew."""
        del done
        self._is_anew = True

    def on_line_table_opened(self, event: LineTable.Opened) -> None:
        """A double click opens."""
        event.stop()
        self.action_open()

    def action_open(self) -> None:
        """Show the jobs of the group."""
        row = self.table.row
        if row is not None:
            self.dewey.open_jobs(f"group:{safe_key(row.key)}")

    def action_open_sample(self) -> None:
        """Show the job that failed last, at its attempts."""
        row = self.table.row
        if row is not None:
            self.dewey.open_job(row.sample_key, "attempts")

    def _say(self, action: str) -> None:
        row = self.table.row
        if row is not None:
            self.act(Request(action, (row.key,)), self.acted, about=row.error)

    def action_mute(self) -> None:
        """Say that the group is known."""
        self._say("mute")

    def action_resolve(self) -> None:
        """Say that the cause of the group is gone."""
        self._say("resolve")

    def action_reopen(self) -> None:
        """Take back what was said of the group."""
        self._say("reopen")

    def sheet(self) -> Sheet:
        """Export the groups of the tab in sight."""
        from console.records import group_record  # noqa: PLC0415 - loaded when somebody exports

        gateway, tab = self.dewey.gateway, self.tab
        called = "failures", plural(self.table.total, "group of failures", "groups of failures")
        return self.dated(called, lambda: in_tab(gateway.failures().groups, tab), self.rows(), group_record)

    def action_copy(self) -> None:
        """Copy the group's id."""
        row = self.table.row
        if row is not None:
            self.copy(safe_key(row.key), "the group's id")

    def action_copy_command(self) -> None:
        """Copy the command line that lists the jobs of the group."""
        row = self.table.row
        if row is not None:
            self.copy(f"dewey jobs {shlex.quote(f'group:{safe_key(row.key)}')}", "the command line")


def in_tab(groups: Sequence[GroupRow], tab: str) -> tuple[GroupRow, ...]:
    """Return the groups of a tab: those that somebody has to look at, those that are over for now, those of which
    something was said, all. Each group is in one of the others and in all."""
    if tab == "all":
        return tuple(groups)
    if tab == "open":
        return tuple(row for row in groups if row.is_live)
    if tab == "quiet":
        return tuple(row for row in groups if row.is_quiet)
    return tuple(row for row in groups if row.state == tab)


def _nothing_in(tab: str) -> tuple[str, str]:
    """What is said when there are groups, but none in a tab."""
    if tab == "open":
        return ("Nothing that broke needs a look.", "] shows what was muted and resolved, and what a retry mended.")
    return (f"No group is {tab}.", "] shows the others.")


def _why_not_said(action: str, row: GroupRow) -> str:
    if action == "reopen" and row.mark is None:
        return "Nothing was said of this group."
    if action == "mute" and row.state == "muted":
        return "This group is muted already: o opens it again."
    if action == "resolve" and row.state == "resolved":
        return "This group is resolved already: o opens it again."
    return ""
