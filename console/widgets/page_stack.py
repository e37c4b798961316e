"""Pages in one place, of which one is in sight. Each is mounted when it is shown first: a page that nobody looks at
costs nothing when its screen opens."""

from collections.abc import Callable, Mapping

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widget import Widget


class PageStack(Vertical):
    """Turns from page to page. ``pages`` make them by name; a page out of sight keeps its state."""

    DEFAULT_CSS = "PageStack.-stale { opacity: 55%; }"

    def __init__(self, pages: Mapping[str, Callable[[], Widget]], current: str, id: str | None = None) -> None:
        super().__init__(id=id)
        self.current = current
        self._pages = pages
        self._made: dict[str, Widget] = {}

    @property
    def page(self) -> Widget | None:
        """The page in sight; None while there is none yet."""
        return self._made.get(self.current)

    def compose(self) -> ComposeResult:
        """Make the page in sight alone."""
        yield self._make(self.current)

    def _make(self, name: str) -> Widget:
        page = self._made[name] = self._pages[name]()
        return page

    def turn_to(self, name: str) -> None:
        """Show a page in the place of the one in sight."""
        if name == self.current:
            return
        if self.page is not None:
            self.page.display = False
        self.current = name
        if self.page is not None:
            self.page.display = True
        elif self._made:  # else it is made with the stack
            self.mount(self._make(name))
