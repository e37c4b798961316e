"""Fixtures over a migrated PostgreSQL for the verbs of storage."""

import uuid
from collections.abc import Iterator

import psycopg2
import psycopg2.extensions
import pytest

from storage.database.connection import Database, connect
from storage.servers.postgres import PostgresServer


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
