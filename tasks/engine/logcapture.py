"""Captures what a job logs and ships it, with its progress, to Redis in batches while the job runs.

A slow Redis drops lines, counts them, and says so; it never slows a job.
"""

import contextlib
import logging
import threading
from collections.abc import Callable, Iterable

from storage.broker.broker import Broker
from storage.broker.requests import Note
from storage.errors import StorageError
from tasks.engine.context import RunningJob, current_job, encode_line

INTERVAL_S = 0.1
MESSAGE_CHARS = 4_000

_logger = logging.getLogger(__name__)


class JobLogHandler(logging.Handler):
    """Hands each record of a thread that runs a job to that job. Huey's own chatter stays out; its warnings stay in."""

    def emit(self, record: logging.LogRecord) -> None:
        job = current_job()
        if job is None or (record.levelno < logging.WARNING and record.name.split(".")[0] == "huey"):
            return
        try:
            message = record.getMessage()
            if record.exc_info and record.exc_info[1] is not None:
                message = f"{message} ({type(record.exc_info[1]).__name__}: {record.exc_info[1]})"
        except Exception as error:  # noqa: BLE001 - a record whose arguments do not fit its text, or whose error has no text
            message = f"{record.msg!r} (this record can not be formatted: {type(error).__name__})"
        length, message = len(message), job.redacted(message[: 2 * MESSAGE_CHARS])
        if length > MESSAGE_CHARS:
            message = f"{message[:MESSAGE_CHARS]}… ({length} characters in all)"
        job.add_line(encode_line(job, int(record.created * 1000), record.levelname, record.name, message))


class Otherwise(logging.StreamHandler):  # type: ignore[type-arg]  # it has no parameter at run time
    """What logging itself does with a warning that no handler takes: shows it. A handler of ours at the root, which
    only captures, must not end that."""

    def __init__(self) -> None:
        super().__init__()
        self.setLevel(logging.WARNING)
        self.addFilter(_met_no_handler)


def _met_no_handler(record: logging.LogRecord) -> bool:
    """Whether no logger below the root has shown this record."""
    logger: logging.Logger | None = logging.getLogger(record.name)
    while logger is not None and logger.parent is not None:
        if logger.handlers:
            return False
        logger = logger.parent
    return True


def install() -> None:
    """Capture from the root logger on. Its level is lowered to INFO when nobody has set one."""
    root = logging.getLogger()
    if any(isinstance(handler, JobLogHandler) for handler in root.handlers):
        return
    if not root.handlers:
        root.addHandler(Otherwise())
    root.addHandler(JobLogHandler(logging.DEBUG))
    if root.level == logging.WARNING:
        root.setLevel(logging.INFO)


class Shipper(threading.Thread):
    """Ships the lines and progress of all jobs that this process runs, ten times a second."""

    def __init__(self, broker: Broker, running: Callable[[], Iterable[RunningJob]]) -> None:
        super().__init__(name="dewey-logs", daemon=True)
        self._broker = broker
        self._running = running
        self._stopped = threading.Event()

    def run(self) -> None:
        while not self._stopped.wait(INTERVAL_S):
            try:
                self.ship()
            except Exception:  # a job without its log is better than one that waits for it for ever
                _logger.exception("log lines could not be shipped")

    def ship(self) -> None:
        """Ship once what waits."""
        with contextlib.ExitStack() as under_way:
            taken = []
            for job in self._running():
                under_way.enter_context(job.shipping)
                lines, word = job.take()
                if lines or word:
                    taken.append((job, lines, word))
            if taken:
                self._send(taken)

    def _send(self, taken: "list[tuple[RunningJob, tuple[bytes, ...], bytes]]") -> None:
        try:
            lost = self._broker.note([Note(job.id, job.token, word, lines) for job, lines, word in taken])
        except StorageError as error:
            _logger.debug("log lines wait for Redis: %s", error)
            for job, lines, word in taken:
                job.give_back(lines, word)
            return
        for job, _, _ in taken:
            job.lost = job.lost or job.id in lost

    def stop(self) -> None:
        """End the thread; what still waits goes with the settlement of its job."""
        self._stopped.set()
