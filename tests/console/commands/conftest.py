"""Fixtures for trials of the command line."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tasks import resources
from tasks.app import huey
from tests import servers
from tests.console.commands.office import CommandLine, Office
from tests.tasks.jobs import Capture, Jobs


@pytest.fixture
def short_path() -> Iterator[Path]:
    """A directory whose path is short enough for sockets in it."""
    with servers.short_directory() as directory:
        yield directory


@pytest.fixture
def jobs(
    redis_url: str, namespace: str, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Jobs]:
    """The application's own Huey on this run's Redis, in a namespace and with a database of this test."""
    before = resources._Held.resources
    home = tmp_path / "home"
    made = Jobs(redis_url, database_url, home / "objects", {"dewey_home": home, "dewey_namespace": namespace})
    made.use()
    monkeypatch.setattr(huey, "name", namespace)
    monkeypatch.setattr(huey, "queues", ())
    monkeypatch.setattr(huey, "storage", huey.create_storage())
    with Capture():
        yield made
    huey.storage.close()
    resources.use(before)


@pytest.fixture
def office(jobs: Jobs) -> Office:
    """Jobs without a consumer."""
    return Office(jobs)


@pytest.fixture
def dewey(jobs: Jobs, capsys: pytest.CaptureFixture[str]) -> CommandLine:
    """The command line on this test's stores."""
    return CommandLine(capsys)
