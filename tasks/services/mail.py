"""A mail built so that nothing in its parts can become a header, a recipient or a line of SMTP.

The standard library of some Pythons that we run on decodes encoded words into line ends while it writes
headers (CVE-2024-6923), and takes several addresses from one string. So values are cleaned before they go in,
addresses are taken apart here, and the finished bytes are parsed again and compared with what was meant.
"""

import re
from collections.abc import Sequence
from datetime import datetime
from email import policy
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.parser import BytesHeaderParser
from hashlib import blake2b

from msgspec import Struct

from tasks.errors import MailRefused
from tasks.services.extraction.cleaning import clean

MOST_BYTES = 25 * 2**20
MOST_ATTACHMENTS = 50
_LONGEST_HEADER = 500

_NAMED = re.compile(r"(?P<name>[^<>]*)<(?P<address>[^<>]*)>")
_LOCAL_PART = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_DOMAIN = re.compile(
    r"(?!.{254})[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*"
)
_MEDIA_TYPE = re.compile(r"([a-z0-9][a-z0-9.+-]*)/([a-z0-9][a-z0-9.+-]*)")
_DIRECTIONS = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069]")


class Attachment(Struct, frozen=True):
    """A file that goes with a mail."""

    name: str
    content_type: str
    content: bytes


class Mail(Struct, frozen=True):
    """What somebody wants sent. Each recipient field is exactly one address, with or without a name."""

    to: str
    subject: str
    text: str
    html: str = ""
    cc: str = ""
    bcc: str = ""
    reply_to: str = ""
    attachments: tuple[Attachment, ...] = ()


class Letter(Struct, frozen=True):
    """A mail ready to be carried: the envelope's addresses, and the bytes to hand over after DATA.

    The same key gives the same `message_id`, so that a reader's program can tell a second delivery.
    """

    sender: str
    recipients: tuple[str, ...]
    message_id: str
    content: bytes
    message: EmailMessage


def build(mail: Mail, *, sender: str, key: str, sent_at: datetime) -> Letter:
    """Make the letter of a mail; `key` is what stays the same when it is sent again, such as the job's id.

    Raises:
        MailRefused: a field is not exactly one address, or the letter is larger than mail servers take.
    """
    origin = parse_address(sender, "MAIL_FROM")
    fields = {"To": mail.to, "Cc": mail.cc, "Bcc": mail.bcc, "Reply-To": mail.reply_to}
    if not mail.to.strip():
        raise MailRefused("the mail has no recipient: To is empty")
    addresses = {field: parse_address(value, field) for field, value in fields.items() if value.strip()}
    recipients = tuple(dict.fromkeys(addresses[field].addr_spec for field in ("To", "Cc", "Bcc") if field in addresses))
    message_id = f"<dewey.{blake2b(key.encode(), digest_size=16).hexdigest()}@{origin.domain}>"
    message = EmailMessage(policy=policy.SMTP)
    message["From"] = origin
    for field in ("To", "Cc", "Reply-To"):
        if field in addresses:
            message[field] = addresses[field]
    message["Subject"] = one_line(mail.subject)
    message["Date"] = sent_at
    message["Message-ID"] = message_id
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(clean(mail.text))
    if mail.html:
        message.add_alternative(clean(mail.html), subtype="html")
    _attach(message, mail.attachments)
    content = _verified(message, addresses)
    return Letter(origin.addr_spec, recipients, message_id, content, message)


def parse_address(value: str, field: str) -> Address:
    """The one address in `value`, such as ``a@b.c`` or ``Bob <a@b.c>``; its domain comes back in ASCII.

    Raises:
        MailRefused: there is none, or more than one, or one that mail can not be sent to.
    """
    wrong = MailRefused(f"{field} is not one address such as name@example.com: {one_line(value)!r}")
    if re.search("[\0\r\n]", value):
        raise wrong
    named = _NAMED.fullmatch(value.strip())
    name = named["name"].strip().strip('"') if named else ""
    local, _, domain = (named["address"] if named else value).strip().rpartition("@")
    if _LOCAL_PART.fullmatch(local) is None or "=?" in local or len(local) > 64 or len(domain) > 253:
        raise wrong
    try:
        ascii_domain = domain.encode("idna").decode("ascii")
    except UnicodeError:
        raise wrong from None
    if _DOMAIN.fullmatch(ascii_domain) is None:
        raise wrong
    try:
        return Address(one_line(name), username=local, domain=ascii_domain)
    except (ValueError, IndexError, MessageError) as error:
        raise wrong from error


def one_line(value: str) -> str:
    """A value fit for a header: one line of bounded length, and nothing in it that decodes to something else."""
    line = " ".join(_DIRECTIONS.sub("", clean(value)).split())
    while "=?" in line:
        line = line.replace("=?", "= ?")
    return line if len(line) <= _LONGEST_HEADER else f"{line[: _LONGEST_HEADER - 1]}…"


def _attach(message: EmailMessage, attachments: Sequence[Attachment]) -> None:
    if len(attachments) > MOST_ATTACHMENTS:
        raise MailRefused(f"the mail has {len(attachments)} attachments, and at most {MOST_ATTACHMENTS} are sent")
    size_bytes = sum(len(attachment.content) for attachment in attachments)
    if size_bytes > MOST_BYTES:
        raise _too_large(size_bytes)
    for attachment in attachments:
        found = _MEDIA_TYPE.fullmatch(attachment.content_type.partition(";")[0].strip().lower())
        main, sub = (found[1], found[2]) if found else ("application", "octet-stream")
        if main in ("message", "multipart"):
            main, sub = "application", "octet-stream"
        name = one_line(re.split(r"[/\\]", attachment.name)[-1]).strip(". ") or "attachment"
        message.add_attachment(attachment.content, maintype=main, subtype=sub, filename=name)


def _verified(message: EmailMessage, addresses: dict[str, Address]) -> bytes:
    """The bytes of the message, once they were seen to hold the headers that were meant and no others."""
    try:
        content = message.as_bytes()
    except (ValueError, UnicodeError, MessageError) as error:
        raise MailRefused(f"the mail can not be written: {error}") from error
    if len(content) > MOST_BYTES:
        raise _too_large(len(content))
    read = BytesHeaderParser(policy=policy.SMTP).parsebytes(content)
    head = content.partition(b"\r\n\r\n")[0]
    stray = re.search(rb"\0|\r(?!\n)|(?<!\r)\n", head)
    if stray or [name.lower() for name in read] != [name.lower() for name in message]:
        raise MailRefused(f"the mail's headers would not arrive as they were meant: {', '.join(read)}"[:300])
    for field, address in addresses.items():
        if field == "Bcc":
            continue
        arrived = [found.addr_spec for found in read[field].addresses]
        if arrived != [address.addr_spec]:
            raise MailRefused(f"{field} would arrive as {', '.join(arrived)!r} instead of {address.addr_spec!r}")
    return content


def _too_large(size_bytes: int) -> MailRefused:
    return MailRefused(f"the mail has {size_bytes:,} bytes, and at most {MOST_BYTES:,} are sent")
