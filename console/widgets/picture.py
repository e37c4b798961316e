"""Screens as SVG that every viewer draws alike, and that fetches nothing."""

import re
from typing import Final

CELL: Final = 12.2
"""Width of one cell in the toolkit's SVG."""
_FONT_ADDRESS: Final = re.compile(r',?\s*url\("https?://[^"]*"\)\s*format\("[^"]*"\)')
_TEXT: Final = re.compile(
    r'(<text [^>]*?x=")([\d.]+)("[^>]*? textLength=")([\d.]+)("[^>]*>)((?:&#160;)+)([^<]*</text>)'
)
_BLANK: Final = re.compile(r"<text [^>]*>(?:&#160;|\s)*</text>")


def portable(svg: str) -> str:
    """Take web addresses of fonts out, and turn leading blanks, which some viewers drop, into positions."""
    return _TEXT.sub(_moved, _BLANK.sub("", _FONT_ADDRESS.sub("", svg)))


def _moved(match: re.Match[str]) -> str:
    before, x, between, length, after, blanks, rest = match.groups()
    shift = blanks.count("&#160;") * CELL
    return f"{before}{float(x) + shift:.1f}{between}{float(length) - shift:.1f}{after}{rest}"
