"""A home for a test of the embedded servers, and those who use it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from storage import embedded
from storage.settings import Settings
from tests import servers
from tests.storage.embedded.users import Users, redis_only, wait_stopped


@pytest.fixture
def home() -> Iterator[Path]:
    with servers.short_directory() as directory:
        yield directory / "home"


@pytest.fixture
def users(home: Path) -> Iterator[Users]:
    made = Users(home)
    try:
        yield made
    finally:
        made.close()


@pytest.fixture
def attached(home: Path) -> Iterator[Settings]:
    """Settings under which this process may attach; it is detached afterwards."""
    try:
        yield redis_only(home)
    finally:
        embedded.detach()
        wait_stopped(home)
