"""How PostgreSQL is reached: one connection per unit of work, never shared between threads or processes.

A connection that the server has closed poisons nothing, since the next unit of work opens its own; a
forked child never touches its parent's socket. What the driver raises is translated here, and only here.
"""

import contextlib
import logging
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import psycopg2
import psycopg2.extensions
from msgspec import Struct
from peewee import BaseQuery, PeeweeException, PostgresqlDatabase

from storage.errors import (
    Conflict,
    DataRefused,
    SchemaRefused,
    SettingsError,
    StorageError,
    StoreRefused,
    StoreUnavailable,
)

logger = logging.getLogger(__name__)

Parameters = Sequence[object] | Mapping[str, object]
"""What a statement's %s, or %(name)s, stand for."""

DEFAULT_PARAMETERS: Mapping[str, str | int] = {
    "application_name": "dewey",
    "connect_timeout": 10,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}
"""libpq's words: a peer that vanished is noticed within about a minute. An address may overrule each."""

# https://www.postgresql.org/docs/current/errcodes-appendix.html
TRANSIENT_CLASSES = ("08", "40", "53", "57", "58")
"""Connection, rollback (serialisation, deadlock), resources, operator intervention, system error."""
TRANSIENT_CODES = ("25006", "55P03")
"""A read-only server (a failover is under way) and a lock that was not free in time."""
UNIQUE_VIOLATION = "23505"
DATA_CLASSES = ("22", "54")
"""A value that is none of its type, or that is beyond a limit of the program."""
SCHEMA_CODES = ("3F000", "42703", "42P01", "42704", "42883")
"""Schema, column, table, object or function is not there."""
MIGRATIONS_TABLE = "_yoyo_migration"
"""Where yoyo keeps which migrations were applied: there from the first one on."""
NOT_SET_UP = "Nothing has been set up in this database yet: run `dewey up`, or `dewey migrate` for its tables alone"
REFUSED_AT_THE_DOOR = (
    "authentication failed",
    "no pg_hba.conf entry",
    "does not exist",
    "no password supplied",
)
"""A failed connection carries no code, only the server's words."""


class Session(Struct, frozen=True):
    """A connection while a unit of work has it; of one thread of one process."""

    pid: int
    database: PostgresqlDatabase

    def rows(self, sql: str, parameters: Parameters = ()) -> list[tuple[Any, ...]]:
        """Every row that a statement answers."""
        return list(self._cursor(sql, parameters).fetchall())

    def run(self, sql: str, parameters: Parameters = ()) -> int:
        """How many rows a statement touched."""
        return int(self._cursor(sql, parameters).rowcount)

    def records(self, query: BaseQuery) -> list[dict[str, Any]]:
        """Every row that a peewee query answers, by column name."""
        return list(query.dicts().execute(self.database))

    def copy_in(self, sql: str, parts: Iterable[bytes]) -> None:
        """Send parts to a COPY ... FROM STDIN statement; PostgreSQL works on what was sent while the next is made.

        Raises: what fails while a part is made; then nothing is copied.
        """
        source = _Source(parts)
        cursor: psycopg2.extensions.cursor = self.database.cursor()  # type: ignore[no-untyped-call]  # so in peewee
        with cursor:
            try:
                cursor.copy_expert(sql, source)
            except psycopg2.Error:
                if source.failure is not None:  # the driver has made words of it
                    raise source.failure from None
                raise

    def _cursor(self, sql: str, parameters: Parameters) -> psycopg2.extensions.cursor:
        execute: Callable[..., psycopg2.extensions.cursor] = self.database.execute_sql
        return execute(sql, parameters)


class _Source:
    """Parts as a file that the driver reads from."""

    def __init__(self, parts: Iterable[bytes]) -> None:
        self._parts = iter(parts)
        self.failure: BaseException | None = None

    def read(self, _size: int) -> bytes:
        """Return the next part, of any size, and nothing when there are no more."""
        try:
            return next(filter(None, self._parts), b"")
        except BaseException as failure:  # a timeout of the job too
            self.failure = failure
            raise


