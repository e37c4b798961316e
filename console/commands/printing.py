"""What commands print: lines for people, or with ``--json`` one JSON document on stdout and nothing else."""

import dataclasses
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of lines.")]

_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u200e\u200f]")


def plain(value: object) -> Any:
    """A value as JSON can take it: instants in ISO 8601, bytes as text, dataclasses as objects."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, str | int | float | bool) or value is None:
        return value
    if isinstance(value, Iterable) and not isinstance(value, bytes):
        return [plain(item) for item in value]
    return _text(value)


def _text(value: object) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    return value.isoformat() if isinstance(value, datetime) else str(value)


def emit(document: object, as_json: bool, lines: Iterable[str]) -> None:
    """Print the document, or the lines."""
    if as_json:
        typer.echo(json.dumps(plain(document), ensure_ascii=False, indent=2))
        return
    for line in lines:
        typer.echo(visible(line))


def visible(text: str) -> str:
    """Text from jobs, with controls as visible escapes: a terminal obeys nothing that a job said."""
    return _CONTROLS.sub(lambda found: f"\\x{ord(found.group()):02x}", text)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Rows under a head, in columns; numbers (columns whose head begins with a space) to the right."""
    cells = [[visible(cell).replace("\n", " ") for cell in row] for row in rows]
    widths = [max([len(title.strip()), *(len(row[n]) for row in cells)]) for n, title in enumerate(head)]

    def line(row: Sequence[str]) -> str:
        parts = (
            cell.strip().rjust(width) if title.startswith(" ") else cell.ljust(width)
            for cell, width, title in zip(row, widths, head, strict=True)
        )
        return "  ".join(parts).rstrip()

    return [line(head), *map(line, cells)]


def shown(path: Path) -> str:
    """A path, under ~ when it is there."""
    try:
        return f"~/{path.relative_to(Path.home())}"
    except ValueError:
        return str(path)
