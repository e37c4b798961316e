"""Text files are decoded when their encoding is certain, and refused with the place of the fault otherwise."""

import codecs

import pytest

from tasks.errors import UnreadableDocument, UnsupportedType
from tasks.services.extraction.plaintext import decode

TEXT = "Grüße, 世界 👋\n"


@pytest.mark.parametrize(
    "content",
    [
        TEXT.encode("utf-8"),
        codecs.BOM_UTF8 + TEXT.encode("utf-8"),
        codecs.BOM_UTF16_LE + TEXT.encode("utf-16-le"),
        codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"),
        codecs.BOM_UTF32_LE + TEXT.encode("utf-32-le"),
        codecs.BOM_UTF32_BE + TEXT.encode("utf-32-be"),
    ],
)
def test_text_is_decoded_without_its_mark(content: bytes) -> None:
    assert decode(content, name="x.txt") == TEXT


@pytest.mark.parametrize(
    ("content", "encoding", "offset"),
    [
        ("Caf\xe9 noir".encode("latin-1"), "UTF-8", 3),
        (codecs.BOM_UTF8 + b"ab\xff", "UTF-8", 5),
        (codecs.BOM_UTF16_LE + b"a\0\x00\xdcb\0", "UTF-16-LE", 4),
        (codecs.BOM_UTF16_BE + b"\0a\0", "UTF-16-BE", 4),
    ],
)
def test_a_wrong_byte_is_named_with_its_offset(content: bytes, encoding: str, offset: int) -> None:
    with pytest.raises(UnreadableDocument, match=rf"menu\.txt is not {encoding} text") as caught:
        decode(content, name="menu.txt")
    assert f"byte 0x{content[offset]:02X} at offset {offset} " in str(caught.value)
    assert "save it as UTF-8" in str(caught.value)


@pytest.mark.parametrize(
    ("content", "offset"), [(b"abc\0def", 3), (codecs.BOM_UTF16_LE + "ab\0c".encode("utf-16-le"), 6)]
)
def test_binary_data_is_refused_with_the_place_of_its_first_nul(content: bytes, offset: int) -> None:
    with pytest.raises(UnsupportedType, match=f"a NUL at byte {offset}"):
        decode(content, name="x.bin")
