"""Checking and preparing what Dewey runs on: doctor and migrate."""

from pathlib import Path
from typing import Any

import pytest

from console.commands import servers as server_commands
from storage.database import migrations
from storage.embedded import Endpoints
from storage.servers.postgres import PostgresServer
from storage.settings import Settings
from tasks import resources
from tasks.resources import Resources
from tests.conftest import _execute
from tests.console.commands.office import CommandLine, Office, once
from tests.tasks.consumers import consumer


def findings(document: Any) -> dict[str, tuple[str, str]]:
    """Level and message of each finding, by what it is about."""
    return {one["subject"]: (one["level"], one["message"]) for one in document}


# -- doctor ----------------------------------------------------------------------------------------------------


def test_doctor_starts_nothing_and_says_what_is_not_running(short_path: Path) -> None:
    home = short_path / "home"
    answer = once(["doctor", "--json"], short_path, {"DEWEY_HOME": str(home)})
    assert (answer.status, answer.err) == (0, "")
    found = findings(answer.document)
    assert found["redis"] == found["postgres"] == ("ok", "embedded, stopped; it starts when something uses it")
    assert found["consumers"] == ("warn", "none runs: jobs wait")
    assert not home.exists()


def _set(monkeypatch: pytest.MonkeyPatch, **values: str) -> None:
    """Let the command line read these settings, and those of no file."""
    resources.use(None)
    for name, value in values.items():
        monkeypatch.setenv(name, value)


def test_doctor_asks_the_servers_and_counts_the_consumers(
    dewey: CommandLine, office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with consumer(office.jobs, "-w", "3"):
        _set(monkeypatch, **{name: office.environment[name] for name in ("REDIS_URL", "DATABASE_URL")})
        _set(monkeypatch, DEWEY_HOME=str(tmp_path), DEWEY_NAMESPACE=office.broker.namespace)
        answer = dewey("doctor", "--json")
        lines = dewey("doctor").lines
    assert answer.status == 0
    found = findings(answer.document)
    assert found["consumers"] == ("ok", "1 consumer, 3 workers")
    assert found["migrations"] == ("ok", "all applied")
    assert found["redis"][1].startswith("Redis 6.2")
    assert found["mail"][0] == "warn"
    at = next(n for n, line in enumerate(lines) if line.startswith("WARN  mail "))
    assert lines[at + 1].strip() == "-> set SMTP_URL to send it"
    assert all(line[:4] in ("ok  ", "WARN", "    ") for line in lines)


def test_doctor_warns_of_queues_of_which_every_consumer_is_quiet(
    dewey: CommandLine, office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    office.add("a1", "email")
    office.add("b2", "sync")
    office.beat("w1:7", "email")
    office.beat("w2:7", "sync")
    _set(monkeypatch, **{name: office.environment[name] for name in ("REDIS_URL", "DATABASE_URL")})
    _set(monkeypatch, DEWEY_HOME=str(tmp_path), DEWEY_NAMESPACE=office.broker.namespace)
    assert findings(dewey("doctor", "--json").document)["consumers"] == ("ok", "2 consumers, 8 workers")
    office.broker.order("w1:7", "quiet")
    told = "2 consumers, 8 workers; those that serve email were all told to be quiet or to stop: jobs wait"
    assert findings(dewey("doctor", "--json").document)["consumers"] == ("warn", told)
    office.broker.order("w2:7", "stop")
    told = "2 consumers, 8 workers: every one was told to be quiet or to stop, no job starts"
    answer = dewey("doctor", "--json")
    assert findings(answer.document)["consumers"] == ("warn", told)
    assert "dewey wake ID" in next(one["remedy"] for one in answer.document if one["subject"] == "consumers")


def test_doctor_fails_when_a_part_fails_and_names_the_remedy(
    dewey: CommandLine, tmp_path: Path, empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    _set(monkeypatch, REDIS_URL="redis://127.0.0.1:1/0", DATABASE_URL=empty_database_url, DEWEY_HOME=str(tmp_path))
    answer = dewey("doctor", "--json")
    assert answer.status == 1
    found = findings(answer.document)
    assert found["redis"][0] == found["consumers"][0] == found["migrations"][0] == "fail"
    remedies = {one["subject"]: one["remedy"] for one in answer.document}
    assert remedies["migrations"] == "run dewey migrate"
    human = dewey("doctor")
    assert human.status == 1
    assert any(line.startswith("FAIL  redis ") for line in human.lines)


# -- migrate ---------------------------------------------------------------------------------------------------


def test_migrating_twice_changes_nothing_the_second_time(
    dewey: CommandLine, postgres_server: PostgresServer, redis_url: str, tmp_path: Path
) -> None:
    _execute(postgres_server, "CREATE DATABASE bare")
    url = postgres_server.url_of("bare")
    held = Resources(Settings(dewey_home=tmp_path), Endpoints(redis_url, url, tmp_path, frozenset()))
    resources.use(held)
    pending = migrations.pending(url)
    assert len(pending) >= 3
    first = dewey("migrate", "--json")
    assert (first.status, first.document) == (0, {"applied": list(pending)})
    assert dewey("migrate", "--json").document == {"applied": []}
    assert dewey("migrate").out == "The schema is up to date.\n"


def test_what_servers_are_shown_as_has_no_password(tmp_path: Path) -> None:
    place = server_commands._place(
        Endpoints("redis://ada:hunter2@host:6379/1?timeout=3", "", None, frozenset()),
        "redis",
        "redis://ada:hunter2@host:6379/1?timeout=3",
    )
    assert place == "host:6379/1"


# -- the console -----------------------------------------------------------------------------------------------


def test_the_console_without_a_terminal_says_what_answers_without_one(short_path: Path) -> None:
    answer = once(["console"], short_path, {"DEWEY_HOME": str(short_path / "home")})
    assert (answer.status, answer.out) == (2, "")
    assert "dewey jobs" in answer.err
    assert not (short_path / "home").exists()


# -- console ---------------------------------------------------------------------------------------------------


def test_a_console_is_not_opened_both_to_write_and_only_to_look(dewey: CommandLine) -> None:
    answer = dewey("console", "--write", "mail is down", "--read-only")
    assert answer.status == 2
    assert "say --write or --read-only, not both" in answer.err
