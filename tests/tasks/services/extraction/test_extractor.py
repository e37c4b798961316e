"""From a file to its text, or to a sentence on why there is none."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tasks.errors import (
    DocumentTooLarge,
    EncryptedDocument,
    ModelUnavailable,
    NoText,
    Permanent,
    UnreadableDocument,
    UnsupportedType,
)
from tasks.services.extraction.extractor import DescribeImage, Extraction, extract
from tasks.services.extraction.kinds import Kind
from tasks.services.extraction.limits import MIB, Limits
from tests.tasks.services import documents

Extract = Callable[..., Extraction]


@pytest.fixture
def extracted(tmp_path: Path) -> Extract:
    """Extracts a document given as bytes; progress goes into `pages` when it is given."""

    def run(
        content: bytes,
        name: str = "report",
        *,
        limits: Limits | None = None,
        describe: DescribeImage | None = None,
        pages: list[tuple[int, int]] | None = None,
    ) -> Extraction:
        path = tmp_path / "upload"
        path.write_bytes(content)
        seen: list[tuple[int, int]] = [] if pages is None else pages
        return extract(
            path,
            name=name,
            declared_type="",
            on_page=lambda done, total: seen.append((done, total)),
            limits=limits or Limits(),
            describe_image=describe,
        )

    return run


def test_a_pdf_gives_the_text_of_its_pages_and_reports_each(extracted: Extract) -> None:
    pages: list[tuple[int, int]] = []
    result = extracted(documents.pdf(["First page.\nIts end.", "Second (page)."]), pages=pages)
    assert result.text == "First page.\nIts end.\n\nSecond (page)."
    assert (result.kind, result.media_type, result.pages, result.note) == (Kind.PDF, "application/pdf", 2, "")
    assert pages == [(1, 2), (2, 2)]


def test_a_text_is_cleaned(extracted: Extract) -> None:
    result = extracted("\ufeffGrüße\r\n\x1b[31mrot\x07".encode())
    assert result.text == "Grüße\n[31mrot"
    assert (result.kind, result.media_type, result.pages) == (Kind.TEXT, "text/plain", 1)


def test_a_scanned_pdf_is_refused_with_a_reason_that_a_person_understands(extracted: Extract) -> None:
    with pytest.raises(NoText, match=r"no text found in report: the 3 pages seem to be scanned images"):
        extracted(documents.scanned_pdf(3))
    with pytest.raises(NoText, match=r"its only page seems to be a scanned image"):
        extracted(documents.scanned_pdf(1))


def test_an_empty_page_is_said_to_be_empty(extracted: Extract) -> None:
    with pytest.raises(NoText, match="only drawings, or nothing at all"):
        extracted(documents.pdf([""]))


@pytest.mark.parametrize("algorithm", ["AES-256", "AES-128", "RC4-128"])
def test_a_pdf_with_a_password_is_refused_and_one_with_an_empty_password_is_read(
    extracted: Extract, algorithm: str
) -> None:
    with pytest.raises(EncryptedDocument, match="report is encrypted: it needs a password"):
        extracted(documents.encrypted_pdf("secret", user_password="1234", algorithm=algorithm))
    opened = extracted(documents.encrypted_pdf("open to all", user_password="", algorithm=algorithm))
    assert opened.text == "open to all"


@pytest.mark.parametrize(
    "content",
    [
        b"%PDF-1.7\nthis is no PDF at all",
        documents.pdf(["x"] * 5)[:700],
        documents.looping_pdf(),
        documents.pdf(["x"]).replace(b"/Pages", b"/Sages"),
        b"\x89PNG\r\n\x1a\nand no more",
        documents.picture("JPEG")[:300],
    ],
    ids=["no PDF", "cut PDF", "looping PDF", "PDF without pages", "cut PNG", "cut JPEG"],
)
def test_a_broken_document_is_refused_for_good(extracted: Extract, content: bytes) -> None:
    with pytest.raises(UnreadableDocument, match="report can not be read"):
        extracted(content)


def test_a_flate_bomb_is_refused(extracted: Extract) -> None:
    with pytest.raises(UnreadableDocument, match="LimitReachedError"):
        extracted(documents.flate_bomb(100_000_000))


def test_a_page_that_draws_itself_exponentially_often_ends(extracted: Extract) -> None:
    with pytest.raises(Permanent):
        extracted(documents.exponential_pdf())


def test_a_broken_page_is_left_out_and_noted(extracted: Extract) -> None:
    content = documents.pdf(["Good.", "Bad.", "Good again."])
    start = content.index(b"/FlateDecode", content.index(b"\n13 0 obj"))
    result = extracted(content[:start] + b"/NoSuchThing" + content[start + 12 :])
    assert result.text == "Good.\n\nGood again."
    assert result.pages == 3
    assert result.note == "1 of 3 pages is damaged"


def test_rubbish_from_a_font_without_letters_is_no_text(extracted: Extract) -> None:
    with pytest.raises(NoText, match="its only page has a font that hides its letters"):
        extracted(documents.pdf(["/g18/g152/g3/g55/g75/g72/g3/g54/g72/g70/g88/g85"]))


@pytest.mark.parametrize(
    ("content", "limits", "reason"),
    [
        (b"x" * 1001, Limits(file_bytes=1000), "has 1,001 bytes, and at most 1,000"),
        (b"x" * 1001, Limits(characters=1000), "has 1,001 characters, and at most 1,000"),
        (documents.repeated_pdf(51), Limits(pages=50), "it has 51 pages, and at most 50"),
        (documents.repeated_pdf(9), Limits(characters=50), "its first 3 of 9 pages hold over 50 characters"),
        (documents.picture("PNG", (300, 200)), Limits(pixels=59_999), "it has 300 × 200 pixels"),
        (documents.picture("PNG", (9000, 9000)), Limits(memory_bytes=256 * MIB), "256 MiB of memory"),
        (documents.slow_pdf(), Limits(wall_s=0.6), r"takes longer than 0.6 s"),
        (documents.slow_pdf(), Limits(cpu_s=1), "too much computing time"),
    ],
    ids=["bytes", "characters", "pages", "characters of a PDF", "pixels", "memory", "wall time", "CPU time"],
)
def test_what_is_too_large_is_refused_with_its_value(
    extracted: Extract, content: bytes, limits: Limits, reason: str
) -> None:
    with pytest.raises(DocumentTooLarge, match=reason):
        extracted(content, limits=limits)


def test_empty_blank_and_unknown_files_are_refused(extracted: Extract) -> None:
    with pytest.raises(NoText, match="report is empty"):
        extracted(b"")
    with pytest.raises(NoText, match="white space"):
        extracted(b" \r\n\t")
    with pytest.raises(UnsupportedType, match="NUL at byte 2"):
        extracted(b"ab\0cd")


def test_without_a_vision_model_an_image_says_what_it_is_and_that_nobody_looked(extracted: Extract) -> None:
    pages: list[tuple[int, int]] = []
    result = extracted(documents.picture("PNG", (640, 480)), "cat.png", pages=pages)
    assert result.text.startswith("Image cat.png: PNG, 640 × 480 pixels, ")
    assert result.text.endswith("No vision model was asked: what it shows is not described.")
    assert (result.note, pages) == ("no vision model was asked", [(1, 1)])


def test_a_vision_model_is_given_the_image_as_it_is(extracted: Extract) -> None:
    content, given = documents.picture("PNG"), []

    def describe(picture: bytes, media_type: str) -> str:
        given.append((picture, media_type))
        return "A black rectangle.\0"

    result = extracted(content, "r.png", describe=describe)
    assert given == [(content, "image/png")]
    assert result.text.endswith("pixels, 81 bytes.\n\nA black rectangle.")
    assert result.note == ""


@pytest.mark.parametrize(("image_format", "mode"), [("GIF", "P"), ("TIFF", "CMYK"), ("BMP", "L"), ("AVIF", "RGBA")])
def test_a_vision_model_is_given_other_formats_as_jpeg(extracted: Extract, image_format: str, mode: str) -> None:
    given = []

    def describe(picture: bytes, media_type: str) -> str:
        given.append((picture[:3], media_type))
        return "A black rectangle."

    extracted(documents.picture(image_format, mode=mode), describe=describe)
    assert given == [(b"\xff\xd8\xff", "image/jpeg")]


def test_a_silent_vision_model_leaves_no_text(extracted: Extract) -> None:
    with pytest.raises(NoText, match="nothing to say"):
        extracted(documents.picture("PNG"), describe=lambda picture, media_type: "\0 \n")


def test_an_error_of_the_vision_model_is_let_through(extracted: Extract) -> None:
    def describe(picture: bytes, media_type: str) -> str:
        raise ModelUnavailable("busy", 7)

    with pytest.raises(ModelUnavailable) as caught:
        extracted(documents.picture("PNG"), describe=describe)
    assert caught.value.retry_after_s == 7


def test_the_header_of_a_heic_image_says_its_size(extracted: Extract) -> None:
    boxes = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"\0\0\0\x14ispe\0\0\0\0\0\0\x02\0\0\0\x02\0"
    boxes += b"\0\0\0\x14ispe\0\0\0\0\0\0\x0f\xc0\0\0\x0b\xd0"
    assert "HEIC, 4032 × 3024 pixels" in extracted(boxes).text
    described = extracted(boxes, describe=lambda picture, media_type: f"{len(picture)} bytes of {media_type}")
    assert described.text.endswith(f"{len(boxes)} bytes of image/heic")


def test_a_name_made_to_deceive_is_spoken_on_one_line(extracted: Extract) -> None:
    with pytest.raises(NoText) as caught:
        extracted(b"", "a\x1b[2J\r\nb" + "c" * 500)
    assert str(caught.value).startswith("a[2J bccc")
    assert len(str(caught.value)) < 150
    assert "\n" not in str(caught.value)
