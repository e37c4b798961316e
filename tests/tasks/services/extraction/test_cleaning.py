"""Whatever was extracted can be stored and shown afterwards."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.services.extraction.cleaning import clean, clean_page, is_rubbish


@given(st.text(alphabet=st.characters(), max_size=300))
def test_clean_text_can_be_encoded_and_holds_no_controls(text: str) -> None:
    cleaned = clean(text + "\0\x1b[2J\x9b\ud800")
    cleaned.encode("utf-8")
    assert not [c for c in cleaned if (ord(c) < 32 and c not in "\n\t") or 127 <= ord(c) < 160]
    assert clean(cleaned) == cleaned


def test_line_ends_of_every_kind_become_newlines() -> None:
    assert clean("a\r\nb\rc\x0cd\u2028e\x85f\u2029g") == "a\nb\nc\nd\ne\nf\n\ng"


def test_ligatures_and_arabic_letter_shapes_become_what_people_type() -> None:
    assert clean_page("misﬁts diﬀer oﬃce") == "misfits differ office"
    assert clean_page("\ufee3\ufeae\ufea3\ufe92\ufe8e") == "مرحبا"
    assert clean_page("x² ½") == "x² ½"


@pytest.mark.parametrize(
    "text",
    [
        "/g18/g152/g3/g55/g75/g72/g3/g54/g72/g70/g88/g85/g76/g87/g92",
        "(cid:2)(cid:19)(cid:44) (cid:8)(cid:9)(cid:10)(cid:11)",
        "\x01\x02\x03\x04\x05\x06 \x07\x08\x0e\x0f",
        "\ue001\ue002\ue003\ue004 \uf8ff\ue010",
        "!\"#$%&'()*+,-./:;<=>?@ !\"#$%&'()*+,-./:;<=>?@ a",
    ],
)
def test_what_only_looks_like_text_is_rubbish(text: str) -> None:
    assert is_rubbish(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1",
        "Hello, world.",
        "1 Introduction .................................... 3\n2 Methods ............................. 7",
        "12.5 | 13.7 | 19.2 | -4.4\n-----+------+------+------\n1 | 2 | 3 | 4",
        "如何在現有的機制之下快速使用已經存在的程式庫",
        "حَبيبي habibi حَبيبي",
        "Look in /usr/lib/python3.11 and /g18 for C:\\Windows, then read on in chapter 7.",
    ],
)
def test_real_text_is_not_rubbish(text: str) -> None:
    assert not is_rubbish(text)
