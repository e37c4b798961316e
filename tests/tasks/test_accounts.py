"""Joining: the user and the welcome come into being together, and the welcome arrives."""

import pytest

from storage import users
from storage.errors import Refused, StoreUnavailable
from tasks import accounts
from tasks.accounts import register, send_welcome_email
from tasks.app import huey
from tests.tasks.jobs import Jobs
from tests.tasks.services.smtp_server import SmtpReceiver


def test_a_new_user_is_welcomed_by_mail(jobs: Jobs, smtp: SmtpReceiver) -> None:
    user, job_id = register("ada@example.com", "Ada Lovelace")
    job = jobs.only_job("send_welcome_email")
    assert (job.id, job.queue, job.state) == (job_id, "email", "queued")
    jobs.drain()
    (letter,) = smtp.letters
    assert letter.recipients == ["ada@example.com"]
    assert letter.message["Subject"] == "Welcome, Ada Lovelace"
    plain, html = letter.message.get_body(("plain",)), letter.message.get_body(("html",))
    assert plain is not None
    assert "Hello Ada Lovelace," in plain.get_content()
    assert html is not None
    assert "<strong>ada@example.com</strong>" in html.get_content()
    assert users.get(jobs.database, user.id) == user
    assert jobs.result(job_id)["message_id"] == letter.message["Message-ID"]


def test_without_smtp_url_the_welcome_is_printed(jobs: Jobs, capsys: pytest.CaptureFixture[str]) -> None:
    register("ada@example.com", "Ada")
    jobs.drain()
    assert "Subject: Welcome, Ada" in capsys.readouterr().out


def test_an_address_that_has_an_account_is_refused_and_not_welcomed_again(jobs: Jobs) -> None:
    register("ada@example.com", "Ada")
    with pytest.raises(Refused, match="has an account already"):
        register("ADA@example.com", "Ada")
    assert jobs.inspector.count() == 1


def test_without_redis_nobody_is_added_and_joining_again_works(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*_: object) -> None:
        raise StoreUnavailable("Redis went away")

    with monkeypatch.context() as patch:
        patch.setattr(huey.broker, "enqueue", gone)
        with pytest.raises(StoreUnavailable):
            register("ada@example.com", "Ada")
    assert users.by_email(jobs.database, "ada@example.com") is None
    register("ada@example.com", "Ada")
    assert jobs.inspector.count() == 1


def test_a_welcome_that_is_quicker_than_its_user_is_tried_again(
    jobs: Jobs, smtp: SmtpReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    early = []

    def enqueue_and_run(user_id: int) -> object:
        handle = send_welcome_email(user_id=user_id)
        jobs_database = jobs.use().database  # another connection, which does not see what is not committed
        assert users.get(jobs_database, user_id) is None
        early.append(jobs.run(handle.id))
        return handle

    monkeypatch.setattr(accounts, "send_welcome_email", enqueue_and_run)
    _, job_id = register("ada@example.com", "Ada")
    assert [(job.state, job.error) for job in early] == [("retrying", "there is no user 1, or not yet")]
    assert jobs.run(job_id).state == "succeeded"
    assert len(smtp.letters) == 1
