"""Mail carried to a real SMTP server over a socket, and what becomes of each of its answers."""

import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from storage.secret import Secret
from storage.settings import Settings
from storage.smtp import SmtpServer
from tasks.errors import MailDeferred, MailRefused, TasksError
from tasks.services.mail import Attachment, Mail
from tasks.services.mailers import Mailer, PrintedMailer, Receipt, SmtpMailer, mailer_for
from tests.tasks.services.smtp_server import SmtpReceiver, free_port, rude_server, self_signed

SENDER = "Dewey <dewey@example.com>"
MAIL = Mail("Zoë <zoe@example.com>", "Grüße", "Hello.\n.\nA line with one dot above.", "<p>Hello</p>")

pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS:UserWarning")


@pytest.fixture
def receiver() -> Iterator[SmtpReceiver]:
    with SmtpReceiver() as server:
        yield server


def mailer_to(port: int, url: str = "smtp://127.0.0.1:{port}", tls: ssl.SSLContext | None = None) -> Mailer:
    return SmtpMailer(SmtpServer.parse(url.format(port=port)), SENDER, timeout_s=5, tls=tls)


def send(mailer: Mailer, mail: Mail = MAIL) -> Receipt:
    return mailer.send(mail, key="job-1", sent_at=datetime(2026, 11, 20, tzinfo=UTC))


def test_a_mail_arrives_as_it_was_written(receiver: SmtpReceiver) -> None:
    attached = Mail(
        MAIL.to, MAIL.subject, MAIL.text, MAIL.html, bcc="b@example.com",
        attachments=(Attachment("a.bin", "application/x-thing", bytes(range(256))),),
    )  # fmt: skip
    receipt = send(mailer_to(receiver.port), attached)
    (letter,) = receiver.letters
    assert letter.sender == "dewey@example.com"
    assert letter.recipients == ["zoe@example.com", "b@example.com"]
    assert letter.message["Subject"] == "Grüße"
    assert letter.message["Message-ID"] == receipt.message_id
    assert "Bcc" not in letter.message
    plain = letter.message.get_body(("plain",))
    assert plain is not None
    assert plain.get_content().splitlines() == MAIL.text.splitlines()
    (attachment,) = letter.message.iter_attachments()
    assert attachment.get_payload(decode=True) == bytes(range(256))
    assert receipt.recipients == ("zoe@example.com", "b@example.com")


def test_a_second_delivery_of_a_job_has_the_same_message_id(receiver: SmtpReceiver) -> None:
    first, second = send(mailer_to(receiver.port)), send(mailer_to(receiver.port))
    assert first == second
    assert receiver.letters[0].message["Message-ID"] == receiver.letters[1].message["Message-ID"]


@pytest.mark.parametrize("stage", ["MAIL", "RCPT", "DATA"])
def test_later_means_later_at_every_stage(receiver: SmtpReceiver, stage: str) -> None:
    receiver.replies[stage] = ["451 4.7.1 Greylisted, try again \x1b[2Jlater"]
    with pytest.raises(MailDeferred, match=r"451 4\.7\.1 Greylisted, try again \[2Jlater"):
        send(mailer_to(receiver.port))
    assert receiver.letters == []
    send(mailer_to(receiver.port))
    assert len(receiver.letters) == 1


@pytest.mark.parametrize(
    ("stage", "what"), [("MAIL", "the sender dewey@"), ("RCPT", "the recipient zoe@"), ("DATA", "the mail")]
)
def test_never_means_never_at_every_stage_in_the_words_of_the_server(
    receiver: SmtpReceiver, stage: str, what: str
) -> None:
    receiver.replies[stage] = ["550 5.1.1 No such user here"]
    with pytest.raises(MailRefused, match=rf"refused {what}.*550 5\.1\.1 No such user here"):
        send(mailer_to(receiver.port))
    assert receiver.letters == []


