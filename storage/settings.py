"""Every setting of Dewey, from the environment and ``.env``. A wrong one is named before anything starts.

The description of each field is its documentation: `describe` hands it to the README and to ``dewey doctor``.
"""

import os
import re
import sys
from dataclasses import dataclass
from email.errors import MessageError
from email.headerregistry import Address
from email.utils import parseaddr
from pathlib import Path
from typing import Annotated
from urllib.parse import SplitResult, urlsplit

from pydantic import AliasChoices, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails
from pydantic_settings import NoDecode, SettingsConfigDict

from storage.errors import SettingsError
from storage.history_settings import HistorySettings
from storage.redaction import slow
from storage.setting_sources import disagreements, expectation, is_secret, listed, names_of, read
from storage.smtp import EXPECTED as EXPECTED_SMTP
from storage.smtp import SmtpServer

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,253}[A-Za-z0-9]")
_HOME_EXPECTED = "a directory that you can write"


def default_home() -> Path:
    """The user's data directory for Dewey, by the customs of the platform."""
    if sys.platform == "darwin":
        return Path("~/Library/Application Support/dewey").expanduser()
    data = os.environ.get("XDG_DATA_HOME", "")
    return Path(data if data.startswith("/") else "~/.local/share").expanduser() / "dewey"


