"""Extracted text made fit for storing and searching, and told from what only looks like text.

Clean text holds no NUL, no control character but tab and newline, and no lone surrogate: PostgreSQL refuses
the first and the last, and a terminal obeys the second.
"""

import re
import unicodedata

_NEWLINES = re.compile("\r\n|[\r\x0b\x0c\x85\u2028]")
_PARAGRAPHS = re.compile("\u2029")
_DROPPED = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\ufeff\ufdd0-\ufdef\ufffe\uffff]")
_SURROGATES = re.compile("[\ud800-\udfff]")
_PRESENTATION_FORMS = re.compile("[\ufb00-\ufdcf\ufdf0-\ufdff\ufe70-\ufefc]")
_BLANK_LINES = re.compile(r"[ \t]*\n(?:[ \t]*\n)+")

_UNPRINTABLE = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\ue000-\uf8ff\ufffd\ud800-\udfff]")
_GLYPH_NAMES = re.compile(r"/[A-Za-z]{0,5}\d{1,5}(?![A-Za-z])|\(cid:\d+\)")
_LETTERS = re.compile(r"[^\W_]")
_SPACES = re.compile(r"\s+")
_LEADERS = re.compile(r"([^\w\s])\1+")

_LONG_ENOUGH_TO_JUDGE = 24


def clean(text: str) -> str:
    """The text without what can not be stored or shown; every kind of line end becomes a newline."""
    text = _NEWLINES.sub("\n", text)
    text = _PARAGRAPHS.sub("\n\n", text)
    text = _DROPPED.sub("", text)
    return _SURROGATES.sub("\ufffd", text)


def clean_page(text: str) -> str:
    """A page of a PDF made clean: ligatures and Arabic letter shapes become the letters that people type."""
    text = clean(text)
    text = _PRESENTATION_FORMS.sub(lambda form: unicodedata.normalize("NFKC", form.group()), text)
    return _BLANK_LINES.sub("\n\n", text).strip()


def is_rubbish(text: str) -> bool:
    """Is this what comes out of a font that does not say which letters it draws, rather than text?

    So it is when over half of it are names of glyphs, over 3/10 can not be printed, or under 1/4 are letters
    and digits; runs of one sign, such as the dots of a table of contents, count as one.
    """
    dense = _LEADERS.sub(r"\1", _SPACES.sub("", text))
    if not dense:
        return False
    unprintable = len(_UNPRINTABLE.findall(dense))
    if unprintable > 0.3 * len(dense):
        return True
    if len(dense) < _LONG_ENOUGH_TO_JUDGE:
        return False
    glyph_names = sum(map(len, _GLYPH_NAMES.findall(dense)))
    return glyph_names > 0.5 * len(dense) or len(_LETTERS.findall(dense)) < 0.25 * len(dense)
