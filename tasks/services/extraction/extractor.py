"""The one way from a file to its text, for every kind of document there is a reader for."""

import base64
import binascii
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from msgspec import Struct

from tasks.errors import DocumentTooLarge, NoText, UnreadableDocument
from tasks.services.extraction import kinds, plaintext
from tasks.services.extraction.cleaning import clean, clean_page, is_rubbish
from tasks.services.extraction.kinds import DocumentType, Kind
from tasks.services.extraction.limits import Limits
from tasks.services.extraction.sandbox import converse

OnPage = Callable[[int, int], None]
DescribeImage = Callable[[bytes, str], str]
"""Takes the bytes of a picture and its media type, answers what it shows."""

PICTURE_TYPES = ("image/png", "image/jpeg", "image/webp", "image/heic", "image/heif")
PICTURE_BYTES = 7 * 2**20
NO_VISION_MODEL = "no vision model was asked"


class Extraction(Struct, frozen=True):
    """The clean text of a document, how it was read, how many pages it has, and what its owner should know.

    `text` is never blank. `note` is empty, or a sentence on what is missing from the text.
    """

    text: str
    kind: Kind
    media_type: str
    pages: int
    note: str


def extract(
    path: Path,
    *,
    name: str,
    declared_type: str,
    on_page: OnPage,
    limits: Limits,
    describe_image: DescribeImage | None,
) -> Extraction:
    """Read the document at `path`, calling `on_page(done, total)` in this thread as pages are read.

    `name` is what the document is called in messages. An exception from `on_page` or `describe_image` ends
    the work and is let through.

    Raises:
        UnreadableDocument: or one of its leaves, none of which a later attempt can mend.
        ServiceFailed: the work was cut short from outside.
    """
    name = _spoken(name)
    size_bytes = path.stat().st_size
    if size_bytes == 0:
        raise NoText(f"{name} is empty (0 bytes)")
    if size_bytes > limits.file_bytes:
        raise DocumentTooLarge(f"{name} has {size_bytes:,} bytes, and at most {limits.file_bytes:,} are read")
    with path.open("rb") as file:
        head = file.read(kinds.HEAD_BYTES)
    found = kinds.detect(head, name=name, declared_type=declared_type)
    if found.kind is Kind.PDF:
        return _extract_pdf(path, name, on_page, limits)
    if found.kind is Kind.IMAGE:
        return _extract_image(path, name, found, on_page, limits, describe_image)
    return _extract_text(path, name, found, on_page, limits)


def _spoken(name: str) -> str:
    """A name fit for a sentence: on one line, without controls, not endless."""
    words = " ".join(clean(name).split())
    return words if len(words) <= 120 else f"{words[:80]}…{words[-39:]}"


def _extract_text(path: Path, name: str, found: DocumentType, on_page: OnPage, limits: Limits) -> Extraction:
    text = clean(plaintext.decode(path.read_bytes(), name=name))
    if not text.strip():
        raise NoText(f"{name} holds nothing but white space")
    if len(text) > limits.characters:
        raise DocumentTooLarge(f"{name} has {len(text):,} characters, and at most {limits.characters:,} are read")
    on_page(1, 1)
    return Extraction(text, found.kind, found.media_type, 1, "")


def _extract_pdf(path: Path, name: str, on_page: OnPage, limits: Limits) -> Extraction:
    request = {"kind": "pdf", "path": str(path.resolve())}
    texts: list[str] = []
    faults: list[str] = []
    total = scanned = rubbish = 0
    with closing(converse(request, limits, name=name)) as answers:
        for answer in answers:
            raw, total = str(answer["text"]), _count(answer, "of")
            unreadable = is_rubbish(raw)
            text = "" if unreadable else clean_page(raw)
            rubbish += unreadable
            if answer["broken"]:
                faults.append(str(answer["broken"]))
            scanned += not text and bool(answer["image"])
            if text:
                texts.append(text)
            on_page(_count(answer, "page"), total)
    missing = _missing(total, scanned, len(faults), rubbish)
    if faults and len(faults) == total:
        raise UnreadableDocument(f"{name} can not be read: {missing} ({faults[0]})")
    if not texts:
        raise NoText(f"no text found in {name}: {missing or 'it holds only drawings, or nothing at all'}")
    return Extraction("\n\n".join(texts), Kind.PDF, "application/pdf", total, missing)


def _missing(total: int, scanned: int, broken: int, rubbish: int) -> str:
    """What the text of a PDF lacks, and why."""
    reasons = (
        (scanned, "seems to be a scanned image", "seem to be scanned images"),
        (broken, "is damaged", "are damaged"),
        (rubbish, "has a font that hides its letters", "have fonts that hide their letters"),
    )
    return ", ".join(f"{_share(count, total)} {one if count == 1 else many}" for count, one, many in reasons if count)


def _share(count: int, total: int) -> str:
    if count < total:
        return f"{count} of {total} pages"
    return _pages(total)


def _pages(total: int) -> str:
    return "its only page" if total == 1 else f"the {total} pages"


def _extract_image(
    path: Path,
    name: str,
    found: DocumentType,
    on_page: OnPage,
    limits: Limits,
    describe: DescribeImage | None,
) -> Extraction:
    request = {
        "kind": "image",
        "path": str(path.resolve()),
        "format": found.image_format,
        "media_type": found.media_type,
        "accepted_types": list(PICTURE_TYPES) if describe is not None else [],
        "picture_bytes": PICTURE_BYTES,
    }
    answers = list(converse(request, limits, name=name))
    if len(answers) != 1:
        raise UnreadableDocument(f"{name} can not be read: its reader said {len(answers)} things instead of one")
    answer = answers[0]
    fact = (
        f"Image {name}: {answer['format']}, {answer['width']} × {answer['height']} pixels, "
        f"{path.stat().st_size:,} bytes."
    )
    if describe is None:
        on_page(1, 1)
        unasked = f"{NO_VISION_MODEL[0].upper()}{NO_VISION_MODEL[1:]}: what it shows is not described."
        return Extraction(f"{fact} {unasked}", found.kind, found.media_type, 1, NO_VISION_MODEL)
    description = clean(describe(*_picture(answer, name))).strip()
    if not description:
        raise NoText(f"the vision model had nothing to say about {name}")
    on_page(1, 1)
    return Extraction(f"{fact}\n\n{description}", found.kind, found.media_type, 1, "")


def _picture(answer: dict[str, object], name: str) -> tuple[bytes, str]:
    try:
        picture = base64.b64decode(str(answer["picture"]), validate=True)
    except binascii.Error as error:
        raise UnreadableDocument(f"{name} can not be read: its reader answered rubbish") from error
    if not picture:
        raise DocumentTooLarge(f"{name} is larger than the vision model takes ({PICTURE_BYTES:,} bytes)")
    return picture, str(answer["media_type"])


def _count(answer: dict[str, object], key: str) -> int:
    value = answer[key]
    if not isinstance(value, int):
        raise UnreadableDocument(f"the reader of the document answered {value!r} for {key}")
    return value
