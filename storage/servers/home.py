"""The places of one DEWEY_HOME: data, logs, locks and sockets. Everything in it is private to its user."""

import fcntl
import os
import re
import stat
from pathlib import Path

from msgspec import Struct

from storage.errors import SettingsError, StoreUnavailable
from storage.servers.postgres import PostgresServer
from storage.servers.redis import RedisServer

REDIS = RedisServer.name
POSTGRES = PostgresServer.name
NAMES = (REDIS, POSTGRES)
Server = RedisServer | PostgresServer

# sockaddr_un holds 104 bytes on some systems; the longest name under a run directory is pg/.s.PGSQL.5432.lock
_LONGEST_RUN_DIR = 80
# Socket directories are written into lists and addresses: these characters mean nothing there.
_PLAIN = re.compile(r"[A-Za-z0-9/._+-]+")
_LARGEST_LOG_BYTES = 5 * 2**20


class Home(Struct, frozen=True):
    """One DEWEY_HOME."""

    path: Path

    @property
    def locks_dir(self) -> Path:
        return self.path / "run"

    @property
    def objects_dir(self) -> Path:
        return self.path / "objects"

    def users_lock(self, name: str) -> Path:
        """Held shared by everyone who uses the server, for as long as they live."""
        return self.locks_dir / f"{name}.users.lock"

    def keeper_lock(self, name: str) -> Path:
        """Held by the keeper of the server."""
        return self.locks_dir / f"{name}.keeper.lock"

    def server_lock(self, name: str) -> Path:
        """Held by the server and all of its children, through a descriptor that they inherit."""
        return self.locks_dir / f"{name}.server.lock"

    def report_path(self, name: str) -> Path:
        """What the keeper last said of the server."""
        return self.locks_dir / f"{name}.json"

    def log_path(self, name: str) -> Path:
        return self.path / "log" / f"{name}.log"

    def server(self, name: str) -> Server:
        """The server of that name in this home."""
        if name == REDIS:
            return RedisServer(data_dir=self.path / name, run_dir=self._run_dir(name))
        return PostgresServer(data_dir=self.path / name, run_dir=self._run_dir(name))

    def prepare(self) -> None:
        """Make the directories that every server needs.

        Raises: SettingsError when this user may not write here, or another user keeps this home.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
            for directory in (self.locks_dir, self.path / "log"):
                directory.mkdir(exist_ok=True, mode=0o700)
        except OSError as error:
            raise SettingsError(
                f"DEWEY_HOME={self.path} can not be used ({error.strerror}): set it to a directory that you can write"
            ) from error
        owner = self.locks_dir.stat().st_uid
        if owner != os.geteuid():
            raise SettingsError(
                f"DEWEY_HOME={self.path} is kept by user {owner}, and this is user {os.geteuid()}: "
                "run dewey as that user, or set DEWEY_HOME to a directory of your own"
            )
        if not os.access(self.locks_dir, os.W_OK | os.X_OK):
            raise SettingsError(f"DEWEY_HOME={self.path} can not be written: set it to a directory that you can write")

    def rotate_log(self, name: str) -> None:
        """Begin a new log when the old one has grown large; one old one is kept."""
        path = self.log_path(name)
        if path.exists() and path.stat().st_size > _LARGEST_LOG_BYTES:
            path.replace(path.with_suffix(".log.1"))

    def log_tail(self, name: str, lines: int = 15) -> str:
        """The last lines of the server's log."""
        path = self.log_path(name)
        if not path.exists():
            return ""
        with path.open("rb") as log:
            log.seek(max(0, path.stat().st_size - 8192))
            return "\n".join(log.read().decode(errors="replace").splitlines()[-lines:])

    def _run_dir(self, name: str) -> Path:
        """Where the sockets are: in the home, or in a short private directory when its path is too long."""
        if len(os.fsencode(self.locks_dir)) <= _LONGEST_RUN_DIR and _PLAIN.fullmatch(str(self.locks_dir)):
            return self.locks_dir
        import hashlib  # noqa: PLC0415 - slow, and most paths are short
        import tempfile  # noqa: PLC0415 - as above

        digest = hashlib.sha256(os.fsencode(self.path.resolve())).hexdigest()[:16]
        short = f"dewey-{os.geteuid()}-{digest}-{name}"
        temporary = Path(tempfile.gettempdir()) / short
        return temporary if len(os.fsencode(temporary)) <= _LONGEST_RUN_DIR else Path("/tmp") / short


def make_private(directory: Path) -> None:
    """Make a directory that only this user can enter; in a shared place somebody may have been there before.

    Raises: StoreUnavailable when it is not ours.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = directory.lstat()
    is_ours = stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid()
    if not is_ours or stat.S_IMODE(found.st_mode) & 0o077:
        raise StoreUnavailable(
            f"{directory} is not a private directory of user {os.geteuid()}: remove it, "
            "or set DEWEY_HOME to a shorter path"
        )


def try_lock(path: Path, *, shared: bool = False) -> int | None:
    """A descriptor that holds the lock of a file until it and its inherited copies are closed; None if taken."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def is_locked(path: Path) -> bool:
    """Whether somebody holds the lock of a file."""
    if not path.exists():
        return False
    descriptor = try_lock(path)
    if descriptor is None:
        return True
    os.close(descriptor)
    return False


def holders(path: Path) -> tuple[int, ...]:
    """The processes that have a file open, as far as this user may see; on Linux only, elsewhere none."""
    try:
        wanted = path.stat()
    except FileNotFoundError:
        return ()
    return tuple(
        sorted(
            int(process.name)
            for process in Path("/proc").glob("[0-9]*")
            if _has_open(process / "fd", (wanted.st_dev, wanted.st_ino))
        )
    )


def _has_open(descriptors: Path, wanted: tuple[int, int]) -> bool:
    try:
        for descriptor in descriptors.iterdir():
            try:
                found = descriptor.stat()
            except OSError:
                continue
            if (found.st_dev, found.st_ino) == wanted:
                return True
    except OSError:
        return False
    return False
