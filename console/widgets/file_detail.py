"""One file in words, or one passage that was found, whole."""

from collections.abc import Sequence

from textual.content import Content

from console.formats import Moment, size
from console.gateway.library import FileRow, HitView
from console.widgets.drawn import Drawn
from console.widgets.file_table import status
from console.widgets.fitting import spread
from storage.wording import plural

MEANINGS = {
    "PENDING": "It waits for its upload, or for a job of the queue that ingests it.",
    "PROCESSING": "A job reads it now.",
    "COMPLETED": "Its text is searchable.",
    "FAILED": "Its text is not searchable.",
    "DUPLICATE": "Its owner has the same bytes in another file: only that one is searchable.",
}

NAME, MEANING = 0, 1
"""Which of its lines may be long, and matter most: its name, and what is wrong with it."""


class FileDetail(Drawn):
    """Says what the row under the cursor is."""

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self._row: FileRow | HitView | None = None
        self._moment: Moment | None = None

    def show(self, row: FileRow | HitView | None, moment: Moment) -> None:
        """Take a file or a passage in."""
        if (row, moment) != (self._row, self._moment):
            self._row, self._moment = row, moment
            self.redraw()

    def draw(self) -> Sequence[Content]:
        """Write the lines that fit."""
        width, height = self.content_size
        if self._row is None or self._moment is None:
            return ()
        if isinstance(self._row, FileRow):
            return spread(file_lines(self._row, self._moment), width, height, (MEANING, NAME))
        lines = _hit(self._row, width)
        shown = [line.truncate(width, ellipsis=True) for line in lines[:height]]
        if len(lines) > height:
            shown[-1] = shown[-1].truncate(width - 2, pad=True) + Content.styled(" …", "$faint")
        return shown


def _pair(label: str, value: Content | str) -> Content:
    return Content.assemble((f"{label:<10}", "$muted"), value)


def file_lines(row: FileRow, moment: Moment) -> list[Content]:
    """Return what there is to say of a file, the most important first."""
    said = status(row)
    kept = f"{size(row.size_bytes)} ({row.size_bytes:,} bytes), "
    passages = plural(row.passages, "passage") if row.passages is not None else "passages not counted"
    meaning = Content(MEANINGS[row.status])
    if row.status == "DUPLICATE" and row.original.plain:
        meaning = Content.assemble(meaning, " It is file ", row.original, ".")
    lines = [
        Content.assemble(row.name.stylize("bold $strong"), "   ", (said.text, f"${said.tone}")),
        row.error.stylize("$error") if row.error.plain else meaning.stylize("$muted"),
        _pair("content", Content.assemble(kept, row.mime_type, f", {passages}")),
        _pair("owner", Content.assemble(row.owner, ", ", row.visibility)),
        _pair("came", moment.full(row.created_at)),
        _pair("changed", moment.full(row.updated_at)),
    ]
    if row.uploaded_at is None:
        lines.append(Content.styled("Its bytes have not arrived yet.", "$warning"))
    return lines


def _hit(row: HitView, width: int) -> list[Content]:
    head = Content.assemble(
        row.file.stylize("bold $strong"), (f"  passage {row.number:,}", "$muted"), (f"  {row.score:.3f}", "$primary")
    )
    body: list[Content] = []
    for line in row.text.split("\n", allow_blank=True):
        body += line.wrap(width) if line.cell_length > width else [line]
    return [head, *body]
