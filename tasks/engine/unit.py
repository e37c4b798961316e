"""The unit of work: what Huey writes while it finishes a task is collected here and committed by one settlement.

So a crash can not separate "it succeeded" from "its successor was enqueued". What the task's own code writes while
it runs is not collected: it happens at once, as the task expects.
"""

import contextlib
import os
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import huey
from huey.exceptions import RETRYING_EXCEPTIONS

from storage.broker.records import State
from storage.broker.requests import Claim, Settlement, Write
from storage.errors import StoreRefused
from storage.values import replace
from tasks.engine.context import RunningJob
from tasks.engine.fingerprint import READ_CHARS, Fingerprint, fingerprint, place_of
from tasks.engine.interrupt import Stop

TRACEBACK_CHARS = 20_000
ERROR_CHARS = 2_000
RESULT_BYTES = 16_384
_ENGINE = tuple(f"{Path(one).parent}{os.sep}" for one in (huey.__file__, __file__))


@dataclass(slots=True)
class Unit:
    """One attempt, from its claim to its settlement."""

    claim: Claim
    running: RunningJob
    retries_left: int
    retry_delay_s: float
    in_task: bool = False
    writes: list[Write] = field(default_factory=list)
    store: dict[str, bytes | None] = field(default_factory=dict)
    error: BaseException | None = None
    result: bytes = b""
    state: State | None = None
    reason: str = ""
    delay_ms: int = 0
    release: bool = False
    stop: Stop = field(default_factory=Stop)
    task: Any = None
    called_off: bool = False
    settling: bool = False

    @property
    def collects(self) -> bool:
        """Whether a write of this moment belongs to the settlement."""
        return not self.in_task

    @contextmanager
    def task_code(self, timeout_s: float | None = None) -> Iterator[None]:
        """Around exactly the task's own code, which may be interrupted in here and nowhere else."""
        self.in_task = True
        try:
            with self.stop.listening(timeout_s):
                yield
        finally:
            self.in_task = False

    def set(self, key: str, value: bytes, *, is_result: bool = False) -> None:
        """Collect a write to Huey's store; a result of another job is one of what would have followed this one."""
        self.store[key] = value
        self.writes.append(("result" if is_result and key != self.claim.id else "set", key, value))

    def delete(self, key: str) -> bool:
        """Collect a removal. True when the key is one that this unit knows to be there."""
        known = self.store.get(key) is not None
        self.store[key] = None
        self.writes.append(("del", key))
        return known

    def end(self, state: State, reason: str = "", delay_ms: int = 0) -> None:
        """Say what the job's next state is."""
        self.state, self.reason, self.delay_ms = state, reason, delay_ms

    def settlement(self) -> Settlement:
        """Everything the broker must know, as one value."""
        with self.running.shipping:
            lines, word = self.running.take()
        state = self.state or ("dead" if self.error is not None else "succeeded")
        failed = self.error is not None
        outcome = self._outcome(state)
        group = self._group() if outcome == "failed" else None
        return Settlement(
            id=self.claim.id,
            token=self.claim.token,
            state=state,
            outcome=outcome,
            retries_left=self.retries_left,
            retry_delay_s=self.retry_delay_s,
            delay_ms=self.delay_ms,
            release=self.release,
            reason=self.reason,
            error_type=type(self.error).__name__ if failed else "",
            error=self._said(self.error)[:ERROR_CHARS] if self.error is not None else "",
            traceback=self.running.redacted(traceback_of(self.error)) if self.error is not None else "",
            result=self.result if len(self.result) <= RESULT_BYTES else b"",
            progress=word,
            writes=tuple(self.writes),
            lines=lines,
            fingerprint=group.id if group is not None else "",
            shape=group.shape if group is not None else "",
        )

    def _group(self) -> Fingerprint | None:
        """What the error of a failed attempt has in common with others."""
        if self.error is None:
            return None
        place = place_of(self.error.__traceback__)
        return fingerprint(self.claim.task, type(self.error).__name__, self._said(self.error), place)

    def _said(self, error: BaseException) -> str:
        """What an error says, without secrets."""
        return self.running.redacted(text_of(error)[:READ_CHARS])

    def _outcome(self, state: State) -> str:
        if self.release or (isinstance(self.error, RETRYING_EXCEPTIONS) and state in ("queued", "retrying")):
            return "released"
        if self.error is not None and state != "canceled":
            return "failed"
        return "canceled" if state == "canceled" else "succeeded" if state == "succeeded" else "released"


def bare(settlement: Settlement, error: StoreRefused) -> Settlement:
    """The least that can be said of an attempt whose settlement Redis refused."""
    return replace(
        settlement,
        state="dead",
        outcome="failed",
        release=False,
        reason="its end could not be recorded",
        error_type=type(error).__name__,
        error=text_of(error)[:500],
        traceback="",
        result=b"",
        progress=b"",
        writes=(),
        lines=(),
        fingerprint="",
    )


def text_of(error: BaseException) -> str:
    """What an error says, or its repr when it says nothing; storable as UTF-8."""
    try:
        text = str(error) or repr(error)
    except Exception as broken:  # noqa: BLE001 - an exception whose own __str__ fails
        text = f"{type(error).__name__} (its text can not be read: {type(broken).__name__})"
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def storable(text: str) -> str:
    """A text as UTF-8 can hold it; the middle of a very long one is left out."""
    text = text.encode("utf-8", "backslashreplace").decode("utf-8")
    if len(text) > TRACEBACK_CHARS:
        half = TRACEBACK_CHARS // 2
        text = f"{text[:half]}\n… {len(text) - TRACEBACK_CHARS} characters left out …\n{text[-half:]}"
    return text


def traceback_of(error: BaseException) -> str:
    """The traceback without the engine's own frames; its middle is left out when it is very long."""
    inner = error.__traceback__
    while inner is not None and _is_engine(inner.tb_frame.f_code.co_filename):
        inner = inner.tb_next
    try:
        text = "".join(traceback.format_exception(type(error), error, inner or error.__traceback__))
    except Exception as broken:  # noqa: BLE001 - an exception whose own __str__ fails
        text = f"{type(error).__name__} (its traceback can not be read: {type(broken).__name__})"
    return storable(text)


def _is_engine(filename: str) -> bool:
    return filename.startswith(_ENGINE) or filename == contextlib.__file__


class Units(threading.local):
    """The unit of this thread, if it runs a job."""

    now: Unit | None = None
