"""Reads what the codec wrote, for history: arguments by the names of their parameters, and results."""

import time

from storage.broker.inspector import Inspector
from storage.redaction import Redactor
from tasks.engine.arguments import decode_call
from tasks.engine.codec import decode_value

NAMES_KEPT_S = 30.0


class Describer:
    """The arguments and results of the tasks that consumers have published."""

    def __init__(self, inspector: Inspector, redactor: Redactor) -> None:
        self._inspector = inspector
        self._redactor = redactor
        self._names: dict[str, tuple[str, ...]] = {}
        self._read_at = -NAMES_KEPT_S

    def arguments(self, task: str, payload: bytes) -> object:
        """The arguments of a job by parameter name, redacted; those without one under "args"."""
        args, kwargs = decode_call(payload)
        names = self._parameters(task)
        args, kwargs = self._redactor.redact_call(args, kwargs, names)
        found: dict[str, object] = dict(zip(names, args, strict=False))
        if len(args) > len(names):
            found["args"] = list(args[len(names) :])
        return found | kwargs

    def result(self, task: str, data: bytes) -> object:  # noqa: ARG002 - as in storage.history.shown.Describe
        """What a job returned, redacted."""
        return self._redactor.redact_value(decode_value(data))

    def _parameters(self, task: str) -> tuple[str, ...]:
        if time.monotonic() > self._read_at + NAMES_KEPT_S:
            self._read_at = time.monotonic()
            self._names = {one.name: tuple(p.name for p in one.parameters) for one in self._inspector.tasks()}
        return self._names.get(task, ())
