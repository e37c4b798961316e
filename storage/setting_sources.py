"""Where each setting came from, and what is wrong with them together: a wrong one is named with its value, but never a
secret's."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dotenv import dotenv_values
from dotenv.parser import parse_stream
from pydantic import AliasChoices
from pydantic.fields import FieldInfo

from storage.errors import SettingsError

_LONGEST_SHOWN = 200


def names_of(name: str, field: FieldInfo) -> tuple[str, ...]:
    """The names of a field in the environment, the preferred one first."""
    if isinstance(field.validation_alias, AliasChoices):
        return tuple(str(choice) for choice in field.validation_alias.choices)
    return (name.upper(),)


def expectation(field: FieldInfo) -> str:
    """What a right value looks like."""
    return str((field.examples or [""])[0])


def is_secret(field: FieldInfo) -> bool:
    """Whether the value may never be shown."""
    return "SecretStr" in str(field.annotation)


@dataclass(frozen=True, slots=True)
class Found:
    """What the environment and the file say, by upper-case name; blank values count as absent."""

    environment: Mapping[str, str]
    file: Mapping[str, str]
    env_file: Path | None
    fields: Mapping[str, FieldInfo]

    def has(self, name: str) -> bool:
        return name in self.environment or name in self.file

    def origin(self, name: str) -> str:
        return "in the environment" if name in self.environment else f"in {self.env_file}"

    def refusal(self, place: str, reason: str) -> str:
        """One sentence on the wrong value of a field; `place` is its own name or one in the environment."""
        field, names = next(
            (field, names)
            for name, field in self.fields.items()
            if place.upper() in (name.upper(), *(names := names_of(name, field)))
        )
        used = next((name for name in names if name in self.environment), None)
        used = used or next((name for name in names if name in self.file), names[0])
        value = self.environment.get(used, self.file.get(used, ""))
        why = f" ({reason})" if reason else ""
        shown = _without_secrets(value, field, is_address=used.endswith("_URL"))
        return f"{used}={shown} {self.origin(used)}{why}: expected {expectation(field)}"


def read(env_file: Path | None, fields: Mapping[str, FieldInfo]) -> Found:
    """Read the environment and, if it exists, `env_file`.

    Raises: SettingsError naming the line that would be ignored, but not what it says: it may be secret.
    """
    written: dict[str, str | None] = {}
    if env_file is not None and env_file.is_file():
        try:
            with env_file.open(encoding="utf-8") as stream:
                wrong = [item.original.line for item in parse_stream(stream) if item.error]
            if wrong:
                raise SettingsError(f"{env_file}, line {wrong[0]}: expected NAME=value or a # comment")
            written = dotenv_values(env_file, encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(f"{env_file} can not be read: {error}; make it a text in UTF-8") from error
    return Found(_present(os.environ), _present(written), env_file, fields)


def _present(values: Mapping[str, str | None]) -> dict[str, str]:
    return {name.upper(): value for name, value in values.items() if value is not None and value.strip()}


def _without_secrets(value: str, field: FieldInfo, *, is_address: bool) -> str:
    """The value as it may be shown: of a secret only how an address begins, of an address no credentials."""
    scheme = re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", value)
    start = scheme[0] if scheme is not None else ""
    if is_secret(field):
        return f"{start}…" if start else "(not shown)"
    if is_address:
        value = re.sub(r"(?i)(password|token|secret)=[^&]*", r"\1=…", value)
        if "@" in value:
            value = f"{start}…@{value.rpartition('@')[2]}"
    return repr(value[:_LONGEST_SHOWN])[1:-1]


def disagreements(found: Found) -> list[str]:
    """Settings that may be right alone and are wrong together."""
    pairs = [("S3_ENDPOINT_URL", "S3_BUCKET")]
    if found.has("S3_BUCKET"):
        # Without a bucket nobody reads the credentials, which many people have in their environment.
        pairs += [
            ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),
            ("AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID"),
            ("AWS_SESSION_TOKEN", "AWS_ACCESS_KEY_ID"),
        ]
    return [
        f"{given} is set {found.origin(given)} and {needed} is not: set both, or neither"
        for given, needed in pairs
        if found.has(given) and not found.has(needed)
    ]


def listed(wrong: list[str]) -> str:
    """What is wrong, as one message."""
    if len(wrong) == 1:
        return wrong[0]
    return "\n".join([f"{len(wrong)} settings are wrong:", *(f"  {line}" for line in wrong)])
