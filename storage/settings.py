"""Every setting of Dewey, from the environment and ``.env``. A wrong one is named before anything starts.

The description of each is its documentation; `describe` has all of them.
"""

import os
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from storage.errors import SettingsError
from storage.history_settings import HistorySettings
from storage.secret import Secret
from storage.setting_fields import Setting, setting, settings_of
from storage.setting_readers import (
    bucket,
    colour,
    database_address,
    directory,
    flag,
    mail_address,
    name,
    number,
    queues,
    quick_patterns,
    redis_address,
    secret,
    secret_names,
    short,
    smtp_address,
    text,
    web_address,
    whole,
)
from storage.setting_sources import disagreements, listed, read
from storage.smtp import EXPECTED as EXPECTED_SMTP
from storage.smtp import SmtpServer

_HOME_EXPECTED = "a directory that you can write"
DEFAULT_SENDER = "Dewey <dewey@localhost>"


def default_home() -> Path:
    """The user's data directory for Dewey, by the customs of the platform."""
    if sys.platform == "darwin":
        return Path("~/Library/Application Support/dewey").expanduser()
    data = os.environ.get("XDG_DATA_HOME", "")
    return Path(data if data.startswith("/") else "~/.local/share").expanduser() / "dewey"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Settings(HistorySettings):
    """What Dewey was told, as values. `load` reads them, and explains what is wrong; an address may hold a password."""

    redis_url: str | None = setting(
        None,
        redis_address,
        "Where Redis (6.2 or later) is. Not set: Dewey starts its own.",
        expected="redis://:password@host:6379/0, rediss://host:6380/0 or unix:///path/to/redis.sock",
    )
    database_url: Secret | None = setting(
        None,
        secret(database_address),
        "Where PostgreSQL with pgvector is. Not set: Dewey starts its own.",
        expected="postgresql://user:password@host:5432/database",
    )
    s3_bucket: str | None = setting(
        None,
        bucket,
        "The bucket that files are kept in. Not set: the directory objects of DEWEY_HOME.",
        expected="the bare name of a bucket, such as my-files",
    )
    s3_endpoint_url: str | None = setting(
        None,
        web_address,
        "Where a bucket outside AWS is, such as one of Cloudflare R2. Not set: AWS.",
        expected="https://account.r2.cloudflarestorage.com",
    )
    aws_access_key_id: Secret | None = setting(
        None,
        secret(text),
        "The key to the bucket. Not set: as boto3 finds credentials.",
        expected="a key id",
    )
    aws_secret_access_key: Secret | None = setting(
        None,
        secret(text),
        "The secret that belongs to AWS_ACCESS_KEY_ID.",
        expected="a secret key",
    )
    aws_session_token: Secret | None = setting(
        None,
        secret(text),
        "The token that belongs to temporary credentials.",
        expected="a session token",
    )
    aws_region: str | None = setting(
        None,
        text,
        "The bucket's region. Not set: auto with S3_ENDPOINT_URL, else us-east-1.",
        expected="a region such as eu-central-1, or auto",
        names=("AWS_REGION", "AWS_DEFAULT_REGION"),
    )
    gemini_api_key: Secret | None = setting(
        None,
        secret(text),
        "The key to Gemini. Not set: texts are embedded offline, by their words, and images are not described.",
        expected="a key",
    )
    gemini_base_url: str | None = setting(
        None,
        web_address,
        "Where the Gemini API is, when it is not Google's own address.",
        expected="https://host",
    )
    embedding_model: str = setting(
        "gemini-embedding-001",
        text,
        "The Gemini model that embeds texts, in 768 dimensions.",
        expected="the name of a model",
    )
    vision_model: str = setting(
        "gemini-3.5-flash-lite",
        text,
        "The Gemini model that describes images.",
        expected="the name of a model",
    )
    smtp_url: Secret | None = setting(
        None,
        secret(smtp_address),
        "The server that carries mail. smtp:// upgrades with STARTTLS, but not on this machine's "
        "loopback or with ?starttls=false; smtps:// speaks TLS throughout. Not set: mail is printed.",
        expected=EXPECTED_SMTP,
    )
    mail_from: str = setting(
        DEFAULT_SENDER,
        mail_address,
        "The sender of mail.",
        expected="one address, such as Dewey <dewey@example.com>",
    )
    demo_mode: bool = setting(
        False,
        flag,
        "Whether the jobs that delete everybody's files now and then, for a public demo, do so.",
        expected="true or false",
    )
    demo_admin_email: str = setting(
        "admin@demo.dewey",
        mail_address,
        "The user whose files those jobs leave alone.",
        expected="one address, such as admin@example.com",
    )
    dewey_home: Path = setting(
        default_home,
        directory,
        "The directory of what Dewey itself starts and keeps. Not set: dewey in the user's data directory.",
        expected=_HOME_EXPECTED,
    )
    dewey_queues: tuple[str, ...] = setting(
        (),
        queues,
        "The queues that a consumer serves, separated by commas. Not set: all.",
        expected="names such as email,default, of letters, digits, '_', '.' and '-'",
    )
    dewey_namespace: str = setting(
        "dewey",
        name,
        "The prefix of every Redis key, so that several Deweys can share one Redis.",
        expected="up to 64 letters, digits, '_', '.' and '-'",
    )
    dewey_environment: str = setting(
        "local",
        short(24),
        "What this Dewey is called in the console's frame; production is guarded more.",
        expected="a short name, as staging",
    )
    dewey_colour: str = setting(
        "",
        colour,
        "The colour of that name. Not set: red for production, else none of its own.",
        expected="red, orange, yellow, green, blue, purple, or #rrggbb",
    )
    dewey_lease_s: float = setting(
        30.0,
        number(1.0, 3600.0),
        "How long a worker that went silent keeps its jobs, in seconds; then they run again.",
        expected="a number of seconds from 1 to 3600",
    )
    dewey_redact_keys: tuple[str, ...] = setting(
        (),
        secret_names,
        "Names whose values are secret, besides the usual ones (password, token, api_key …), separated by "
        "commas; -name takes a usual one away. Secrets are not shown, nor kept in logs, errors and history.",
        expected="names such as patient_id,-cookie",
    )
    dewey_redact_patterns: tuple[str, ...] = setting(
        (),
        quick_patterns,
        "Regular expressions of what is secret wherever it stands, separated by spaces (\\s is a space).",
        expected="regular expressions without repeats of repeats or back references, such as MRN-\\d{6}",
    )
    max_file_bytes: int = setting(
        50 * 2**20,
        whole(1),
        "The largest file that is ingested, in bytes.",
        expected="a whole number above 0",
        names=("DEWEY_MAX_FILE_BYTES",),
    )

    @property
    def bucket_region(self) -> str:
        """The region of the bucket."""
        return self.aws_region or ("auto" if self.s3_endpoint_url else "us-east-1")

    @property
    def smtp_server(self) -> SmtpServer | None:
        """The server that carries mail; None: mail is printed."""
        return SmtpServer.parse(self.smtp_url.reveal()) if self.smtp_url is not None else None


def load(env_file: Path | None = Path(".env")) -> Settings:
    """The settings of this process: from its environment and, where it says nothing, from `env_file`.

    Raises: SettingsError naming every wrong setting at once, with its value unless that is secret, and what
        is expected.
    """
    found = read(env_file)
    values: dict[str, Any] = {}
    wrong: list[str] = []
    for one in describe():
        given = found.given(*one.names)
        if given is not None:
            try:
                values[one.field] = one.read(given.text)
            except ValueError as error:
                wrong.append(given.refusal(one, str(error)))
    wrong += disagreements(found)
    try:
        settings = Settings(**values)
    except RuntimeError as error:
        wrong.append(f"DEWEY_HOME is not set, and {error}: set it to {_HOME_EXPECTED}")
    if wrong:
        raise SettingsError(listed(wrong))
    return settings


@cache
def describe() -> tuple[Setting, ...]:
    """Every setting, in the order in which they are declared."""
    return settings_of(Settings)
