"""Texts as the indexes of history see them: the Python side of the functions in 0006_search.sql, to the letter."""

import json
import re
from functools import lru_cache

WORDS_OF_CHARS = 8_000
LONG_BYTES = 2_000
LONGEST_WORD = 64
ERROR_CHARS = 1_000
_APART = str.maketrans('{}[]",:/', "        ")
_LONG_WORD = re.compile(f"([^ ]{{{LONGEST_WORD}}})[^ ]+")


def lowered(text: str) -> str:
    """Lower case, a character for each character."""
    return text.lower() if text.isascii() else "".join(map(_lower, text))


@lru_cache(maxsize=4_096)
def _lower(character: str) -> str:
    return "i" if character == "İ" else character.lower()


def words(text: str) -> frozenset[str]:
    """words_of: what stands between spaces and some punctuation, in lower case."""
    spaced = lowered(text[:WORDS_OF_CHARS]).translate(_APART)
    if len(spaced.encode("utf-8", "replace")) > LONG_BYTES:
        spaced = _LONG_WORD.sub(r"\1", spaced)
    return frozenset(word for word in spaced.split(" ") if word)


def begins_words(term: str, text: str) -> bool:
    """Whether each word of a term begins some word of a text; a term without words begins none."""
    asked, found = words_asked(term), words(text)
    return bool(asked) and all(any(one.startswith(word) for one in found) for word in asked)


def words_asked(term: str) -> tuple[str, ...]:
    """The words that are looked for, as long as an index has them; sorted."""
    return tuple(sorted({word[:LONGEST_WORD] for word in words(term)}))


def error_text(error_type: str, error: str) -> str:
    """error_text: an error as a filter sees it."""
    return lowered(f"{error_type}: {error}"[:ERROR_CHARS])


def argument_words(path: tuple[str, ...], value: str) -> tuple[str, ...]:
    """The words that the JSON text of arguments has, whole, when there is this value (``*``: any) at a path."""
    named = [json_text(key) for key in path if not key.lstrip("-").isdigit()]
    return words_asked(" ".join([*named, "" if value == "*" else json_text(value)]))


def are_whole(path: tuple[str, ...], value: str, arguments: str) -> bool:
    """Whether the words of an argument are among the first 8,000 characters of all."""
    found = words(arguments)
    return all(
        word in found or (len(word) == LONGEST_WORD and any(one.startswith(word) for one in found))
        for word in argument_words(path, value)
    )


def trigrams(text: str) -> tuple[str, ...]:
    """trigrams_of a text that is in lower case already; sorted."""
    return tuple(sorted({text[at : at + 3] for at in range(len(text) - 2)}))


def json_text(value: object) -> str:
    """A JSON value as PostgreSQL writes it, but for the order of keys."""
    return json.dumps(value, ensure_ascii=False)


def glob(pattern: str, name: str) -> bool:
    """Whether a name is what a pattern says, in which * stands for any characters."""
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), name, re.DOTALL) is not None


def names_task(value: str, task: str) -> bool:
    """Whether a task is meant: by a part of its name, or with * by the whole."""
    return glob(lowered(value), lowered(task)) if "*" in value else lowered(value) in lowered(task)
