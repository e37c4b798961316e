"""The tail of everything that any job logs, or of what of it a filter lets through."""

import shlex
from collections import deque
from collections.abc import Mapping
from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content

from console import bindings, lines
from console.exporting import Sheet, held_lines
from console.formats import Moment
from console.gateway.views import LogLineView, LogPage
from console.screens.base import POLL
from console.screens.exporting import ExportingScreen
from console.screens.filtering import FilteredScreen
from console.screens.job import FULL_PAGE, log_note
from console.screens.job_actions import safe_key
from console.widgets.filter_bar import Grammar
from console.widgets.log_view import LINES_LIMIT, LogView
from console.widgets.notice import Notice
from storage.history.filters import Filter
from storage.wording import plural

_FOR_A_LINE: Final = ("open", "copy", "copy_command")


class LogsScreen(ExportingScreen, FilteredScreen):
    """The lines of every job, as they come. A filter hides lines; those that are held come back when it goes."""

    BINDINGS = bindings.of("logs")
    PLACE: ClassVar[bindings.Place] = "logs"
    MODE: ClassVar[str] = "logs"

    def __init__(self, criteria: str = "") -> None:
        super().__init__(criteria)
        self._filter = lines.read(criteria)
        self._held: deque[LogLineView] = deque(maxlen=LINES_LIMIT)
        self._matching = 0
        self._cursor = ""
        self._known = False
        self._dropped = 0
        self._keys_for: tuple[bool, tuple[str, ...]] = (True, ())

    def compose_body(self) -> ComposeResult:
        """Lay out the filter and the log."""
        yield self.make_bar(Grammar(self.read_filter, lines.FIELDS, "what every job logs"))
        with Vertical(id="logs-body"):
            yield LogView(self.moment, sources=True)
            yield Notice(id="logs-notice")

    def on_mount(self) -> None:
        """Say that the first answer is awaited."""
        self.query_one(Notice).asking()
        self.log_view.highlight(self.words_looked_for())
        self._arrange()

    @property
    def log_view(self) -> LogView:
        """The log's widget."""
        return self.query_one(LogView)

    # Asking.

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
        self._held.extend(page.lines)
        self._draw(page.lines)
        self._arrange()
        if len(page.lines) >= FULL_PAGE and asked_after:
            self.poll()

    def _draw(self, fresh: tuple[LogLineView, ...]) -> None:
        shown = [line for line in fresh if lines.matches(self._filter, line)]
        self._matching += len(shown)
        self.log_view.add(shown)
        self.log_view.flush()

    def _arrange(self) -> None:
        view, notice = self.log_view, self.query_one(Notice)
        some = bool(self._matching)
        view.display, notice.display = some, not some
        if self._known and not some:
            self._say_empty(notice)
        if some and self.focused is None and not self.bar.editing:
            view.focus()
        self._note()

    def _say_empty(self, notice: Notice) -> None:
        if self.criteria and self._held:
            self.say_nothing_matches(notice)
        else:
            notice.nothing_here("Nothing was logged yet.", "What jobs log stands here as it comes.")

    def _note(self) -> None:
        number = plural(len(self._held), "line") + " · "
        if self.criteria:
            number = f"{self.log_view.line_count:,} of {number}"
        note = log_note(self.log_view, self._dropped)
        self.bar.tell(Content.assemble((number if self._known else "", "$muted"), note))
        state = (self.log_view.line is None, self.log_view.words)
        if state != self._keys_for:  # lines come by the thousand: keys are looked at only when they may differ
            self._keys_for = state
            self.refresh_bindings()

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

    # The filter.

    def read_filter(self, text: str) -> Filter:
        """Read the text of a filter of lines."""
        return lines.read(text)

    def know_words(self, words: Mapping[str, tuple[str, ...]]) -> None:
        """Take in real values, to complete what is written."""
        super().know_words(lines.words(words))

    def count_typed(self, criteria: str) -> None:
        """Count which of the lines that are held match."""
        given = lines.read(criteria)
        number = sum(1 for line in self._held if lines.matches(given, line))
        self.bar.foresee(criteria, Content.assemble(("→ ", "$faint"), (plural(number, "line"), "$accent")))

    def filter_by(self, criteria: str) -> None:
        """Show the lines that match, of those that are held and of those that come."""
        if criteria == self.criteria:
            return
        self.criteria, self._filter = criteria, lines.read(criteria)
        self.bar.show(criteria)
        self.log_view.highlight(self.words_looked_for())
        self.log_view.clear()
        self._matching = 0
        self._draw(tuple(self._held))
        self.log_view.follow(True)
        self._arrange()

    def give_keys_back(self) -> None:
        """Give the keys back to the log."""
        if self.log_view.display:
            self.log_view.focus()
        else:
            self.set_focus(None)

    def action_match(self, step: int) -> None:
        """Go to the next line with a word of the filter, or to the one before."""
        if not self.log_view.go_to_match(step):
            self.notify(f"No match {'further down' if step > 0 else 'above'}.", timeout=3)

    # Lines.

    def why_not(self, action: str) -> str:
        """Say why an action can not be done now."""
        line = self.log_view.line
        if action in _FOR_A_LINE and (line is None or not line.job_key):
            return "There is no line of a job under the cursor."
        if action == "match" and not self.log_view.words:
            return "No word is highlighted: filter by one first, such as timeout."
        if action == "export" and not self.log_view.line_count:
            return "There is no line to export."
        return super().why_not(action)

    def on_log_view_opened(self, event: LogView.Opened) -> None:
        """A double click opens the job of a line."""
        event.stop()
        self.action_open()

    def action_open(self) -> None:
        """Show the job of the line under the cursor."""
        line = self.log_view.line
        if line is not None and line.job_key:
            self.dewey.open_job(line.job_key, "log")

    def action_copy(self) -> None:
        """Copy the line under the cursor."""
        line = self.log_view.line
        if line is not None:
            self.copy(line.message.plain, "the line")

    def action_copy_command(self) -> None:
        """Copy the command line that shows the log of the line's job."""
        line = self.log_view.line
        if line is not None:
            self.copy(f"dewey logs {shlex.quote(safe_key(line.job_key))}", "the command line")

    def sheet(self) -> Sheet:
        """Export the lines in sight and out of sight that match."""
        held = self.log_view.lines
        return Sheet("logs", f"Export {plural(len(held), 'line')}", lambda: held_lines(held))

    def action_follow(self) -> None:
        """Follow the log, or stay."""
        self.log_view.follow(not self.log_view.following)

    def action_wrap(self) -> None:
        """Break long lines, or not."""
        self.log_view.wrap(not self.log_view.wrapping)
