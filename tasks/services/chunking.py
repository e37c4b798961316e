"""Text cut into overlapping chunks on natural boundaries; every chunk knows where in the text it stands.

A window slides over the text. It ends behind the best separator of its second half, and the next one starts
`overlap` characters before that end, moved forward to the next word. Nothing is stripped or rewritten, and no
search looks further than one window, so the work grows with the length of the text, whatever is in it.
"""

import unicodedata

from msgspec import Struct

SIZE = 1000
OVERLAP = 200

_SEPARATORS = (
    ("\n\n",),
    (". ", "! ", "? ", ".\n", "!\n", "?\n", "。", "！", "？", "؟ ", "। "),
    ("\n",),
    ("; ", ": ", "；", "："),
    (", ", "，", "、", "، "),
    (" ", "\t", "\u3000"),
)
"""Where to end, best first; those of one line are equally good, and the last of them in the window wins."""

_JOINERS = frozenset("\u200d\ufe0e\ufe0f\u20e3")
_CLUSTER_STEPS = 16


class Chunk(Struct, frozen=True):
    """A piece of a text: `text[start:end] == chunk.text`; ordinals count from 0 without holes."""

    ordinal: int
    start: int
    end: int
    text: str


def split(text: str, size: int = SIZE, overlap: int = OVERLAP) -> tuple[Chunk, ...]:
    """Cut `text` into chunks of at most `size` characters that share about `overlap` with their neighbour.

    Every character that is not white space is in some chunk. Neighbours share between 3/5 of `overlap` and
    all of it. A window of nothing but white space yields no chunk, so a blank text has none.

    Raises:
        ValueError: `overlap` is not between 0 and 2/5 of `size`, so that windows would hardly move.
    """
    if not 0 <= overlap <= size * 2 // 5 or size < 2:
        raise ValueError(f"overlap must be between 0 and 2/5 of size: size={size}, overlap={overlap}")
    chunks: list[Chunk] = []
    start, length = 0, len(text)
    while start < length:
        end = length if length - start <= size else _end_of_window(text, start, size)
        piece = text[start:end]
        if piece and not piece.isspace():
            chunks.append(Chunk(len(chunks), start, end, piece))
        if end == length:
            break
        start = _start_of_next(text, end, overlap)
    return tuple(chunks)


def _end_of_window(text: str, start: int, size: int) -> int:
    """Behind the best separator in the second half of the window, or at its edge where there is none."""
    low, high = start + size // 2, start + size
    for equals in _SEPARATORS:
        end = max(text.rfind(separator, low, high) + len(separator) for separator in equals)
        if end > low:
            return end
    return _before_cluster(text, high, max(low, high - _CLUSTER_STEPS))


def _before_cluster(text: str, end: int, low: int) -> int:
    """A hard cut moved back, by a few characters at most, so as not to part a letter from its marks."""
    for cut in range(end, low, -1):
        after, before = text[cut], text[cut - 1]
        if after not in _JOINERS and before != "\u200d" and not unicodedata.combining(after):
            return cut
    return end


def _start_of_next(text: str, end: int, overlap: int) -> int:
    """The first start of a word in the first 2/5 of the overlap, or its beginning where there is none."""
    first = end - overlap
    last = first + overlap * 2 // 5
    for start in range(first, last + 1):
        if text[start - 1].isspace() and not text[start : start + 1].isspace():
            return start
    return first
