"""Start, find and leave the servers that Dewey brings along, for what the settings do not name.

They are ordinary servers with their data in DEWEY_HOME, shared by all processes that use that home. A
process is a user from `attach` until it exits, in whatever way, as are the children it forked; when the
last user has left, they stop. `storage.servers.keeper` tells how.
"""

import contextlib
import logging
import os
import subprocess
import sys
import threading
import time
from datetime import datetime
from pathlib import Path
from typing import Literal

from msgspec import Struct

from storage.errors import SettingsError, StoreUnavailable
from storage.servers import report
from storage.servers.home import NAMES, POSTGRES, REDIS, Home, holders, is_locked, try_lock
from storage.settings import Settings

logger = logging.getLogger(__name__)

OBJECTS = "objects"
_POLL_S = 0.02
_MOST_STARTS = 2
_PASSED_ON = ("PATH", "HOME", "USER", "TMPDIR", "LANG", "LD_LIBRARY_PATH", "PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")


class Endpoints(Struct, frozen=True):
    """Where everything is, for this process. `objects_dir` is None when objects are in a bucket."""

    redis_url: str
    database_url: str
    objects_dir: Path | None
    embedded: frozenset[str]


class ServerStatus(Struct, frozen=True):
    """What is known of one embedded server of a home. `users` are process ids, as far as they can be seen."""

    name: str
    phase: Literal["stopped", "starting", "ready", "failed"]
    url: str
    version: str
    server_pid: int | None
    keeper_pid: int | None
    started_at: datetime | None
    restarts: int
    users: tuple[int, ...]
    error: str
    data_dir: Path
    log_path: Path


# This process's locks, by home and server: while one is open, here or in a forked child, the server is in use.
_held: dict[tuple[Path, str], int] = {}
_guard = threading.RLock()


def _renew_guard() -> None:
    """In a forked child the guard may be held by a thread that does not exist there."""
    global _guard  # noqa: PLW0603 - there is one per process
    _guard = threading.RLock()


os.register_at_fork(after_in_child=_renew_guard)


def attach(settings: Settings, *, timeout_s: float = 60.0) -> Endpoints:
    """Start what is not set, or find it running, and use it from now on; again in one process, it costs little.

    Called again, it also starts anew what has ended although it was in use.

    Raises: SettingsError when DEWEY_HOME can not be used; StoreUnavailable, with the end of the server's log,
        when a server does not start in time.
    """
    home = Home(settings.dewey_home)
    wanted = embedded_parts(settings)
    deadline = time.monotonic() + timeout_s
    if wanted:
        home.prepare()
    if OBJECTS in wanted:
        _make_objects_dir(home)
    names = [name for name in NAMES if name in wanted]
    with _guard:
        taken = [name for name in names if (home.path, name) not in _held]
        try:
            for name in taken:
                _held[home.path, name] = _join(home, name, deadline)
            starts = {name: _start_if_absent(home, name) for name in names}
            urls = {name: _await_ready(home, name, starts[name], deadline) for name in names}
        except BaseException:
            for name in taken:
                _leave(home.path, name)
            raise
    return _endpoints(settings, urls)


def detach() -> None:
    """Stop using every embedded server; forked children go on using them until they exit or do the same."""
    with _guard:
        for path, name in tuple(_held):
            _leave(path, name)


def endpoints_without_starting(settings: Settings) -> Endpoints | None:
    """Where everything is, if all of it runs; None if something would have to be started. Uses nothing."""
    home = Home(settings.dewey_home)
    urls = {}
    for name in set(NAMES) & embedded_parts(settings):
        found = report.read(home.report_path(name)) if is_locked(home.keeper_lock(name)) else None
        if found is None or found.phase != "ready" or not home.server(name).is_ready():
            return None
        urls[name] = found.url
    return _endpoints(settings, urls)


def status(home_path: Path) -> tuple[ServerStatus, ...]:
    """What runs in a home. Starts and changes nothing."""
    return tuple(_status(Home(home_path), name) for name in NAMES)


def _status(home: Home, name: str) -> ServerStatus:
    found = report.read(home.report_path(name))
    is_kept = is_locked(home.keeper_lock(name))
    phase: Literal["stopped", "starting", "ready", "failed"] = "stopped"
    if found is not None and (is_kept or found.phase == "failed"):
        phase = found.phase
    elif is_kept:
        phase = "starting"
    is_up = found is not None and is_kept
    return ServerStatus(
        name=name,
        phase=phase,
        url=found.url if found is not None and is_up else "",
        version=found.version if found is not None else "",
        server_pid=found.server_pid if found is not None and is_up else None,
        keeper_pid=found.keeper_pid if found is not None and is_up else None,
        started_at=found.started_at if found is not None and is_up else None,
        restarts=found.restarts if found is not None and is_up else 0,
        users=holders(home.users_lock(name)) if is_kept else (),
        error=found.error if found is not None else "",
        data_dir=home.path / name,
        log_path=home.log_path(name),
    )


