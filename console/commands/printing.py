"""What commands print: lines for people, or with ``--json`` one JSON document on stdout and nothing else.

A terminal obeys nothing that a job said: what it could act on, or an eye could miss, is printed as an escape.
"""

import json
import math
import re
import shutil
import sys
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, TextIO

import typer
from msgspec import Struct
from msgspec.structs import asdict
from rich.cells import cell_len, set_cell_size

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of lines.")]

GAP = "  "
_PLAIN = re.compile(r"[\x20-\x7e\u00a1-\u00ac\u00ae-\u02ff]*\Z")


class ReaderLeft(Exception):
    """Whoever read stdout has read enough, as ``head`` does."""


# -- text that is safe to print --------------------------------------------------------------------------------


def visible(text: str, *, lines: bool = False) -> str:
    """Text without anything that a terminal acts on, by the console's own rule; with ``lines`` its line ends stay."""
    if _PLAIN.match(text):
        return text
    from console.formats import safe_text  # noqa: PLC0415 - slow to import, and most commands print plain text only

    return safe_text(text, limit=len(text), lines=lines).plain


# -- documents and lines ---------------------------------------------------------------------------------------


def emit(document: object, as_json: bool, lines: Iterable[str]) -> None:
    """Print the document, or the lines; each line is made safe and may hold several.

    Raises:
        ReaderLeft: nobody reads stdout any more.
    """
    if as_json:
        write(sys.stdout, as_document(document))
    else:
        write(sys.stdout, "".join(f"{visible(line, lines=True)}\n" for line in lines))


def say(line: str) -> None:
    """Print one line at once."""
    emit(None, False, [line])


def note(line: str) -> None:
    """A line for the person at the terminal, beside the command's own output."""
    write(sys.stderr, f"{visible(line, lines=True)}\n")


def write(stream: TextIO, text: str) -> None:
    """Write a text and see it off. Raises ReaderLeft."""
    try:
        stream.write(text)
        stream.flush()
    except BrokenPipeError:
        raise ReaderLeft from None


def as_document(value: object) -> str:
    """A value as the text of one JSON document, which a terminal can show as it is."""
    unicode = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    text = json.dumps(plain(value), ensure_ascii=not unicode, indent=2, allow_nan=False)
    hidden = {ord(one): json.dumps(one)[1:-1] for one in set(text) if not one.isascii() and visible(one) != one}
    return text.translate({**hidden, 0x7F: "\\u007f"}) + "\n"


def plain(value: object) -> Any:
    """A value as JSON can take it: instants in ISO 8601, bytes as text, our own values as objects."""
    if isinstance(value, Struct):
        return {name: plain(one) for name, one in asdict(value).items()}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, Iterable) and not isinstance(value, str | bytes):
        return [plain(item) for item in value]
    return _plain_scalar(value)


def _plain_scalar(value: object) -> str | int | float | bool | None:
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, str | int | float | bool) or value is None:
        return value
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    return value.isoformat() if isinstance(value, datetime) else str(value)


# -- shapes of text --------------------------------------------------------------------------------------------


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Rows under a head, in columns; numbers (columns whose head begins with a space) to the right.

    On a terminal the last column is cut where the line would not fit; into a file or a pipe it goes whole.
    """
    cells = [[visible(cell) for cell in row] for row in rows]
    widths = [max([len(title.strip()), *(cell_len(row[n]) for row in cells)]) for n, title in enumerate(head)]

    def line(row: Sequence[str]) -> str:
        parts = []
        for cell, width, title in zip(row, widths, head, strict=True):
            padding = " " * (width - cell_len(cell.strip() if title.startswith(" ") else cell))
            parts.append(padding + cell.strip() if title.startswith(" ") else cell + padding)
        return fitted(GAP.join(parts).rstrip())

    return [line(head), *map(line, cells)]


def fitted(text: str) -> str:
    """A line, cut where the terminal ends, if stdout is one."""
    width = terminal_width()
    if width is None or cell_len(text) <= width:
        return text
    return set_cell_size(text, max(1, width - 1)).rstrip() + "…"


def paragraph(text: str, indent: str, hanging: str) -> list[str]:
    """A text in lines that fit the terminal, the first one behind ``hanging``, the others behind ``indent``."""
    width = max(len(indent) + 30, terminal_width() or 10_000)
    lines: list[str] = []
    for part in visible(text, lines=True).split("\n"):
        lines += textwrap.wrap(
            part,
            width,
            initial_indent=indent if lines else hanging,
            subsequent_indent=indent,
            break_long_words=False,
            break_on_hyphens=False,
        )
    return lines or [hanging]


def terminal_width() -> int | None:
    """The columns of the terminal that stdout is; None when it is none."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def shown(path: Path) -> str:
    """A path, under ~ when it is there."""
    try:
        return f"~/{path.relative_to(Path.home())}"
    except (ValueError, RuntimeError):
        return str(path)


def span(seconds: float) -> str:
    """A length of time in its largest unit, never rounded up: 59s, 3m, 2h, 4d."""
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "m")):
        if seconds >= size:
            return f"{int(seconds // size)}{unit}"
    return f"{max(0, int(seconds))}s"
