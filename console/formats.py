"""How things are said on the screen: text that came from outside, durations, instants, counts, states.

`safe_text` is the one place where data enters the console. What it returns holds no control
character, no bidirectional override and no invisible one, is bounded in length, and is a `Content`:
a toolkit's widget draws it as it is and never reads markup in it.
"""

import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from enum import Enum
from typing import Final

from msgspec import Struct, field
from rich.cells import cell_len
from textual.content import Content

from storage.broker.records import State
from storage.wording import SHORT_ID

TEXT_LIMIT: Final = 20_000
"""Characters of one text that are shown at most."""
ROW_LIMIT: Final = 400
"""Characters of a text in a row of a list."""
MARKS_LIMIT: Final = 4
"""Combining marks that may follow one letter: more would climb over the neighbouring lines."""
TAB: Final = "    "

_SAFE: Final = re.compile(r"[\x20-\x7e\u00a1-\u00ac\u00ae-\u02ff]*\Z")
_WHOLE_ID: Final = re.compile(r"\b[0-9a-f]{8}(?:-?[0-9a-f]{4}){3}-?[0-9a-f]{12}\b")
_INVISIBLE: Final = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0")
_HIDDEN_CATEGORIES: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def _is_hidden(character: str) -> bool:
    """Say whether a terminal could act on the character, or an eye could miss it."""
    return (
        unicodedata.category(character) in _HIDDEN_CATEGORIES
        or character in _INVISIBLE
        or "\ufe00" <= character <= "\ufe0f"
        or "\U000e0100" <= character <= "\U000e01ef"
    )


def _escape(character: str) -> str:
    code = ord(character)
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def _escape_all(text: str, lines: bool) -> str:
    out: list[str] = []
    marks = 0
    for character in text:
        if character == "\n" and lines:
            out.append("\n")
        elif character == "\n":
            out.append("↵")
        elif character == "\t":
            out.append(TAB)
        elif _is_hidden(character):
            out.append(_escape(character))
        elif unicodedata.combining(character) or unicodedata.category(character) in ("Mn", "Me"):
            marks += 1
            out.append(character if marks <= MARKS_LIMIT else _escape(character))
            continue
        else:
            out.append(character)
        marks = 0
    return "".join(out)


def safe_text(data: object, limit: int = TEXT_LIMIT, lines: bool = False) -> Content:
    """Return any data as text that is safe to draw: controls are visible escapes, the length is bounded.

    With ``lines`` the line ends stay; otherwise each becomes ``↵`` and the text is one line.
    """
    text = data if type(data) is str else str(data)
    left_out = len(text) - limit
    if left_out > 0:
        text = text[:limit]
    if lines and "\r\n" in text:
        text = text.replace("\r\n", "\n")
    if not _SAFE.match(text):
        text = _escape_all(text, lines)
    if left_out > 0:
        text += f"… {left_out:,} more characters"
    return Content(text)


def fit(text: str, width: int, right: bool = False) -> str:
    """Return the text in exactly this many cells: padded, or cut with an ellipsis."""
    if width <= 0:
        return ""
    cells = len(text) if text.isascii() else cell_len(text)
    if cells > width:
        kept, cells = cut(text, width - 1)
        text, cells = kept + "…", cells + 1
    pad = " " * (width - cells)
    return pad + text if right else text + pad


def cut(text: str, width: int) -> tuple[str, int]:
    """Return as much of the text as goes into this many cells, and how many cells that is."""
    if text.isascii():
        return text[:width], min(len(text), width)
    taken = 0
    for index, character in enumerate(text):
        cells = cell_len(character)
        if taken + cells > width:
            return text[:index], taken
        taken += cells
    return text, taken


def wrapped(text: str, first: int, others: int) -> list[str]:
    """Break one line into pieces: the first of at most ``first`` cells, those after it of ``others``; between words
    where a word ends in the second half of a piece."""
    pieces: list[str] = []
    room = first
    while text:
        piece = cut(text, room)[0] or text[0]
        rest = text[len(piece) :]
        at = piece.rfind(" ")
        if rest and not rest.startswith(" ") and 2 * at >= len(piece):
            piece = piece[:at]
        pieces.append(piece)
        text = text[len(piece) :]
        text = text[1:] if text.startswith(" ") else text
        room = others
    return pieces or [""]


