"""Mail as jobs: printed, or carried by SMTP, tried again or buried, always under one Message-ID."""

import base64
from typing import Any

import pytest

from storage.broker.records import Job
from tasks.app import huey
from tasks.email import send_email
from tests.servers import wait_until
from tests.tasks.jobs import Jobs
from tests.tasks.services.smtp_server import SmtpReceiver, free_port

NOTICE = {"title": "Report", "message": "It is done.\n\nLook & see."}


def send(**more: Any) -> str:
    given = {"to": "Ada <ada@example.com>", "values": NOTICE} | more
    return str(send_email(**given).id)


def delay_s(job: Job) -> float:
    failed_at = job.attempts[-1].finished_at
    assert job.run_at is not None
    assert failed_at is not None
    return (job.run_at - failed_at).total_seconds()


def test_a_mail_from_a_template_arrives_as_text_and_html_with_what_is_attached(jobs: Jobs, smtp: SmtpReceiver) -> None:
    attached = {
        "name": "report.bin",
        "content_type": "application/x-thing",
        "base64": base64.b64encode(b"\0\1").decode(),
    }
    job_id = send(cc="bob@example.com", bcc="eve@example.com", reply_to="desk@example.com", attachments=[attached])
    assert jobs.job(job_id).queue == "email"
    jobs.drain()
    (letter,) = smtp.letters
    assert letter.recipients == ["ada@example.com", "bob@example.com", "eve@example.com"]
    message = letter.message
    assert (message["Subject"], message["To"], message["Cc"]) == ("Report", "Ada <ada@example.com>", "bob@example.com")
    assert (message["Reply-To"], message["Bcc"]) == ("desk@example.com", None)
    plain, html = message.get_body(("plain",)), message.get_body(("html",))
    assert plain is not None
    assert "Look & see." in plain.get_content()
    assert html is not None
    assert "Look &amp; see." in html.get_content()
    (attachment,) = message.iter_attachments()
    assert (attachment.get_filename(), attachment.get_content_type()) == ("report.bin", "application/x-thing")
    assert attachment.get_payload(decode=True) == b"\0\1"
    carrier = f"127.0.0.1:{smtp.port}"
    assert jobs.result(job_id) == {"message_id": message["Message-ID"], "carrier": carrier, "recipients": 3}
    assert carrier in jobs.log(job_id)
    assert "It is done" not in jobs.log(job_id)


def test_words_of_ones_own_need_no_template(jobs: Jobs, smtp: SmtpReceiver) -> None:
    send(values=None, subject="Hello", text="Plain words.", html="<p>Plain words.</p>")
    jobs.drain()
    (letter,) = smtp.letters
    plain, html = letter.message.get_body(("plain",)), letter.message.get_body(("html",))
    assert letter.message["Subject"] == "Hello"
    assert plain is not None
    assert plain.get_content().strip() == "Plain words."
    assert html is not None
    assert html.get_content().strip() == "<p>Plain words.</p>"


def test_a_subject_of_ones_own_goes_over_that_of_the_template(jobs: Jobs, smtp: SmtpReceiver) -> None:
    send(subject="Urgent")
    jobs.drain()
    assert smtp.letters[0].message["Subject"] == "Urgent"


def test_without_smtp_url_a_mail_is_printed_and_nothing_is_sent(jobs: Jobs, capsys: pytest.CaptureFixture[str]) -> None:
    job_id = send()
    jobs.drain()
    printed = capsys.readouterr().out
    assert "To: Ada <ada@example.com>" in printed
    assert "It is done." in printed
    assert jobs.result(job_id)["carrier"] == "printed, not sent"


