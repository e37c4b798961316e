"""Embedding without a model or a network: texts that share words, parts of words and phrases are near.

Each word, pair of neighbours and run of three letters is hashed to one of 768 places with a sign; what falls
together by chance cancels out on average (Weinberger et al., "Feature Hashing for Large Scale Multitask
Learning", 2009). The same text gives the same vector in every process and on every version of Python.
It knows no meaning: "car" and "automobile" are strangers to it, and its model name says that it is lexical.
"""

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from functools import lru_cache
from hashlib import blake2b
from itertools import pairwise

DIMENSIONS = 768
MODEL = "lexical-768"

_WORD = re.compile(r"\w+")
_MARKS = re.compile("[\u0300-\u036f\u0610-\u061a\u064b-\u065f\u0670]")
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\U00020000-\U0003134f]+"
)
"""Scripts that are written without spaces between words: Thai, Lao, Burmese, Khmer, Japanese, Chinese."""

_COMMON_WORDS = (
    "a about after all also an and any are as at be been but by can could did do does for from had has have he "
    "her his how i if in into is it its may more most no not of on one or other our out she so some such than "
    "that the their them then there these they this to up was we were what when where which who will with would "
    "you your "
    "al auf aus bei das dass de del dem den der des die du ein eine einem einen einer el en es est et fur ist "
    "la las le les lo los mit nicht para por que sich sie sind sur un una und une von war wie zu zum zur"
)
_COMMON = frozenset(_COMMON_WORDS.split())
_COMMON_WEIGHT = 0.15
_PAIR_WEIGHT = 0.6
_PARTS_WEIGHT = 0.7

Feature = tuple[int, float]


class LexicalEmbedder:
    """Embeds offline, by the letters alone: 768 floats, L2-normalised."""

    model = MODEL

    def embed_documents(
        self, texts: Sequence[str], on_batch: Callable[[int, int], None] | None = None
    ) -> list[list[float]]:
        """One vector for each text, in order; `on_batch(done, total)` is called now and then."""
        vectors = []
        for done, text in enumerate(texts, 1):
            vectors.append(_embed(text))
            if on_batch is not None and (done % 100 == 0 or done == len(texts)):
                on_batch(done, len(texts))
        return vectors

    def embed_query(self, text: str) -> list[float]:
        """The vector of a question, to be compared with those of documents."""
        return _embed(text)


def _embed(text: str) -> list[float]:
    words = _words(text)
    vector = [0.0] * DIMENSIONS
    for word, count in Counter(words).items():
        damped = 1.0 + math.log(count)
        for place, weight in _features(word):
            vector[place] += damped * weight
    for (left, right), count in Counter(pairwise(words)).items():
        if left not in _COMMON or right not in _COMMON:
            place, sign = _place(f"2:{left} {right}")
            vector[place] += sign * _PAIR_WEIGHT * (1.0 + math.log(count))
    return _normalised(vector)


def _words(text: str) -> list[str]:
    """Words without case and accents; where a script has no spaces, its pairs of characters."""
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).casefold())
    folded = unicodedata.normalize("NFC", _MARKS.sub("", folded))
    words: list[str] = []
    for word in _WORD.findall(folded):
        if _UNSPACED.search(word) is None:
            words.append(word)
            continue
        for run in re.findall(rf"{_UNSPACED.pattern}|\w", word):
            words.extend([run] if len(run) == 1 else [run[at : at + 2] for at in range(len(run) - 1)])
    return words


@lru_cache(maxsize=1 << 15)
def _features(word: str) -> tuple[Feature, ...]:
    """Where a word and its parts fall, with their weights; the parts together weigh less than the word."""
    common = _COMMON_WEIGHT if word in _COMMON or len(word) == 1 else 1.0
    place, sign = _place(f"1:{word}")
    features = [(place, sign * common)]
    if common == 1.0 and len(word) > 3 and not word.isdecimal():
        framed = f"<{word[:64]}>"
        parts = [framed[at : at + 3] for at in range(len(framed) - 2)]
        weight = _PARTS_WEIGHT / math.sqrt(len(parts))
        for part in parts:
            place, sign = _place(f"3:{part}")
            features.append((place, sign * weight))
    return tuple(features)


def _place(feature: str) -> Feature:
    number = int.from_bytes(blake2b(feature.encode("utf-8", "replace"), digest_size=8).digest(), "big")
    return number % DIMENSIONS, 1.0 if number >> 63 else -1.0


def _normalised(vector: list[float]) -> list[float]:
    """The vector at length 1; a text without any word gets one place of its own, far from everything."""
    length = math.sqrt(math.fsum(value * value for value in vector))
    if length == 0.0:
        place, _ = _place("0:nothing")
        return [1.0 if at == place else 0.0 for at in range(DIMENSIONS)]
    return [value / length for value in vector]
