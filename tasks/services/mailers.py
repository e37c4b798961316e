"""What carries a mail: a printer where no server is set, otherwise SMTP; every answer told as later or never."""

import logging
import re
import smtplib
import socket
import ssl
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import NoReturn, Protocol

from msgspec import Struct

from storage.settings import Settings
from storage.smtp import SmtpServer
from tasks.errors import MailDeferred, MailRefused
from tasks.services.mail import Letter, Mail, build, one_line

log = logging.getLogger(__name__)

Reply = tuple[int, bytes | str]


class Receipt(Struct, frozen=True):
    """A mail that was taken over: who it goes to, and what it is called from now on."""

    recipients: tuple[str, ...]
    message_id: str
    carrier: str


class Mailer(Protocol):
    """Carries mail, or says whether another attempt may help."""

    def send(self, mail: Mail, *, key: str, sent_at: datetime) -> Receipt:
        """Hand the mail over; `key` stays the same when it is sent again, and so does its Message-ID.

        Raises:
            MailRefused: the mail is wrong, or was refused for good; the message has the server's words.
            MailDeferred: a later attempt may succeed.
        """
        ...


class PrintedMailer:
    """Prints mail instead of sending it, in a form that a person can read."""

    def __init__(self, sender: str, write: Callable[[str], None] | None = None) -> None:
        self._sender = sender
        self._write = write or _write_to_stdout

    def send(self, mail: Mail, *, key: str, sent_at: datetime) -> Receipt:
        """Print the mail, built and checked exactly as it would be sent.

        Raises:
            MailRefused: the mail is wrong.
        """
        letter = build(mail, sender=self._sender, key=key, sent_at=sent_at)
        self._write(summary(letter))
        return Receipt(letter.recipients, letter.message_id, "printed, not sent")


def summary(letter: Letter) -> str:
    """The letter as a person would read it; no character in it can move a terminal."""
    message = letter.message
    head = [
        f"{name}: {message[name]}"
        for name in ("From", "To", "Cc", "Reply-To", "Subject", "Date", "Message-ID")
        if name in message
    ]
    shown = {address for field in ("To", "Cc") if field in message for address in _addresses(message[field])}
    head += [f"Bcc: {address}" for address in letter.recipients if address not in shown]
    for part in message.iter_attachments():
        content = part.get_payload(decode=True)
        size_bytes = len(content) if isinstance(content, bytes) else 0
        head.append(f"Attachment: {part.get_filename()} ({part.get_content_type()}, {size_bytes:,} bytes)")
    html = message.get_body(("html",))
    if html is not None:
        head.append(f"HTML: {len(html.get_content()):,} characters")
    body = message.get_body(("plain",))
    text = "" if body is None else body.get_content()
    lines = [one_line(line) for line in head] + ["", *text.rstrip("\r\n").splitlines()]
    return "\n".join(
        ["+-- mail, printed because SMTP_URL is not set", *(f"| {line}".rstrip() for line in lines), "+--", ""]
    )


def _addresses(header: object) -> list[str]:
    return [address.addr_spec for address in getattr(header, "addresses", ())]


