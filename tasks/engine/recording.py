"""Sees that history is recorded while a consumer runs: by a process of its own, unless another recorder leads.

A process and not a thread, so that recording takes nothing from the jobs: neither the interpreter that thread workers
share, nor their memory, and no lock that a worker could inherit half-way when it is forked.
"""

import contextlib
import logging
import signal
import subprocess
import sys
import time
from collections.abc import Callable

from storage.broker.connection import connect
from storage.errors import StorageError
from storage.history.lag import lag
from storage.servers.launch import wrapped
from tasks.engine.assignment import Assignment

_logger = logging.getLogger(__name__)

LOOK_S = 2.0
LONGEST_PAUSE_S = 60.0
PATIENCE_S = 1.0
"""A Redis that hangs is not waited for longer: the consumer has other things to do."""
STOP_S = 1.5
"""A consumer ends in time; a recorder that is killed loses nothing."""


class Recording:
    """The recorder of one consumer, while it has one. ``assignment`` is asked each time one is started."""

    def __init__(self, assignment: Callable[[], Assignment]) -> None:
        self._assignment = assignment
        self._process: subprocess.Popen[str] | None = None
        self._look_at = 0.0
        self._pause_s = LOOK_S

    def tend(self) -> None:
        """Start a recorder when nobody records, and another one when it has ended. Never raises: jobs go first."""
        if time.monotonic() < self._look_at:
            return
        self._look_at = time.monotonic() + LOOK_S
        try:
            self._tend()
        except (StorageError, OSError) as error:
            self._put_off(f"history is not recorded by this consumer for now: {error}")

    def _tend(self) -> None:
        if self._process is not None:
            code = self._process.poll()
            if code is None:
                self._pause_s = LOOK_S
                return
            self._process = None
            if code != 0:
                self._put_off(f"the recorder ended with {code}, and is started again")
                return
        assignment = self._assignment()
        client = connect(assignment.redis_url, timeout_s=PATIENCE_S)
        try:
            leader = lag(client, assignment.namespace).leader
        finally:
            client.close()
        if not leader:
            self._process = _start(assignment)

    def _put_off(self, why: str) -> None:
        _logger.warning("%s, in %.0f s at the earliest", why, self._pause_s)
        self._look_at = time.monotonic() + self._pause_s
        self._pause_s = min(LONGEST_PAUSE_S, self._pause_s * 2)

    def stop(self) -> None:
        """End the recorder, which finishes its batch; whoever is next goes on."""
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(OSError):
            process.terminate()
            if process.stdin is not None:
                process.stdin.close()
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _start(assignment: Assignment) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "tasks.engine.recorder_process"]
    process = subprocess.Popen(
        wrapped(command, death_signal=signal.SIGTERM),
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        start_new_session=True,  # Ctrl-C in a terminal is for the consumer, which tells it
    )
    assert process.stdin is not None
    process.stdin.write(assignment.as_json() + "\n")
    process.stdin.flush()
    _logger.info("history is recorded by process %s", process.pid)
    return process
