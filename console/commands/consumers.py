"""The consumer processes that ``dewey up`` and ``dewey demo`` run, kept alive until they are told to stop."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from msgspec import Struct

from storage.errors import SettingsError
from storage.servers.home import Home
from storage.servers.launch import wrapped
from tasks.resources import Resources

APPLICATION = "tasks.app.huey"
SAMPLES = "tasks.samples.huey"
"""The application's tasks, and beside them those of the demo."""

PAUSES_S = (0.5, 1.0, 2.0, 5.0, 10.0)
"""How long after the start of a replacement the next one may start; the last one stays."""
STEADY_AFTER_S = 60.0
TEND_S = 0.5
LAST_WORDS_BYTES = 4096


class Plan(Struct, frozen=True):
    """How a consumer is started. ``stop_s`` is how long its jobs may take to end when it is told to stop."""

    log_path: Path
    huey: str = APPLICATION
    workers: int = 4
    kind: str = "thread"
    stop_s: float = 30.0

    def command(self) -> list[str]:
        """The command line of Huey's own consumer."""
        options = ["-w", str(self.workers), "-k", self.kind, "-g", "TERM", "-t", f"{self.stop_s:g}"]
        run = "from huey.bin.huey_consumer import consumer_main; consumer_main()"
        return [sys.executable, "-c", run, self.huey, *options, "-l", str(self.log_path)]


def consumer_log(held: Resources) -> Path:
    """The file that consumers write their own log to, a new one when the old has grown large.

    Raises:
        SettingsError: DEWEY_HOME can not hold it.
    """
    home = Home(held.settings.dewey_home)
    path = home.log_path("consumer")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        home.rotate_log("consumer")
        path.open("ab").close()
    except OSError as error:
        raise SettingsError(
            f"DEWEY_HOME={home.path} can not hold the consumers' log ({error.strerror}): "
            "set it to a directory that you can write"
        ) from error
    return path


class Crew:
    """Consumers of one plan; they end with this process, however that ends."""

    def __init__(self, plan: Plan, count: int = 1) -> None:
        self._plan = plan
        self._count = count
        self._running: list[subprocess.Popen[bytes]] = []
        self._deaths = 0
        self._started_at = 0.0
        self._wait_until = 0.0

    def __enter__(self) -> Self:
        for _ in range(self._count):
            self._running.append(self._start())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def pids(self) -> Sequence[int]:
        """The processes that run now."""
        return [one.pid for one in self._running if one.poll() is None]

    def tend(self) -> str:
        """Replace a consumer that died; answers what happened, or ""."""
        for n, one in enumerate(self._running):
            code = one.poll()
            if code is None or time.monotonic() < self._wait_until:
                continue
            if time.monotonic() - self._started_at > STEADY_AFTER_S:
                self._deaths = 0
            pause_s = PAUSES_S[min(self._deaths, len(PAUSES_S) - 1)]
            self._deaths += 1
            self._wait_until = time.monotonic() + pause_s
            said = f", saying: {self._last_words()}" if code > 0 else ""
            self._running[n] = self._start()
            return f"consumer {one.pid} ended ({_cause(code)}{said}); consumer {self._running[n].pid} took its place"
        return ""

    def stop(self, is_urgent: Callable[[], bool] = lambda: False) -> None:
        """Let running jobs end, then end the consumers.

        Those that take too long, or whose end is urgent, are killed; their jobs run again.
        """
        for one in self._running:
            if one.poll() is None:
                one.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + self._plan.stop_s + 5
        while self.pids and time.monotonic() < deadline and not is_urgent():
            time.sleep(0.05)
        for one in self._running:
            if one.poll() is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(one.pid, signal.SIGKILL)
            one.wait()

    def _start(self) -> "subprocess.Popen[bytes]":
        self._started_at = time.monotonic()
        with self._plan.log_path.open("ab") as log:
            # A session of its own: Ctrl-C in the terminal is for us, and we pass it on as a graceful stop.
            return subprocess.Popen(
                wrapped(self._plan.command(), death_signal=signal.SIGTERM),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def _last_words(self) -> str:
        with self._plan.log_path.open("rb") as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - LAST_WORDS_BYTES))
            lines = log.read().decode(errors="replace").split("\n")
        return next((line.strip() for line in reversed(lines) if line.strip()), "nothing")


class Tending(threading.Thread):
    """Tends a crew beside whatever else this process does."""

    def __init__(self, crew: Crew) -> None:
        super().__init__(name="tending", daemon=True)
        self._crew = crew
        self._is_over = threading.Event()

    def run(self) -> None:
        while not self._is_over.wait(TEND_S):
            self._crew.tend()

    def end(self) -> None:
        """Tend no more."""
        self._is_over.set()
        self.join()


def _cause(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit status {code}"
