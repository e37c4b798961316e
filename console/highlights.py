"""The words of a filter that are marked where they stand: a filter hides, its words are highlighted."""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

from storage.history.filters import All, Any, Argument, Filter, Is, Leaf, Node, Word

FIELDS = ("err", "task", "log", "reason", "item")


def words_of(given: Filter) -> tuple[str, ...]:
    """Return the words that a filter looks for, lower case, the longest first; nothing of what it shuts out."""
    found = {word.lower() for leaf in _wanted(given.node) for word in _words(leaf)}
    return tuple(sorted((word for word in found if word.strip()), key=lambda word: (-len(word), word)))


def _wanted(node: Node | None) -> Iterator[Leaf]:
    if isinstance(node, All | Any):
        for one in node.nodes:
            yield from _wanted(one)
    elif isinstance(node, Word | Is | Argument):
        yield node


def _words(leaf: Leaf) -> Iterator[str]:
    if isinstance(leaf, Word):
        yield leaf.text
    elif isinstance(leaf, Argument):
        yield from (value for value in leaf.values if value != "*")
    elif isinstance(leaf, Is) and leaf.field in FIELDS:
        for value in leaf.values:
            yield from value.split("*")


def pieces(text: str, words: Sequence[str]) -> list[tuple[str, bool]]:
    """Cut a text into pieces; True are those that are words."""
    if not words:
        return [(text, False)]
    found: list[tuple[str, bool]] = []
    end = 0
    for match in _pattern(tuple(words)).finditer(text):
        if match.start() > end:
            found.append((text[end : match.start()], False))
        found.append((match[0], True))
        end = match.end()
    return [*found, (text[end:], False)] if end < len(text) else found


def has_one(text: str, words: Sequence[str]) -> bool:
    """Say whether one of the words stands in a text."""
    return bool(words) and _pattern(tuple(words)).search(text) is not None


@lru_cache(maxsize=32)
def _pattern(words: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(map(re.escape, words)), re.IGNORECASE)
