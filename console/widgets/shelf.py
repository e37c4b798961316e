"""Files that were read so far, page by page, newest first, in one list without gaps."""

from collections.abc import Sequence

from console.gateway.library import FileRow


class Shelf:
    """Keeps pages together while files come and go."""

    def __init__(self) -> None:
        self.rows: list[FileRow] = []
        self.is_whole = False
        """Whether the last page has come: there is nothing below."""

    @property
    def last_id(self) -> int | None:
        """The id of the last row; the next page is below it."""
        return self.rows[-1].id if self.rows else None

    def page_at(self, index: int) -> int | None:
        """Return the id below which a page has this row of the list; None is the first page."""
        above = index - 1
        return self.rows[above].id if 0 < above < len(self.rows) else None

    def put(self, before_id: int | None, page: Sequence[FileRow], size: int) -> None:
        """Take a page in: it takes the place of what was known between its ends.

        A first page that does not reach what is known would leave a gap: then what is below is forgotten.
        """
        above = [] if before_id is None else [row for row in self.rows if row.id >= before_id]
        if len(page) < size:
            self.rows, self.is_whole = [*above, *page], True
            return
        last_id = page[-1].id
        below = [row for row in self.rows if row.id < last_id]
        has_gap = before_id is None and bool(self.rows) and self.rows[0].id < last_id
        if has_gap or not below:
            self.is_whole = False
        self.rows = [*above, *page, *([] if has_gap else below)]
