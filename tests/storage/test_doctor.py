"""The doctor asks real servers, and says of each ill what helps."""

import os
import signal
import socket
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg2
import pytest
import redis

from storage import doctor, embedded
from storage.broker.broker import Broker
from storage.broker.records import NewJob
from storage.database.connection import connect
from storage.doctor import Finding, diagnose
from storage.embedded import Endpoints
from storage.errors import StoreUnavailable
from storage.history.recorder import Recorder
from storage.secret import Secret
from storage.settings import Settings
from tests import servers


@pytest.fixture
def endpoints(redis_url: str, database_url: str, tmp_path: Path) -> Endpoints:
    (tmp_path / "objects").mkdir()
    return Endpoints(redis_url, database_url, tmp_path / "objects", frozenset({"objects"}))


@pytest.fixture
def settings(endpoints: Endpoints, tmp_path: Path) -> Settings:
    return made(endpoints, tmp_path)


def made(endpoints: Endpoints, home: Path, **others: Any) -> Settings:
    at = Secret(endpoints.database_url)
    return replace(Settings(dewey_home=home, redis_url=endpoints.redis_url, database_url=at), **others)


def one(findings: tuple[Finding, ...], subject: str) -> Finding:
    found = [item for item in findings if item.subject == subject]
    assert len(found) == 1, findings
    return found[0]


def test_every_ill_has_a_remedy_and_every_subject_one_finding(settings: Settings, endpoints: Endpoints) -> None:
    findings = diagnose(settings, endpoints)
    assert all(bool(item.remedy) == (item.level != "ok") for item in findings)
    assert len({item.subject for item in findings}) == len(findings)


def test_healthy_servers_are_found_healthy(settings: Settings, endpoints: Endpoints) -> None:
    findings = diagnose(settings, endpoints)
    assert not [item for item in findings if item.level == "fail"]
    assert one(findings, "redis").message.startswith("Redis 6.2")
    assert one(findings, "postgres").message.startswith("PostgreSQL 18")
    for subject in ("redis eviction", "redis clock", "postgres clock", "pgvector", "migrations", "objects"):
        assert one(findings, subject).level == "ok"
    assert "Python 3." in one(findings, "versions").message


def test_a_redis_that_forgets_is_named(settings: Settings, endpoints: Endpoints, redis_client: "redis.Redis") -> None:
    redis_client.config_set("maxmemory-policy", "allkeys-lru")
    redis_client.config_set("maxmemory", "1mb")
    try:
        findings = diagnose(settings, endpoints)
    finally:
        redis_client.config_set("maxmemory", "0")
        redis_client.config_set("maxmemory-policy", "noeviction")
    assert one(findings, "redis eviction").level == "fail"
    assert "allkeys-lru" in one(findings, "redis eviction").message
    assert one(findings, "redis memory").level == "warn"
    # The tests' own Redis keeps nothing.
    assert one(findings, "redis persistence").level == "warn"


def test_a_replica_is_no_place_to_write_to(
    settings: Settings, endpoints: Endpoints, redis_client: "redis.Redis"
) -> None:
    redis_client.replicaof("127.0.0.1", 1)
    try:
        findings = diagnose(settings, endpoints)
    finally:
        redis_client.replicaof("NO", "ONE")
    assert one(findings, "redis role").level == "fail"


def test_a_user_who_may_not_ask_is_told_so(
    settings: Settings, endpoints: Endpoints, redis_client: "redis.Redis", tmp_path: Path
) -> None:
    redis_client.acl_setuser("viewer", enabled=True, nopass=True, keys=["*"], commands=["+ping", "+client"])
    restricted = endpoints.redis_url.replace("unix://", "unix://viewer:x@")
    try:
        findings = diagnose(settings, Endpoints(restricted, endpoints.database_url, tmp_path / "objects", frozenset()))
    finally:
        redis_client.acl_deluser("viewer")
    assert one(findings, "redis").level == "fail"
    assert "INFO" in one(findings, "redis").message


