"""Mail is written whole or not at all."""

from pathlib import Path

import pytest

from tasks.errors import MailRefused
from tasks.services.templates import Templates

WELCOME = {"name": "Zoë", "email": "zoe@example.com"}


def test_the_welcome_is_written_as_text_and_html() -> None:
    mail = Templates().render("welcome", WELCOME)
    assert mail.subject == "Welcome, Zoë"
    assert mail.text.startswith("Hello Zoë,\n\nyour account zoe@example.com is ready.")
    assert "<h1" in mail.html
    assert "<strong>zoe@example.com</strong>" in mail.html


def test_a_notification_keeps_its_paragraphs() -> None:
    mail = Templates().render("notification", {"title": "Done", "message": "One.\n\nTwo."})
    assert (mail.subject, mail.text) == ("Done", "One.\n\nTwo.\n")
    assert mail.html.count("<p ") == 2


def test_values_are_escaped_in_html_and_not_in_text() -> None:
    mail = Templates().render("welcome", WELCOME | {"name": "<script>alert(1)</script> & {{ email }}"})
    assert "<script>" not in mail.html
    assert "&lt;script&gt;" in mail.html
    assert "<script>alert(1)</script> & {{ email }}" in mail.text


def test_a_value_can_not_leave_the_subject() -> None:
    mail = Templates().render("welcome", WELCOME | {"name": "a\r\nBcc: e@x\n\nbody"})
    assert mail.subject == "Welcome, a Bcc: e@x body"
    assert mail.text.startswith("Hello a\r\nBcc")


def test_a_value_that_is_missing_is_named() -> None:
    with pytest.raises(MailRefused, match=r"welcome\.txt can not be written: 'email' is undefined"):
        Templates().render("welcome", {"name": "Zoë"})


@pytest.mark.parametrize("name", ["nothing", "../errors", "_layout", "", "welcome.txt"])
def test_a_template_that_is_not_there_is_refused_with_those_that_are(name: str) -> None:
    with pytest.raises(MailRefused, match="only notification, welcome"):
        Templates().render(name, WELCOME)


def test_a_template_without_a_subject_or_with_a_fault_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bare.txt").write_text("Hello\n", "utf-8")
    (tmp_path / "wrong.txt").write_text("Subject: x\n{% if %}\n", "utf-8")
    (tmp_path / "plain.txt").write_text("Subject: {{ x }}\n\nBody\n", "utf-8")
    (tmp_path / "kin.txt").write_text('Subject: x\n{% extends "gone.txt" %}\n', "utf-8")
    templates = Templates(tmp_path)
    with pytest.raises(MailRefused, match="does not begin with a line"):
        templates.render("bare", {})
    with pytest.raises(MailRefused, match=r"wrong\.txt can not be written"):
        templates.render("wrong", {})
    with pytest.raises(MailRefused, match=r"gone\.txt"):
        templates.render("kin", {})
    assert templates.render("plain", {"x": 1}).html == ""


def test_every_template_that_comes_with_dewey_has_html() -> None:
    for name in Templates().names:
        values = WELCOME | {"title": "Title", "message": "Message"}
        assert Templates().render(name, values).html.startswith("<!doctype html>")