@pytest.mark.parametrize(
    ("replies", "error", "words"),
    [
        ([b"421 4.3.2 Too busy\r\n"], MailDeferred, r"421 4\.3\.2 Too busy"),
        ([b"554 5.7.1 We do not talk to you\r\n"], MailRefused, r"554 5\.7\.1 We do not talk to you"),
        ([b""], MailDeferred, "broke off"),
        ([b"nonsense\r\n"], MailDeferred, "connection"),
        ([b"220 hello\r\n"], MailDeferred, "broke off"),
        ([b"220 hello\r\n", b"250 hello\r\n", b"250 ok\r\n"], MailDeferred, "broke off"),
        ([b"220 hello\r\n", b"250 hello\r\n", b"250 ok\r\n", b"250 ok\r\n", b"354 go\r\n"], MailDeferred, "broke"),
        ([b"220 hello\r\n", b"250 hello\r\n", b"421 4.4.2 Idle too long\r\n"], MailDeferred, "Idle too long"),
        ([b"220 hello\r\n", b"250 h\r\n", b"250 ok\r\n", b"550 \xff\x1b[2J no\r\n"], MailRefused, "550 \ufffd"),
    ],
)
def test_a_rude_server_is_told_apart(replies: list[bytes], error: type[TasksError], words: str) -> None:
    with rude_server(*replies) as port, pytest.raises(error, match=words) as caught:
        send(mailer_to(port))
    assert str(caught.value).isprintable()


def test_a_server_that_takes_the_mail_and_then_misbehaves_has_taken_it() -> None:
    taken = [b"220 hi\r\n", b"250 hi\r\n", b"250 ok\r\n", b"250 ok\r\n", b"354 go\r\n"]
    lines_of_mail = send_and_count_lines()
    with rude_server(*taken, *[b""] * (lines_of_mail - 1), b"250 taken\r\n", b"500 what?\r\n") as port:
        assert send(mailer_to(port), Mail("a@example.com", "s", "t")).recipients == ("a@example.com",)


def send_and_count_lines() -> int:
    """How many lines a small mail has on the wire, up to and with the final dot."""
    with SmtpReceiver() as receiver:
        send(mailer_to(receiver.port), Mail("a@example.com", "s", "t"))
        return receiver.letters[0].content.count(b"\r\n") + 1


def test_nobody_listening_is_transient() -> None:
    with pytest.raises(MailDeferred, match="does not answer"):
        send(mailer_to(free_port()))


def test_a_server_that_says_nothing_is_transient() -> None:
    with rude_server(b"220 hello\r\n", b"", b"never said") as port:
        mailer = SmtpMailer(SmtpServer.parse(f"smtp://127.0.0.1:{port}"), SENDER, timeout_s=0.3)
        with pytest.raises(MailDeferred, match="timed out"):
            send(mailer)


def test_a_refused_copy_says_who_got_the_mail(receiver: SmtpReceiver) -> None:
    receiver.replies["b@example.com"] = ["450 4.2.1 Mailbox busy"]
    with pytest.raises(MailRefused, match=r"refused b@example\.com: 450 4\.2\.1 .* did reach zoe@example\.com"):
        send(mailer_to(receiver.port), Mail("zoe@example.com", "s", "t", cc="b@example.com"))
    assert receiver.letters[0].recipients == ["zoe@example.com"]


@pytest.mark.parametrize(
    ("replies", "error"),
    [(("450 busy", "450 busy"), MailDeferred), (("550 gone", "450 busy"), MailRefused)],
)
def test_when_nobody_is_reached_one_never_is_never(
    receiver: SmtpReceiver, replies: tuple[str, str], error: type[TasksError]
) -> None:
    receiver.replies |= {"a@example.com": [replies[0]], "b@example.com": [replies[1]]}
    with pytest.raises(error, match=r"a@example\.com: .*; b@example\.com: 450 busy"):
        send(mailer_to(receiver.port), Mail("a@example.com", "s", "t", cc="b@example.com"))


def test_credentials_are_used_and_wrong_ones_are_refused_for_good() -> None:
    with SmtpReceiver(credentials=("me", "s3cret pass")) as receiver:
        send(mailer_to(receiver.port, "smtp://me:s3cret%20pass@127.0.0.1:{port}"))
        assert len(receiver.letters) == 1
        with pytest.raises(MailRefused, match=r"the user and password of SMTP_URL: 535") as caught:
            send(mailer_to(receiver.port, "smtp://me:wrongpass@127.0.0.1:{port}"))
        assert "wrongpass" not in str(caught.value)
        with pytest.raises(MailRefused, match="530"):
            send(mailer_to(receiver.port))