def test_a_server_that_does_not_answer_hides_nothing_of_the_others(settings: Settings, endpoints: Endpoints) -> None:
    nowhere = Endpoints(
        "redis://127.0.0.1:1/0", "postgresql://u:hunter2@127.0.0.1:1/d", endpoints.objects_dir, frozenset()
    )
    findings = diagnose(settings, nowhere)
    assert one(findings, "redis").level == "fail"
    assert one(findings, "postgres").level == "fail"
    assert one(findings, "objects").level == "ok"
    assert "hunter2" not in str(findings)


def test_an_empty_database_is_to_be_migrated(settings: Settings, endpoints: Endpoints, empty_database_url: str) -> None:
    empty = Endpoints(endpoints.redis_url, empty_database_url, endpoints.objects_dir, frozenset())
    findings = diagnose(settings, empty)
    assert one(findings, "pgvector") == Finding(
        "pgvector", "fail", one(findings, "pgvector").message, "run dewey migrate"
    )
    assert one(findings, "migrations").remedy == "run dewey migrate"
    assert "0001_accounts" in one(findings, "migrations").message


def test_a_clock_that_differs_is_named(
    settings: Settings, endpoints: Endpoints, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = time.time
    monkeypatch.setattr("storage.doctor.time.time", lambda: real() - 90)
    findings = diagnose(settings, endpoints)
    for subject in ("redis clock", "postgres clock"):
        assert one(findings, subject).level == "warn"
        assert "90.0 s ahead" in one(findings, subject).message


def test_a_missing_directory_of_objects_is_named(settings: Settings, endpoints: Endpoints) -> None:
    assert endpoints.objects_dir is not None
    elsewhere = Endpoints(endpoints.redis_url, endpoints.database_url, None, frozenset())
    assert one(diagnose(settings, elsewhere), "objects").level == "fail"


def test_a_bucket_that_does_not_answer_is_named(endpoints: Endpoints, tmp_path: Path) -> None:
    settings = made(
        endpoints,
        tmp_path,
        s3_bucket="files",
        s3_endpoint_url="http://127.0.0.1:1",
        aws_access_key_id=Secret("id"),
        aws_secret_access_key=Secret("hunter2"),
    )
    found = one(diagnose(settings, endpoints), "objects")
    assert found.level == "fail"
    assert "hunter2" not in str(found)


def test_the_demo_on_a_database_of_yours_is_a_warning_and_on_its_own_is_not(
    endpoints: Endpoints, tmp_path: Path
) -> None:
    settings = made(endpoints, tmp_path, demo_mode=True)
    assert one(diagnose(settings, endpoints), "demo mode").level == "warn"
    own = Settings(dewey_home=tmp_path, demo_mode=True)
    assert one(diagnose(own, None), "demo mode").level == "ok"


def test_what_is_missing_is_said_with_its_consequence(settings: Settings, endpoints: Endpoints) -> None:
    findings = diagnose(settings, endpoints)
    assert "printed" in one(findings, "mail").message
    assert one(findings, "gemini").remedy == "set GEMINI_API_KEY"


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


def test_a_mail_server_is_called(endpoints: Endpoints, tmp_path: Path, listener: socket.socket) -> None:
    port = listener.getsockname()[1]
    there = made(endpoints, tmp_path, smtp_url=Secret(f"smtp://u:hunter2@127.0.0.1:{port}"), mail_from="a@example.com")
    assert one(diagnose(there, endpoints), "mail").level == "ok"
    listener.close()
    found = diagnose(there, endpoints)
    assert one(found, "mail").level == "fail"
    assert "hunter2" not in str(found)


def test_servers_of_two_machines_are_a_warning(endpoints: Endpoints, tmp_path: Path) -> None:
    half = made(endpoints, tmp_path, redis_url=None)
    assert one(diagnose(half, None), "servers").remedy.startswith("set REDIS_URL")


def test_little_space_is_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "LEAST_FREE_BYTES", 2**80)
    settings = Settings(dewey_home=tmp_path / "not" / "made")
    assert one(diagnose(settings, None), "home").level == "warn"


