"""One action of the audit, with what it was done to."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from console import bindings
from console.formats import Moment
from console.gateway.acting import EntryRow, EntryView
from console.gateway.errors import GatewayRefused
from console.screens.audit_words import undoing, why_not_undo
from console.screens.base import POLL, DeweyScreen
from console.widgets.audit_tables import ItemTable
from console.widgets.line_table import LineTable
from console.widgets.notice import Notice
from storage.wording import plural
from tasks.actions.values import Request


class EntryScreen(DeweyScreen):
    """An action: its command line, who, when, why, and the outcome of each item."""

    BINDINGS = bindings.of("entry")
    MODE: ClassVar[str] = "audit"
    PLACE: ClassVar[bindings.Place] = "entry"

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number
        self.view: EntryView | None = None

    def compose_body(self) -> ComposeResult:
        """Lay out what it was, and the items."""
        yield Static(id="entry-title")
        with Vertical(id="entry-body"):
            yield ItemTable(self.moment, id="items")
            yield Notice(id="entry-notice")
        yield Static(id="entry-detail")

    def on_mount(self) -> None:
        """Say that the first answer is awaited."""
        self.query_one(Notice).asking()
        self._arrange()

    @property
    def table(self) -> ItemTable:
        """The items."""
        return self.query_one(ItemTable)

    def poll(self) -> None:
        """Ask for the action."""
        gateway, number = self.dewey.gateway, self.number
        self.ask(POLL, lambda: gateway.audit_entry(number), self._show, self._refused)

    def _refused(self, error: GatewayRefused) -> None:
        self.query_one(Notice).no_such(error.sentence)

    def _show(self, view: EntryView) -> None:
        self.view = view
        self.query_one("#entry-title", Static).update(_title(view, self.moment))
        self.table.show(len(view.items), 0, view.items, self.moment)
        if not view.items:
            self.query_one(Notice).nothing_here("It was done to nothing.")
        self._arrange()

    def _arrange(self) -> None:
        rows = self.view is not None and bool(self.view.items)
        self.table.display, self.query_one(Notice).display = rows, not rows
        self.query_one("#entry-title").display = self.view is not None
        if rows and self.focused is None:
            self.table.focus()
        self._detail()

    def _detail(self) -> None:
        """Say the whole of what became of the item under the cursor."""
        row = self.table.row if self.table.display else None
        detail = self.query_one("#entry-detail", Static)
        detail.display = row is not None
        if row is not None:
            said = row.detail if row.detail else Content(_OUTCOMES.get(row.outcome, "what became of it is not known"))
            detail.update(Content.assemble(row.name.stylize("bold"), ": ", said))
        self.refresh_bindings()

    def tell(self, moment: Moment, stale: bool) -> None:
        """Dim old data; if there is none, say why."""
        self.table.set_class(stale, "-stale")
        self.table.at(moment)
        for error in self.unavailable():
            if self.view is None:
                self.query_one(Notice).can_not_know(error.sentence)

    def on_line_table_cursor_moved(self, event: LineTable.CursorMoved) -> None:
        """What can be done depends on the item."""
        event.stop()
        self._detail()

    def on_line_table_opened(self, event: LineTable.Opened) -> None:
        """A double click opens."""
        event.stop()
        if not self.why_not("open"):
            self.action_open()

    def why_not(self, action: str) -> str:
        """Say why an action can not be done now."""
        if action in ("open", "undo_entry", "copy", "copy_command") and self.view is None:
            return "The action is not known yet."
        if action == "open" and self.view is not None and self._job() == "":
            return "Only jobs can be opened from here."
        if action == "undo_entry" and self.view is not None:
            return why_not_undo(self.view.row) or super().why_not(action)
        return super().why_not(action)

    def _job(self) -> str:
        """The job under the cursor, where the action was done to jobs."""
        row = self.table.row
        is_of_jobs = self.view is not None and self.view.row.action not in _NOT_OF_JOBS
        return row.key if row is not None and is_of_jobs else ""

    def action_open(self) -> None:
        """Show the job under the cursor."""
        key = self._job()
        if key:
            self.dewey.open_job(key)

    def action_undo_entry(self) -> None:
        """Undo this action, whoever did it."""
        self.act(Request("undo", (str(self.number),)))

    def action_copy(self) -> None:
        """Copy the command line of the action."""
        if self.view is not None:
            self.copy(f"dewey {self.view.row.command.plain}", "the command line")

    def action_copy_command(self) -> None:
        """Copy the command line that shows this."""
        self.copy(f"dewey audit {self.number}", "the command line")


_OUTCOMES = {"done": "done", "refused": "not done"}
_NOT_OF_JOBS = frozenset(
    {
        *("trigger", "run", "pause", "resume", "limit", "pause-schedule", "resume-schedule", "quiet", "wake", "stop"),
        *("canary-pause", "canary-resume", "canary-abort", "release", "mute", "resolve", "reopen"),
    }
)


def _title(view: EntryView, moment: Moment) -> Content:
    row: EntryRow = view.row
    lines = [
        Content.assemble((f" action {row.number} ", "$accent"), row.command.stylize("bold $strong")),
        Content.assemble(
            " ", row.actor.stylize("bold"), (" on ", "$muted"), row.host, ("  ", ""), (moment.full(row.at), "$muted")
        ),
    ]
    if row.reason:
        lines.append(Content.assemble((" because: ", "$muted"), row.reason))
    shown = f", the first {len(view.items):,} are shown" if len(view.items) < row.items else ""
    lines.append(Content.styled(f" {plural(row.items, 'item')}{shown}: {row.outcome} · {undoing(row)}", "$muted"))
    return Content("\n").join(lines)
