"""Where each setting came from, and what is wrong with them together: a wrong one is named with its value, but never a
secret's."""

import os
import re
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

from storage.errors import SettingsError
from storage.setting_fields import Setting

_LONGEST_SHOWN = 200


class Given(Struct, frozen=True):
    """A text that was given for a setting: under which of its names, and where."""

    name: str
    text: str
    origin: str

    def __repr__(self) -> str:
        """Nothing of the text, which may be secret."""
        return f"Given({self.name!r}, {self.origin!r})"

    def refusal(self, setting: Setting, reason: str) -> str:
        """One sentence on a wrong value."""
        why = f" ({reason})" if reason else ""
        return f"{self.name}={self._shown(setting)} {self.origin}{why}: expected {setting.expected}"

    def _shown(self, setting: Setting) -> str:
        """The value as it may be shown: of a secret only how an address begins, of an address no credentials."""
        text = self.text
        scheme = re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", text)
        start = scheme[0] if scheme is not None else ""
        if setting.is_secret:
            return f"{start}…" if start else "(not shown)"
        if self.name.endswith("_URL"):
            text = re.sub(r"(?i)(password|token|secret)=[^&]*", r"\1=…", text)
            if "@" in text:
                text = f"{start}…@{text.rpartition('@')[2]}"
        return repr(text[:_LONGEST_SHOWN])[1:-1]


class Found(Struct, frozen=True):
    """What the environment and the file say, by upper-case name; blank values count as absent."""

    environment: Mapping[str, str]
    file: Mapping[str, str]
    env_file: Path | None

    def __repr__(self) -> str:
        """Nothing of the texts, which may be secret."""
        return f"Found({sorted(self.environment)!r}, {sorted(self.file)!r}, {str(self.env_file)!r})"

    def given(self, *names: str) -> Given | None:
        """What was given under the first of these names that anything was given for; the environment goes first."""
        for values, origin in ((self.environment, "in the environment"), (self.file, f"in {self.env_file}")):
            for name in names:
                if name in values:
                    return Given(name, values[name].strip(), origin)
        return None


def read(env_file: Path | None) -> Found:
    """Read the environment and, if it exists, `env_file`.

    Raises: SettingsError naming the line that would be ignored, but not what it says: it may be secret.
    """
    written = _written(env_file) if env_file is not None and env_file.is_file() else {}
    return Found(_present(os.environ), _present(written), env_file)


def _written(env_file: Path) -> Mapping[str, str | None]:
    from dotenv import dotenv_values  # noqa: PLC0415 - most processes are told by their environment alone
    from dotenv.parser import parse_stream  # noqa: PLC0415 - the same

    try:
        with env_file.open(encoding="utf-8") as stream:
            wrong = [item.original.line for item in parse_stream(stream) if item.error]
        if wrong:
            raise SettingsError(f"{env_file}, line {wrong[0]}: expected NAME=value or a # comment")
        return dotenv_values(env_file, encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{env_file} can not be read: {error}; make it a text in UTF-8") from error


def _present(values: Mapping[str, str | None]) -> dict[str, str]:
    return {name.upper(): value for name, value in values.items() if value is not None and value.strip()}


def disagreements(found: Found) -> list[str]:
    """Settings that may be right alone and are wrong together."""
    pairs = [("S3_ENDPOINT_URL", "S3_BUCKET")]
    if found.given("S3_BUCKET"):
        # Without a bucket nobody reads the credentials, which many people have in their environment.
        pairs += [
            ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),
            ("AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID"),
            ("AWS_SESSION_TOKEN", "AWS_ACCESS_KEY_ID"),
        ]
    return [
        f"{one.name} is set {one.origin} and {needed} is not: set both, or neither"
        for name, needed in pairs
        if (one := found.given(name)) and not found.given(needed)
    ]


def listed(wrong: list[str]) -> str:
    """What is wrong, as one message."""
    if len(wrong) == 1:
        return wrong[0]
    return "\n".join([f"{len(wrong)} settings are wrong:", *(f"  {line}" for line in wrong)])
