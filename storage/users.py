"""People who own files."""

import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime
from email.errors import HeaderParseError
from email.headerregistry import Address
from typing import Any

from msgspec import Struct
from peewee import fn

from storage.database.connection import Database
from storage.database.models import Users
from storage.errors import Conflict, Refused

LONGEST_EMAIL = 254
"""Characters in an address that SMTP can carry (RFC 5321, 4.5.3.1.3, less the angle brackets)."""
LONGEST_NAME = 200


class User(Struct, frozen=True):
    """A person who owns files."""

    id: int
    email: str
    name: str
    created_at: datetime


def create(database: Database, email: str, name: str) -> User:
    """Adds a person.

    Raises: Refused when the address or the name is not one, or the address has an account already.
    """
    values = {Users.email: _checked_email(email), Users.name: _checked_name(name)}
    try:
        with database.session() as session:
            (record,) = session.records(Users.insert(values).returning(Users))
    except Conflict as conflict:
        raise Refused(f"{email!r} has an account already") from conflict
    return _user(record)


def ensure(database: Database, email: str, name: str) -> User:
    """The person with this address, added when there is none; a person who is there keeps the name.

    Raises: Refused when the address or the name is not one.
    """
    found = by_email(database, email)
    if found is not None:
        return found
    try:
        return create(database, email, name)
    except Refused:
        found = by_email(database, email)
        if found is None:
            raise
        return found


def get(database: Database, user_id: int) -> User | None:
    """The person of that id, if there is one."""
    with database.session() as session:
        records = session.records(Users.select().where(Users.id == user_id))
    return _user(records[0]) if records else None


def by_email(database: Database, email: str) -> User | None:
    """The person with this address, however it is capitalised, if there is one."""
    with database.session() as session:
        query = Users.select().where(fn.lower(Users.email) == fn.lower(_checked_email(email)))
        records = session.records(query)
    return _user(records[0]) if records else None


def _user(record: Mapping[str, Any]) -> User:
    return User(record["id"], record["email"], record["name"], record["created_at"].astimezone(UTC))


def _checked_email(email: str) -> str:
    try:
        address = Address(addr_spec=email)
    except (HeaderParseError, ValueError, IndexError) as error:
        raise Refused(f"{email!r} is not an e-mail address; expected one like ada@example.com") from error
    if not address.username or not address.domain or _has_controls(email) or " " in email:
        raise Refused(f"{email!r} is not an e-mail address; expected one like ada@example.com")
    if len(email) > LONGEST_EMAIL:
        raise Refused(f"an e-mail address has at most {LONGEST_EMAIL} characters, and this one {len(email)}")
    return email


def _checked_name(name: str) -> str:
    stripped = name.strip()
    if not stripped or _has_controls(stripped):
        raise Refused(f"{name!r} is not a name; expected printable text")
    if len(stripped) > LONGEST_NAME:
        raise Refused(f"a name has at most {LONGEST_NAME} characters, and this one {len(stripped)}")
    return stripped


def _has_controls(text: str) -> bool:
    """Whether it has control, surrogate or private characters, or separators of lines and paragraphs."""
    return any(unicodedata.category(character) in {"Cc", "Cs", "Co", "Zl", "Zp"} for character in text)