# -- later -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stage", ["MAIL", "RCPT", "DATA"])
def test_a_server_that_says_later_is_asked_again_after_the_backoff_of_the_task(
    jobs: Jobs, smtp: SmtpReceiver, stage: str
) -> None:
    smtp.replies[stage] = ["451 4.7.1 Greylisted", "421 4.3.2 Going down"]
    job_id = send()
    job = jobs.run(job_id)
    assert (job.state, job.error_type, job.retries_left) == ("retrying", "MailDeferred", 5)
    assert "451 4.7.1 Greylisted" in job.error
    assert delay_s(job) == pytest.approx(5, abs=0.1)
    assert delay_s(jobs.run(job_id)) == pytest.approx(15, abs=0.1)
    assert jobs.run(job_id).state == "succeeded"
    assert len(smtp.letters) == 1


def test_a_server_that_is_away_is_asked_again(jobs: Jobs) -> None:
    port = free_port()
    jobs.use(smtp_url=f"smtp://127.0.0.1:{port}")
    job_id = send()
    job = jobs.run(job_id)
    assert (job.state, job.error_type) == ("retrying", "MailDeferred")
    assert f"127.0.0.1:{port} does not answer" in job.error
    assert jobs.run_to_end(job_id).state == "dead"
    assert len(jobs.job(job_id).attempts) == 7


def test_every_attempt_of_a_job_sends_the_same_message_id_and_another_job_another(
    jobs: Jobs, smtp: SmtpReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_id = send()
    monkeypatch.setattr(huey, "lease_s", 0.2)
    with monkeypatch.context() as patch:
        patch.setattr(huey.broker, "settle", lambda *_: ("stale", None))  # the mail is out, and then the worker dies
        huey.execute(jobs.claim(job_id))
    wait_until(lambda: bool(huey.broker.reap(crashes_allowed=3)), "the lease ends")
    assert jobs.run(job_id).state == "succeeded"
    jobs.run(send())
    first, second, other = (letter.message["Message-ID"] for letter in smtp.letters)
    assert first == second == jobs.result(job_id)["message_id"]
    assert other != first


# -- never -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stage", ["MAIL", "RCPT", "DATA"])
def test_a_server_that_says_never_buries_the_job_at_once_with_its_words(
    jobs: Jobs, smtp: SmtpReceiver, stage: str
) -> None:
    smtp.replies[stage] = ["550 5.1.1 Nobody lives here"]
    job_id = send()
    jobs.drain()
    job = jobs.job(job_id)
    assert (job.state, len(job.attempts), job.error_type) == ("dead", 1, "MailRefused")
    assert "550 5.1.1 Nobody lives here" in job.error
    assert smtp.letters == []


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"to": "nobody at all"}, "To is not one address such as name@example.com: 'nobody at all'"),
        ({"to": "a@example.com, b@example.com"}, "To is not one address"),
        ({"to": ""}, "the mail has no recipient: To is empty"),
        ({"cc": "c@example.com\nBcc: d@example.com"}, "Cc is not one address"),
        ({"template": "birthday"}, "there is no mail template 'birthday', only notification, welcome"),
        ({"values": {"title": "Report"}}, "'message' is undefined"),
        ({"values": None, "html": "<p>Hello</p>"}, "a mail with html needs text too"),
        ({"attachments": [{"name": "a"}]}, "an attachment needs name and base64"),
        ({"attachments": ["a"]}, "an attachment needs name and base64"),
        ({"attachments": [{"name": "a", "base64": "%%%"}]}, "the attachment 'a' is not base64"),
        ({"attachments": [{"name": "a", "base64": "schön"}]}, "the attachment 'a' is not base64"),
        ({"attachments": [{"name": 1, "base64": "AA=="}]}, "the name, content_type and base64 of an attachment are"),
    ],
)
def test_a_mail_that_can_not_be_built_is_buried_at_once_with_a_sentence(
    jobs: Jobs, smtp: SmtpReceiver, more: dict[str, Any], words: str
) -> None:
    job_id = send(**more)
    jobs.drain()
    job = jobs.job(job_id)
    assert (job.state, len(job.attempts), job.error_type) == ("dead", 1, "MailRefused")
    assert words in job.error
    assert smtp.letters == []
