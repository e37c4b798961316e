"""Whatever a mail is made of, its headers and recipients are the ones that were meant."""

from datetime import UTC, datetime
from email import message_from_bytes, policy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.errors import MailRefused
from tasks.services.mail import MOST_BYTES, Attachment, Letter, Mail, build, parse_address

SENT_AT = datetime(2026, 11, 20, 12, 30, tzinfo=UTC)
HEADERS = {
    *("From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted"),
    *("MIME-Version", "Content-Type", "Content-Transfer-Encoding"),
}


def letter_of(mail: Mail, sender: str = "Dewey <dewey@example.com>", key: str = "job-1") -> Letter:
    return build(mail, sender=sender, key=key, sent_at=SENT_AT)


def names_in(letter: Letter) -> list[str]:
    """The header names of the top of the letter, as a strict reader of the bytes finds them."""
    head = letter.content.partition(b"\r\n\r\n")[0].decode("ascii")
    return [line.partition(":")[0] for line in head.split("\r\n") if line[:1] not in (" ", "\t")]


def assert_only_meant_headers(letter: Letter) -> None:
    names = names_in(letter)
    assert len(names) == len(set(names))
    assert HEADERS - {"Content-Transfer-Encoding"} <= set(names) <= HEADERS


def test_a_letter_says_what_was_meant() -> None:
    letter = letter_of(
        Mail(
            to="Zoë <zoe@example.com>",
            cc="b@example.com",
            bcc="hidden@example.com",
            reply_to="help@example.com",
            subject="Grüße",
            text="Hello\nthere",
            html="<p>Hello</p>",
            attachments=(Attachment("Bericht – Mai.pdf", "application/pdf", b"%PDF-1.7 x"),),
        )
    )
    read = message_from_bytes(letter.content, policy=policy.default)
    assert letter.recipients == ("zoe@example.com", "b@example.com", "hidden@example.com")
    assert (read["To"], read["Subject"], read["Reply-To"]) == ("Zoë <zoe@example.com>", "Grüße", "help@example.com")
    assert read["Date"].datetime == SENT_AT
    assert read["Message-ID"] == letter.message_id
    assert "Bcc" not in read
    assert b"hidden@" not in letter.content
    plain, html = read.get_body(("plain",)), read.get_body(("html",))
    assert plain is not None
    assert html is not None
    assert plain.get_content() == "Hello\r\nthere\r\n"
    assert html.get_content() == "<p>Hello</p>\r\n"
    (attachment,) = read.iter_attachments()
    assert attachment.get_filename() == "Bericht – Mai.pdf"
    assert attachment.get_payload(decode=True) == b"%PDF-1.7 x"


def test_the_message_id_is_the_same_at_every_attempt_and_differs_between_jobs() -> None:
    mail = Mail("a@example.com", "s", "t")
    assert letter_of(mail).message_id == letter_of(mail).message_id
    assert letter_of(mail).message_id != letter_of(mail, key="job-2").message_id
    assert letter_of(mail).message_id.endswith("@example.com>")
    assert letter_of(mail, key="naïve\r\nkey").message_id.isascii()


@pytest.mark.parametrize(
    "evil",
    [
        "=?utf-8?q?a=0d=0aBcc=3a_e@x?=",
        "=?utf-8?b?YQ0KQmNjOiBlQHguY29t?=",
        "=?=?utf-8?q?a=0d=0aBcc=3a_e@x?=",
        "= ?=?utf-8?q?=0d=0aBcc=3a_e@x?=",
        "a\r\nBcc: e@x.com",
        "a\nBcc: e@x.com",
        "a\rBcc: e@x.com",
        "a\u2028Bcc: e@x.com",
        "a\x85Bcc: e@x.com",
        "a\x0bBcc: e@x.com",
        "a\0\r\n\r\nbody",
        "\ud800\u202eevil",
        "x" * 5000,
        "",
    ],
)
def test_no_value_becomes_a_header(evil: str) -> None:
    letter = letter_of(
        Mail("a@example.com", evil, evil, attachments=(Attachment(f"a{evil}.txt", f"text/plain{evil}", b"x"),))
    )
    assert_only_meant_headers(letter)
    assert letter.recipients == ("a@example.com",)
    for part in message_from_bytes(letter.content, policy=policy.default).walk():
        assert "Bcc" not in part
    assert b"\0" not in letter.content


@pytest.mark.parametrize("field", ["subject", "name"])
def test_a_second_look_refuses_what_the_cleaning_would_miss(monkeypatch: pytest.MonkeyPatch, field: str) -> None:
    monkeypatch.setattr("tasks.services.mail.one_line", lambda value: value)
    evil = "=?utf-8?q?a=0d=0aBcc=3a_e@x?="
    mail = Mail("a@example.com", evil, "t") if field == "subject" else Mail(f"{evil} <a@example.com>", "s", "t")
    try:
        letter = letter_of(mail)
    except MailRefused:
        return
    assert_only_meant_headers(letter)


