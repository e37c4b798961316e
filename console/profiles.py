"""What an operator keeps in ``~/.config/dewey/config.toml``: named environments, and keys of their own.

A profile is a set of settings under a name, so that ``dewey --profile prod console`` goes where it says whatever the
shell's own environment is set to::

    default = "staging"

    [profiles.prod]
    DEWEY_ENVIRONMENT = "production"
    DEWEY_COLOUR = "red"
    REDIS_URL = "rediss://jobs.example.com:6380/0"

    [keys]
    requeue = "ctrl+r"
"""

import difflib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from msgspec import Struct, field

from storage.errors import SettingsError
from storage.settings import describe

FILE: Final = "config.toml"


class Config(Struct, frozen=True):
    """An operator's own file, as read: settings by profile, the profile to use when none is named, keys by id."""

    path: Path
    default: str = ""
    profiles: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    keys: Mapping[str, str] = field(default_factory=dict)

    def settings_of(self, name: str) -> Mapping[str, str]:
        """The settings of a profile, by their names in the environment.

        Raises:
            SettingsError: there is no such profile; the message names those that are there.
        """
        if name in self.profiles:
            return self.profiles[name]
        there = ", ".join(self.profiles) or "none"
        raise SettingsError(f"{self.path} has no profile {name!r}; there is {there}{_meant(name, self.profiles)}")


def place() -> Path:
    """Where the file is looked for."""
    home = os.environ.get("XDG_CONFIG_HOME", "")
    return (Path(home) if home else Path.home() / ".config") / "dewey" / FILE


def read(path: Path | None = None) -> Config:
    """Read an operator's file; one that is not there is empty.

    Raises:
        SettingsError: it is not TOML, or says something that is not known; the message names it.
    """
    path = path or place()
    try:
        text = path.read_text("utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return Config(path)
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} can not be read: {error}") from error
    import tomllib  # noqa: PLC0415 - most operators have no such file

    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path} can not be read: {error}") from error
    _known(path, "", table, ("default", "profiles", "keys"))
    profiles = {name: _settings(path, name, one) for name, one in _table(path, "profiles", table).items()}
    keys = {name: _text(path, f"keys.{name}", value) for name, value in _table(path, "keys", table).items()}
    config = Config(path, _text(path, "default", table.get("default", "")), profiles, keys)
    if config.default:
        config.settings_of(config.default)
    return config


def choose(config: Config, name: str) -> None:
    """Let a profile's settings be those of this process and of all that it starts; "" is the default one, or none.

    Raises:
        SettingsError: there is no such profile.
    """
    chosen = name or config.default
    if chosen:
        os.environ.update(config.settings_of(chosen))


def _settings(path: Path, name: str, table: Any) -> dict[str, str]:
    where = f"profiles.{name}"
    if not isinstance(table, dict):
        raise SettingsError(f"{path}: {where} is {table!r}: expected a table, [{where}]")
    known = [one.name for one in describe()]
    _known(path, where, table, known)
    return {key: _text(path, f"{where}.{key}", value) for key, value in table.items()}


def _table(path: Path, name: str, table: Mapping[str, Any]) -> Mapping[str, Any]:
    found = table.get(name, {})
    if not isinstance(found, dict):
        raise SettingsError(f"{path}: {name} is {found!r}: expected a table, [{name}]")
    return found


def _text(path: Path, name: str, value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str | int | float):
        return str(value)
    raise SettingsError(f"{path}: {name} is a {type(value).__name__}: expected a text in quotes")


def _known(path: Path, where: str, table: Mapping[str, Any], known: Iterable[str]) -> None:
    names = list(known)
    for name in table:
        if name not in names:
            full_name = f"{where}.{name}" if where else name
            raise SettingsError(f"{path}: {full_name} is not known{_meant(name, names)}")


def _meant(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name.upper(), list(known), 1) or difflib.get_close_matches(name, list(known), 1)
    return f"; did you mean {close[0]}?" if close else ""