class Database:
    """The way to one PostgreSQL database; it holds no connection, so threads and forks may share it."""

    def __init__(self, parameters: Mapping[str, str | int]) -> None:
        self._parameters = dict(parameters)
        self._local = threading.local()

    @property
    def database_name(self) -> str:
        """The name of the database on its server."""
        return str(self._parameters["dbname"])

    @property
    def host(self) -> str:
        """The server's host name, or the directory of its unix socket."""
        return str(self._parameters.get("host", "localhost"))

    @contextlib.contextmanager
    def session(self) -> Iterator[Session]:
        """A connection for one unit of work, in autocommit; within another session, that one's connection.

        Raises: StoreUnavailable, StoreRefused.
        """
        held: Session | None = getattr(self._local, "held", None)
        if held is not None and held.pid == os.getpid():
            with translated():
                yield held
            return
        try:
            with translated(), self._opened() as session:
                yield session
        except SchemaRefused as error:
            if self._was_set_up():
                raise
            raise SchemaRefused(NOT_SET_UP) from error

    def _was_set_up(self) -> bool:
        """Whether any migration was ever begun here; also when that can not be asked."""
        try:
            with contextlib.closing(psycopg2.connect(**self._parameters)) as connection, connection.cursor() as cursor:
                cursor.execute("SELECT to_regclass(%s) IS NOT NULL", (f'"{MIGRATIONS_TABLE}"',))
                return bool(cursor.fetchone()[0])
        except psycopg2.Error as error:
            logger.debug("The table of migrations could not be looked for: %s", error)
            return True

    @contextlib.contextmanager
    def transaction(self) -> Iterator[Session]:
        """A session of which all is written or nothing; within another transaction, a savepoint of that."""
        with self.session() as session, translated(), session.database.atomic():
            yield session

    @contextlib.contextmanager
    def _opened(self) -> Iterator[Session]:
        options: dict[str, Any] = {key: value for key, value in self._parameters.items() if key != "dbname"}
        database = PostgresqlDatabase(self.database_name, thread_safe=False, autoconnect=False, **options)
        database.connect()
        held = Session(os.getpid(), database)
        self._local.held = held
        try:
            yield held
        finally:
            self._local.held = None
            # A child that was forked inside the session must leave the parent's socket alone.
            if held.pid == os.getpid():
                _close_quietly(database)


def connect(url: str) -> Database:
    """The database at a postgres:// or postgresql:// address, a unix socket's included. Opens nothing yet.

    Raises: SettingsError.
    """
    return Database(parameters_of(url))


def parameters_of(url: str) -> dict[str, str | int]:
    """What libpq reads from an address, over our defaults.

    Raises: SettingsError, without the address, since that may hold a password.
    """
    try:
        given = psycopg2.extensions.parse_dsn(url)
    except (psycopg2.ProgrammingError, UnicodeEncodeError):
        raise SettingsError(
            "DATABASE_URL is not an address that PostgreSQL's library can read; "
            "expected postgresql://user:password@host:5432/database"
        ) from None
    parameters = {**DEFAULT_PARAMETERS, **given}
    parameters.setdefault("dbname", given.get("user", "postgres"))
    return parameters


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """Turns the errors of peewee and psycopg2 into those of storage.errors."""
    try:
        yield
    except (PeeweeException, psycopg2.Error) as error:
        raise translation(error) from error


def translation(error: PeeweeException | psycopg2.Error) -> StorageError:
    """The error of storage.errors that says the same; never with the values of a row in it."""
    original = getattr(error, "orig", error)
    code = getattr(original, "pgcode", None) or ""
    primary = getattr(getattr(original, "diag", None), "message_primary", None)
    words = " ".join(str(primary or original).split())
    if code[:2] in TRANSIENT_CLASSES or code in TRANSIENT_CODES:
        return StoreUnavailable(f"PostgreSQL could not do this now: {words}")
    if code == UNIQUE_VIOLATION:
        constraint = getattr(getattr(original, "diag", None), "constraint_name", None) or ""
        return Conflict(f"PostgreSQL has a row like this already: {words}", constraint)
    if code[:2] in DATA_CLASSES:
        return DataRefused(f"PostgreSQL can not keep this ({code}): {words}")
    if code:
        told = f"The schema is older or newer than this program: {words}; run `dewey migrate`"
        refused = StoreRefused(f"PostgreSQL refused ({code}): {words}")
        return SchemaRefused(told) if code in SCHEMA_CODES else refused
    if any(words_of_refusal in words for words_of_refusal in REFUSED_AT_THE_DOOR):
        return StoreRefused(f"PostgreSQL refused the connection: {words}; check DATABASE_URL")
    return StoreUnavailable(f"PostgreSQL did not answer: {words or type(original).__name__}")


def _close_quietly(database: PostgresqlDatabase) -> None:
    """Closes what may be dead already, so that its death does not hide the error that is on its way."""
    try:
        database.close()
    except PeeweeException as error:
        logger.debug("Closing a connection failed: %s", error)