@given(st.text(alphabet=st.characters(), max_size=80), st.sampled_from(["", "=?utf-8?q?", "?=", "\r\n", "=0d=0a"]))
def test_no_text_at_all_becomes_a_header(text: str, spice: str) -> None:
    subject = spice.join(["", *text.split(" "), ""])
    letter = letter_of(Mail("a@example.com", subject, subject, html=subject))
    assert_only_meant_headers(letter)


@given(st.text(alphabet=st.characters(), max_size=40))
def test_no_display_name_becomes_a_recipient(name: str) -> None:
    try:
        letter = letter_of(Mail(f"{name} <a@example.com>", "s", "t"))
    except MailRefused:
        return
    assert letter.recipients == ("a@example.com",)
    assert names_in(letter)[:2] == ["From", "To"]


@pytest.mark.parametrize(
    ("value", "address"),
    [
        ("a@example.com", "a@example.com"),
        (" Bob <a.b+c@example.com> ", "a.b+c@example.com"),
        ('"Bob, evil@x.com" <a@example.com>', "a@example.com"),
        ("Bob, evil@x.com <a@example.com>", "a@example.com"),
        ("a@localhost", "a@localhost"),
        ("a@bücher.example", "a@xn--bcher-kva.example"),
        ("a@例え.jp", "a@xn--r8jz45g.jp"),
    ],
)
def test_one_address_is_one_recipient(value: str, address: str) -> None:
    assert parse_address(value, "To").addr_spec == address
    assert letter_of(Mail(value, "s", "t")).recipients == (address,)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "nobody",
        "a@",
        "@example.com",
        "a@b@example.com",
        "a@example.com, b@example.com",
        "a@example.com b@example.com",
        "a@example.com; b@example.com",
        "A <a@example.com>, B <b@example.com>",
        "<a@example.com> <b@example.com>",
        "a@example.com\r\nRCPT TO:<b@example.com>",
        "a@exa\0mple.com",
        "=?utf-8?q?a=40b?=@example.com",
        "a..b@example.com",
        '"a b"@example.com',
        "a@-example.com",
        "a@[127.0.0.1]",
        "a@example..com",
        "jürgen@example.com",
        f"{'a' * 65}@example.com",
        f"a@{'b' * 300}.com",
        "a>@example.com",
    ],
)
def test_what_is_not_exactly_one_address_is_refused(value: str) -> None:
    with pytest.raises(MailRefused, match=r"To is not one address|the mail has no recipient"):
        letter_of(Mail(value, "s", "t"))


def test_a_wrong_sender_is_named_as_the_setting() -> None:
    with pytest.raises(MailRefused, match="MAIL_FROM is not one address"):
        letter_of(Mail("a@example.com", "s", "t"), sender="Dewey")


def test_a_recipient_named_twice_gets_one_letter() -> None:
    assert letter_of(Mail("a@example.com", "s", "t", cc="A <a@example.com>")).recipients == ("a@example.com",)


@pytest.mark.parametrize("name", ["../../etc/passwd", "C:\\Windows\\passwd", "a/passwd", "\r\npasswd", ". passwd"])
def test_an_attachment_has_a_bare_file_name(name: str) -> None:
    letter = letter_of(Mail("a@example.com", "s", "t", attachments=(Attachment(name, "text/plain", b"x"),)))
    (part,) = message_from_bytes(letter.content, policy=policy.default).iter_attachments()
    assert part.get_filename() == "passwd"


@pytest.mark.parametrize("content_type", ["", "nonsense", "message/rfc822", "multipart/mixed", "a/b/c", "text/\r\nx"])
def test_an_attachment_of_a_strange_type_is_plain_bytes(content_type: str) -> None:
    letter = letter_of(Mail("a@example.com", "s", "t", attachments=(Attachment("x", content_type, b"\0\xff"),)))
    (part,) = message_from_bytes(letter.content, policy=policy.default).iter_attachments()
    assert part.get_content_type() == "application/octet-stream"
    assert part.get_payload(decode=True) == b"\0\xff"


def test_too_much_is_refused_with_its_size() -> None:
    big = (Attachment("a", "", bytes(MOST_BYTES // 2)), Attachment("b", "", bytes(MOST_BYTES // 2 + 1)))
    with pytest.raises(MailRefused, match="26,214,401 bytes, and at most 26,214,400"):
        letter_of(Mail("a@example.com", "s", "t", attachments=big))
    with pytest.raises(MailRefused, match="51 attachments"):
        letter_of(Mail("a@example.com", "s", "t", attachments=(Attachment("a", "", b""),) * 51))
