"""Sends mail: from a template, or from words given with the job; printed unless SMTP_URL is set."""

import base64
import logging
import uuid
from datetime import UTC, datetime

from storage.values import replace
from tasks import resources
from tasks.app import huey
from tasks.engine.context import current_job
from tasks.errors import MailRefused
from tasks.services.mail import Attachment, Mail
from tasks.services.templates import Rendered, Templates

logger = logging.getLogger(__name__)


@huey.task(queue="email", retries=6, retry_delay=5, retry_backoff=3)
def send_email(  # noqa: PLR0913 - the signature is the form that operators fill in
    to: str,
    *,
    template: str = "notification",
    values: dict[str, object] | None = None,
    subject: str = "",
    text: str = "",
    html: str = "",
    cc: str = "",
    bcc: str = "",
    reply_to: str = "",
    attachments: list[dict[str, str]] | None = None,
) -> dict[str, object]:
    """Send one mail, to one address per field.

    Its words come from a template and its values, or from subject, text and html when text is given. An attachment is
    {"name", "content_type", "base64"}. Answers the message's id, which is the same in every attempt.
    """
    words = _words(template, values, Rendered(subject, text, html))
    mail = Mail(
        to=to,
        subject=words.subject,
        text=words.text,
        html=words.html,
        cc=cc,
        bcc=bcc,
        reply_to=reply_to,
        attachments=tuple(_attachment(one) for one in attachments or ()),
    )
    return deliver(mail)


def deliver(mail: Mail) -> dict[str, object]:
    """Hand a mail to the carrier, keyed by the current job, so that a second attempt has the same Message-ID."""
    job = current_job()
    key = job.idempotency_key if job is not None else str(uuid.uuid4())
    receipt = resources.current().mailer.send(mail, key=key, sent_at=datetime.now(UTC))
    logger.info("mail %s: %s", receipt.message_id, receipt.carrier)
    return {"message_id": receipt.message_id, "carrier": receipt.carrier, "recipients": len(receipt.recipients)}


def _words(template: str, values: dict[str, object] | None, given: Rendered) -> Rendered:
    if given.text:
        return given
    if given.html:
        raise MailRefused("a mail with html needs text too, for readers that show none")
    written = Templates().render(template, values or {})
    return replace(written, subject=given.subject or written.subject)


def _attachment(given: dict[str, str]) -> Attachment:
    try:
        name, content_type, encoded = (
            given["name"],
            given.get("content_type", "application/octet-stream"),
            given["base64"],
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise MailRefused("an attachment needs name and base64 (and may have content_type)") from error
    if not all(isinstance(one, str) for one in (name, content_type, encoded)):
        raise MailRefused("the name, content_type and base64 of an attachment are texts")
    try:
        return Attachment(name, content_type, base64.b64decode(encoded, validate=True))
    except ValueError as error:
        raise MailRefused(f"the attachment {name!r} is not base64: {error}") from error
