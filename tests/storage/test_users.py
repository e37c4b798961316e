"""People: who can be added, and how they are found again."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from storage import users
from storage.database.connection import Database
from storage.errors import Refused


def test_a_person_who_was_added_is_found_by_id_and_by_address(database: Database) -> None:
    ada = users.create(database, "ada@example.com", " Ada Lovelace ")
    assert (ada.email, ada.name) == ("ada@example.com", "Ada Lovelace")
    assert ada.created_at.tzinfo is UTC
    assert abs(datetime.now(UTC) - ada.created_at) < timedelta(minutes=1)
    assert users.get(database, ada.id) == ada
    assert users.by_email(database, "ADA@Example.COM") == ada


def test_nobody_is_found_where_nobody_is(database: Database) -> None:
    assert users.get(database, 4711) is None
    assert users.by_email(database, "nobody@example.com") is None


def test_an_address_has_one_account_however_it_is_written(database: Database) -> None:
    users.create(database, "ada@example.com", "Ada")
    with pytest.raises(Refused, match="account already"):
        users.create(database, "Ada@Example.com", "Another")


def test_ensuring_a_person_twice_is_the_same_person(database: Database) -> None:
    first = users.ensure(database, "ada@example.com", "Ada")
    assert users.ensure(database, "ada@example.com", "Renamed") == first


def test_ensuring_a_person_from_many_threads_makes_one(database: Database) -> None:
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda _: users.ensure(database, "ada@example.com", "Ada"), range(16)))
    assert len({person.id for person in found}) == 1


@pytest.mark.parametrize(
    "email",
    [
        "",
        "ada",
        "@example.com",
        "ada@",
        "ada@example.com, eve@example.com",
        "Ada <ada@example.com>",
        "ada@example.com\nBcc: eve@example.com",
        "ada\0@example.com",
        "ada smith@example.com",
        "\ud800@example.com",
        "a" * 250 + "@example.com",
    ],
)
def test_what_is_not_exactly_one_address_is_refused(database: Database, email: str) -> None:
    with pytest.raises(Refused, match="address"):
        users.create(database, email, "Ada")


@pytest.mark.parametrize("name", ["", "  ", "Ada\r\nBcc: eve@example.com", "A\0da", "\ud800", "x" * 201])
def test_what_is_not_a_name_is_refused(database: Database, name: str) -> None:
    with pytest.raises(Refused, match="name"):
        users.create(database, "ada@example.com", name)


def test_a_name_may_be_in_any_script(database: Database) -> None:
    assert users.create(database, "ada@example.com", "Ада 愛達 👩‍💻").name == "Ада 愛達 👩‍💻"
