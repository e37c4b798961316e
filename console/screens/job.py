"""One job: its summary, its log while it runs, its attempts with their tracebacks, its flow, and how it is stored."""

import shlex
from datetime import datetime, timedelta
from functools import cached_property, partial
from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.content import Content
from textual.widget import Widget

from console import bindings
from console.exporting import Sheet, job_with_log
from console.formats import GLYPHS, Moment
from console.gateway.acting import Done
from console.gateway.errors import GatewayRefused
from console.gateway.flow import FlowLine
from console.gateway.views import JobView, LogPage
from console.screens.base import POLL
from console.screens.exporting import ExportingScreen
from console.screens.job_actions import RULES, Chosen, JobActions, safe_key
from console.screens.revealed import RevealedDialog
from console.screens.tabbed import TabbedScreen
from console.widgets.drawn import Sentence
from console.widgets.flow_table import FlowTable
from console.widgets.history_page import HistoryPage
from console.widgets.job_pages import AttemptsPage, JobPage, RawPage, SummaryPage
from console.widgets.line_table import LineTable
from console.widgets.log_view import LogView
from console.widgets.notice import Notice
from console.widgets.page import Scroller
from console.widgets.page_stack import PageStack
from console.widgets.palette import state_color
from console.widgets.tab_line import TabLine
from storage.wording import plural, short_id
from tasks.actions.values import Request

TABS: Final = (
    ("summary", "Summary"),
    ("log", "Log"),
    ("attempts", "Attempts"),
    ("history", "History"),
    ("flow", "Flow"),
    ("raw", "Raw"),
)
FULL_PAGE: Final = 1_000
AWAY_EVERY: Final = timedelta(seconds=15)
"""How long after a history that did not answer is left alone."""


