"""What the layer of actions says of them, as a dialog writes it: sentences, with the console's keys in place of words
of the command line."""

import re
from typing import Final

_KEYS: Final = (
    ("abort it with `dewey canary abort`", "C, then x, ends it"),
    ("`dewey canary resume`", "C, then p,"),
    ("`dewey canary pause`", "C, then p,"),
    ("`dewey undo` or `dewey wake`", "z"),
    ("`dewey undo`", "z"),
)
"""What is done on a command line, and with which keys it is done here; the longest first."""
_UNDOING: Final = re.compile(r"undo action \d+: ")
"""How the layer begins what it says of undoing; the dialog's title has said so already."""


def as_sentence(text: str) -> str:
    """Return a text that begins with a capital and ends with a full stop; what begins with a name stays."""
    said = _UNDOING.sub("", text).strip()
    if not said:
        return ""
    first = said.split(maxsplit=1)[0]
    begun = said[0].upper() + said[1:] if first.isalpha() else said
    return begun if begun[-1] in ".!?…" else f"{begun}."


def with_keys(text: str) -> str:
    """Return how something is undone, by the keys that do it here."""
    for words, keys in _KEYS:
        text = text.replace(words, keys)
    return text
