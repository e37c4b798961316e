"""How the text of each kind of setting becomes its value.

Each raises ValueError where it can not: with a reason where the setting's own example does not say all there is to say,
and never with a word of the text, which may be secret, unless the setting is known to be none.
"""

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar
from urllib.parse import SplitResult, urlsplit

from storage.secret import Secret
from storage.smtp import SmtpServer

Number = TypeVar("Number", int, float)

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,253}[A-Za-z0-9]")
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}|red|orange|yellow|green|blue|purple")
_OPTION = r"(?:host|port|sslmode|application_name|connect_timeout)=[A-Za-z0-9/._-]*"
PLAIN_DATABASE = re.compile(
    r"postgres(?:ql)?://(?:[A-Za-z0-9._~-]+(?::[A-Za-z0-9._~-]*)?@)?(?:[A-Za-z0-9.-]+(?::[0-9]{1,5})?)?"
    rf"/[A-Za-z0-9_.-]+(?:\?{_OPTION}(?:&{_OPTION})*)?"
)
"""An address that PostgreSQL's driver surely takes: what most are like."""
_FLAGS: Final = {
    **dict.fromkeys(("true", "t", "yes", "y", "on", "1"), True),
    **dict.fromkeys(("false", "f", "no", "n", "off", "0"), False),
}


def secret(read: Callable[[str], str]) -> Callable[[str], Secret]:
    """What is read so, and shown to nobody."""
    return lambda given: Secret(read(given))


def text(given: str) -> str:
    """Any text."""
    return given


def short(most: int) -> Callable[[str], str]:
    """A text of so many characters at most."""

    def read(given: str) -> str:
        _require(len(given) <= most)
        return given

    return read


def flag(given: str) -> bool:
    """Yes or no, in the words that people use."""
    _require(given.lower() in _FLAGS)
    return _FLAGS[given.lower()]


def whole(least: int, most: int | None = None) -> Callable[[str], int]:
    """A whole number within bounds."""
    return lambda given: _bounded(int, given, least, most)


def number(least: float, most: float) -> Callable[[str], float]:
    """A number within bounds."""
    return lambda given: _bounded(float, given, least, most)


def redis_address(given: str) -> str:
    """Where a Redis is."""
    parts = _split(given)
    _require(parts.scheme in {"redis", "rediss", "unix"})
    _require(bool(parts.path.strip("/")) if parts.scheme == "unix" else bool(parts.hostname))
    _require(parts.scheme == "unix" or re.fullmatch(r"/?\d*", parts.path) is not None)
    return given


def database_address(given: str) -> str:
    """Where a database of PostgreSQL is, as its own driver reads it."""
    _require(given.startswith(("postgres://", "postgresql://")))
    if PLAIN_DATABASE.fullmatch(given) is not None:
        return given
    from psycopg2 import ProgrammingError  # noqa: PLC0415 - slow, and most addresses are plain
    from psycopg2.extensions import parse_dsn  # noqa: PLC0415 - the same

    try:
        _require(bool(parse_dsn(given).get("dbname")))
    except ProgrammingError:
        raise ValueError from None
    return given


def smtp_address(given: str) -> str:
    """Where the server that carries mail is."""
    SmtpServer.parse(given)
    return given


def web_address(given: str) -> str:
    """Where something that speaks HTTP is."""
    parts = _split(given)
    _require(parts.scheme in {"http", "https"} and bool(parts.hostname))
    return given


def bucket(given: str) -> str:
    """The name of a bucket."""
    _require(_BUCKET.fullmatch(given) is not None)
    return given


def mail_address(given: str) -> str:
    """One address of mail, with or without its owner's name."""
    _require(given.isprintable() and "=?" not in given)
    from email.errors import MessageError  # noqa: PLC0415 - slow, and needed only where this is set
    from email.headerregistry import Address  # noqa: PLC0415 - the same
    from email.utils import parseaddr  # noqa: PLC0415 - the same

    try:
        parsed = Address(addr_spec=parseaddr(given)[1])
    except (ValueError, IndexError, MessageError):
        raise ValueError from None
    _require(bool(parsed.username) and bool(parsed.domain))
    return given


def directory(given: str) -> Path:
    """A directory, from the root; ``~`` is a user's own."""
    _require("\0" not in given)
    try:
        return Path(os.path.abspath(Path(given).expanduser()))
    except RuntimeError:
        raise ValueError("there is no such user") from None


def name(given: str) -> str:
    """A name that can be part of a key."""
    _require(_NAME.fullmatch(given) is not None)
    return given


def queues(given: str) -> tuple[str, ...]:
    """Names of queues, each once."""
    found = _listed(given)
    wrong = [one for one in found if _NAME.fullmatch(one) is None]
    if wrong:
        raise ValueError(f"{wrong[0]!r} can not name a queue")
    return found


def secret_names(given: str) -> tuple[str, ...]:
    """Names of what is secret, each once."""
    found = _listed(given)
    _require(all(re.search("[A-Za-z0-9]", one) for one in found))
    return found


def quick_patterns(given: str) -> tuple[str, ...]:
    """Regular expressions that find something, and can not take very long."""
    from storage.slowness import slow  # noqa: PLC0415 - needed only where this is set

    found = tuple(given.split())
    for pattern in found:
        try:
            is_empty = re.compile(pattern).search("") is not None
        except re.error as error:
            raise ValueError(f"{pattern!r} is no regular expression: {error}") from None
        if is_empty or slow(pattern):
            raise ValueError(f"{pattern!r} matches the empty text, or may take very long")
    return found


def colour(given: str) -> str:
    """A colour by its name or its parts."""
    _require(_COLOUR.fullmatch(given) is not None)
    return given


def _bounded(kind: Callable[[str], Number], given: str, least: Number, most: Number | None) -> Number:
    _require(given.isascii())
    try:
        value = kind(given)
    except ValueError:
        raise ValueError from None
    _require(least <= value and (most is None or value <= most))
    return value


def _listed(given: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(part.strip() for part in given.split(",") if part.strip()))


def _require(holds: bool) -> None:
    """Refuse a value of which the setting's own example says all there is to say."""
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