def embedded_parts(settings: Settings) -> frozenset[str]:
    """Which of redis, postgres and objects the settings do not name, so that Dewey brings them."""
    named = {REDIS: settings.redis_url, POSTGRES: settings.database_url, OBJECTS: settings.s3_bucket}
    return frozenset(name for name, value in named.items() if value is None)


def _endpoints(settings: Settings, urls: dict[str, str]) -> Endpoints:
    database_url = settings.database_url.reveal() if settings.database_url is not None else None
    return Endpoints(
        redis_url=settings.redis_url or urls[REDIS],
        database_url=database_url or urls[POSTGRES],
        objects_dir=Home(settings.dewey_home).objects_dir if settings.s3_bucket is None else None,
        embedded=embedded_parts(settings),
    )


def _make_objects_dir(home: Home) -> None:
    try:
        home.objects_dir.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise SettingsError(
            f"DEWEY_HOME={home.path} can not keep objects ({error.strerror}): "
            "set it to a directory that you can write, or set S3_BUCKET"
        ) from error


def _join(home: Home, name: str, deadline: float) -> int:
    """Become a user of a server; waits while one that had no users left is stopping."""
    while True:
        try:
            lock = try_lock(home.users_lock(name), shared=True)
        except OSError as error:
            raise SettingsError(
                f"DEWEY_HOME={home.path} can not hold locks ({error.strerror}): set it to a local directory"
            ) from error
        if lock is not None:
            return lock
        if time.monotonic() > deadline:
            raise StoreUnavailable(f"the {name} of {home.path} does not end:\n{home.log_tail(name)}")
        time.sleep(_POLL_S)


def _leave(path: Path, name: str) -> None:
    """Closed, not unlocked: unlocking would take it from the forked children too."""
    lock = _held.pop((path, name), None)
    if lock is not None:
        with contextlib.suppress(OSError):
            os.close(lock)


def _start_if_absent(home: Home, name: str) -> int:
    """Start a keeper unless there is one: how many were started. Its lock passes from here to it without a gap."""
    lock = try_lock(home.keeper_lock(name))
    if lock is None:
        return 0
    try:
        home.report_path(name).unlink(missing_ok=True)
        home.rotate_log(name)
        with home.log_path(name).open("ab") as log:
            subprocess.run(
                [sys.executable, "-P", "-m", "storage.servers.keeper", name, str(home.path)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=(lock,),
                env=_environment(),
                timeout=30,
                check=True,
            )
    except (OSError, subprocess.SubprocessError) as error:
        raise StoreUnavailable(f"the keeper of {name} can not be started: {error}\n{home.log_tail(name)}") from error
    finally:
        os.close(lock)
    return 1


def _environment() -> dict[str, str]:
    """What a keeper needs of this process's environment: it outlives this process, so no secrets."""
    here = str(Path(__file__).resolve().parent.parent)
    kept = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    return kept | {"PYTHONPATH": os.pathsep.join(filter(None, (here, kept.get("PYTHONPATH"))))}


def _await_ready(home: Home, name: str, starts: int, deadline: float) -> str:
    """The address of a server, once it answers. A keeper of somebody else's that fails is followed by our own."""
    while True:
        found = report.read(home.report_path(name))
        if found is not None and found.phase == "ready" and home.server(name).is_ready():
            return found.url
        if not is_locked(home.keeper_lock(name)):
            if starts >= 1 and found is not None and found.phase == "failed":
                raise StoreUnavailable(_failure(home, name, found.error))
            if starts >= _MOST_STARTS:
                raise StoreUnavailable(_failure(home, name, "its keeper ended"))
            starts += _start_if_absent(home, name)
        if time.monotonic() > deadline:
            raise StoreUnavailable(_failure(home, name, "it does not answer in time"))
        time.sleep(_POLL_S)


def _failure(home: Home, name: str, reason: str) -> str:
    setting = {REDIS: "REDIS_URL", POSTGRES: "DATABASE_URL"}[name]
    return (
        f"the embedded {name} of {home.path} did not start: {reason}\n"
        f"The end of {home.log_path(name)}:\n{home.log_tail(name)}\n"
        f"Mend that, or set {setting} to a server of your own."
    )
