"""The list of files, and that of the passages that a search found."""

from collections.abc import Mapping, Sequence
from typing import Final

from console.formats import Moment, count, size
from console.gateway.library import FileRow, HitView
from console.widgets.line_table import Cell, Column, LineTable
from console.widgets.palette import Tone
from storage.files import Status

SIGNS: Final[Mapping[Status, tuple[str, Tone]]] = {
    "PENDING": ("○ pending", "text"),
    "PROCESSING": ("● processing", "primary"),
    "COMPLETED": ("✓ completed", "success"),
    "FAILED": ("✗ failed", "error"),
    "DUPLICATE": ("= duplicate", "muted"),
}


def status(row: FileRow) -> Cell:
    """Say how far a file is."""
    text, tone = SIGNS[row.status]
    return Cell(text, tone)


def _status(row: FileRow, _moment: Moment) -> Cell:
    return status(row)


def _name(row: FileRow, _moment: Moment) -> Cell:
    return Cell(row.name.plain, "strong")


def _id(row: FileRow, _moment: Moment) -> Cell:
    return Cell(str(row.id), "id")


def _size(row: FileRow, _moment: Moment) -> Cell:
    return Cell(size(row.size_bytes))


def _passages(row: FileRow, _moment: Moment) -> Cell:
    return Cell(count(row.passages)) if row.passages else Cell("–", "faint")


def _when(row: FileRow, moment: Moment) -> Cell:
    return Cell(moment.short(row.created_at), "muted")


def _age(row: FileRow, moment: Moment) -> Cell:
    return Cell(moment.ago(row.updated_at), "muted")


def _type(row: FileRow, _moment: Moment) -> Cell:
    return Cell(row.mime_type.plain.rpartition("/")[2].rpartition(".")[2], "muted")


def _note(row: FileRow, _moment: Moment) -> Cell:
    if row.error.plain:
        return Cell(row.error.plain, "error")
    return Cell(f"of file {row.original.plain}" if row.original.plain else "", "muted")


_STATUS: Final[Column[FileRow]] = Column("status", 12, _status)
_ID: Final[Column[FileRow]] = Column("id", 6, _id, "right")
_SIZE: Final[Column[FileRow]] = Column("size", 7, _size, "right")
_PASSAGES: Final[Column[FileRow]] = Column("passages", 8, _passages, "right")
_WHEN: Final[Column[FileRow]] = Column("came", 9, _when, "right")

NARROW: Final[Sequence[Column[FileRow]]] = (_STATUS, _ID, Column("name", 0, _name), _SIZE, _PASSAGES, _WHEN)
NORMAL: Final[Sequence[Column[FileRow]]] = (
    _STATUS,
    _ID,
    Column("name", 34, _name),
    _SIZE,
    _PASSAGES,
    _WHEN,
    Column("", 0, _note),
)
WIDE: Final[Sequence[Column[FileRow]]] = (
    _STATUS,
    _ID,
    Column("name", 50, _name),
    Column("type", 14, _type),
    _SIZE,
    _PASSAGES,
    _WHEN,
    Column("last change", 11, _age, "right"),
    Column("", 0, _note),
)


class FileTable(LineTable[FileRow]):
    """Rows of files."""

    ROOMY = 150

    def key_of(self, row: FileRow) -> str:
        """Return the file's id."""
        return row.key

    def columns_for(self, width: int) -> Sequence[Column[FileRow]]:
        """Return three sets, by width."""
        if width < 99:
            return NARROW
        return NORMAL if width < 159 else WIDE


def _score(row: HitView, _moment: Moment) -> Cell:
    return Cell(f"{row.score:.3f}", "primary" if row.score > 0.5 else "text")


def _meter(row: HitView, _moment: Moment) -> Cell:
    full = max(0, min(8, round(row.score * 8)))
    return Cell("━" * full + " " * (8 - full), "primary")


def _hit_file(row: HitView, _moment: Moment) -> Cell:
    return Cell(row.file.plain, "strong")


def _hit_number(row: HitView, _moment: Moment) -> Cell:
    return Cell(f"#{row.number:,}", "muted")


def _hit_line(row: HitView, _moment: Moment) -> Cell:
    return Cell(row.line.plain)


def _hits(name_width: int) -> Sequence[Column[HitView]]:
    return (
        Column("score", 5, _score, "right"),
        Column("", 8, _meter),
        Column("file", name_width, _hit_file),
        Column("", 5, _hit_number, "right"),
        Column("passage", 0, _hit_line),
    )


HITS_NARROW, HITS_NORMAL, HITS_WIDE = _hits(20), _hits(32), _hits(46)


class HitTable(LineTable[HitView]):
    """Rows of passages, the nearest first."""

    def key_of(self, row: HitView) -> str:
        """Return file and number."""
        return row.key

    def columns_for(self, width: int) -> Sequence[Column[HitView]]:
        """Return three sets, by width."""
        if width < 99:
            return HITS_NARROW
        return HITS_NORMAL if width < 159 else HITS_WIDE
