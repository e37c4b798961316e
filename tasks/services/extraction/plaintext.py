"""Text files, in the encodings that can be told for certain: UTF-8, and UTF-16 or UTF-32 with their mark."""

import codecs

from tasks.errors import UnreadableDocument, UnsupportedType

_MARKS = (
    (codecs.BOM_UTF32_LE, "UTF-32-LE"),
    (codecs.BOM_UTF32_BE, "UTF-32-BE"),
    (codecs.BOM_UTF16_LE, "UTF-16-LE"),
    (codecs.BOM_UTF16_BE, "UTF-16-BE"),
    (codecs.BOM_UTF8, "UTF-8"),
    (b"", "UTF-8"),
)


def decode(content: bytes, *, name: str) -> str:
    """The text in `content`, without its byte order mark.

    Raises:
        UnsupportedType: it is binary data, because it holds NULs; the message says where the first one is.
        UnreadableDocument: it is not valid in its encoding; the message says at which byte, and what to do.
    """
    mark, encoding = next(known for known in _MARKS if content.startswith(known[0]))
    if encoding == "UTF-8" and b"\0" in content:
        raise _binary(name, content.index(b"\0"))
    try:
        text = content[len(mark) :].decode(encoding)
    except UnicodeDecodeError as error:
        offset = len(mark) + error.start
        raise UnreadableDocument(
            f"{name} is not {encoding} text: byte 0x{content[offset]:02X} at offset {offset} "
            f"({error.reason}); save it as UTF-8 and upload it again"
        ) from error
    if "\0" in text:
        raise _binary(name, len(mark) + len(text[: text.index("\0")].encode(encoding)))
    return text


def _binary(name: str, offset: int) -> UnsupportedType:
    return UnsupportedType(
        f"{name} is binary data (a NUL at byte {offset}): only PDF, images and plain text can be read"
    )
