"""Canned failures and log lines for the demo gateway."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct

from storage.broker.records import Attempt, Job, LogLine

LineMaker = Callable[[float, str, str, str], LogLine]


class Failure(Struct, frozen=True):
    """What a canned job failed of; its attempts took ``took_s`` or a little more, and ``wait_s`` is until the next."""

    error_type: str
    error: str
    traceback: str
    permanent: bool = False
    took_s: float = 0.4
    wait_s: float = 0.0


SMTP: Final = Failure(
    "SMTPServerDisconnected",
    "Connection unexpectedly closed: mail.example.org:587 after 30.0 s",
    """Traceback (most recent call last):
  File "/app/.venv/lib/python3.11/site-packages/huey/api.py", line 416, in _execute
    task_value = task.execute()
                 ^^^^^^^^^^^^^^
  File "/app/.venv/lib/python3.11/site-packages/huey/api.py", line 864, in execute
    return func(*args, **kwargs)
           ^^^^^^^^^^^^^^^^^^^^^
  File "/app/tasks/email.py", line 41, in send_email
    mailer.send(message)
  File "/app/tasks/services/mail.py", line 118, in send
    connection.send_message(message)
  File "/usr/local/lib/python3.11/smtplib.py", line 982, in send_message
    return self.sendmail(from_addr, to_addrs, flatmsg, mail_options,
           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  File "/usr/local/lib/python3.11/smtplib.py", line 887, in sendmail
    (code, resp) = self.mail(from_addr, esmtp_opts)
                   ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  File "/usr/local/lib/python3.11/smtplib.py", line 405, in getreply
    raise SMTPServerDisconnected("Connection unexpectedly closed: "
smtplib.SMTPServerDisconnected: Connection unexpectedly closed: mail.example.org:587 after 30.0 s
""",
    took_s=30.0,
)
_RECIPIENT: Final = Failure(
    "MailRefused",
    "550 5.1.1 <käthe@example.de>: Recipient address rejected: User unknown",
    """Traceback (most recent call last):
  File "/app/tasks/email.py", line 41, in send_email
    mailer.send(message)
  File "/app/tasks/services/mail.py", line 131, in send
    raise MailRefused(code, words)
tasks.services.mail.MailRefused: 550 5.1.1 <käthe@example.de>: Recipient address rejected: User unknown
""",
    permanent=True,
)
_ENCRYPTED: Final = Failure(
    "PermanentError",
    "“libreoffice-writer-password.pdf” is encrypted: Dewey has no password for it",
    """Traceback (most recent call last):
  File "/app/.venv/lib/python3.11/site-packages/pypdf/_reader.py", line 1302, in decrypt
    raise FileNotDecryptedError("File has not been decrypted")
pypdf.errors.FileNotDecryptedError: File has not been decrypted

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "/app/tasks/ingestion.py", line 77, in ingest_file
    text = extraction.read(path)
  File "/app/tasks/services/extraction.py", line 92, in read
    raise PermanentError(f"“{name}” is encrypted: Dewey has no password for it")
tasks.services.errors.PermanentError: “libreoffice-writer-password.pdf” is encrypted: Dewey has no password for it
""",
    permanent=True,
)
_QUOTA: Final = Failure(
    "TransientError",
    "429 RESOURCE_EXHAUSTED from gemini-embedding-001: the server says to wait 17.5 s",
    """Traceback (most recent call last):
  File "/app/tasks/services/embedding.py", line 64, in embed
    reply = client.models.embed_content(model=model, contents=batch, config=config)
  File "/app/.venv/lib/python3.11/site-packages/google/genai/models.py", line 4182, in embed_content
    response = self._api_client.request("post", path, request_dict, http_options)
  File "/app/.venv/lib/python3.11/site-packages/google/genai/_api_client.py", line 1290, in request
    errors.APIError.raise_for_response(response)
google.genai.errors.ClientError: 429 RESOURCE_EXHAUSTED

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "/app/tasks/ingestion.py", line 101, in ingest_file
    vectors = embedding.embed(chunks)
  File "/app/tasks/services/embedding.py", line 71, in embed
    raise TransientError(words, wait_s=17.5) from error
tasks.services.errors.TransientError: 429 RESOURCE_EXHAUSTED from gemini-embedding-001: the server says to wait 17.5 s
""",
    took_s=3.1,
    wait_s=17.5,
)
_TIMEOUT: Final = Failure(
    "TimeoutError",
    "contacts.example.com did not answer within 20 s",
    """Traceback (most recent call last):
  File "/app/tasks/contacts.py", line 23, in sync_contacts
    page = client.page(account_id, cursor)
  File "/app/tasks/services/contacts.py", line 58, in page
    raise TimeoutError(f"{self.host} did not answer within {self.timeout_s} s")
TimeoutError: contacts.example.com did not answer within 20 s
""",
    took_s=20.0,
)


GOES_ON: Final = timedelta(minutes=10)
"""How long the log of what runs goes on after the demo's present."""
STEP_S: Final = 0.9
"""What each step of reading a page takes; a page has four."""


def page_at(seconds: float) -> int:
    """Return the page that is read some seconds after the start."""
    return 1 + int(seconds / STEP_S) // 4


def failure_of(task: str, number: int) -> Failure:
    """Return what a job of the task fails of."""
    if task == "tasks.email.send_email":
        return _RECIPIENT if number % 4 == 0 else SMTP
    if task == "tasks.ingestion.ingest_file":
        return _ENCRYPTED if number % 3 == 0 else _QUOTA
    return _TIMEOUT


def log_of(job: Job, now: datetime) -> list[LogLine]:
    """Return what one job logged."""
    lines: list[LogLine] = []
    for attempt in job.attempts:
        lines += _log_of_attempt(job, attempt, now)
    return lines


def _log_of_attempt(job: Job, attempt: Attempt, now: datetime) -> list[LogLine]:
    def line(seconds: float, level: str, logger: str, message: str) -> LogLine:
        at = attempt.started_at + timedelta(seconds=seconds)
        return LogLine(job.id, job.task, job.queue, attempt.number, at, level, logger, message)

    lines = [line(0.012, "INFO", f"tasks.{job.queue}", f"{job.task} started on {attempt.worker}")]
    if attempt.outcome == "running":
        seconds = (now - attempt.started_at + GOES_ON).total_seconds()
        lines += _progress_lines(line, job.task, seconds)
    elif attempt.finished_at is not None:
        seconds = (attempt.finished_at - attempt.started_at).total_seconds()
        if attempt.outcome == "failed":
            lines.append(line(seconds * 0.4, "WARNING", "tasks.services", "no answer yet, trying the second host"))
            lines.append(line(seconds, "ERROR", f"tasks.{job.queue}", attempt.traceback or attempt.error))
        else:
            lines.append(line(seconds * 0.7, "DEBUG", "tasks.services", "payload is 3,412 bytes"))
            lines.append(line(seconds, "INFO", f"tasks.{job.queue}", f"{job.task} done in {seconds:.2f} s"))
    return lines


def _progress_lines(line: LineMaker, task: str, seconds: float) -> list[LogLine]:
    if task == "tasks.ingestion.ingest_file":
        return _ingestion_lines(line, seconds)
    if task == "tasks.contacts.sync_contacts":
        pages = range(1, int(seconds / 4.1))
        text = "page {}: 50 contacts, {} changed"
        logger = "tasks.contacts"
        return [line(page * 4.1, "INFO", logger, text.format(page, page * 7 % 11)) for page in pages]
    return [
        line(0.21, "DEBUG", "tasks.services.mail", "connected to mail.example.org:587, STARTTLS"),
        line(0.84, "INFO", "tasks.services.mail", "250 2.1.5 recipient ok"),
        line(3.02, "WARNING", "tasks.services.mail", "no answer to DATA for 2 s"),
    ]


def _ingestion_lines(line: LineMaker, seconds: float) -> list[LogLine]:
    service = "tasks.services"
    lines = []
    for step in range(1, int(seconds / STEP_S)):
        page, at = 1 + step // 4, step * STEP_S
        words = f"page {page}: {1 + page % 5} chunks, {(3 + page % 7) * 1_117:,} characters"
        match step % 4:
            case 1:
                lines.append(line(at, "INFO", f"{service}.extraction", f"page {page}: text found"))
            case 2:
                lines.append(line(at, "DEBUG", f"{service}.chunking", words))
            case 3:
                vectors = f"page {page}: {1 + page % 5} vectors of 768 in {180 + page * 13 % 90} ms"
                lines.append(line(at, "INFO", f"{service}.embedding", vectors))
            case _ if step % 28 == 0:
                lines.append(line(at, "WARNING", f"{service}.embedding", "429: waiting 1.5 s, as the server says"))
    return lines