def brief(text: str) -> str:
    """Return a text with the ids in it, of 32 hexadecimal digits, cut to the eight that they begin with."""
    return _WHOLE_ID.sub(lambda found: found[0][:SHORT_ID], text)


def count(number: int) -> str:
    """Return a count in at most six cells, exact up to 99,999."""
    if number < 100_000:
        return f"{number:,}"
    for size, suffix in ((1_000_000_000, "G"), (1_000_000, "M"), (1_000, "k")):
        if number >= size:
            short = number / size
            return f"{short:.1f}{suffix}" if short < 100 else f"{int(short)}{suffix}"
    return str(number)


def size(size_bytes: int) -> str:
    """Return a number of bytes in at most seven cells: "512 B", "1.2 kB", "131 MB"."""
    if size_bytes < 1_000:
        return f"{size_bytes} B"
    scaled = float(size_bytes)
    for unit in ("kB", "MB", "GB", "TB"):
        scaled /= 1024
        if scaled < 999.5 or unit == "TB":
            return f"{scaled:.1f} {unit}" if scaled < 9.95 else f"{scaled:.0f} {unit}"
    return ""


def duration(seconds: float) -> str:
    """Return a span of time in at most seven cells: "340 ms", "4.2 s", "3 m 05", "2 h 14", "5 d 03"."""
    if seconds < 0:
        return "0 ms"
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    if seconds < 59.5:
        return f"{seconds:.0f} s"
    whole = round(seconds)
    for unit, below, size, part in (("m", 3_600, 60, 1), ("h", 86_400, 3_600, 60), ("d", 0, 86_400, 3_600)):
        if whole < below or not below:
            return f"{whole // size} {unit} {whole % size // part:02d}"
    return f"{whole} s"


class TimeMode(Enum):
    """How an instant is written."""

    UTC = "UTC"
    LOCAL = "local"
    RELATIVE = "relative"

    def after(self) -> "TimeMode":
        """Return the mode that follows in the round."""
        modes = list(TimeMode)
        return modes[(modes.index(self) + 1) % len(modes)]


class Moment(Struct, frozen=True):
    """What time it is (or was: ``is_past``), and how instants are to be written."""

    now: datetime
    mode: TimeMode = TimeMode.UTC
    zone: tzinfo | None = field(default=None)
    is_past: bool = False

    @property
    def word(self) -> str:
        """What the end of an axis of time is called."""
        return "then" if self.is_past else "now"

    @property
    def is_absolute(self) -> bool:
        """Whether instants are written as dates and times, not as how long ago."""
        return self.mode is not TimeMode.RELATIVE

    def _placed(self, at: datetime) -> datetime:
        return at.astimezone(UTC if self.mode is not TimeMode.LOCAL else self.zone)

    def short(self, at: datetime | None) -> str:
        """Return an instant in at most nine cells: a time today, a date and hour before, or how long ago."""
        if at is None:
            return ""
        if self.mode is TimeMode.RELATIVE:
            return self.ago(at)
        placed, today = self._placed(at), self._placed(self.now)
        if placed.date() == today.date():
            return f"{placed:%H:%M:%S}"
        if abs(self.now - at) < timedelta(days=300):
            return f"{placed:%d}{placed:%b} {placed:%Hh}"
        return f"{placed:%d%b%Y}"

    def dated(self, at: datetime) -> str:
        """Return an instant in at most twelve cells: a time today, the date with the time before, or how long ago."""
        if self.mode is TimeMode.RELATIVE:
            return self.ago(at)
        placed, today = self._placed(at), self._placed(self.now)
        if placed.date() == today.date():
            return f"{placed:%H:%M:%S}"
        if placed.year == today.year:
            return f"{self.date(at)} {placed:%H:%M}"
        return self.date(at)

    def ago(self, at: datetime | None) -> str:
        """Return how long ago, or in how long, in at most nine cells; None is an instant that nobody knows."""
        if at is None:
            return "at a time that is not known"
        seconds = (self.now - at).total_seconds()
        return f"in {coarse(-seconds)}" if seconds < 0 else f"{coarse(seconds)} ago"

    def full(self, at: datetime | None) -> str:
        """Return an instant to the millisecond with its zone, and how long ago that is."""
        if at is None:
            return "–"
        placed = self._placed(at)
        zone = "UTC" if self.mode is not TimeMode.LOCAL else placed.tzname() or "local"
        text = f"{placed:%Y-%m-%d %H:%M:%S}.{placed.microsecond // 1000:03d} {zone}"
        return f"{self.ago(at)} ({text})" if self.mode is TimeMode.RELATIVE else f"{text} ({self.ago(at)})"

    def clock(self, at: datetime | None = None) -> str:
        """Return a time of day with its zone."""
        placed = self._placed(at or self.now)
        zone = "UTC" if self.mode is not TimeMode.LOCAL else placed.tzname() or "local"
        return f"{placed:%H:%M:%S} {zone}"

    def date(self, at: datetime) -> str:
        """Return the date of an instant, as "13 Mar"; with its year when that is another one."""
        placed, today = self._placed(at), self._placed(self.now)
        return f"{placed.day} {placed:%b}" + (f" {placed.year}" if placed.year != today.year else "")

    def log_stamp(self, at: datetime) -> str:
        """Return the instant of a log line, twelve cells (nine when relative)."""
        if self.mode is TimeMode.RELATIVE:
            return f"{self.ago(at):>9}"
        placed = self._placed(at)
        return f"{placed:%H:%M:%S}.{placed.microsecond // 1000:03d}"


