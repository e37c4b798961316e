"""What the screens have in common that list all of a kind: a table, the row under the cursor in more detail below it,
and a notice in the place of both while there is nothing to list."""

from collections.abc import Sequence
from typing import Any, ClassVar

from textual.content import Content
from textual.widget import Widget

from console.formats import Moment
from console.screens.base import DeweyScreen
from console.screens.room import fit_to_rows
from console.widgets.line_table import LineTable
from console.widgets.notice import Notice
from console.widgets.tab_line import TabLine


class ListScreen(DeweyScreen):
    """Subclasses lay out one table, one notice and the detail; they ask in `poll`, and hand the rows to `list_rows`."""

    DETAIL: ClassVar[str]
    """Selects what shows the row under the cursor."""
    NOTHING: ClassVar[tuple[str, str]]
    """What is said when there is no row, and what would bring one."""

    def __init__(self) -> None:
        super().__init__()
        self._known = False

    @property
    def table(self) -> LineTable[Any]:
        """The table."""
        return self.query_one(LineTable)

    def show_detail(self) -> None:
        """Show the row under the cursor, if there is one."""
        raise NotImplementedError

    def on_mount(self) -> None:
        """Say that the first answer is awaited."""
        self.query_one(Notice).asking()
        self._arrange(False)

    def list_rows(self, rows: Sequence[Any]) -> None:
        """Take all rows in."""
        self._known = True
        if not rows:
            self.query_one(Notice).nothing_here(*self.NOTHING)
        self._arrange(bool(rows))
        self.table.show(len(rows), 0, rows, self.moment)
        self._share()
        self._detail()

    def _share(self) -> None:
        """Let the detail have the rows that the list does not fill."""
        body = self.table.parent
        if isinstance(body, Widget):
            fit_to_rows(self, body, self.table)

    def on_resize(self) -> None:
        """Share the rows anew."""
        self.call_after_refresh(self._share)

    def rows(self) -> list[Any]:
        """Return every row that is listed."""
        return self.table.held(0, self.table.total - 1)

    def hide_rows(self) -> None:
        """Show nothing but the notice; how many there are is not known."""
        self._known = True
        for line in self.query(TabLine):
            line.tell(line.active, {}, Content(""))
        self._arrange(False)

    def tell_count(self, tab: str, count: int, note: Content) -> None:
        """Say in the line above how many there are, and how they are."""
        self.query_one(TabLine).tell(tab, {tab: count}, note)

    def _arrange(self, rows: bool) -> None:
        self.table.display, self.query_one(Notice).display = rows, not rows
        self.query_one(self.DETAIL).display = rows
        self._share()
        if rows and self.focused is None:
            self.table.focus()

    def tell(self, moment: Moment, stale: bool) -> None:
        """Dim old data; if there is none, say why."""
        self.table.set_class(stale, "-stale")
        self.query_one(self.DETAIL).set_class(stale, "-stale")
        self.table.at(moment)
        self._detail()
        for error in self.unavailable():
            if not self._known:
                self.query_one(Notice).can_not_know(error.sentence)

    def _detail(self) -> None:
        if self.table.row is not None:
            self.show_detail()
        self.refresh_bindings()

    def on_line_table_cursor_moved(self, event: LineTable.CursorMoved) -> None:
        """Show the row under the cursor."""
        event.stop()
        self._detail()
