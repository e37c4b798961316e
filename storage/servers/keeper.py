"""The keeper of one server: its parent for as long as anybody uses it.

``python -m storage.servers.keeper NAME HOME`` inherits the keeper's lock and leaves the terminal it was started
from, so that Ctrl-C there does not reach the server. It starts the server again when that dies, stops it when
the last user has left, and then ends.

Three locks of the kernel say who is there; none of them can go stale, since each goes with its holders:
users (shared, by everyone who attached and their forks), keeper (by this process), server (by the server
and its children). A keeper that was killed takes the server with it; until the last child of that has
gone, the next keeper waits, and ends what does not go.
"""

import contextlib
import logging
import os
import select
import signal
import socket
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from msgspec import Struct

from storage.errors import StorageError, StoreUnavailable
from storage.servers import launch
from storage.servers.home import Home, holders, make_private, try_lock
from storage.servers.report import Phase, Report

logger = logging.getLogger(__name__)

_POLL_S = 0.2
_FIRST_PAUSE_S = 0.05
_LONGEST_PAUSE_S = 2.0


class Patience(Struct, frozen=True):
    """How much a keeper puts up with. A life of `short_life_s` or longer is not one of a server that can not live."""

    ready_s: float = 120.0
    leftovers_s: float = 10.0
    short_life_s: float = 5.0
    most_short_lives: int = 10


PATIENCE = Patience()


