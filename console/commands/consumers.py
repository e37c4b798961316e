"""The consumer processes that ``dewey up`` and ``dewey demo`` run, kept alive until they are told to stop."""

import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from storage.servers.launch import wrapped

PAUSES_S = (0.5, 1.0, 2.0, 5.0, 10.0)
"""How long a consumer that died is left alone before its next start; the last one stays."""
STEADY_AFTER_S = 60.0


@dataclass(frozen=True, slots=True)
class Plan:
    """How a consumer is started. ``stop_s`` is how long its jobs may take to end when it is told to stop."""

    huey: str = "tasks.app.huey"
    workers: int = 4
    kind: str = "thread"
    stop_s: float = 30.0
    log_path: Path | None = None

    def command(self) -> list[str]:
        """The command line of Huey's own consumer."""
        options = ["-w", str(self.workers), "-k", self.kind, "-g", "TERM", "-t", f"{self.stop_s:g}"]
        if self.log_path is not None:
            options += ["-l", str(self.log_path)]
        run = "from huey.bin.huey_consumer import consumer_main; consumer_main()"
        return [sys.executable, "-c", run, self.huey, *options]


class Crew:
    """Consumers of one plan; it ends with this process, however that ends."""

    def __init__(self, plan: Plan, count: int = 1) -> None:
        self._plan = plan
        self._count = count
        self._running: list[subprocess.Popen[bytes]] = []
        self._deaths = 0
        self._started_at = 0.0
        self._wait_until = 0.0

    def __enter__(self) -> Self:
        self._running = [self._start() for _ in range(self._count)]
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
            self._running[n] = self._start()
            return f"consumer {one.pid} ended ({_cause(code)}); consumer {self._running[n].pid} took its place"
        return ""

    def stop(self) -> None:
        """Let running jobs end, then end the consumers; those that do not are killed, and their jobs run again."""
        for one in self._running:
            if one.poll() is None:
                one.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + self._plan.stop_s + 5
        for one in self._running:
            try:
                one.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                one.kill()
                one.wait()

    def _start(self) -> "subprocess.Popen[bytes]":
        self._started_at = time.monotonic()
        quiet = subprocess.DEVNULL if self._plan.log_path is None else None
        target = quiet
        if self._plan.log_path is not None:
            with self._plan.log_path.open("ab") as log:
                return self._spawn(log.fileno())
        return self._spawn(target)

    def _spawn(self, output: int | None) -> "subprocess.Popen[bytes]":
        # A session of its own: Ctrl-C in the terminal is for us, and we pass it on as a graceful stop.
        return subprocess.Popen(
            wrapped(self._plan.command(), death_signal=signal.SIGTERM),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )


def _cause(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit status {code}"
