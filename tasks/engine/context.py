"""The job that this thread runs: what a task may ask of it, and say about itself.

from tasks.engine.context import current_job, progress

@huey.task()
def report(month):
    progress(3, 12, "pages")
    current_job().id          # also the idempotency key of everything this job does
"""

import threading
from collections import deque
from dataclasses import dataclass, field
from time import time
from typing import Any

import msgspec

from storage.redaction import Redactor

NOTE_CHARS = 200
PLAIN = Redactor()
"""Knows the usual secrets."""
LINES_WAITING = 5_000
"""Most log lines of one job that wait for Redis; more are dropped and counted."""


@dataclass(slots=True)
class RunningJob:
    """One attempt while it runs. Its log and progress wait here until the shipper or the settlement takes them."""

    id: str
    task: str
    queue: str
    attempt: int
    token: str
    lost: bool = False
    redactor: Redactor = PLAIN
    task_called: Any = None
    _secrets: tuple[str, ...] | None = None
    _lines: deque[bytes] = field(default_factory=deque)
    _progress: bytes = b""
    _dropped: int = 0
    _told: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)
    shipping: threading.Lock = field(default_factory=threading.Lock)
    """Held while lines are on their way to Redis: the settlement, which ends the right to write, goes after them."""

    @property
    def idempotency_key(self) -> str:
        """The same in every attempt of this job: what a service that deduplicates wants to be given."""
        return self.id

    def redacted(self, text: str) -> str:
        """A text that this job says, without secrets: those that show, and those that its own arguments name so."""
        if self._secrets is None:
            self._secrets = self.redactor.secrets_of(_arguments(self.task_called))
        return self.redactor.redact_text(text, self._secrets)

    def say_progress(self, done: int, total: int = 0, note: str = "") -> None:
        """Say how far the job is. Only the latest word is kept; ``total`` 0 means unknown."""
        said = self.redacted(str(note)[:NOTE_CHARS]).encode("utf-8", "backslashreplace").decode("utf-8")
        word = {"done": int(done), "total": int(total), "note": said, "at": int(time() * 1000)}
        self._progress = msgspec.json.encode(word)

    def add_line(self, line: bytes) -> None:
        """Keep one encoded log line until it is shipped; never blocks on Redis."""
        with self._lock:
            if len(self._lines) >= LINES_WAITING:
                self._dropped += 1
            else:
                self._lines.append(line)

    def take(self) -> tuple[tuple[bytes, ...], bytes]:
        """All that waits: log lines and the latest progress (empty when there is no news)."""
        with self._lock:
            lines = tuple(self._lines)
            self._lines.clear()
            dropped, self._dropped = self._dropped, 0
            word, self._progress = self._progress, b""
        self._told = dropped
        if dropped:
            lines += (self._dropped_line(dropped),)
        return lines, word

    def give_back(self, lines: tuple[bytes, ...], word: bytes) -> None:
        """Take back what could not be shipped, in order, within the bound."""
        with self._lock:
            if self._told:  # its notice is made anew, with the count of then
                lines = lines[:-1]
                self._dropped += self._told
                self._told = 0
            kept = lines[: max(0, LINES_WAITING - len(self._lines))]
            self._dropped += len(lines) - len(kept)
            self._lines.extendleft(reversed(kept))
            self._progress = self._progress or word

    def _dropped_line(self, count: int) -> bytes:
        message = f"{count} log lines were dropped here: they came faster than Redis took them"
        return encode_line(self, int(time() * 1000), "WARNING", __name__, message)


def encode_line(job: RunningJob, at_ms: int, level: str, logger: str, message: str) -> bytes:
    """One log line as it is stored: a JSON list of instant (ms), attempt, level, logger, message, task, queue."""
    row = [at_ms, job.attempt, level, logger, message, job.task, job.queue]
    try:
        return msgspec.json.encode(row)
    except UnicodeEncodeError:
        row[4] = message.encode("utf-8", "backslashreplace").decode("utf-8")
        return msgspec.json.encode(row)


def _arguments(task: Any) -> list[tuple[object, object]]:
    """The arguments of a Huey task by the names of its parameters."""
    code = getattr(getattr(task, "function", None), "__code__", None)
    names = code.co_varnames[: code.co_argcount] if code is not None else ()
    args, kwargs = getattr(task, "data", None) or ((), {})
    return [*zip([*names, *[""] * len(args)], args, strict=False), *kwargs.items()]


class _Here(threading.local):
    job: RunningJob | None = None


_here = _Here()


def current_job() -> RunningJob | None:
    """The job that this thread runs, or None outside of one (also in immediate mode)."""
    return _here.job


def enter(job: RunningJob | None) -> None:
    """Bind this thread to a job, or to none."""
    _here.job = job


def progress(done: int, total: int = 0, note: str = "") -> None:
    """Say how far the current job is, in units of its own; outside of a job this does nothing."""
    job = _here.job
    if job is not None:
        job.say_progress(done, total, note)
