"""Jobs and documents to look at: what ``dewey demo`` fills the queues with. They do real, small work.

Point a consumer at ``tasks.samples.huey`` to have them beside the real tasks.
"""

import io
import logging
import time
from typing import Any, Literal

from msgspec import Struct
from PIL import Image, ImageDraw
from pypdf import PdfWriter
from pypdf.generic import DecodedStreamObject, DictionaryObject, NameObject

from tasks.app import huey
from tasks.email import send_email
from tasks.engine.context import current_job, progress
from tasks.errors import Permanent
from tasks.files import clean_public_files
from tasks.tokens import clean_expired_tokens

logger = logging.getLogger(__name__)

Partner = Literal["northwind", "contoso", "initech"]


class PartnerUnreachable(Exception):
    """The other side did not answer."""


class CardDeclined(Permanent):
    """A payment that no second try can mend."""


@huey.task(queue="reports")
def build_report(month: str, pages: int = 12, seconds_per_page: float = 0.5) -> dict[str, object]:
    """Build a monthly report, page by page, to watch its log and progress while it runs."""
    words = 0
    for page in range(1, pages + 1):
        time.sleep(seconds_per_page)  # what the work of a page takes
        words += 180 + 7 * page
        progress(page, pages, "pages")
        logger.info("page %s of %s for %s: %s words so far", page, pages, month, words)
    return {"month": month, "pages": pages, "words": words}


@huey.task(queue="sync", retries=2, retry_delay=1, retry_backoff=2)
def sync_partner(partner: Partner, records: int = 40) -> int:
    """Fetch a partner's records. Initech does not answer until an operator requeues the job."""
    job = current_job()
    attempt = job.attempt if job is not None else 1
    logger.info("connecting to %s, attempt %s", partner, attempt)
    if partner == "initech" and attempt <= 3:
        raise PartnerUnreachable(f"{partner} closed the connection after 0 of {records} records")
    for done in range(0, records + 1, 10):
        progress(done, records, "records")
    logger.info("%s records of %s are up to date", records, partner)
    return records


@huey.task(queue="payments", retries=3, retry_delay=2)
def charge_card(order_id: int, amount_cents: int, card: str = "4242") -> str:
    """Charge a card. The one that ends in 0002 is declined: a failure that is not retried."""
    logger.info("charging %.2f for order %s", amount_cents / 100, order_id)
    if card.endswith("0002"):
        raise CardDeclined(f"order {order_id}: the card ending in {card[-4:]} was declined (insufficient funds)")
    return f"receipt-{order_id}"


class Document(Struct, frozen=True):
    """A sample file, and the status that its ingestion is expected to end with."""

    name: str
    content: bytes
    expected: str


class Launched(Struct, frozen=True):
    """A sample job on its way, and the state that it is expected to end in."""

    job_id: str
    name: str
    expected: Literal["succeeded", "dead"]


def launch(*, lively: bool) -> list[Launched]:
    """Enqueue one of everything that ends soon; a lively demo also has work that takes minutes, and work that waits."""
    soon: list[tuple[str, Literal["succeeded", "dead"], Any]] = [
        ("report", "succeeded", build_report(month="2026-10", pages=6, seconds_per_page=0.2)),
        ("sync northwind", "succeeded", sync_partner(partner="northwind")),
        ("sync initech", "dead", sync_partner(partner="initech")),
        ("charge 1001", "succeeded", charge_card(order_id=1001, amount_cents=4200)),
        ("charge 1002", "dead", charge_card(order_id=1002, amount_cents=129_900, card="4000000000000002")),
        ("charge 1003", "succeeded", charge_card(order_id=1003, amount_cents=990, priority=5)),
        ("notice", "succeeded", send_email(to="ada@example.com", values={"title": "Report", "message": "It is done."})),
        ("notice to nobody", "dead", send_email(to="nobody at all", values={"title": "?", "message": "?"})),
        ("token cleanup", "succeeded", clean_expired_tokens()),
        ("demo cleanup", "succeeded", clean_public_files()),
    ]
    if lively:
        for month in range(1, 7):
            build_report(month=f"2026-{month:02}", pages=60, seconds_per_page=1.0, delay=month * 4)
        for order in range(2000, 2040):
            charge_card(order_id=order, amount_cents=100 * order, delay=(order - 2000) * 9)
        charge_card(order_id=2999, amount_cents=1500, delay=7200)
        sync_partner(partner="contoso", delay=45)
    return [Launched(str(handle.id), name, expected) for name, expected, handle in soon]


HANDBOOK = """Handbook for the night shift

When a queue stands still, look at the age of its oldest job first: a queue that is empty and one that is stuck look the
same by their length. Ask which consumer serves it, and whether somebody has paused it.

The harbour master's lantern must be trimmed at dusk, and again when the tide turns. Nobody remembers why, but the ships
have always come home.

Dead letters are not the end of a job. Read the traceback from the application's own frames, mend the cause, and put the
job back in its queue; it has all its retries again.
"""

MINUTES = """Minutes of the Tuesday meeting

Embeddings are stored with the name of the model that made them, because vectors of different models can not be
compared. A file is cut into passages of about a thousand characters that overlap: a sentence on a
boundary is found too.
"""


def documents() -> tuple[Document, ...]:
    """Small files of every kind that ingestion knows, and some that it must refuse with a reason."""
    handbook = HANDBOOK.encode()
    return (
        Document("handbook.txt", handbook, "COMPLETED"),
        Document("minutes-utf16.txt", MINUTES.encode("utf-16"), "COMPLETED"),
        Document(
            "lighthouse.pdf",
            _pdf(["The lighthouse keeper's log", "Second page: fog until noon, then wind from the west."]),
            "COMPLETED",
        ),
        Document("harbour.png", _picture(), "COMPLETED"),
        Document("copy-of-handbook.txt", handbook, "DUPLICATE"),
        Document("sealed.pdf", _pdf(["Nobody reads this."], password="tide"), "FAILED"),
        Document("archive.bin", bytes(range(256)) * 8, "FAILED"),
    )


def _pdf(pages: list[str], password: str = "") -> bytes:
    writer = PdfWriter()
    font = DictionaryObject(
        {
            NameObject("/Type"): NameObject("/Font"),
            NameObject("/Subtype"): NameObject("/Type1"),
            NameObject("/BaseFont"): NameObject("/Helvetica"),
        }
    )
    for text in pages:
        page = writer.add_blank_page(width=420, height=297)
        escaped = text.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")
        stream = DecodedStreamObject()
        stream.set_data(f"BT /F1 14 Tf 30 240 Td ({escaped}) Tj ET".encode("latin-1"))
        fonts = DictionaryObject({NameObject("/F1"): font})
        page[NameObject("/Resources")] = DictionaryObject({NameObject("/Font"): fonts})
        page[NameObject("/Contents")] = writer._add_object(stream)
    if password:
        writer.encrypt(password, algorithm="AES-256")
    target = io.BytesIO()
    writer.write(target)
    return target.getvalue()


def _picture() -> bytes:
    picture = Image.new("RGB", (320, 200), "#14324a")
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, 140, 320, 200), fill="#0b1d2b")
    draw.polygon(((150, 140), (160, 60), (170, 140)), fill="#e8e4d8")
    draw.ellipse((152, 50, 168, 66), fill="#f2c14e")
    target = io.BytesIO()
    picture.save(target, "PNG")
    return target.getvalue()


__all__ = ["build_report", "charge_card", "documents", "huey", "launch", "sync_partner"]
