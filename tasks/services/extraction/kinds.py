"""What a document is, told from its first bytes; its name and its declared type are only hearsay."""

from enum import StrEnum

from msgspec import Struct

from tasks.errors import UnsupportedType

HEAD_BYTES = 4096


class Kind(StrEnum):
    """How a document is read."""

    PDF = "pdf"
    IMAGE = "image"
    TEXT = "text"


class DocumentType(Struct, frozen=True):
    """The kind of a document, its media type, and for an image the name of its format in Pillow."""

    kind: Kind
    media_type: str
    image_format: str = ""


_IMAGES = (
    (b"\x89PNG\r\n\x1a\n", "image/png", "PNG"),
    (b"\xff\xd8\xff", "image/jpeg", "JPEG"),
    (b"GIF87a", "image/gif", "GIF"),
    (b"GIF89a", "image/gif", "GIF"),
    (b"II*\0", "image/tiff", "TIFF"),
    (b"MM\0*", "image/tiff", "TIFF"),
)
_BRANDS = {
    b"avif": ("image/avif", "AVIF"),
    b"avis": ("image/avif", "AVIF"),
    b"heic": ("image/heic", "HEIC"),
    b"heix": ("image/heic", "HEIC"),
    b"mif1": ("image/heif", "HEIC"),
    b"msf1": ("image/heif", "HEIC"),
}
_BMP_HEADER_SIZES = (b"\x0c\0\0\0", b"\x28\0\0\0", b"\x6c\0\0\0", b"\x7c\0\0\0")
_REFUSED = (
    (b"PK\x03\x04", "a ZIP archive or an office document (DOCX, XLSX, ODT, EPUB)"),
    (b"PK\x05\x06", "an empty ZIP archive"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old office document (DOC, XLS, PPT)"),
    (b"{\\rtf", "an RTF document"),
    (b"%!PS", "a PostScript document"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ\0", "an xz archive"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"Rar!\x1a\x07", "a RAR archive"),
    (b"\x7fELF", "a program"),
    (b"\xcf\xfa\xed\xfe", "a program"),
    (b"SQLite format 3\0", "an SQLite database"),
    (b"OggS", "an Ogg recording"),
    (b"fLaC", "a FLAC recording"),
    (b"ID3", "an MP3 recording"),
    (b"\x1aE\xdf\xa3", "a Matroska or WebM video"),
)


def detect(head: bytes, *, name: str, declared_type: str = "") -> DocumentType:
    """The type of the document that begins with `head` (its first `HEAD_BYTES`).

    What looks like nothing else is taken for text; whether it is one shows when it is decoded. The declared
    type decides only which text it is, and whether bytes before a PDF's header are a preamble or a text.

    Raises:
        UnsupportedType: no reader exists for this type; the message says what it seems to be.
    """
    if _is_pdf(head, declared_type):
        return DocumentType(Kind.PDF, "application/pdf")
    image = _image_type(head)
    if image is not None:
        return image
    for magic, what in _REFUSED:
        if head.startswith(magic):
            raise UnsupportedType(f"{name} is {what}: only PDF, images and plain text can be read")
    if head[4:8] == b"ftyp":
        raise UnsupportedType(f"{name} is a video or recording: only PDF, images and plain text can be read")
    return DocumentType(Kind.TEXT, _text_type(declared_type))


def _is_pdf(head: bytes, declared_type: str) -> bool:
    """Readers accept a PDF whose header stands anywhere in its first 1024 bytes."""
    if head.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"%PDF-"):
        return True
    declared = _media_type(declared_type) == "application/pdf"
    return b"%PDF-" in head[:1024] and (declared or b"\0" in head)


def _image_type(head: bytes) -> DocumentType | None:
    for magic, media_type, image_format in _IMAGES:
        if head.startswith(magic):
            return DocumentType(Kind.IMAGE, media_type, image_format)
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return DocumentType(Kind.IMAGE, "image/webp", "WEBP")
    if head[:2] == b"BM" and head[6:10] == b"\0\0\0\0" and head[14:18] in _BMP_HEADER_SIZES:
        return DocumentType(Kind.IMAGE, "image/bmp", "BMP")
    if head[4:8] == b"ftyp" and head[8:12] in _BRANDS:
        media_type, image_format = _BRANDS[head[8:12]]
        return DocumentType(Kind.IMAGE, media_type, image_format)
    return None


def _text_type(declared_type: str) -> str:
    declared = _media_type(declared_type)
    is_text = declared.startswith("text/") or declared in ("application/json", "application/xml")
    return declared if is_text else "text/plain"


def _media_type(declared_type: str) -> str:
    return declared_type.partition(";")[0].strip().lower()
