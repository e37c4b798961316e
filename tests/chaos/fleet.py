"""Consumers as real processes, in numbers, to be killed: each in a session of its own, all ended with the storm."""

import contextlib
import os
import random
import signal
import subprocess
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

CONSUMER = "from huey.bin.huey_consumer import consumer_main; consumer_main()"


@dataclass(slots=True)
class Fleet:
    """``size`` consumers of one application, replaced as they die. ``kind`` is their workers', or "mixed": by turns."""

    huey: str
    kind: str
    size: int
    workers: int
    log_path: Path
    environment: Mapping[str, str]
    running: list["subprocess.Popen[bytes]"] = field(default_factory=list)
    kills: int = 0
    options: tuple[str, ...] = ()
    started: list["subprocess.Popen[bytes]"] = field(default_factory=list)

    def __enter__(self) -> Self:
        self.replace()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for one in self.started:  # also those that are gone: their process workers may have outlived them
            self._end(one)

    def replace(self) -> None:
        """Start as many consumers as are missing."""
        self.running = [one for one in self.running if one.poll() is None]
        while len(self.running) < self.size:
            self.running.append(self.start())

    def start(self, before: Sequence[str] = (), **extra: str) -> "subprocess.Popen[bytes]":
        """One more consumer, with something more in its environment, by a command that comes ``before`` its own."""
        kind = ("thread", "process")[len(self.started) % 2] if self.kind == "mixed" else self.kind
        command = [
            *before,
            sys.executable,
            "-c",
            CONSUMER,
            self.huey,
            "-w",
            str(self.workers),
            "-k",
            kind,
            "-g",
            "TERM",
        ]
        with self.log_path.open("ab") as log:
            process = subprocess.Popen(
                [*command, "-q", "-d", "0.05", *self.options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env={**os.environ, **self.environment, **extra},
            )
        self.started.append(process)
        return process

    def kill_one(self, chance: random.Random, busy: Collection[int] | None = None) -> bool:
        """SIGKILL a consumer, or one process worker of it, chosen by chance among those that have worked in one of the
        processes ``busy`` (None: among all). False when there is none."""
        living = [one for one in self.running if one.poll() is None]
        families = [(one.pid, *_children(one.pid)) for one in living]
        families = [one for one in families if busy is None or not set(busy).isdisjoint(one)]
        if not families:
            return False
        family = chance.choice(families)
        pid = family[0] if self.kind == "thread" else chance.choice(family)
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
            self.kills += 1
        return True

    def _end(self, one: "subprocess.Popen[bytes]") -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(one.pid, signal.SIGKILL)
        one.wait()


def _children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()]
    except OSError:
        return []