def test_the_embedded_servers_are_described(database_url: str) -> None:
    with servers.short_directory() as home:
        settings = Settings(dewey_home=home, database_url=Secret(database_url))
        stopped = one(diagnose(settings, None), "redis")
        assert (stopped.level, stopped.message) == ("ok", "embedded, stopped; it starts when something uses it")
        assert not list(home.glob("redis*"))
        endpoints = embedded.attach(settings)
        try:
            findings = diagnose(settings, endpoints)
            killed = embedded.status(home)[0].server_pid
            assert killed is not None
            os.kill(killed, signal.SIGKILL)
            servers.wait_until(lambda: embedded.status(home)[0].restarts == 1, "it is started again")
            servers.wait_until(lambda: embedded.status(home)[0].phase == "ready", "it is ready again")
            again = one(diagnose(settings, endpoints), "redis")
        finally:
            embedded.detach()
        assert again.level == "warn"
        assert again.message.startswith("started again 1 time: Redis ")
        assert "embedded, process" in one(findings, "redis").message
        assert "used by 1 process" in one(findings, "redis").message
        assert one(findings, "redis persistence").level == "ok"
        assert one(findings, "redis eviction").level == "ok"
        servers.wait_until(lambda: embedded.status(home)[0].phase == "stopped", "it stopped")


def test_an_embedded_server_that_failed_is_explained(tmp_path: Path, database_url: str) -> None:
    with servers.short_directory() as home:
        (home / "redis").mkdir()
        (home / "redis" / "appendonly.aof").write_bytes(b"no commands\r\n")
        settings = Settings(dewey_home=home, database_url=Secret(database_url))
        with pytest.raises(StoreUnavailable):
            embedded.attach(settings)
        found = one(diagnose(settings, None), "redis")
        assert found.level == "fail"
        assert str(home / "log" / "redis.log") in found.remedy


def test_a_database_without_pgvector_is_named(settings: Settings, endpoints: Endpoints) -> None:
    connection = psycopg2.connect(endpoints.database_url)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("DROP EXTENSION vector CASCADE")
    connection.close()
    found = one(diagnose(settings, endpoints), "pgvector")
    assert (found.level, found.remedy) == ("fail", "run dewey migrate")


@pytest.mark.parametrize(("text", "numbers"), [("6.2.14", (6, 2, 14)), ("7.2-rc1", (7, 2)), ("18beta1", (18,))])
def test_versions_are_compared_as_numbers(text: str, numbers: tuple[int, ...]) -> None:
    assert doctor._numbers(text) == numbers


def test_impossible_states_that_were_put_right_are_told(redis_url: str, redis_client: "redis.Redis") -> None:
    settings = Settings(redis_url=redis_url, dewey_namespace="told")
    endpoints = Endpoints(redis_url, "postgresql://nobody@127.0.0.1:1/none", None, frozenset())
    assert _books_of(settings, endpoints).level == "ok"
    redis_client.hset("{told}:repairs", mapping={"ghost": 2, "last": "ghost a 1"})
    told = _books_of(settings, endpoints)
    assert (told.level, told.message) == ("warn", "impossible states were found and put right: ghost 2")


def _books_of(settings: Settings, endpoints: Endpoints) -> Finding:
    return next(one for one in diagnose(settings, endpoints) if one.subject == "books")


def test_how_far_history_is_behind_is_said(
    settings: Settings, endpoints: Endpoints, redis_client: "redis.Redis", database_url: str
) -> None:
    broker = Broker(redis_client, settings.dewey_namespace)

    def told() -> Finding:
        return one(diagnose(settings, endpoints), "history")

    assert (told().level, told().message) == ("warn", "nothing was ever recorded")
    recorder = Recorder(broker, connect(database_url))
    recorder.step()
    assert told().level == "ok"
    assert told().message == f"{recorder.name} records, 0 events behind"
    broker.enqueue([NewJob("a", "t", "q", b"{}")])
    key = broker.keys.recording
    redis_client.hset(key, "trouble", "PostgreSQL did not answer")
    assert told().message.startswith("1 events wait, the oldest for ")
    assert told().message.endswith("s: PostgreSQL did not answer")
    redis_client.hset(key, mapping={"trouble": "", "until": 0, "dropped_jobs": 7})
    assert told().message.startswith("nobody records: 1 events wait")
    assert "7 ended jobs went unrecorded" in one(diagnose(settings, endpoints), "history gaps").message
