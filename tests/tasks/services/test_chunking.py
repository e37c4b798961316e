"""The promises of the chunker, tried on texts that nobody would write."""

import itertools
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.services.chunking import OVERLAP, SIZE, Chunk, split

_WORDS = st.lists(
    st.sampled_from(["a", "word", "sentence. ", "why? ", "\n", "\n\n", " ", "，", "日本語", "👩‍👩‍👧", "é", "x" * 90]),
    max_size=900,
)
_TEXTS = st.one_of(_WORDS.map("".join), _WORDS.map(" ".join), st.text(max_size=3000))


class CountingText(str):
    """A text that counts how many of its characters were looked at."""

    looked_at: int

    def __new__(cls, value: str) -> "CountingText":
        text = super().__new__(cls, value)
        text.looked_at = 0
        return text

    def rfind(self, sub: str, start: int = 0, end: int | None = None, /) -> int:  # type: ignore[override]
        stop = len(self) if end is None else end
        self.looked_at += stop - start
        return super().rfind(sub, start, stop)

    def __getitem__(self, key: object) -> str:
        part = super().__getitem__(key)  # type: ignore[index]
        self.looked_at += len(part)
        return part


def _assert_invariants(text: str, chunks: tuple[Chunk, ...], size: int, overlap: int) -> None:
    covered = bytearray(len(text))
    for chunk in chunks:
        assert text[chunk.start : chunk.end] == chunk.text
        assert 0 < len(chunk.text) <= size
        assert not chunk.text.isspace()
        covered[chunk.start : chunk.end] = b"\1" * len(chunk.text)
    missing = "".join(itertools.compress(text, (not seen for seen in covered)))
    assert not missing.strip()
    assert [chunk.ordinal for chunk in chunks] == list(range(len(chunks)))
    for left, right in itertools.pairwise(chunks):
        assert left.start < right.start
        assert left.end < right.end
        shared = left.end - right.start
        if shared < overlap - overlap * 2 // 5:
            assert not text[left.end : right.start].strip()
            assert not text[left.end : left.end + size // 10].strip()
        assert shared <= overlap


@settings(max_examples=300, deadline=None)
@given(_TEXTS)
def test_chunks_cover_the_text_and_overlap_by_120_to_200_characters(text: str) -> None:
    _assert_invariants(text, split(text), SIZE, OVERLAP)


@settings(max_examples=300, deadline=None)
@given(_TEXTS, st.integers(2, 300), st.integers(0, 120))
def test_every_allowed_size_and_overlap_keeps_the_promises(text: str, size: int, overlap: int) -> None:
    overlap = min(overlap, size * 2 // 5)
    _assert_invariants(text, split(text, size, overlap), size, overlap)


@pytest.mark.parametrize(
    "unit", ["x", "a ", "\n", "word. ", "👩‍👩‍👧", "e\u0301", "日本語。", " " * 3000 + "x", "ab\n\n"]
)
def test_the_work_grows_with_the_length_of_the_text_whatever_is_in_it(unit: str) -> None:
    looked_at = []
    for length in (50_000, 100_000, 200_000):
        text = CountingText((unit * (length // len(unit) + 1))[:length])
        split(text)
        looked_at.append(text.looked_at)
    assert looked_at[2] <= 2.1 * looked_at[1] <= 4.5 * looked_at[0]
    assert looked_at[2] <= 60 * 200_000


def test_a_short_text_is_one_chunk() -> None:
    assert split("Hello.") == (Chunk(0, 0, 6, "Hello."),)


@pytest.mark.parametrize("blank", ["", " ", "\n" * 5000, "\u3000\t \n"])
def test_a_blank_text_has_no_chunks(blank: str) -> None:
    assert split(blank) == ()


def test_a_chunk_ends_behind_a_paragraph_rather_than_a_sentence() -> None:
    text = "One sentence. " * 50 + "\n\n" + "Another sentence. " * 50
    assert split(text)[0].text.endswith("\n\n")


def test_a_chunk_ends_behind_a_sentence_rather_than_at_a_line_or_a_word() -> None:
    text = "The quick brown fox jumps over\nthe lazy dog, again and again. " * 40
    assert all(chunk.text.endswith(". ") for chunk in split(text))


def test_chunks_begin_with_a_whole_word() -> None:
    text = "internationalisation and localisation matter; " * 100
    for chunk in split(text)[1:]:
        assert text[chunk.start - 1].isspace()


def test_chinese_without_spaces_is_cut_behind_a_full_stop() -> None:
    text = "如何在現有的機制之下快速使用已經存在的程式庫。" * 200
    assert all(chunk.text.endswith("。") for chunk in split(text))


def test_a_hard_cut_does_not_part_a_family_of_emoji() -> None:
    text = "👩‍👩‍👧" * 700
    for chunk in split(text)[:-1]:
        assert not chunk.text.endswith("\u200d")
        assert text[chunk.end] != "\u200d"


def test_an_overlap_that_would_stop_the_window_is_refused() -> None:
    with pytest.raises(ValueError, match="overlap=500"):
        split("text", size=1000, overlap=500)


def test_a_real_text_keeps_the_promises() -> None:
    text = (Path(__file__).parent / "../../../LICENSE").resolve().read_text("utf-8")
    chunks = split(text)
    assert len(chunks) > 1
    _assert_invariants(text, chunks, SIZE, OVERLAP)