class Settings(HistorySettings):
    """What Dewey was told. Build it with `load`, which explains what is wrong."""

    model_config = SettingsConfigDict(
        env_file_encoding="utf-8",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
        populate_by_name=True,
    )

    redis_url: str | None = Field(
        None,
        repr=False,
        description="Where Redis (6.2 or later) is. Not set: Dewey starts its own.",
        examples=["redis://:password@host:6379/0, rediss://host:6380/0 or unix:///path/to/redis.sock"],
    )
    database_url: SecretStr | None = Field(
        None,
        description="Where PostgreSQL with pgvector is. Not set: Dewey starts its own.",
        examples=["postgresql://user:password@host:5432/database"],
    )
    s3_bucket: str | None = Field(
        None,
        description="The bucket that files are kept in. Not set: the directory objects of DEWEY_HOME.",
        examples=["the bare name of a bucket, such as my-files"],
    )
    s3_endpoint_url: str | None = Field(
        None,
        description="Where a bucket outside AWS is, such as one of Cloudflare R2. Not set: AWS.",
        examples=["https://account.r2.cloudflarestorage.com"],
    )
    aws_access_key_id: SecretStr | None = Field(
        None, description="The key to the bucket. Not set: as boto3 finds credentials.", examples=["a key id"]
    )
    aws_secret_access_key: SecretStr | None = Field(
        None, description="The secret that belongs to AWS_ACCESS_KEY_ID.", examples=["a secret key"]
    )
    aws_session_token: SecretStr | None = Field(
        None, description="The token that belongs to temporary credentials.", examples=["a session token"]
    )
    aws_region: str = Field(
        default_factory=lambda earlier: "auto" if earlier.get("s3_endpoint_url") else "us-east-1",
        validation_alias=AliasChoices("AWS_REGION", "AWS_DEFAULT_REGION"),
        description="The bucket's region. Not set: auto with S3_ENDPOINT_URL, else us-east-1.",
        examples=["a region such as eu-central-1, or auto"],
    )
    gemini_api_key: SecretStr | None = Field(
        None,
        description="The key to Gemini. Not set: texts are embedded offline, by their words, and "
        "images are not described.",
        examples=["a key"],
    )
    gemini_base_url: str | None = Field(
        None,
        description="Where the Gemini API is, when it is not Google's own address.",
        examples=["https://host"],
    )
    embedding_model: str = Field(
        "gemini-embedding-001",
        description="The Gemini model that embeds texts, in 768 dimensions.",
        examples=["the name of a model"],
    )
    vision_model: str = Field(
        "gemini-3.5-flash-lite",
        description="The Gemini model that describes images.",
        examples=["the name of a model"],
    )
    smtp_url: SecretStr | None = Field(
        None,
        description="The server that carries mail. smtp:// upgrades with STARTTLS, but not on this machine's "
        "loopback or with ?starttls=false; smtps:// speaks TLS throughout. Not set: mail is printed.",
        examples=[EXPECTED_SMTP],
    )
    mail_from: str = Field(
        "Dewey <dewey@localhost>",
        description="The sender of mail.",
        examples=["one address, such as Dewey <dewey@example.com>"],
    )
    demo_mode: bool = Field(
        False,
        description="Whether the jobs that delete everybody's files now and then, for a public demo, do so.",
        examples=["true or false"],
    )
    demo_admin_email: str = Field(
        "admin@demo.dewey",
        description="The user whose files those jobs leave alone.",
        examples=["one address, such as admin@example.com"],
    )
    dewey_home: Path = Field(
        default_factory=default_home,
        description="The directory of what Dewey itself starts and keeps. Not set: dewey in the user's data directory.",
        examples=[_HOME_EXPECTED],
    )
    dewey_queues: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="The queues that a consumer serves, separated by commas. Not set: all.",
        examples=["names such as email,default, of letters, digits, '_', '.' and '-'"],
    )
    dewey_namespace: str = Field(
        "dewey",
        description="The prefix of every Redis key, so that several Deweys can share one Redis.",
        examples=["up to 64 letters, digits, '_', '.' and '-'"],
    )
    dewey_environment: str = Field(
        "local",
        max_length=24,
        description="What this Dewey is called in the console's frame; production is guarded more.",
        examples=["a short name, as staging"],
    )
    dewey_colour: str = Field(
        "",
        pattern=r"^(?:#[0-9a-fA-F]{6}|red|orange|yellow|green|blue|purple)?$",
        description="The colour of that name. Not set: red for production, else none of its own.",
        examples=["red, orange, yellow, green, blue, purple, or #rrggbb"],
    )
    dewey_lease_s: float = Field(
        30.0,
        ge=1.0,
        le=3600.0,
        description="How long a worker that went silent keeps its jobs, in seconds; then they run again.",
        examples=["a number of seconds from 1 to 3600"],
    )
    dewey_redact_keys: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Names whose values are secret, besides the usual ones (password, token, api_key …), separated by "
        "commas; -name takes a usual one away. Secrets are not shown, nor kept in logs, errors and history.",
        examples=["names such as patient_id,-cookie"],
    )
    dewey_redact_patterns: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Regular expressions of what is secret wherever it stands, separated by spaces (\\s is a space).",
        examples=["regular expressions without repeats of repeats or back references, such as MRN-\\d{6}"],
    )
    max_file_bytes: int = Field(
        50 * 2**20,
        gt=0,
        validation_alias=AliasChoices("DEWEY_MAX_FILE_BYTES"),
        description="The largest file that is ingested, in bytes.",
        examples=["a whole number above 0"],
    )

    @model_validator(mode="before")
    @classmethod
    def _blank_is_not_set(cls, values: dict[str, object]) -> dict[str, object]:
        stripped = {key: value.strip() if isinstance(value, str) else value for key, value in values.items()}
        return {key: value for key, value in stripped.items() if value != ""}

    @field_validator("redis_url")
    @classmethod
    def _is_redis(cls, value: str | None) -> str | None:
        if value is not None:
            parts = _split(value)
            _require(parts.scheme in {"redis", "rediss", "unix"})
            _require(bool(parts.path.strip("/")) if parts.scheme == "unix" else bool(parts.hostname))
            _require(parts.scheme == "unix" or re.fullmatch(r"/?\d*", parts.path) is not None)
        return value

    @field_validator("database_url")
    @classmethod
    def _is_postgres(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            url = value.get_secret_value()
            _require(url.startswith(("postgres://", "postgresql://")))
            from psycopg2 import ProgrammingError  # noqa: PLC0415 - slow, and needed only where this is set
            from psycopg2.extensions import parse_dsn  # noqa: PLC0415 - the same

            try:
                _require(bool(parse_dsn(url).get("dbname")))
            except ProgrammingError:
                _require(False)
        return value

    @field_validator("s3_bucket")
    @classmethod
    def _is_bucket(cls, value: str | None) -> str | None:
        _require(value is None or _BUCKET.fullmatch(value) is not None)
        return value

    @field_validator("s3_endpoint_url", "gemini_base_url")
    @classmethod
    def _is_web_address(cls, value: str | None) -> str | None:
        if value is not None:
            parts = _split(value)
            _require(parts.scheme in {"http", "https"} and bool(parts.hostname))
        return value

    @field_validator("smtp_url")
    @classmethod
    def _is_smtp(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            SmtpServer.parse(value.get_secret_value())
        return value

    @field_validator("mail_from", "demo_admin_email")
    @classmethod
    def _is_one_address(cls, value: str) -> str:
        _require(value.isprintable() and "=?" not in value)
        try:
            parsed = Address(addr_spec=parseaddr(value)[1])
        except (ValueError, IndexError, MessageError):
            raise ValueError from None
        _require(bool(parsed.username) and bool(parsed.domain))
        return value

    @field_validator("dewey_home")
    @classmethod
    def _is_absolute(cls, value: Path) -> Path:
        _require("\0" not in str(value))
        try:
            return Path(os.path.abspath(value.expanduser()))
        except RuntimeError:
            raise ValueError("there is no such user") from None

    @field_validator("dewey_queues", "dewey_redact_keys", mode="before")
    @classmethod
    def _separate(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(dict.fromkeys(part.strip() for part in value.split(",") if part.strip()))
        return value

    @field_validator("dewey_queues")
    @classmethod
    def _are_names(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        wrong = [name for name in value if _NAME.fullmatch(name) is None]
        if wrong:
            raise ValueError(f"{wrong[0]!r} can not name a queue")
        return value

    @field_validator("dewey_redact_keys")
    @classmethod
    def _name_something(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        _require(all(re.search("[A-Za-z0-9]", name) for name in value))
        return value

    @field_validator("dewey_redact_patterns", mode="before")
    @classmethod
    def _split_patterns(cls, value: object) -> object:
        return tuple(value.split()) if isinstance(value, str) else value

    @field_validator("dewey_redact_patterns")
    @classmethod
    def _are_quick_patterns(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for pattern in value:
            try:
                is_empty = re.compile(pattern).search("") is not None
            except re.error as error:
                raise ValueError(f"{pattern!r} is no regular expression: {error}") from None
            if is_empty or slow(pattern):
                raise ValueError(f"{pattern!r} matches the empty text, or may take very long")
        return value

    @field_validator("dewey_namespace")
    @classmethod
    def _is_name(cls, value: str) -> str:
        _require(_NAME.fullmatch(value) is not None)
        return value

    @property
    def smtp_server(self) -> SmtpServer | None:
        """The server that carries mail; None: mail is printed."""
        return SmtpServer.parse(self.smtp_url.get_secret_value()) if self.smtp_url is not None else None


def load(env_file: Path | None = Path(".env")) -> Settings:
    """The settings of this process: from its environment and, where it says nothing, from `env_file`.

    Raises: SettingsError naming every wrong setting at once, with its value unless that is secret, and what
        is expected.
    """
    found = read(env_file, Settings.model_fields)
    wrong = disagreements(found)
    try:
        settings = Settings(_env_file=env_file)
    except ValidationError as error:
        # A default that depends on a refused value is no second mistake.
        refused = [item for item in error.errors() if item["type"] != "default_factory_not_called"]
        wrong = [*(found.refusal(str(item["loc"][0]), _reason(item)) for item in refused), *wrong]
    except RuntimeError as error:
        wrong.append(f"DEWEY_HOME is not set, and {error}: set it to {_HOME_EXPECTED}")
    if wrong:
        raise SettingsError(listed(wrong))
    return settings


@dataclass(frozen=True, slots=True)
class Described:
    """What a person should know of one setting."""

    name: str
    default: str
    expected: str
    description: str
    is_secret: bool


def describe() -> tuple[Described, ...]:
    """Every setting, in the order in which they are declared."""
    return tuple(
        Described(
            name=names_of(name, field)[0],
            default=_shown_default(field),
            expected=expectation(field),
            description=field.description or "",
            is_secret=is_secret(field),
        )
        for name, field in Settings.model_fields.items()
    )


def _require(holds: bool) -> None:
    """Refuse a value of which the field's own example says all there is to say."""
    if not holds:
        raise ValueError


def _split(url: str) -> SplitResult:
    """The parts of an address; its port is known to be one. Python's own words could quote a password."""
    try:
        parts = urlsplit(url)
        has_port = parts.port is None or parts.port > 0
    except ValueError:
        raise ValueError from None
    _require(has_port)
    return parts


def _shown_default(field: FieldInfo) -> str:
    if field.default_factory is not None or field.default in (None, ()):
        return ""
    return str(field.default).lower() if isinstance(field.default, bool) else str(field.default)


def _reason(item: ErrorDetails) -> str:
    """What our own validators said; the words of others could quote a secret."""
    return str(item["ctx"]["error"]) if item["type"] == "value_error" else ""