class Keeper:
    """Keeps one server of one home running while it has users."""

    def __init__(self, home: Home, name: str, patience: Patience = PATIENCE) -> None:
        self._home = home
        self._name = name
        self._patience = patience
        self._server = home.server(name)
        self._process: subprocess.Popen[bytes] | None = None
        self._users_lock: int | None = None
        self._told_to_stop = False
        self._has_answered = False
        self._restarts = 0
        self._started_at = datetime.now(UTC)
        self._version = ""
        self._wakened, self._waker = socket.socketpair()

    def run(self) -> None:
        """Return when the server is no longer needed and has stopped.

        Raises: StorageError when it can not be started, or does not stay.
        """
        self._listen_for_signals()
        try:
            self._report("starting")
            self._version = self._server.version()
            self._keep()
        except StorageError as error:
            self._stop()
            self._report("failed", str(error))
            raise
        finally:
            self._stop()

    def forget(self) -> None:
        """Remove what says that the server runs; after a good end only, for a failure is to be read."""
        self._home.report_path(self._name).unlink(missing_ok=True)
        if self._server.run_dir != self._home.locks_dir:
            with contextlib.suppress(OSError):
                for directory in (self._server.run_dir / "pg", self._server.run_dir):
                    if directory.exists():
                        directory.rmdir()

    def _keep(self) -> None:
        """Start the server, and again each time it dies, at once; more slowly while it dies young."""
        short_lives = 0
        began = time.monotonic()
        while self._dies_in_use():
            short_lives = short_lives + 1 if time.monotonic() - began < self._patience.short_life_s else 0
            if short_lives > self._patience.most_short_lives:
                raise StoreUnavailable(f"{self._name} ended {short_lives} times right after its start")
            if short_lives > 1:
                self._nap(min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2**short_lives))
            self._restarts += 1
            began = time.monotonic()

    def _dies_in_use(self) -> bool:
        """One life of the server: True when it died and is still needed, False when it is no longer needed.

        Raises: StorageError when it has never answered: then it is not a death, but something to mend.
        """
        try:
            if not self._start():
                return False
        except StoreUnavailable as error:
            if not self._has_answered:
                raise
            logger.warning("%s", error)
            self._stop()
            return True
        while not self._is_unused():
            if self._has_died():
                logger.warning("%s ended with %s and is started again", self._name, self._exit_code())
                return True
            self._nap(_POLL_S)
        return False

    def _start(self) -> bool:
        """Start the server and wait until it answers. False when its last user left meanwhile."""
        self._report("starting")
        lock = self._lock_server()
        try:
            make_private(self._server.run_dir)
            self._server.prepare()
            command = launch.wrapped(
                self._server.command(),
                identity=self._server.identity,
                death_signal=self._server.stop_signals[0][0],
            )
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, cwd="/", pass_fds=(lock,), start_new_session=True
            )
        except OSError as error:
            raise StoreUnavailable(f"{self._name} can not be started: {error}") from error
        finally:
            os.close(lock)
        if not self._wait_ready():
            return False
        self._server.complete()
        self._has_answered = True
        self._report("ready")
        logger.info("%s is ready, process %s", self._name, self._process.pid)
        return True

    def _wait_ready(self) -> bool:
        deadline = time.monotonic() + self._patience.ready_s
        while not self._server.is_ready():
            if self._has_died():
                raise StoreUnavailable(f"{self._name} ended while it started")
            if time.monotonic() > deadline:
                raise StoreUnavailable(f"{self._name} did not answer within {self._patience.ready_s:.0f} s")
            if self._is_unused():
                return False
            self._nap(0.02)
        return True

    def _is_unused(self) -> bool:
        """Whether nobody uses the server; from then on nobody can, until this process has ended."""
        if self._told_to_stop:
            return True
        if self._users_lock is None:
            self._users_lock = try_lock(self._home.users_lock(self._name))
        return self._users_lock is not None

    def _has_died(self) -> bool:
        return self._process is None or self._process.poll() is not None

    def _exit_code(self) -> int | None:
        return self._process.returncode if self._process is not None else None

    def _lock_server(self) -> int:
        """The server's lock: got when no process of an earlier server is left."""
        path = self._home.server_lock(self._name)
        deadline = time.monotonic() + self._patience.leftovers_s
        while True:
            lock = try_lock(path)
            if lock is not None:
                return lock
            if time.monotonic() > deadline:
                left = [pid for pid in holders(path) if pid != os.getpid()]
                if not left:
                    raise StoreUnavailable(f"an earlier {self._name} still runs: end the process that holds {path}")
                logger.warning("ending what is left of an earlier %s: processes %s", self._name, left)
                for pid in left:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
                deadline = time.monotonic() + self._patience.leftovers_s
            self._nap(0.02)

    def _stop(self) -> None:
        """Stop the server, more and more firmly."""
        process = self._process
        if process is None or process.poll() is not None:
            return
        for number, patience_s in self._server.stop_signals:
            process.send_signal(number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=patience_s)
                logger.info("%s stopped with %s", self._name, process.returncode)
                return
        logger.error("%s, process %s, can not be stopped", self._name, process.pid)

    def _report(self, phase: Phase, error: str = "") -> None:
        Report(
            phase=phase,
            url=self._server.url,
            version=self._version,
            keeper_pid=os.getpid(),
            server_pid=self._process.pid if self._process is not None and not self._has_died() else None,
            started_at=self._started_at,
            restarts=self._restarts,
            error=error,
        ).write(self._home.report_path(self._name))

    def _listen_for_signals(self) -> None:
        """SIGTERM stops; what a terminal sends does not; the death of the server ends a nap."""
        self._wakened.setblocking(False)
        self._waker.setblocking(False)
        signal.set_wakeup_fd(self._waker.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGTERM, self._note_stop)
        # Handled, not ignored: what is ignored would be so in the server too.
        for number in (signal.SIGCHLD, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
            signal.signal(number, lambda _number, _frame: None)

    def _note_stop(self, _number: int, _frame: object) -> None:
        self._told_to_stop = True

    def _nap(self, duration_s: float) -> None:
        """Sleep until a signal comes."""
        if select.select([self._wakened], [], [], duration_s)[0]:
            with contextlib.suppress(BlockingIOError):
                self._wakened.recv(4096)


def _main() -> None:
    name, home = sys.argv[1], Home(Path(sys.argv[2]))
    # The starter waits for the first process only; the second belongs to nobody and to no terminal.
    if os.fork():
        os._exit(0)
    os.setsid()
    os.chdir("/")
    os.umask(0o077)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s keeper: %(message)s")
    keeper = Keeper(home, name)
    try:
        keeper.run()
    except StorageError as error:
        sys.exit(f"keeper: {error}")
    keeper.forget()


if __name__ == "__main__":
    _main()
