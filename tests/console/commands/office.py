"""The command line at work: in this process on real stores, and as processes of its own."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from huey.registry import Message

from console.cli import run
from storage.broker.records import NewJob
from storage.broker.requests import Beat, ClaimRequest, Note, Settlement
from storage.servers import launch
from tasks.engine import registry
from tasks.engine.codec import encode
from tasks.samples import huey
from tests.servers import wait_until
from tests.tasks.consumers import environment
from tests.tasks.jobs import Jobs

ROOT = Path(__file__).resolve().parents[3]
DEWEY = (sys.executable, "-m", "console")
HEARING = (
    *(sys.executable, "-I", "-S", "-c"),
    "import os, signal, sys; [signal.signal(one, signal.SIG_DFL) for one in (signal.SIGINT, signal.SIGHUP)]; "
    "os.execv(sys.argv[1], sys.argv[1:])",
)
"""Becomes a command that hears Ctrl-C and a terminal that hangs up, also where the tests run in a shell's background,
which ignores the one, or under ``nohup``, which ignores the other."""
REQUEST = ClaimRequest("host:1", "host:1/Worker-1", 60_000)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command printed, and its exit status."""

    status: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The one JSON document that is all of stdout."""
        return json.loads(self.out)

    @property
    def lines(self) -> list[str]:
        """Stdout, line by line."""
        return self.out.splitlines()


class CommandLine:
    """``dewey`` in this process."""

    def __init__(self, capture: pytest.CaptureFixture[str]) -> None:
        self._capture = capture

    def __call__(self, *words: str | Path) -> Answer:
        self._capture.readouterr()
        status = run([str(word) for word in words])
        out, err = self._capture.readouterr()
        assert "Traceback" not in err
        return Answer(status, out, err)


class Office:
    """Jobs in every state, without a consumer."""

    def __init__(self, jobs: Jobs) -> None:
        self.jobs = jobs
        self.broker = huey.broker
        self.inspector = jobs.inspector

    @property
    def environment(self) -> dict[str, str]:
        """What a process of its own must be told to work on the same jobs."""
        return environment(self.jobs)

    def publish(self) -> None:
        """Tell of the tasks, those of the samples too, as a consumer does."""
        registry.publish(self.broker, huey.task_infos())

    def add(self, job_id: str, queue: str = "default", *, delay_s: float = 0, **kwargs: object) -> str:
        """A job that waits."""
        payload = encode(Message(job_id, "shop.tasks.pack", None, 0, 0, args=(), kwargs=kwargs))
        job = NewJob(job_id, "shop.tasks.pack", queue, payload, delay_ms=round(delay_s * 1000))
        self.broker.enqueue([job])
        return job_id

    def run(self, job_id: str, **end: Any) -> str:
        """Let the job's attempt end at once: dead unless ``end`` says otherwise."""
        claim = self.broker.take(REQUEST, job_id)
        assert claim is not None, f"{job_id} waits"
        failed = {"state": "dead", "outcome": "failed", "error_type": "ValueError", "error": "no such page"}
        self.broker.settle(Settlement(id=job_id, token=claim.token, retries_left=0, **(failed | end)))
        return job_id

    def start(self, job_id: str) -> str:
        """Let the job run; answers the token of its attempt."""
        claim = self.broker.take(REQUEST, job_id)
        assert claim is not None, f"{job_id} waits"
        return claim.token

    def beat(self, consumer_id: str, queues: str = "") -> None:
        """Let a consumer of four workers live for a minute."""
        host, _, pid = consumer_id.partition(":")
        fields = {"host": host, "pid": pid, "workers": "4", "kind": "thread", "queues": queues}
        self.broker.heartbeat(Beat(consumer_id, 60_000, (), fields, pid))

    def log(self, job_id: str, token: str, *messages: str) -> None:
        """Let a running job log something."""
        self.broker.note([Note(job_id, token, lines=tuple(map(self.encoded, messages)))])

    def encoded(self, message: str) -> bytes:
        """A log line, as a worker ships it."""
        return msgspec.json.encode([self.inspector.clock_ms(), 1, "INFO", "shop", message, "shop.tasks.pack", "q"])


# -- processes -------------------------------------------------------------------------------------------------


@dataclass
class Process:
    """A command that runs. Its stdout and stderr are files, so that it never waits for a reader."""

    popen: "subprocess.Popen[bytes]"
    out_path: Path
    err_path: Path

    @property
    def out(self) -> str:
        """What it has printed so far."""
        return self.out_path.read_text("utf-8", "replace")

    @property
    def err(self) -> str:
        """What it has said on stderr so far."""
        return self.err_path.read_text("utf-8", "replace")

    def wait_for(self, text: str, timeout_s: float = 30) -> None:
        """Wait until it has printed a text."""

        def is_there() -> bool:
            return text in self.out or self.popen.poll() is not None

        wait_until(is_there, f"{text!r} on stdout", timeout_s=timeout_s)
        assert text in self.out, f"it ended with {self.popen.returncode}: {self.out}\n{self.err}"

    def end(self, number: signal.Signals | None = None, timeout_s: float = 30) -> Answer:
        """Send a signal, and wait for the end."""
        if number is not None:
            self.popen.send_signal(number)
        status = self.popen.wait(timeout_s)
        assert "Traceback" not in self.out + self.err, self.out + self.err
        return Answer(status, self.out, self.err)


@contextlib.contextmanager
def process(
    words: Sequence[str | Path],
    directory: Path,
    environment: Mapping[str, str] | None = None,
    *,
    identity: launch.Identity | None = None,
) -> Iterator[Process]:
    """A ``dewey`` of its own while in the block; killed at its end if it still runs."""
    command = [*HEARING, *DEWEY, *map(str, words)]
    if identity is not None:
        command = launch.wrapped(command, identity=identity)
    stamp = f"{datetime.now(UTC).timestamp():.6f}"
    paths = directory / f"{stamp}.out", directory / f"{stamp}.err"
    with paths[0].open("wb") as out, paths[1].open("wb") as err:
        popen = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=err, cwd=directory, env=told(environment or {})
        )
    try:
        yield Process(popen, *paths)
    finally:
        popen.kill()
        popen.wait()


def told(environment: Mapping[str, str]) -> dict[str, str]:
    """What a process of its own finds in its environment."""
    return {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "100", **environment}


def once(words: Sequence[str | Path], directory: Path, environment: Mapping[str, str]) -> Answer:
    """What a ``dewey`` of its own answered."""
    with process(words, directory, environment) as running:
        return running.end(timeout_s=60)
