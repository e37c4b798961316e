"""Fixtures over a migrated PostgreSQL and the stores of objects, for the verbs of storage."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import psycopg2.extensions
import pytest

from storage.database.connection import Database, connect
from storage.objects import DirectoryObjects
from storage.s3 import S3Objects
from storage.servers.postgres import PostgresServer
from tests import object_servers


@pytest.fixture
def database(database_url: str) -> Database:
    """A fresh database with every migration applied."""
    return connect(database_url)


@pytest.fixture
def blank_database_url(postgres_server: PostgresServer, empty_database_url: str) -> Iterator[str]:
    """The address of a fresh database with nothing in it, not even an extension; dropped afterwards."""
    name = f"blank_{uuid.uuid4().hex[:12]}"
    server = psycopg2.connect(empty_database_url)
    server.autocommit = True
    cursor = server.cursor()
    try:
        cursor.execute(f'CREATE DATABASE "{name}" TEMPLATE template0')
        yield postgres_server.url_of(name)
        cursor.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    finally:
        server.close()


@pytest.fixture
def other_connection(database_url: str) -> Iterator[psycopg2.extensions.connection]:
    """Another client of the same database, with a transaction of its own."""
    connection = psycopg2.connect(database_url)
    try:
        yield connection
    finally:
        connection.close()


@pytest.fixture(scope="session")
def s3_url() -> Iterator[str]:
    """The address of this run's S3."""
    with object_servers.s3_server() as url:
        yield url


@pytest.fixture
def s3_store(s3_url: str) -> S3Objects:
    """An empty bucket."""
    return object_servers.make_bucket(s3_url, f"test-{uuid.uuid4().hex[:12]}")


@pytest.fixture
def directory_store(tmp_path: Path) -> DirectoryObjects:
    """An empty directory."""
    root = tmp_path / "objects"
    root.mkdir()
    return DirectoryObjects(root)
