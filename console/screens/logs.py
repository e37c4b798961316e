"""The tail of everything that any job logs."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import Vertical

from console import bindings
from console.exporting import Sheet, held_lines
from console.formats import Moment, plural
from console.gateway.views import LogPage
from console.screens.base import POLL
from console.screens.exporting import ExportingScreen
from console.screens.job import FULL_PAGE, log_note
from console.widgets.log_view import LogView
from console.widgets.notice import Notice
from console.widgets.tab_line import TabLine


class LogsScreen(ExportingScreen):
    """Every line of every job, as it comes."""

    BINDINGS = bindings.of("logs")
    MODE: ClassVar[str] = "logs"

    def __init__(self) -> None:
        super().__init__()
        self._cursor = ""
        self._known = False
        self._dropped = 0

    def compose_body(self) -> ComposeResult:
        """Lay out the note and the log."""
        yield TabLine((("logs", "Every job's log"),), "logs")
        with Vertical(id="logs-body"):
            yield LogView(self.moment, sources=True)
            yield Notice(id="logs-notice")

    def on_mount(self) -> None:
        """Say that the first answer is awaited."""
        self.query_one(Notice).asking()
        self._arrange()

    @property
    def log_view(self) -> LogView:
        """The log's widget."""
        return self.query_one(LogView)

    def poll(self) -> None:
        """Ask for what was logged since."""
        gateway, cursor = self.dewey.gateway, self._cursor
        self.ask(POLL, lambda: gateway.tail(cursor), lambda page: self._add(cursor, page))

    def _add(self, asked_after: str, page: LogPage) -> None:
        if asked_after != self._cursor:
            return
        self._known = True
        self._cursor = page.cursor
        self._dropped += page.dropped
        self.log_view.add(page.lines)
        self._arrange(bool(page.lines))
        self.log_view.flush()
        if len(page.lines) >= FULL_PAGE and asked_after:
            self.poll()

    def _arrange(self, fresh: bool = False) -> None:
        view, notice = self.log_view, self.query_one(Notice)
        some = fresh or bool(view.line_count)
        view.display, notice.display = some, not some
        if self._known and not some:
            notice.nothing_here("Nothing was logged yet.", "What jobs log stands here as it comes.")
        if some and self.focused is None:
            view.focus()
        self._note()

    def _note(self) -> None:
        self.query_one(TabLine).tell("logs", {}, log_note(self.log_view, self._dropped))

    def on_log_view_changed(self, event: LogView.Changed) -> None:
        """Say how the log is read."""
        event.stop()
        self._note()

    def tell(self, moment: Moment, stale: bool) -> None:
        """Dim old data; if there is none, say why."""
        self.log_view.set_class(stale, "-stale")
        self.log_view.at(moment)
        for error in self.unavailable():
            if not self._known:
                self.query_one(Notice).can_not_know(error.sentence)

    def sheet(self) -> Sheet:
        """Export the lines that are held here."""
        lines = self.log_view.lines
        return Sheet("logs", f"Export {plural(len(lines), 'line')}", lambda: held_lines(lines))

    def action_follow(self) -> None:
        """Follow the log, or stay."""
        self.log_view.follow(not self.log_view.following)

    def action_wrap(self) -> None:
        """Break long lines, or not."""
        self.log_view.wrap(not self.log_view.wrapping)