def coarse(seconds: float) -> str:
    """Return a span in one unit and at most five cells: "0s", "59s", "2m", "23h", "999d"."""
    for limit, size, unit in ((60, 1, "s"), (3_600, 60, "m"), (172_800, 3_600, "h")):
        if seconds < limit:
            return f"{int(seconds // size)}{unit}"
    return f"{int(seconds // 86_400)}d"


GLYPHS: Final[Mapping[State, str]] = {
    "blocked": "◇",
    "scheduled": "◷",
    "queued": "○",
    "running": "●",
    "retrying": "↻",
    "succeeded": "✓",
    "dead": "✗",
    "canceled": "⊘",
}
"""One cell per state, none of them an emoji; the word always stands beside it."""

SPARKS: Final = " ▁▂▃▄▅▆▇█"


def sparkline(values: Sequence[int], width: int, top: int = 0) -> str:
    """Return the last ``width`` values as bars of one cell; ``top`` is the value of the highest one.

    The highest bar leaves an eighth of its cell free, so that those of the row above do not touch it.
    """
    shown = list(values[-width:])
    highest = top or max(shown, default=0)
    bars = "".join(
        SPARKS[0] if value <= 0 or highest <= 0 else SPARKS[max(1, min(7, round(value * 7 / highest)))]
        for value in shown
    )
    return bars.rjust(width)


def compact(value: object, limit: int = ROW_LIMIT) -> str:
    """Return a decoded value as one line of JSON-like text, cut early so that a huge value costs little."""
    text = _compact(value, limit, 0)
    return text if len(text) <= limit else text[:limit] + "…"


def _compact(value: object, limit: int, depth: int) -> str:
    if depth > 8:
        return "…"
    if value is None or isinstance(value, str | bool):
        return json.dumps(value[:limit] if isinstance(value, str) else value, ensure_ascii=False)
    if isinstance(value, Mapping):
        items = list(value.items())[: limit // 4 + 1]
        return "{" + ", ".join(f"{key}: {_compact(item, limit, depth + 1)}" for key, item in items) + "}"
    if isinstance(value, list | tuple | set | frozenset):
        parts = [_compact(item, limit, depth + 1) for item in list(value)[: limit // 2 + 1]]
        return "[" + ", ".join(parts) + "]"
    if isinstance(value, bytes):
        return f"{len(value):,} bytes"
    return str(value)
