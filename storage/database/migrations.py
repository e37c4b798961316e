"""The schema's history, applied in order: the SQL files in ``migrations/``, kept in step by yoyo.

Each file and the mark that it was applied are one transaction, so a crash leaves a version, never half of
one; an advisory lock that ends with its connection makes two processes that apply at once take turns.
"""

import contextlib
from collections.abc import Iterator

import psycopg2
import psycopg2.errors
import psycopg2.extensions
from yoyo.backends.core.postgresql import PostgresqlBackend
from yoyo.connections import DatabaseURI
from yoyo.exceptions import LockTimeout
from yoyo.migrations import MigrationList, default_migration_table, read_migrations

from storage.database.connection import parameters_of, translated
from storage.errors import StoreRefused, StoreUnavailable

SOURCE = "package:storage.database:migrations"
ADVISORY_LOCK_ID = 0x6465776579
"""Spells "dewey": the lock that a process holds while it migrates."""
LOCK_TIMEOUT_S = 120
OLDEST_VECTOR = (0, 8)
"""The first pgvector whose filtered index scans go on until they have enough rows."""


def apply(url: str, *, through: str | None = None) -> tuple[str, ...]:
    """Brings the schema at an address up to date, in place, and answers the names of what was applied now.

    ``through`` stops after the migration of that name.

    Raises: StoreUnavailable, StoreRefused, SettingsError.
    """
    applied: list[str] = []
    with translated(), _locked(url) as connection:
        _ensure_vector(connection)
        with _backend(url) as backend:
            # Whoever left yoyo's own lock row behind is dead: the living wait for the advisory lock above.
            backend.break_lock()
            with _timeouts_translated():
                waiting = backend.to_apply(read_migrations(SOURCE))
            for migration in waiting:
                with backend.transaction():
                    migration.process_steps(backend, "apply")
                    # Not logged in yoyo's own journal: its row needs a user name and a DNS answer.
                    backend.mark_one(migration, log=False)
                applied.append(migration.id)
                if migration.id == through:
                    break
    return tuple(applied)


def pending(url: str) -> tuple[str, ...]:
    """The names of what `apply` would apply; changes nothing.

    Raises: StoreUnavailable, StoreRefused, SettingsError.
    """
    with translated(), _connection(url) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass(%s) IS NOT NULL", (f'"{default_migration_table}"',))
        known: set[str] = set()
        if cursor.fetchone()[0]:
            cursor.execute(f'SELECT migration_hash FROM "{default_migration_table}"')
            known = {row[0] for row in cursor.fetchall()}
    migrations: MigrationList = read_migrations(SOURCE)
    return tuple(migration.id for migration in migrations if migration.hash not in known)


def _backend(url: str) -> PostgresqlBackend:
    """yoyo on an address as libpq reads it: its own reading misses multiple hosts and quoted names."""
    parameters = parameters_of(url)
    uri = DatabaseURI("postgresql", None, None, None, None, parameters["dbname"], parameters)
    backend = PostgresqlBackend(uri, default_migration_table)
    backend.init_database()
    return backend


@contextlib.contextmanager
def _connection(url: str) -> Iterator[psycopg2.extensions.connection]:
    connection = psycopg2.connect(**parameters_of(url))
    try:
        yield connection
    finally:
        connection.close()


@contextlib.contextmanager
def _locked(url: str) -> Iterator[psycopg2.extensions.connection]:
    """Holds the advisory lock; a transaction's lock, so that a pooler in transaction mode keeps it too."""
    with _connection(url) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT set_config('lock_timeout', %s, true)", (f"{LOCK_TIMEOUT_S}s",))
        try:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", (ADVISORY_LOCK_ID,))
        except psycopg2.errors.LockNotAvailable as error:
            raise StoreUnavailable(
                f"Another process has been migrating the schema for {LOCK_TIMEOUT_S} seconds; "
                "wait for it, or end it (pg_stat_activity, application_name dewey)"
            ) from error
        with _connection(url) as own:
            own.autocommit = True
            yield own


def _ensure_vector(connection: psycopg2.extensions.connection) -> None:
    """Makes sure of the extension: the one thing in the schema that needs rights or packages."""
    with connection.cursor() as cursor:
        try:
            cursor.execute("CREATE EXTENSION IF NOT EXISTS vector")
        except psycopg2.errors.InsufficientPrivilege as error:
            raise StoreRefused(
                "This database user may not create the extension `vector`; "
                "let a superuser run CREATE EXTENSION vector in this database, then migrate again"
            ) from error
        except (psycopg2.errors.UndefinedFile, psycopg2.errors.FeatureNotSupported) as error:
            raise StoreRefused(
                "This PostgreSQL does not have pgvector; install it on the server "
                "(the package is called postgresql-NN-pgvector or pgvector), then migrate again"
            ) from error
        cursor.execute("SELECT extversion FROM pg_extension WHERE extname = 'vector'")
        version = str(cursor.fetchone()[0])
    if tuple(int(part) for part in version.split(".")[:2]) < OLDEST_VECTOR:
        wanted = ".".join(str(part) for part in OLDEST_VECTOR)
        raise StoreRefused(
            f"The extension `vector` is version {version}, and {wanted} or newer is needed; "
            "update pgvector on the server and run ALTER EXTENSION vector UPDATE"
        )


@contextlib.contextmanager
def _timeouts_translated() -> Iterator[None]:
    try:
        yield
    except LockTimeout as error:
        raise StoreUnavailable(f"The schema is locked by another program: {error}") from error