def _write_to_stdout(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


class SmtpMailer:
    """Carries mail to an SMTP server, with one connection for each mail."""

    def __init__(
        self, server: SmtpServer, sender: str, timeout_s: float = 30, tls: ssl.SSLContext | None = None
    ) -> None:
        self._server = server
        self._sender = sender
        self._timeout_s = timeout_s
        self._tls = tls

    def send(self, mail: Mail, *, key: str, sent_at: datetime) -> Receipt:
        """Hand the mail to the server, which answers for every recipient.

        When the connection breaks after the whole mail was handed over and before the server's word, nobody can
        tell whether it was taken: it counts as deferred, and a second delivery has the same Message-ID.

        Raises:
            MailRefused: the mail is wrong, or the server refused it, a recipient, us, or our key for good.
            MailDeferred: the server did not answer, or said "later".
        """
        letter = build(mail, sender=self._sender, key=key, sent_at=sent_at)
        with self._translated(), self._session() as session:
            refused = session.sendmail(letter.sender, letter.recipients, letter.content)
        if refused:
            raise self._partly_refused(letter, refused)
        log.info("mail %s was taken by %s", letter.message_id, self._server.host)
        return Receipt(letter.recipients, letter.message_id, f"{self._server.host}:{self._server.port}")

    @contextmanager
    def _session(self) -> Iterator[smtplib.SMTP]:
        """A connection that is greeted, encrypted and logged in; how it ends changes nothing any more."""
        server = self._server
        tls = self._tls or ssl.create_default_context()
        session: smtplib.SMTP
        if server.security == "tls":
            session = smtplib.SMTP_SSL(server.host, server.port, _own_name(), timeout=self._timeout_s, context=tls)
        else:
            session = smtplib.SMTP(server.host, server.port, _own_name(), timeout=self._timeout_s)
        try:
            session.ehlo_or_helo_if_needed()
            if server.security == "starttls":
                session.starttls(context=tls)
                session.ehlo()
            if server.username is not None and server.password is not None:
                session.login(server.username, server.password.reveal())
            yield session
            with suppress(OSError):
                session.quit()
        finally:
            session.close()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except smtplib.SMTPRecipientsRefused as error:
            self._fail_recipients(error.recipients)
        except smtplib.SMTPAuthenticationError as error:
            self._fail("the user and password of SMTP_URL", (error.smtp_code, error.smtp_error), error)
        except smtplib.SMTPResponseException as error:
            self._fail(_what(error), (error.smtp_code, error.smtp_error), error)
        except smtplib.SMTPNotSupportedError as error:
            raise MailRefused(f"{self._name} does not offer what SMTP_URL asks for: {error}") from error
        except smtplib.SMTPServerDisconnected as error:
            raise MailDeferred(f"{self._name} broke off the connection: {_words(str(error))}") from error
        except smtplib.SMTPException as error:
            raise MailRefused(f"{self._name} can not be used: {_words(str(error))}") from error
        except ssl.SSLCertVerificationError as error:
            raise MailRefused(
                f"the certificate of {self._name} is not to be trusted: {error.verify_message}"
            ) from error
        except UnicodeEncodeError as error:
            raise MailRefused("the user and password of SMTP_URL must be ASCII to log in with") from error
        except OSError as error:
            raise MailDeferred(f"{self._name} does not answer: {error or type(error).__name__}") from error

    @property
    def _name(self) -> str:
        return f"the mail server {self._server.host}:{self._server.port}"

    def _fail(self, what: str, reply: Reply, error: Exception) -> NoReturn:
        said = f"{reply[0]} {_words(reply[1])}"
        if 500 <= reply[0] < 600:
            raise MailRefused(f"{self._name} refused {what}: {said}") from error
        raise MailDeferred(f"{self._name} does not take {what} now: {said}") from error

    def _fail_recipients(self, replies: Mapping[str, Reply]) -> NoReturn:
        """Nobody got the mail: never, if that is the answer for one of them, otherwise later."""
        said = "; ".join(f"{address}: {code} {_words(words)}" for address, (code, words) in replies.items())
        if any(500 <= code < 600 for code, _ in replies.values()):
            raise MailRefused(f"{self._name} refused the recipient {said}")
        raise MailDeferred(f"{self._name} does not take the recipient now: {said}")

    def _partly_refused(self, letter: Letter, refused: Mapping[str, Reply]) -> MailRefused:
        said = "; ".join(f"{address}: {code} {_words(words)}" for address, (code, words) in refused.items())
        reached = ", ".join(address for address in letter.recipients if address not in refused)
        return MailRefused(f"{self._name} refused {said}; the mail did reach {reached}: sent again, it comes twice")


def mailer_for(settings: Settings) -> Mailer:
    """The mailer that the settings ask for: SMTP where `SMTP_URL` is set, otherwise the printer."""
    server = settings.smtp_server
    return PrintedMailer(settings.mail_from) if server is None else SmtpMailer(server, settings.mail_from)


def _what(error: smtplib.SMTPResponseException) -> str:
    if isinstance(error, smtplib.SMTPSenderRefused):
        return f"the sender {error.sender}"
    if isinstance(error, smtplib.SMTPDataError):
        return "the mail"
    return "the connection"


def _words(said: bytes | str) -> str:
    """The server's own words on one line, safe to show."""
    return one_line(said.decode("utf-8", "replace") if isinstance(said, bytes) else said)[:300]


def _own_name() -> str:
    """What we call ourselves in EHLO; asking the DNS for it, as the library does, can take long."""
    name = socket.gethostname()
    return name if re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,250}[A-Za-z0-9])?", name) else "localhost"
