"""The offline embedding finds what shares words, and is the same everywhere."""

import math
import os
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.services.lexical import DIMENSIONS, LexicalEmbedder

ROOT = Path(__file__).resolve().parents[3]
EMBEDDER = LexicalEmbedder()
LIBRARY = (
    "The lighthouse keeper counted the ships that passed the cape in winter, and wrote each name in a ledger.",
    "Invoices are due within thirty days. Late payments are charged interest at the statutory rate.",
    "To bake the bread, knead the dough for ten minutes, let it rise twice, and heat the oven to 240 degrees.",
    "The consumer renews the lease of every job that it runs; a job whose lease expired returns to its queue.",
    "La bibliothèque municipale est fermée le dimanche, sauf pendant le festival de musique en été.",
    "如何在現有的機制之下快速使用已經存在的程式庫，並且測試新的程式語言。",
    "Die Straße über den Paß bleibt gesperrt, bis der Schnee geräumt ist.",
)


def nearness(left: list[float], right: list[float]) -> float:
    return math.fsum(a * b for a, b in zip(left, right, strict=True))


def nearest(question: str) -> str:
    asked = EMBEDDER.embed_query(question)
    return max(LIBRARY, key=lambda text: nearness(asked, EMBEDDER.embed_documents([text])[0]))


@pytest.mark.parametrize(
    ("question", "index"),
    [
        ("who counted ships in winter?", 0),
        ("when is an invoice due", 1),
        ("interest on a late payment", 1),
        ("kneading dough", 2),
        ("what happens to jobs with an expired lease", 3),
        ("BIBLIOTHEQUE FERMEE DIMANCHE", 4),
        ("使用程式庫", 5),
        ("strasse gesperrt pass", 6),
    ],
)
def test_a_question_finds_the_text_that_shares_its_words(question: str, index: int) -> None:
    assert nearest(question) == LIBRARY[index]


def test_every_sentence_finds_its_own_text() -> None:
    for text in LIBRARY:
        assert nearest(text[: len(text) // 2]) == text


@given(st.text(max_size=500))
def test_every_text_has_a_vector_of_768_floats_and_length_1(text: str) -> None:
    (vector,) = EMBEDDER.embed_documents([text])
    assert len(vector) == DIMENSIONS
    assert nearness(vector, vector) == pytest.approx(1)
    assert vector == EMBEDDER.embed_query(text)


@pytest.mark.parametrize("empty", ["", "   ", "!?…", "\ud800"])
def test_a_text_without_words_still_has_a_vector(empty: str) -> None:
    vector = EMBEDDER.embed_query(empty)
    assert nearness(vector, vector) == pytest.approx(1)


def test_the_vector_does_not_depend_on_the_process() -> None:
    program = "from tests.tasks.services.test_lexical import fingerprint; import sys; sys.stdout.write(fingerprint())"
    others = {
        subprocess.run(
            [sys.executable, "-c", program],
            cwd=ROOT,
            env=os.environ | {"PYTHONHASHSEED": seed},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert others == {fingerprint()}


def fingerprint() -> str:
    """A digest of vectors, coarse enough for another machine's rounding."""
    vectors = EMBEDDER.embed_documents(LIBRARY)
    rounded = [[round(value, 6) + 0.0 for value in vector] for vector in vectors]
    return sha256(repr(rounded).encode()).hexdigest()


def test_the_vectors_are_those_of_the_model_by_that_name() -> None:
    """Stored vectors would become strangers to new ones: a change here needs a new name of the model."""
    assert EMBEDDER.model == "lexical-768"
    assert fingerprint() == "8b76b54d4428fd602d83889dd6adfb13d64c6917b10eb0a62227a7654d307acf"


def test_progress_is_reported_up_to_the_end() -> None:
    seen: list[tuple[int, int]] = []
    EMBEDDER.embed_documents(["x"] * 250, on_batch=lambda done, total: seen.append((done, total)))
    assert seen == [(100, 250), (200, 250), (250, 250)]
