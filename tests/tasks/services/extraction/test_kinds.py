"""The type of a document is told from its bytes."""

import pytest

from tasks.errors import UnsupportedType
from tasks.services.extraction.kinds import HEAD_BYTES, Kind, detect
from tests.tasks.services import documents


@pytest.mark.parametrize(
    ("image_format", "media_type"),
    [
        ("PNG", "image/png"),
        ("JPEG", "image/jpeg"),
        ("GIF", "image/gif"),
        ("WEBP", "image/webp"),
        ("BMP", "image/bmp"),
        ("TIFF", "image/tiff"),
        ("AVIF", "image/avif"),
    ],
)
def test_an_image_is_known_by_its_first_bytes(image_format: str, media_type: str) -> None:
    found = detect(documents.picture(image_format)[:HEAD_BYTES], name="x.txt", declared_type="text/plain")
    assert (found.kind, found.media_type, found.image_format) == (Kind.IMAGE, media_type, image_format)


def test_a_pdf_is_a_pdf_whatever_it_is_called() -> None:
    assert detect(documents.pdf(["x"]), name="x.png", declared_type="image/png").kind is Kind.PDF
    assert detect(b"\xef\xbb\xbf\n%PDF-1.4", name="x").kind is Kind.PDF


def test_a_text_about_pdf_is_a_text_unless_it_is_declared_to_be_a_pdf() -> None:
    head = b"A file of that kind begins with %PDF-1.7."
    assert detect(head, name="x").kind is Kind.TEXT
    assert detect(head, name="x", declared_type="application/pdf").kind is Kind.PDF


def test_binary_bytes_before_the_header_of_a_pdf_are_a_preamble() -> None:
    assert detect(b"\0\0junk\n%PDF-1.4", name="x").kind is Kind.PDF


def test_the_declared_type_only_says_which_text_it_is() -> None:
    assert detect(b"# Title", name="x", declared_type="Text/Markdown; charset=utf-8").media_type == "text/markdown"
    assert detect(b"{}", name="x", declared_type="application/json").media_type == "application/json"
    assert detect(b"hello", name="x", declared_type="image/png").media_type == "text/plain"


def test_a_sentence_that_begins_like_a_bitmap_is_a_text() -> None:
    assert detect(b"BMW builds cars, and motor cycles too", name="x").kind is Kind.TEXT


@pytest.mark.parametrize(
    ("head", "what"),
    [
        (b"PK\x03\x04rest", "DOCX"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "old office document"),
        (b"\x7fELF\x02", "program"),
        (b"{\\rtf1", "RTF"),
        (b"\0\0\0\x18ftypmp42", "video"),
        (b"\x1f\x8b\x08", "gzip"),
    ],
)
def test_a_known_type_without_a_reader_is_refused_by_its_name(head: bytes, what: str) -> None:
    with pytest.raises(UnsupportedType, match=what) as caught:
        detect(head, name="holiday.txt")
    assert "holiday.txt" in str(caught.value)
