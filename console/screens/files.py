"""Files by status, and a search that answers with the nearest passages."""

import shlex
from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content

from console import bindings
from console.formats import Moment, safe_text
from console.gateway.errors import GatewayRefused
from console.gateway.library import FILES_PER_PAGE, FilePage, FileRow, Found, HitView
from console.screens.base import POLL, DeweyScreen
from console.screens.file import FileScreen
from console.widgets.file_detail import FileDetail
from console.widgets.file_table import FileTable, HitTable
from console.widgets.line_table import ROWS_LIMIT, LineTable
from console.widgets.notice import Notice
from console.widgets.search_bar import SearchBar
from console.widgets.shelf import Shelf
from console.widgets.tab_line import TabLine
from storage.files import STATUSES, Status
from storage.shelf import COUNTED_LIMIT
from storage.wording import plural

EVERY: Final = "all"
TABS: Final = ((EVERY, "All"), *((status, status.capitalize()) for status in STATUSES))


class FilesScreen(DeweyScreen):
    """What was ingested, and whether it can be found."""

    BINDINGS = bindings.of("files")
    MODE: ClassVar[str] = "files"

    def __init__(self) -> None:
        super().__init__()
        self._known = False
        self.tab = EVERY
        self._shelf = Shelf()
        self._tallies: dict[str, int] = {}
        self._found: Found | None = None

    def compose_body(self) -> ComposeResult:
        """Lay out the tabs, the search, the tables and the detail."""
        yield TabLine(TABS, EVERY)
        yield SearchBar()
        with Vertical(id="files-body"):
            yield FileTable(self.moment, id="files-table")
            yield HitTable(self.moment, id="hits-table")
            yield Notice(id="files-notice")
        yield FileDetail(id="file-detail")

    def on_mount(self) -> None:
        """Say that the first answer is awaited."""
        self.query_one(Notice).asking()
        self._arrange()

    @property
    def table(self) -> FileTable:
        """The files."""
        return self.query_one(FileTable)

    @property
    def hits(self) -> HitTable:
        """The passages that were found."""
        return self.query_one(HitTable)

    @property
    def bar(self) -> SearchBar:
        """The search."""
        return self.query_one(SearchBar)

    @property
    def status(self) -> Status | None:
        """The status of the files that are shown; None for all."""
        return next((status for status in STATUSES if status == self.tab), None)

    # Files: pages by id, kept on a shelf; the page in sight is asked for again and again.

    def poll(self) -> None:
        """Ask for the files in sight."""
        self._ask_page(POLL, self._shelf.page_at(self.table.scroll_offset.y))

    def _ask_page(self, name: str, before_id: int | None) -> None:
        gateway, status, tab = self.dewey.gateway, self.status, self.tab
        self.ask(name, lambda: gateway.files(status, before_id), lambda page: self._show(tab, before_id, page))

    def _show(self, tab: str, before_id: int | None, page: FilePage) -> None:
        self._tallies = {EVERY: sum(page.tallies.values()), **{str(one): many for one, many in page.tallies.items()}}
        if tab != self.tab:
            return
        self._known = True
        self._shelf.put(before_id, page.rows, FILES_PER_PAGE)
        self.table.show(len(self._shelf.rows), 0, self._shelf.rows, self.moment)
        self._arrange()
        self._want_more()

    def _want_more(self) -> None:
        """Ask for the next page before the end comes into sight."""
        near = self.table.scroll_offset.y + 2 * self.table.height_in_rows
        if not self._shelf.is_whole and near >= len(self._shelf.rows) < ROWS_LIMIT:
            self._ask_page("more", self._shelf.last_id)

    def _arrange(self) -> None:
        searching = self._found is not None
        some = bool(self._found.hits) if self._found is not None else bool(self._shelf.rows)
        self.table.display = some and not searching
        self.hits.display = some and searching
        notice = self.query_one(Notice)
        notice.display = not some
        self.query_one(FileDetail).display = some
        if self._known and not some:
            self._say_why_empty(notice)
        if some and not self.bar.editing and self.focused not in (self.table, self.hits):
            (self.hits if searching else self.table).focus()
        self._note()
        self._detail()

    def _say_why_empty(self, notice: Notice) -> None:
        if self._found is not None:
            notice.nothing_matches(safe_text(self.bar.text, limit=80), "no passage is stored yet; esc clears")
        elif self.tab != EVERY:
            notice.nothing_matches(Content(f"status {self.tab}"), "] shows the next status")
        else:
            notice.nothing_here("No file yet.", "dewey ingest PATH adds files and makes them searchable.")

    def _note(self) -> None:
        tallies = {name: min(number, COUNTED_LIMIT) for name, number in self._tallies.items()}
        self.query_one(TabLine).tell(self.tab, tallies, Content(""))
        if self._found is not None:
            note = Content.assemble(plural(len(self._found.hits), "passage"), " ", self._found.note)
        else:
            total = self._tallies.get(self.tab, 0)
            more = "+" if any(number > COUNTED_LIMIT for number in self._tallies.values()) else ""
            note = Content(f"{min(total, COUNTED_LIMIT):,}{more} files" if more else plural(total, "file"))
        self.bar.tell(note if self._known else Content(""))

    def tell(self, moment: Moment, stale: bool) -> None:
        """Dim old data; if there is none, say why."""
        for widget in (self.table, self.hits, self.query_one(FileDetail)):
            widget.set_class(stale, "-stale")
        self.table.at(moment)
        self._detail()
        for error in self.unavailable():
            if not self._known:
                self.query_one(Notice).can_not_know(error.sentence)

    @property
    def row(self) -> FileRow | HitView | None:
        """What the cursor is on."""
        return self.hits.row if self._found is not None else self.table.row

    def _detail(self) -> None:
        self.query_one(FileDetail).show(self.row, self.moment)
        self.refresh_bindings()

    def on_line_table_cursor_moved(self, event: LineTable.CursorMoved) -> None:
        """Show the row under the cursor; near the end, ask for more."""
        event.stop()
        self._detail()
        if self._known and self._found is None and self.table.cursor + self.table.height_in_rows >= self.table.total:
            self._want_more()

    def on_line_table_opened(self, event: LineTable.Opened) -> None:
        """A double click opens."""
        event.stop()
        self.action_open()

    # What one can do.

    def why_not(self, action: str) -> str:
        """Say why an action can not be done now."""
        if action in ("open", "copy") and self.row is None:
            return "There is no file under the cursor."
        if action == "copy_command" and self._found is None and self.row is None:
            return "There is nothing to copy."
        return super().why_not(action)

    def has_steps(self) -> bool:
        """A search, and a status, can be left."""
        return self.bar.editing or self._found is not None or self.tab != EVERY

    def step_back(self) -> bool:
        """Leave the field, then the search, then the status."""
        if self.bar.editing:
            self.bar.end()
        elif self._found is not None:
            self._end_search()
        elif self.tab != EVERY:
            self._go(EVERY)
        else:
            return False
        return True

    def action_tab(self, by: int) -> None:
        """Show the files of the next status."""
        names = [name for name, _ in TABS]
        if self._found is not None:
            self._end_search()
        self._go(names[(names.index(self.tab) + by) % len(names)])

    def on_tab_line_chosen(self, event: TabLine.Chosen) -> None:
        """A click on a status shows its files."""
        event.stop()
        if self._found is not None:
            self._end_search()
        self._go(event.tab)

    def _go(self, tab: str) -> None:
        self.tab = tab
        self._shelf = Shelf()
        self.table.clear()
        self._note()
        self.poll()

    def action_search(self) -> None:
        """Let a text be written whose nearest passages are wanted."""
        self.bar.begin()

    def on_search_bar_left(self, event: SearchBar.Left) -> None:
        """Give the keys back to the list."""
        event.stop()
        self.set_focus(None)
        self._arrange()

    def on_search_bar_chosen(self, event: SearchBar.Chosen) -> None:
        """Ask for the nearest passages."""
        event.stop()
        if not event.text:
            self._end_search()
            return
        gateway, text = self.dewey.gateway, event.text
        self.bar.tell(Content.styled("searching…", "$accent"))
        self.ask("search", lambda: gateway.search(text), self._show_found, self._refused)

    def _show_found(self, found: Found) -> None:
        if not self.bar.text:
            return
        self._found = found
        self.hits.clear()
        self.hits.show(len(found.hits), 0, found.hits, self.moment)
        self._arrange()

    def _refused(self, error: GatewayRefused) -> None:
        self.notify(error.sentence.plain, severity="error", title="Not searched")
        self._end_search()

    def _end_search(self) -> None:
        self._found = None
        self.bar.show("")
        self._arrange()

    def action_open(self) -> None:
        """Show a file's passages; of one that was found, from that one on."""
        row = self.row
        if isinstance(row, FileRow):
            self.dewey.push_screen(FileScreen(row.id))
        elif row is not None:
            self.dewey.push_screen(FileScreen(row.file_id, row.number))

    def action_copy(self) -> None:
        """Copy the file's id, or the passage."""
        row = self.row
        if isinstance(row, FileRow):
            self.copy(str(row.id), "the file's id")
        elif row is not None:
            self.copy(row.text.plain, "the passage")

    def action_copy_command(self) -> None:
        """Copy the command line that does this search."""
        text = safe_text(self.bar.text, limit=200).plain if self._found is not None else "TEXT"
        self.copy(f"dewey search {shlex.quote(text)}", "the command line")
