"""One file with its passages, a page at a time."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from console import bindings
from console.formats import Moment
from console.gateway.errors import GatewayRefused
from console.gateway.library import PASSAGES_PER_PAGE, PassagePage, PassageView
from console.screens.base import POLL, DeweyScreen
from console.widgets.file_detail import file_lines
from console.widgets.notice import Notice
from console.widgets.page import Page, Scroller, heading


class PassagesPage(Page):
    """Draws the passages of one page, each under its number."""

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self.passages: tuple[PassageView, ...] = ()
        self.sought = 0
        self._is_brought = False

    def show(self, passages: tuple[PassageView, ...], sought: int) -> None:
        """Take passages in; the one that is ``sought`` is marked."""
        if (passages, sought) != (self.passages, self.sought):
            self.passages, self.sought = passages, sought
            self.changed()
            self._bring_into_sight()

    def on_resize(self) -> None:
        """Once it is laid out, what is sought can be found in it."""
        self._bring_into_sight()

    def _bring_into_sight(self) -> None:
        """Scroll to what is sought, once."""
        width, scroller = self.content_size.width, self.parent
        if self._is_brought or not self.sought or not self.passages or not width or not isinstance(scroller, Scroller):
            return
        self._is_brought = True
        found = next((y for y, line in enumerate(self.lines(width)) if line.plain.startswith("▸ ")), 0)
        self.call_after_refresh(scroller.scroll_to, y=found, animate=False)

    def lines(self, width: int) -> list[Content]:
        """Return the lines for so many cells."""
        found: list[Content] = []
        width = max(10, width)
        for passage in self.passages:
            mark = "▸ " if passage.number == self.sought else ""
            note = f"characters {passage.start:,}–{passage.end:,}"
            found.append(heading(f"{mark}Passage {passage.number:,}", width, note))
            for line in passage.text.split("\n", allow_blank=True):
                found += line.wrap(width) if line.cell_length > width else [line]
            found.append(Content(""))
        return found


class FileScreen(DeweyScreen):
    """A file: what it is, and the passages that a search can find."""

    BINDINGS = bindings.of("file")
    MODE: ClassVar[str] = "files"

    def __init__(self, file_id: int, sought: int = 0) -> None:
        super().__init__()
        self.file_id = file_id
        self.sought = sought
        self.after = max(0, sought - 1) // PASSAGES_PER_PAGE * PASSAGES_PER_PAGE
        self.page: PassagePage | None = None
        self._is_gone = False

    def compose_body(self) -> ComposeResult:
        """Lay out the head and the passages."""
        yield Static(id="file-head")
        with Vertical(id="file-body"):
            with Scroller(id="passages"):
                yield PassagesPage()
            yield Notice(id="file-notice")

    def on_mount(self) -> None:
        """Say that the first answer is awaited."""
        self.query_one(Notice).asking()
        self._arrange()

    def poll(self) -> None:
        """Ask for the page in sight."""
        gateway, after = self.dewey.gateway, self.after
        self.ask(POLL, lambda: gateway.passages(self.file_id, after), lambda page: self._show(after, page), self._gone)

    def _show(self, after: int, page: PassagePage) -> None:
        if after != self.after:
            return
        self.page = page
        self.query_one(PassagesPage).show(page.passages, self.sought)
        self._arrange()

    def _gone(self, error: GatewayRefused) -> None:
        self._is_gone = True
        self.page = None
        self.query_one(Notice).no_such(error.sentence)
        self._arrange()

    def _arrange(self) -> None:
        page = self.page
        some = page is not None and bool(page.passages)
        scroller, notice = self.query_one(Scroller), self.query_one("#file-notice", Notice)
        scroller.display, notice.display = some, not some
        if page is not None and not some:
            notice.nothing_here("It has no passages.", "Only the text of a completed file is searchable.")
        if some and not scroller.has_focus:
            scroller.focus()
        self._head()
        self.refresh_bindings()

    def _head(self) -> None:
        head = self.query_one("#file-head", Static)
        head.display = self.page is not None
        if self.page is None:
            return
        lines = file_lines(self.page.file, self.moment)[:4]
        first, last = self.after + 1, self.after + len(self.page.passages)
        if self._pages > 1:
            lines[0] = Content.assemble(lines[0], (f"   passages {first:,}–{last:,} of {self.page.total:,}", "$muted"))
        head.update(Content("\n").join([line.truncate(max(20, self.size.width - 2), ellipsis=True) for line in lines]))

    @property
    def _pages(self) -> int:
        return 0 if self.page is None else -(-self.page.total // PASSAGES_PER_PAGE)

    def tell(self, moment: Moment, stale: bool) -> None:
        """Dim old data; if there is none, say why."""
        del moment
        self.query_one(Scroller).set_class(stale, "-stale")
        self._head()
        for error in self.unavailable():
            if self.page is None and not self._is_gone:
                self.query_one(Notice).can_not_know(error.sentence)

    def why_not(self, action: str) -> str:
        """Say why an action can not be done now."""
        if action == "tab" and self._pages < 2:
            return "All of its passages are here."
        if action == "copy_command" and self.page is None:
            return "There is no file."
        return super().why_not(action)

    def action_tab(self, by: int) -> None:
        """Go to the next page of passages; from the last, nowhere."""
        page = min(max(0, self.after // PASSAGES_PER_PAGE + by), self._pages - 1)
        if page * PASSAGES_PER_PAGE == self.after:
            self.notify("This is the last page." if by > 0 else "This is the first page.", timeout=2)
            return
        self.after = page * PASSAGES_PER_PAGE
        self.query_one(Scroller).scroll_to(y=0, animate=False)
        self.poll()

    def action_copy(self) -> None:
        """Copy the file's id."""
        self.copy(str(self.file_id), "the file's id")
