"""Settings: what is right is read, and what is wrong is named in words, never with a secret."""

from dataclasses import FrozenInstanceError, fields
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg2.extensions import parse_dsn

from storage.errors import SettingsError
from storage.setting_readers import PLAIN_DATABASE
from storage.setting_sources import read
from storage.settings import Settings, describe, load
from storage.smtp import SmtpServer

SECRET = "hunter2"


@pytest.fixture
def env_file(tmp_path: Path) -> Path:
    return tmp_path / ".env"


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.delenv("DEWEY_HOME")
    return monkeypatch


def refusal(**values: str) -> str:
    """What load says of these values in the environment."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in values.items():
            patch.setenv(name, value)
        with pytest.raises(SettingsError) as caught:
            load(None)
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None
    return str(caught.value)


def test_nothing_set_is_everything_embedded(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("XDG_DATA_HOME", "/data")
    settings = load(None)
    assert (settings.redis_url, settings.database_url, settings.s3_bucket, settings.smtp_server) == (None,) * 4
    assert settings.dewey_home == Path("/data/dewey")
    assert settings.dewey_queues == ()
    assert settings.demo_mode is False
    assert settings.bucket_region == "us-east-1"


def test_without_xdg_data_home_the_home_is_in_the_users_own(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("XDG_DATA_HOME", "not/absolute")
    environment.setenv("HOME", "/home/someone")
    environment.setattr("sys.platform", "linux")
    assert load(None).dewey_home == Path("/home/someone/.local/share/dewey")


def test_the_environment_wins_over_the_file_and_an_empty_value_is_not_set(
    environment: pytest.MonkeyPatch, env_file: Path
) -> None:
    env_file.write_text("REDIS_URL=redis://file:1/0\nDEWEY_QUEUES=email, default,email\nOTHER_PROGRAM=1\n")
    environment.setenv("REDIS_URL", "redis://environment:2/0")
    assert load(env_file).redis_url == "redis://environment:2/0"
    assert load(env_file).dewey_queues == ("email", "default")
    environment.setenv("REDIS_URL", "")
    assert load(env_file).redis_url == "redis://file:1/0"
    environment.setenv("DEWEY_QUEUES", "  ")
    environment.setenv("DATABASE_URL", " ")
    assert load(None).dewey_queues == ()
    assert load(None).database_url is None


def test_every_setting_can_be_set(environment: pytest.MonkeyPatch) -> None:
    for name, value in {
        "REDIS_URL": "unix:///run/redis.sock",
        "DATABASE_URL": "postgres://u:p@h/d?sslmode=require",
        "S3_BUCKET": "my-files",
        "S3_ENDPOINT_URL": "https://account.r2.cloudflarestorage.com",
        "AWS_ACCESS_KEY_ID": "id",
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "GEMINI_API_KEY": SECRET,
        "GEMINI_BASE_URL": "http://127.0.0.1:8000",
        "SMTP_URL": f"smtps://user:{SECRET}@mail.example.com",
        "MAIL_FROM": "Bücher <a@example.com>",
        "DEMO_MODE": "Yes",
        "DEWEY_HOME": "~/x",
        "DEWEY_NAMESPACE": "team-1",
        "DEWEY_MAX_FILE_BYTES": "1000",
        "HOME": "/home/someone",
    }.items():
        environment.setenv(name, value)
    settings = load(None)
    assert settings.redis_url == "unix:///run/redis.sock"
    assert settings.database_url is not None
    assert settings.bucket_region == "auto"
    assert settings.demo_mode is True
    assert settings.dewey_home == Path("/home/someone/x")
    assert settings.max_file_bytes == 1000
    assert SECRET not in repr(settings)
    assert SECRET not in repr(settings.smtp_server)
    found = read(None)
    assert SECRET not in repr([found, found.given("GEMINI_API_KEY")])


def test_the_second_name_of_the_region_is_read(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    assert load(None).bucket_region == "eu-central-1"


@pytest.mark.parametrize(
    ("text", "is_on"),
    [
        *((text, True) for text in ("true", "ON", "y", "1")),
        *((text, False) for text in ("False", "off", "N", "0")),
    ],
)
def test_yes_and_no_are_said_in_many_words(environment: pytest.MonkeyPatch, text: str, is_on: bool) -> None:
    environment.setenv("DEMO_MODE", text)
    assert load(None).demo_mode is is_on


def test_names_in_the_environment_may_be_in_small_letters(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("dewey_lease_s", " 45 ")
    assert load(None).dewey_lease_s == 45


def test_settings_can_be_made_by_field_name() -> None:
    settings = Settings(max_file_bytes=5, aws_region="x", dewey_queues=("a",))
    assert (settings.max_file_bytes, settings.aws_region, settings.dewey_queues) == (5, "x", ("a",))


@pytest.mark.parametrize(
    ("name", "value", "shown", "expected"),
    [
        ("REDIS_URL", "http://x", "http://x", "redis://"),
        ("REDIS_URL", "redis://", "redis://", "redis://"),
        ("REDIS_URL", "unix://", "unix://", "unix:///path"),
        ("REDIS_URL", "redis://host:port/0", "redis://host:port/0", "redis://"),
        ("REDIS_URL", "redis://host/zero", "redis://host/zero", "redis://"),
        ("REDIS_URL", f"redis//:{SECRET}@host", "…@host", "redis://"),
        ("REDIS_URL", f"redis://user:{SECRET}/x@host", "redis://…@host", "redis://"),
        ("REDIS_URL", f"http://host?password={SECRET}", "http://host?password=…", "redis://"),
        ("DATABASE_URL", f"mysql://u:{SECRET}@h/d", "mysql://…", "postgresql://"),
        ("DATABASE_URL", f"postgresql://u:{SECRET}@h", "postgresql://…", "5432/database"),
        ("DATABASE_URL", f"postgresql://u:{SECRET}@h:x/d?y=z", "postgresql://…", "5432/database"),
        ("DATABASE_URL", SECRET, "(not shown)", "5432/database"),
        ("S3_BUCKET", "s3://files", "s3://files", "bare name"),
        ("S3_ENDPOINT_URL", "host.example.com", "host.example.com", "https://"),
        ("S3_ENDPOINT_URL", "https://", "https://", "https://"),
        ("GEMINI_BASE_URL", "ftp://x", "ftp://x", "https://"),
        ("SMTP_URL", f"smtp://u:{SECRET}@", "smtp://… in the environment (it has no host)", "smtp://user:"),
        ("SMTP_URL", "smtp://h:99999", "smtp://…", "smtp://user:"),
        ("SMTP_URL", f"mail:{SECRET}@h", "(not shown)", "smtps://user:"),
        ("MAIL_FROM", "nobody", "nobody", "one address"),
        ("MAIL_FROM", "a@", "a@", "one address"),
        ("MAIL_FROM", "a@b.c\r\nBcc: d@e.f", r"a@b.c\r\nBcc: d@e.f", "one address"),
        ("MAIL_FROM", "=?utf-8?q?a=0d=0aBcc=3a_e@x?= <a@b.c>", "=?utf-8?q?a", "one address"),
        ("DEMO_MODE", "maybe", "maybe", "true or false"),
        ("DEMO_ADMIN_EMAIL", "admin", "admin", "one address"),
        ("DEWEY_HOME", "~nobody-of-that-name/x", "~nobody-of-that-name/x", "directory"),
        ("DEWEY_QUEUES", "email,a b", "email,a b in the environment ('a b' can not name", "letters"),
        ("DEWEY_QUEUES", "{x}", "{x}", "letters"),
        ("DEWEY_NAMESPACE", "a{b}", "a{b}", "letters"),
        ("DEWEY_MAX_FILE_BYTES", "0", "0", "whole number"),
        ("DEWEY_MAX_FILE_BYTES", "1.5", "1.5", "whole number"),
        ("DEWEY_MAX_FILE_BYTES", "٣", "٣", "whole number"),
        ("DEWEY_LEASE_S", "0.5", "0.5", "from 1 to 3600"),
        ("DEWEY_LEASE_S", "nan", "nan", "from 1 to 3600"),
        ("DEWEY_LEASE_S", "soon", "soon", "from 1 to 3600"),
        ("DEWEY_JOBS_DAYS", "3651", "3651", "from 1 to 3650"),
        ("DEWEY_ENVIRONMENT", "x" * 25, "x" * 25, "short name"),
        ("DEWEY_COLOUR", "Red", "Red", "red, orange"),
        ("DEWEY_MAX_FILE_BYTES", "50MB", "50MB", "whole number"),
        ("DEWEY_MAX_FILE_BYTES", "x" * 5000, "x" * 200 + " in", "whole number"),
    ],
)
def test_a_wrong_value_is_named_with_what_is_expected(name: str, value: str, shown: str, expected: str) -> None:
    bucket = {"S3_BUCKET": "files"} if name == "S3_ENDPOINT_URL" else {}
    said = refusal(**{name: value, **bucket})
    before, _, after = said.partition(": expected ")
    assert before.startswith(f"{name}={shown}")
    assert "in the environment" in before
    assert expected in after
    assert "\n" not in said


def test_all_wrong_values_are_listed_at_once(env_file: Path, environment: pytest.MonkeyPatch) -> None:
    env_file.write_text("DEMO_MODE=maybe\n")
    environment.setenv("REDIS_URL", "http://x")
    environment.setenv("S3_ENDPOINT_URL", "https://x")
    with pytest.raises(SettingsError) as caught:
        load(env_file)
    title, *lines = str(caught.value).splitlines()
    assert title == "3 settings are wrong:"
    assert [line.strip().split("=")[0].split(" ")[0] for line in lines] == [
        "REDIS_URL",
        "DEMO_MODE",
        "S3_ENDPOINT_URL",
    ]
    assert f"DEMO_MODE=maybe in {env_file}" in str(caught.value)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"S3_ENDPOINT_URL": "https://x"}, "S3_ENDPOINT_URL is set in the environment and S3_BUCKET is not"),
        (
            {"S3_BUCKET": "files", "AWS_ACCESS_KEY_ID": "x"},
            "AWS_ACCESS_KEY_ID is set in the environment and AWS_SECRET_ACCESS_KEY is not",
        ),
        (
            {"S3_BUCKET": "files", "AWS_SECRET_ACCESS_KEY": SECRET},
            "AWS_SECRET_ACCESS_KEY is set in the environment and AWS_ACCESS_KEY_ID is not",
        ),
        (
            {"S3_BUCKET": "files", "AWS_SESSION_TOKEN": SECRET},
            "AWS_SESSION_TOKEN is set in the environment and AWS_ACCESS_KEY_ID is not",
        ),
    ],
)
def test_half_of_a_pair_is_refused(given: dict[str, str], said: str) -> None:
    assert refusal(**given) == f"{said}: set both, or neither"


def test_credentials_do_not_matter_without_a_bucket(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("AWS_ACCESS_KEY_ID", "half")
    assert load(None).s3_bucket is None


def test_a_line_that_would_be_ignored_is_refused_without_quoting_it(env_file: Path) -> None:
    env_file.write_text(f"DEMO_MODE=true\n'{SECRET}\n")
    with pytest.raises(SettingsError, match="line 2: expected NAME=value") as caught:
        load(env_file)
    assert SECRET not in str(caught.value)


def test_a_file_that_is_no_text_is_refused(env_file: Path) -> None:
    env_file.write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsError, match="can not be read"):
        load(env_file)


def test_a_user_without_a_home_directory_is_told_to_set_one(environment: pytest.MonkeyPatch) -> None:
    def fail(_path: Path) -> Path:
        raise RuntimeError("Could not determine home directory.")

    environment.setattr(Path, "expanduser", fail)
    with pytest.raises(SettingsError, match=r"DEWEY_HOME is not set, and .*: set it to a directory"):
        load(None)


def test_settings_can_not_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        load(None).demo_mode = True  # type: ignore[misc]  # that is the point


def test_every_setting_is_described() -> None:
    described = describe()
    assert [item.field for item in described] == [field.name for field in fields(Settings)]
    assert all(item.description.endswith(".") and item.expected for item in described)
    assert {item.name: item.default for item in described}["DEMO_MODE"] == "false"
    assert {item.name for item in described if item.is_secret} == {
        "DATABASE_URL",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "GEMINI_API_KEY",
        "SMTP_URL",
    }


@pytest.mark.parametrize(
    ("url", "host", "port", "security"),
    [
        ("smtp://mail.example.com", "mail.example.com", 587, "starttls"),
        ("smtp://mail.example.com:25?starttls=false", "mail.example.com", 25, "none"),
        ("smtp://mail.example.com?starttls=0", "mail.example.com", 25, "none"),
        ("smtp://localhost:1025", "localhost", 1025, "none"),
        ("smtp://127.0.0.1:1025?starttls=true", "127.0.0.1", 1025, "starttls"),
        ("smtp://[::1]:1025", "::1", 1025, "none"),
        ("smtps://mail.example.com/", "mail.example.com", 465, "tls"),
    ],
)
def test_an_smtp_address_says_how_to_greet_the_server(url: str, host: str, port: int, security: str) -> None:
    server = SmtpServer.parse(url)
    assert (server.host, server.port, server.security, server.username) == (host, port, security, None)


def test_smtp_credentials_are_percent_decoded() -> None:
    server = SmtpServer.parse("smtp://me%40example.com:a%2Fb%3A@mail.example.com")
    assert server.username == "me@example.com"
    assert server.password is not None
    assert server.password.reveal() == "a/b:"


def test_a_password_in_clear_is_noticed() -> None:
    assert SmtpServer.parse("smtp://u:p@example.com?starttls=false").sends_password_in_clear
    assert not SmtpServer.parse("smtp://u:p@example.com").sends_password_in_clear
    assert not SmtpServer.parse("smtp://u:p@localhost").sends_password_in_clear


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("smtp://h/path", "something follows the host"),
        ("smtp://h?x=1", "the only option"),
        ("smtp://h?starttls=maybe", "neither true nor false"),
        ("smtps://h?starttls=true", "exclude each other"),
        ("smtp://user@h", "only one of user and password"),
        ("smtp://h:0", "port is 0"),
        ("imap://h", "does not start with"),
    ],
)
def test_a_wrong_smtp_address_is_refused_with_the_reason(url: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        SmtpServer.parse(url)


def test_names_and_patterns_of_secrets_are_read(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("DEWEY_REDACT_KEYS", "patient_id, -cookie")
    environment.setenv("DEWEY_REDACT_PATTERNS", r"MRN-\d{6} (?:case)\s\d+")
    settings = load(None)
    assert settings.dewey_redact_keys == ("patient_id", "-cookie")
    assert settings.dewey_redact_patterns == (r"MRN-\d{6}", r"(?:case)\s\d+")


@pytest.mark.parametrize(("pattern", "why"), [("(a", "is no regular"), ("a*", "empty text"), ("(a+)+", "very long")])
def test_a_pattern_that_can_not_be_meant_is_refused(pattern: str, why: str) -> None:
    assert why in refusal(DEWEY_REDACT_PATTERNS=pattern)


@given(st.from_regex(PLAIN_DATABASE, fullmatch=True))
def test_an_address_of_postgresql_that_is_not_shown_to_its_driver_is_one_that_it_takes(address: str) -> None:
    assert parse_dsn(address)["dbname"]
