"""Whether a regular expression of an operator's may take long on a text that was made for it."""

import re

_AMBIGUOUS = re.compile(r"\\[1-9]|\(\?P=|\([^()]*[+*}][^()]*\)\s*[+*{]|\)[+*{]\??\)[+*{]")
"""Back references and repeats of repeats: what makes a pattern slow on a text made for it."""


def slow(pattern: str) -> bool:
    """Whether a regular expression may take more than linear time (repeats of repeats, back references)."""
    return _AMBIGUOUS.search(pattern) is not None