def test_a_server_without_login_or_starttls_is_refused_with_what_it_lacks(receiver: SmtpReceiver) -> None:
    without_login = rude_server(b"220 hi\r\n", b"250 hi\r\n")
    with without_login as port, pytest.raises(MailRefused, match=r"does not offer what SMTP_URL .*AUTH"):
        send(mailer_to(port, "smtp://me:pass@127.0.0.1:{port}"))
    with pytest.raises(MailRefused, match="does not offer what SMTP_URL asks for: STARTTLS"):
        send(mailer_to(receiver.port, "smtp://127.0.0.1:{port}?starttls=true"))


@pytest.mark.parametrize(
    ("implicit_tls", "url"),
    [(False, "smtp://me:pass@127.0.0.1:{port}?starttls=true"), (True, "smtps://me:pass@127.0.0.1:{port}")],
)
def test_tls_carries_the_mail_when_the_certificate_is_trusted_and_nothing_when_not(
    tmp_path: Path, implicit_tls: bool, url: str
) -> None:
    context, certificate = self_signed(tmp_path)
    with SmtpReceiver(tls=context, implicit_tls=implicit_tls, credentials=("me", "pass")) as receiver:
        with pytest.raises(MailRefused, match=r"certificate of .* is not to be trusted: self-signed"):
            send(mailer_to(receiver.port, url))
        assert receiver.letters == []
        trusting = ssl.create_default_context(cafile=str(certificate))
        send(mailer_to(receiver.port, url, trusting))
        assert len(receiver.letters) == 1


def test_plain_text_spoken_to_a_tls_client_is_transient(receiver: SmtpReceiver) -> None:
    with pytest.raises(MailDeferred, match="does not answer"):
        send(mailer_to(receiver.port, "smtps://127.0.0.1:{port}"))


def test_a_wrong_mail_never_reaches_the_server(receiver: SmtpReceiver) -> None:
    with pytest.raises(MailRefused):
        send(mailer_to(receiver.port), Mail("a@example.com, b@example.com", "s", "t"))
    assert receiver.letters == []


def test_an_injection_attempt_arrives_as_words(receiver: SmtpReceiver) -> None:
    evil = "=?utf-8?q?a=0d=0aBcc=3a_e@x?=\r\nBcc: e@x\r\n.\r\nMAIL FROM:<e@x>"
    send(mailer_to(receiver.port), Mail("a@example.com", evil, evil, evil))
    (letter,) = receiver.letters
    assert letter.recipients == ["a@example.com"]
    assert "Bcc" not in letter.message
    assert "MAIL FROM" in str(letter.message["Subject"])


def test_the_printer_shows_the_mail_and_moves_no_terminal() -> None:
    printed: list[str] = []
    mailer = PrintedMailer(SENDER, printed.append)
    evil = "\x1b]52;c;ZXZpbA==\x07\x9b2J\r\x00"
    mail = Mail(
        f"Zoë{evil}".replace("\r", "").replace("\0", "") + " <zoe@example.com>",
        f"Grüße{evil}",
        f"First line.{evil}\nSecond.",
        "<p>First</p>",
        bcc="b@example.com",
        attachments=(Attachment(f"a{evil}.pdf", "application/pdf", bytes(1234)),),
    )
    receipt = send(mailer, mail)
    (text,) = printed
    assert '| To: "Zoë]52;c;ZXZpbA==2J" <zoe@example.com>\n' in text
    assert "| Subject: Grüße" in text
    assert "| Bcc: b@example.com\n" in text
    assert ".pdf (application/pdf, 1,234 bytes)" in text
    assert "| First line." in text
    assert "| Second.\n" in text
    assert text.replace("\n", "").isprintable()
    assert receipt.recipients == ("zoe@example.com", "b@example.com")


def test_the_printer_writes_to_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    send(PrintedMailer(SENDER))
    assert "| Subject: Grüße\n" in capsys.readouterr().out


def test_the_settings_choose_the_mailer(receiver: SmtpReceiver, monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(mailer_for(Settings(smtp_url=None)), PrintedMailer)
    mailer = mailer_for(Settings(smtp_url=Secret(f"smtp://127.0.0.1:{receiver.port}"), mail_from="me@example.com"))
    send(mailer)
    assert receiver.letters[0].sender == "me@example.com"
