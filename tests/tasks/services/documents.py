"""Documents made for tests, byte by byte: well-formed ones, and ones made to hurt their reader."""

import io
import zlib
from collections.abc import Mapping, Sequence

from PIL import Image
from pypdf import PdfReader, PdfWriter

_FONT = "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"


def assemble(objects: Mapping[int, str | bytes]) -> bytes:
    """A PDF of these numbered objects, of which the first is the catalog."""
    out = bytearray(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")
    offsets = {}
    for number, body in sorted(objects.items()):
        offsets[number] = len(out)
        content = body.encode("latin-1") if isinstance(body, str) else body
        out += b"%d 0 obj\n%b\nendobj\n" % (number, content)
    start, size = len(out), max(objects) + 1
    out += b"xref\n0 %d\n0000000000 65535 f \n" % size
    for number in range(1, size):
        out += b"%010d 00000 n \n" % offsets[number] if number in offsets else b"0000000000 65535 f \n"
    out += b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (size, start)
    return bytes(out)


def stream(content: bytes, entries: str = "", *, packed: bool = True) -> bytes:
    """A stream object, deflated unless told otherwise."""
    data = zlib.compress(content, 9) if packed else content
    filters = "/Filter /FlateDecode" if packed else ""
    return b"<< %b /Length %d >>\nstream\n%b\nendstream" % (f"{entries} {filters}".encode(), len(data), data)


def pdf(pages: Sequence[str]) -> bytes:
    """A PDF whose pages show these texts, line by line, in Helvetica."""
    return pdf_of_contents([_shown(text) for text in pages])


def pdf_of_contents(contents: Sequence[bytes], resources: str = "", extra: Mapping[int, bytes] | None = None) -> bytes:
    """A PDF whose pages have these content streams, with font /F1; `extra` are objects from 1000 on."""
    kids = " ".join(f"{10 + 2 * index} 0 R" for index in range(len(contents)))
    objects: dict[int, str | bytes] = {
        1: "<< /Type /Catalog /Pages 2 0 R >>",
        2: f"<< /Type /Pages /Kids [{kids}] /Count {len(contents)} >>",
        3: _FONT,
    }
    for index, content in enumerate(contents):
        objects[10 + 2 * index] = (
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents {11 + 2 * index} 0 R "
            f"/Resources << /Font << /F1 3 0 R >> {resources} >> >>"
        )
        objects[11 + 2 * index] = stream(content)
    return assemble(objects | dict(extra or {}))


def _shown(text: str) -> bytes:
    lines = [line.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)") for line in text.splitlines()]
    shown = "".join(f"({line}) Tj T* " for line in lines)
    return f"BT /F1 12 Tf 14 TL 72 720 Td {shown}ET".encode("latin-1")


def repeated_pdf(count: int, text: str = "The same page again.") -> bytes:
    """A small PDF of very many pages, which are all one object."""
    kids = "10 0 R " * count
    return assemble(
        {
            1: "<< /Type /Catalog /Pages 2 0 R >>",
            2: f"<< /Type /Pages /Kids [{kids}] /Count {count} >>",
            3: _FONT,
            10: "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 11 0 R "
            "/Resources << /Font << /F1 3 0 R >> >> >>",
            11: stream(_shown(text)),
        }
    )


def scanned_pdf(count: int) -> bytes:
    """A PDF whose pages show an image each, and no text."""
    entries = "/Type /XObject /Subtype /Image /Width 8 /Height 8 /ColorSpace /DeviceGray /BitsPerComponent 8"
    image = stream(bytes(64), entries)
    return pdf_of_contents([b"q 612 0 0 792 0 0 cm /Im1 Do Q"] * count, "/XObject << /Im1 1000 0 R >>", {1000: image})


def encrypted_pdf(text: str, *, user_password: str, algorithm: str = "AES-256") -> bytes:
    """A PDF that opens with this password; an empty one opens everywhere."""
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(pdf([text]))))
    writer.encrypt(user_password, owner_password="the owner's own", algorithm=algorithm)
    buffer = io.BytesIO()
    writer.write(buffer)
    return buffer.getvalue()


def flate_bomb(unpacked_bytes: int) -> bytes:
    """A page whose content unpacks to very much more than its file."""
    return pdf_of_contents([b" " * unpacked_bytes])


def exponential_pdf(depth: int = 40) -> bytes:
    """A page that draws a form, that draws a form twice, that draws a form twice, and so on."""
    forms = {}
    for level in range(depth):
        resources = f"/Resources << /XObject << /X {1001 + level} 0 R >> >>" if level < depth - 1 else ""
        entries = f"/Type /XObject /Subtype /Form /BBox [0 0 9 9] {resources}"
        forms[1000 + level] = stream(b"/X Do /X Do", entries)
    return pdf_of_contents([b"/X Do"], "/XObject << /X 1000 0 R >>", forms)


def looping_pdf() -> bytes:
    """A page tree that contains itself."""
    return assemble(
        {
            1: "<< /Type /Catalog /Pages 2 0 R >>",
            2: "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            3: "<< /Type /Pages /Parent 2 0 R /Kids [2 0 R] /Count 1 >>",
        }
    )


def slow_pdf(pages: int = 300) -> bytes:
    """A small PDF that takes long to read: each of its pages shows very many letters, one by one."""
    content = b"BT /F1 9 Tf " + b"1 0 0 1 5 5 Tm (slow) Tj " * 8_000 + b"ET"
    kids = "10 0 R " * pages
    return assemble(
        {
            1: "<< /Type /Catalog /Pages 2 0 R >>",
            2: f"<< /Type /Pages /Kids [{kids}] /Count {pages} >>",
            3: _FONT,
            10: "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 11 0 R "
            "/Resources << /Font << /F1 3 0 R >> >> >>",
            11: stream(content),
        }
    )


def picture(image_format: str, size: tuple[int, int] = (32, 24), mode: str = "RGB") -> bytes:
    """An image of one colour."""
    buffer = io.BytesIO()
    Image.new(mode, size).save(buffer, image_format)
    return buffer.getvalue()
