"""Fixtures over real servers: one Redis and one PostgreSQL per run, a clean database per test."""

import importlib
import importlib.util
import os
import uuid
from collections.abc import Iterator

import psycopg2
import pytest
import redis

from storage.servers.postgres import PostgresServer
from storage.settings import describe
from tests import servers

_TEMPLATE = "template_dewey"


@pytest.fixture(scope="session", autouse=True)
def _nothing_is_set(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test sees the settings of whoever runs it, so none touches their Redis, database, bucket or home."""
    with pytest.MonkeyPatch.context() as patch:
        for setting in describe():
            for name in setting.names:
                patch.delenv(name, raising=False)
                patch.delenv(name.lower(), raising=False)
        patch.setenv("DEWEY_HOME", str(tmp_path_factory.mktemp("home")))
        patch.setenv("AWS_CONFIG_FILE", "/dev/null")
        patch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        yield


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """The address of this run's Redis; shared by its tests, so use `redis_client` or `namespace`."""
    with servers.redis_server() as server:
        yield server.url


@pytest.fixture
def redis_client(redis_url: str) -> Iterator[redis.Redis]:
    """A client of an empty Redis; closed afterwards."""
    client = redis.Redis.from_url(redis_url)
    client.flushall()
    try:
        yield client
    finally:
        client.close()


@pytest.fixture
def namespace() -> str:
    """A prefix of keys that no other test uses."""
    return f"test-{uuid.uuid4().hex[:12]}"


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """This run's PostgreSQL with pgvector."""
    with servers.postgres_server() as server:
        yield server


@pytest.fixture(scope="session")
def empty_database_url(postgres_server: PostgresServer) -> str:
    """The address of the server's own database: for a test that makes its own databases."""
    return postgres_server.url_of("postgres")


@pytest.fixture(scope="session")
def _template(postgres_server: PostgresServer) -> str:
    """A database with every migration applied, to be cloned."""
    _execute(postgres_server, f'CREATE DATABASE "{_TEMPLATE}"')
    _execute(postgres_server, "CREATE EXTENSION IF NOT EXISTS vector", database=_TEMPLATE)
    if importlib.util.find_spec("storage.database.migrations") is not None:
        importlib.import_module("storage.database.migrations").apply(postgres_server.url_of(_TEMPLATE))
    return _TEMPLATE


@pytest.fixture
def database_url(postgres_server: PostgresServer, _template: str) -> Iterator[str]:
    """The address of a fresh database with every migration applied; dropped afterwards."""
    name = f"test_{os.getpid()}_{uuid.uuid4().hex[:12]}"
    _execute(postgres_server, f'CREATE DATABASE "{name}" TEMPLATE "{_template}"')
    try:
        yield postgres_server.url_of(name)
    finally:
        _execute(postgres_server, f'DROP DATABASE "{name}" WITH (FORCE)')


def _execute(server: PostgresServer, statement: str, *, database: str = "postgres") -> None:
    connection = psycopg2.connect(server.url_of(database))
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement)
    finally:
        connection.close()
