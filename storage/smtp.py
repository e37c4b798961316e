"""Which SMTP server carries mail, read from one address such as ``smtp://user:password@host:587``."""

from typing import Literal
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from msgspec import Struct

from storage.secret import Secret

Security = Literal["tls", "starttls", "none"]
EXPECTED = "smtp://user:password@host:587 or smtps://user:password@host:465"
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_STARTTLS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


class SmtpServer(Struct, frozen=True):
    """An SMTP server and how to greet it. ``starttls`` means: encrypted or not at all."""

    host: str
    port: int
    username: str | None
    password: Secret | None
    security: Security

    @classmethod
    def parse(cls, url: str) -> "SmtpServer":
        """Read an address; credentials are percent-decoded.

        ``smtps://`` speaks TLS from the first byte (port 465). ``smtp://`` upgrades with STARTTLS (port 587),
        but on the loopback interface, and where ``?starttls=false`` says so, stays plain (port 25).

        Raises: ValueError saying what is wrong, without any part of the address that may be secret.
        """
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError:
            raise ValueError("its host or port can not be read") from None
        if parts.scheme not in {"smtp", "smtps"}:
            raise ValueError("it does not start with smtp:// or smtps://")
        if not host:
            raise ValueError("it has no host")
        if port == 0:
            raise ValueError("its port is 0")
        if parts.path.strip("/") or parts.fragment:
            raise ValueError("something follows the host")
        if (parts.username is None) != (parts.password is None):
            raise ValueError("it has only one of user and password")
        security = _security(parts, host)
        return cls(
            host=host,
            port=port or {"tls": 465, "starttls": 587, "none": 25}[security],
            username=unquote(parts.username) if parts.username is not None else None,
            password=Secret(unquote(parts.password)) if parts.password is not None else None,
            security=security,
        )

    @property
    def sends_password_in_clear(self) -> bool:
        """Whether a password would cross a network unencrypted."""
        return self.password is not None and self.security == "none" and self.host not in _LOOPBACK


def _security(parts: SplitResult, host: str) -> Security:
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    wanted = options.pop("starttls", None)
    if options:
        raise ValueError("the only option after '?' is starttls=true or starttls=false")
    if wanted is not None and wanted.lower() not in _STARTTLS:
        raise ValueError("starttls is neither true nor false")
    if parts.scheme == "smtps":
        if wanted is not None:
            raise ValueError("smtps:// and starttls exclude each other")
        return "tls"
    upgrades = host not in _LOOPBACK if wanted is None else _STARTTLS[wanted.lower()]
    return "starttls" if upgrades else "none"