class JobScreen(TabbedScreen, JobActions, ExportingScreen):
    """Everything about a job. ``key`` may be a prefix of its id; a screen that is made before it is known has none."""

    BINDINGS = bindings.of("job")
    PLACE: ClassVar[bindings.Place] = "job"
    TABS = TABS
    MODE: ClassVar[str] = "jobs"

    def __init__(self, key: str, tab: str = "summary", is_prefix: bool = False) -> None:
        super().__init__()
        self.key = "" if is_prefix else key
        self._prefix = key
        self.tab = tab
        self.view: JobView | None = None
        self._cursor = ""
        self._dropped = 0
        self._flow_size = 0
        self._compared: tuple[str, int] | None = None
        self._compared_at: datetime | None = None

    def be_about(self, key: str, tab: str, *, is_prefix: bool) -> None:
        """Take in which job a screen is about that was made before, and that nobody has seen."""
        self.key, self._prefix = "" if is_prefix else key, key
        self.tab = tab
        self._arrange()
        self._tabs()

    def compose_body(self) -> ComposeResult:
        """Lay out the title, the tabs and their pages."""
        yield Sentence(id="job-title")
        yield TabLine(TABS, self.tab)
        yield PageStack({tab: partial(self._make, tab) for tab, _ in TABS}, self.tab, id="job-pages")
        yield Notice(id="job-notice")

    # The pages: each is made when its tab is shown first.

    @cached_property
    def log_view(self) -> LogView:
        """The log."""
        return LogView(self.moment, id="log")

    @cached_property
    def _flow(self) -> FlowTable:
        return FlowTable(self.moment, id="flow")

    @cached_property
    def _attempts(self) -> AttemptsPage:
        return AttemptsPage()

    @cached_property
    def _history(self) -> HistoryPage:
        return HistoryPage()

    @cached_property
    def _summary(self) -> SummaryPage:
        return SummaryPage()

    @cached_property
    def _raw(self) -> RawPage:
        return RawPage()

    def _page(self, tab: str) -> LogView | FlowTable | JobPage:
        page: LogView | FlowTable | JobPage = getattr(self, "log_view" if tab == "log" else f"_{tab}")
        return page

    def _make(self, tab: str) -> Widget:
        page = self._page(tab)
        return Scroller(page, id=tab) if isinstance(page, JobPage) else page

    def on_mount(self) -> None:
        """Say that the first answer is awaited."""
        self.query_one("#job-notice", Notice).asking()
        self._arrange()

    # Asking.

    def poll(self) -> None:
        """Ask for the job, and for what it has logged since."""
        gateway = self.dewey.gateway
        if not self.key:
            self.ask(POLL, lambda: gateway.find(self._prefix), self._found, self._refused)
            return
        key = self.key
        self.ask(POLL, lambda: gateway.job(key), self._show, self._refused)
        if self.tab == "log":
            self._ask_log()
        elif self.tab == "flow":
            self._ask_flow()

    def _found(self, key: str) -> None:
        self.key = key
        self.poll()

    def _refused(self, error: GatewayRefused) -> None:
        if self.view is None:
            self.query_one("#job-notice", Notice).no_such(error.sentence)
            self.query_one(TabLine).display = False
        else:
            self.query_one(TabLine).tell(self.tab, {}, error.sentence.stylize("$warning"))

    def _ask_log(self) -> None:
        gateway, key, cursor = self.dewey.gateway, self.key, self._cursor
        self.ask("log", lambda: gateway.log(key, cursor), lambda page: self._add(cursor, page))

    def _ask_flow(self) -> None:
        gateway, key = self.dewey.gateway, self.key
        if self._is_recorded:
            return
        self.ask("flow", lambda: gateway.flow(key), self._show_flow)

    def _ask_history(self) -> None:
        """Ask for others of its task: once, and again when the job has gone on; now and then while history is away."""
        beside, now = self._history.beside, self.moment.now
        stands = None if self.view is None else (self.view.row.state, self.view.row.attempt)
        is_away = beside is not None and bool(beside.times.problem.plain)
        is_due = self._compared_at is None or now - self._compared_at >= AWAY_EVERY
        if stands is None or self.awaits("history") or (stands == self._compared and not (is_away and is_due)):
            return
        gateway, key = self.dewey.gateway, self.key
        self._compared, self._compared_at = stands, now
        self.ask("history", lambda: gateway.beside(key), self._history.compare)

    def is_of_backend(self, name: str) -> bool:
        """History is compared for as long as it takes: it says nothing of how fast the backend answers."""
        return name != "history" and super().is_of_backend(name)

    @property
    def _is_recorded(self) -> bool:
        """Whether only history has the job."""
        return self.view is not None and self.view.is_recorded

    def _show_flow(self, lines: tuple[FlowLine, ...]) -> None:
        table = self._flow
        if not self._flow_size:
            table.cursor_key = self.key
        self._flow_size = len(lines)
        table.show(len(lines), 0, lines, self.moment)
        self._tabs()

    def _add(self, asked_after: str, page: LogPage) -> None:
        if asked_after != self._cursor:
            return
        self._cursor = page.cursor
        self._dropped += page.dropped
        self.log_view.add(page.lines)
        self.log_view.flush()
        if len(page.lines) >= FULL_PAGE:
            self._ask_log()
        self._tabs()

    def _show(self, view: JobView) -> None:
        is_first = self.view is None
        self.view = view
        self.query_one(TabLine).display = True
        if is_first:
            self._arrange()
        self._tabs()
        row = view.row
        title = Content.assemble(
            " ",
            (f"{GLYPHS[row.state]} {row.state}", f"bold {state_color(row.state)}"),
            "  ",
            row.task.stylize("bold $strong"),
            "  ",
            row.short_id.stylize("$muted"),
            ("  in ", "$muted"),
            row.queue,
            ("  ", ""),
            ("from history  ", "$accent") if view.is_recorded else "",
            view.error.first_line.stylize("$error") if view.error else "",
        )
        self.query_one("#job-title", Sentence).say(title)
        self._tell_page(self.moment)
        if self.tab == "history":
            self._ask_history()
        self.refresh_bindings()

    def _tell_page(self, moment: Moment) -> None:
        """Tell the page in sight, alone: another one is told when it is turned to."""
        page = self._page(self.tab)
        if isinstance(page, JobPage) and self.view is not None:
            page.show(self.view, moment)
        elif isinstance(page, LogView):
            page.at(moment)

    def _arrange(self) -> None:
        known = self.view is not None
        pages = self.query_one(PageStack)
        pages.display, self.query_one("#job-notice", Notice).display = known, not known
        pages.turn_to(self.tab)
        if known and pages.page is not None:
            pages.page.focus()

    def _tabs(self) -> None:
        attempts = len(self.view.attempts) if self.view is not None else 0
        self.query_one(TabLine).tell(self.tab, {"attempts": attempts}, self._note())

    def _note(self) -> Content:
        if self.tab == "attempts":
            return Content.styled("every frame" if self._attempts.unfolded else "application frames", "$faint")
        if self.tab == "flow" and self._is_recorded:
            return Content.styled("Redis has forgotten this job: its flow is not known", "$warning")
        if self.tab == "flow" and self._flow_size == 1:
            return Content.styled("no other job is in it", "$muted")
        if self.tab == "log" and self._cursor and not self.log_view.line_count:
            return Content.styled("nothing was logged yet", "$muted")
        return log_note(self.log_view, self._dropped) if self.tab == "log" else Content("")

    def tell(self, moment: Moment, stale: bool) -> None:
        """Dim old data; if there is none, say why."""
        self.query_one(PageStack).set_class(stale, "-stale")
        self._tell_page(moment)
        for error in self.unavailable():
            if self.view is None:
                self.query_one("#job-notice", Notice).can_not_know(error.sentence)

    def on_log_view_changed(self, event: LogView.Changed) -> None:
        """Say how the log is read."""
        event.stop()
        self._tabs()

    # Tabs.

    def go_to(self, tab: str) -> None:
        """Show a tab."""
        self.tab = tab
        self._tell_page(self.moment)
        self._arrange()
        self._tabs()
        self.refresh_bindings()
        if tab == "log" and self.key:
            self._ask_log()
        if tab == "flow" and self.key:
            self._ask_flow()
        if tab == "history" and self.key:
            self._ask_history()

    def on_line_table_opened(self, event: LineTable.Opened) -> None:
        """A double click opens the job of a flow."""
        event.stop()
        self.action_open()

    def action_log(self) -> None:
        """Go to the log."""
        self.go_to("log")

    # Acting.

    def hides(self, action: str) -> bool:
        """The keys of a tab are shown on it."""
        if action in ("follow", "wrap", "log"):
            return (action == "log") == (self.tab == "log")
        return (action == "open" and self.tab not in ("attempts", "flow")) or super().hides(action)

    def why_not(self, action: str) -> str:
        """Say why an action can not be done now."""
        if action in ("follow", "wrap") and self.tab != "log":
            return "That is for the log: l shows it."
        if action == "open" and self.tab not in ("attempts", "flow"):
            return "That is for tracebacks and flows: they are in the tabs Attempts and Flow."
        if action == "log" and self.tab == "log":
            return "This is the log."
        if (
            action in ("export", "why", "copy", "copy_command", "tab", "reveal", "requeue_edited", *RULES)
            and self.view is None
        ):
            return "The job is not known yet."
        return self.why_not_on_jobs(action) or super().why_not(action)

    def action_open(self) -> None:
        """Open or fold the libraries' frames; in the flow, open the job under the cursor."""
        if self.tab == "flow":
            row = self._flow.row
            if row is not None and row.state and row.key != self.key:
                self.dewey.open_job(row.key)
            return
        self._attempts.unfold(not self._attempts.unfolded)
        self._tabs()

    def action_follow(self) -> None:
        """Follow the log, or stay."""
        self.log_view.follow(not self.log_view.following)

    def action_wrap(self) -> None:
        """Break long lines, or not."""
        self.log_view.wrap(not self.log_view.wrapping)

    def action_why(self) -> None:
        """Say what keeps the job."""
        gateway, key = self.dewey.gateway, self.key
        self.ask("why", lambda: gateway.why(key), self.dewey.show_why)

    def action_copy(self) -> None:
        """Copy the whole id."""
        self.copy(safe_key(self.key), "the id")

    def action_copy_command(self) -> None:
        """Copy the command line that shows what this shows."""
        verb = {"log": "logs", "history": "diff"}.get(self.tab, "job")
        self.copy(f"dewey {verb} {shlex.quote(safe_key(self.key))}", "the command line")

    def chosen(self) -> Chosen:
        """Return this job."""
        return Chosen((self.key,), (self.view.row,)) if self.view is not None else Chosen()

    def sheet(self) -> Sheet:
        """Export this job with its attempts and its log."""
        gateway, key = self.dewey.gateway, self.key
        name = f"job-{safe_key(short_id(key))}"
        title = "Export this job with its attempts and its log"
        return Sheet(name, title, lambda: job_with_log(gateway.job(key), lambda after: gateway.log(key, after)))

    def action_reveal(self) -> None:
        """Show what is masked; that it was shown is kept in the audit."""
        self.act(Request("reveal", (self.key,)), self._reveal)

    def _reveal(self, done: Done) -> None:
        if done.shown:
            self.dewey.push_screen(RevealedDialog(done.shown))


def log_note(view: LogView, dropped: int) -> Content:
    """Say whether a log is followed, and what is out of sight."""
    parts: list[tuple[str, str]] = []
    if dropped:
        parts.append((f"{plural(dropped, 'line')} lost · ", "$warning"))
    if view.wrapping:
        parts.append(("wrapped · ", "$faint"))
    if view.following:
        parts.append(("following", "$success"))
    elif view.unseen:
        parts.append((f"{plural(view.unseen, 'new line')} · f follows", "$accent"))
    else:
        parts.append(("not following · f follows", "$muted"))
    return Content.assemble(*parts)
