"""The canary requeues: how each goes, and pausing, letting go on, ending one, whoever began it."""

import shlex
from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from console import bindings
from console.formats import Moment, safe_text
from console.gateway.acting import CanaryRow
from console.screens.base import POLL
from console.screens.listing import ListScreen
from console.widgets.audit_tables import CanaryTable
from console.widgets.line_table import LineTable
from console.widgets.notice import Notice
from console.widgets.tab_line import TabLine
from console.widgets.write_bar import PHASES, progress
from storage.wording import plural
from tasks.actions.values import Request


class CanariesScreen(ListScreen):
    """All canaries that go on, and those that ended of late."""

    BINDINGS = bindings.of("canaries")
    HEADING: ClassVar[str] = "Canaries"
    PLACE: ClassVar[bindings.Place] = "canaries"

    DETAIL: ClassVar[str] = "#canary-detail"
    NOTHING: ClassVar[tuple[str, str]] = (
        "No canary requeue goes on.",
        "c on a list of failed jobs begins one: one job, then ten, then the rest.",
    )

    def compose_body(self) -> ComposeResult:
        """Lay out the table and the detail."""
        yield TabLine((("canaries", "Canary requeues"),), "canaries")
        with Vertical(id="canaries-body"):
            yield CanaryTable(self.moment, id="canaries-table")
            yield Notice(id="canaries-notice")
        yield Static(id="canary-detail")

    @property
    def table(self) -> CanaryTable:
        """The table."""
        return self.query_one(CanaryTable)

    def poll(self) -> None:
        """Ask for all canaries."""
        self.ask(POLL, self.dewey.gateway.canaries, self._show)

    def _show(self, rows: tuple[CanaryRow, ...]) -> None:
        self.list_rows(rows)
        going = sum(1 for row in rows if row.goes_on)
        note = Content.styled(f"{going:,} can still be ended" if going else "all have ended", "$muted")
        self.tell_count("canaries", len(rows), note if rows else Content(""))

    def show_detail(self) -> None:
        """Show the canary under the cursor."""
        row = self.table.row
        if row is not None:
            self.query_one("#canary-detail", Static).update(described(row, self.moment, self.size.width - 4))

    def on_line_table_opened(self, event: LineTable.Opened) -> None:
        """There is nothing behind a row."""
        event.stop()

    def why_not(self, action: str) -> str:
        """Say why an action can not be done now."""
        row = self.table.row
        if action in ("canary_pause", "canary_abort", "copy", "copy_command") and row is None:
            return "There is no canary under the cursor."
        if action == "canary_pause" and row is not None and row.state not in ("running", "paused", "stopped"):
            return f"This canary is {row.state}."
        if action == "canary_abort" and row is not None and not row.goes_on:
            return f"This canary is {row.state} already."
        return super().why_not(action)

    def action_canary_pause(self) -> None:
        """Pause the canary, or let it go on; ask first."""
        row = self.table.row
        if row is not None:
            self.act(Request("canary-pause" if row.state == "running" else "canary-resume", (row.key,)))

    def action_canary_abort(self) -> None:
        """End the canary; ask first."""
        row = self.table.row
        if row is not None:
            self.act(Request("canary-abort", (row.key,)))

    def action_copy(self) -> None:
        """Copy the canary's id."""
        if self.table.row is not None:
            self.copy(safe_text(self.table.row.key, limit=80).plain, "the canary's id")

    def action_copy_command(self) -> None:
        """Copy the command line that shows the canary."""
        if self.table.row is not None:
            self.copy(f"dewey canary show {shlex.quote(self.table.row.short_id.plain)}", "the command line")


def described(row: CanaryRow, moment: Moment, width: int) -> Content:
    """Say how a canary goes: its bar, its counts, its plan, and the last word on it."""
    ended = row.outcomes
    share = f", {100 * row.failed / ended:.0f} % of those that ended" if ended else ""
    step = f" · {PHASES.get(row.phase, row.phase)}" if row.goes_on else ""
    counts = Content.assemble(
        (f"{row.succeeded:,} succeeded", "$success"),
        (f"   {row.failed:,} failed{share}", "$error" if row.failed else "$muted"),
        (f"   {row.refused:,} had changed" if row.refused else "", "$warning"),
    )
    under_way = f"{row.flying:,} not known yet   {row.waiting:,} still to be requeued{step}"
    plan = (
        f"one, then ten, then {row.rate:,} a minute; it stops by itself when more than {row.share_percent:g} % of "
        "those that ended have failed"
    )
    said = Content.assemble(
        ("begun by ", "$muted"), row.by.stylize("bold"), (f" {moment.ago(row.started_at)}", "$muted")
    )
    if row.told_by:
        said += Content.assemble((" · the last word is ", "$muted"), row.told_by.stylize("bold"), ("'s", "$muted"))
    if row.reason:
        said += Content.assemble((": ", "$muted"), row.reason)
    bar = Content.assemble(progress(row, max(10, min(100, width - 24))), f" {row.sent:,} of {row.total:,} ")
    name = [row.name.stylize("bold $strong")] if row.name.plain != row.label.plain else []
    lines = [*name, bar, counts, Content.styled(under_way, "$muted"), Content.styled(plan, "$muted"), said, _jobs(row)]
    return Content("\n").join(lines)


def _of(row: CanaryRow) -> str:
    """What its jobs have in common, a group by the beginning of its id."""
    return f"group {row.group.plain}" if row.group.plain else row.label.plain


def _jobs(row: CanaryRow) -> Content:
    return Content.styled(f"{plural(row.total, 'job')} of {_of(row)}; it goes on without this console", "$faint")
