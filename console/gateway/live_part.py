"""What every part of the live gateway has at hand; `LiveGateway` puts the parts together."""

from datetime import datetime
from time import monotonic
from typing import Final

from console.gateway.building import Call
from console.gateway.reading import MASKING, call_of
from storage.broker.inspector import Inspector
from storage.broker.records import Job
from storage.redaction import Redactor
from tasks.operations import Operations
from tasks.resources import Resources

NAMES_KEPT_S: Final = 30.0
"""How long the names of the tasks' parameters are trusted."""


class LivePart:
    """The stores' readers, the operators' actions, who acts, and the clock."""

    _inspector: Inspector
    _operations: Operations
    _by: str
    _held: Resources | None

    _parameters: dict[str, tuple[str, ...]]
    _parameters_at: float | None

    @property
    def _redactor(self) -> Redactor:
        """What takes secrets out of what is shown, by the settings' own names too."""
        if self._held is None:
            return MASKING
        settings = self._held.settings
        return Redactor(settings.dewey_redact_keys, settings.dewey_redact_patterns)

    def _call(self, job: Job) -> Call:
        """A job's arguments, with the secret ones masked, positional ones too."""
        if self._parameters_at is None or monotonic() - self._parameters_at > NAMES_KEPT_S:
            self._parameters_at = monotonic()
            self._parameters = {
                task.name: tuple(one.name for one in task.parameters) for task in self._inspector.tasks()
            }
        return call_of(job, self._redactor, self._parameters.get(job.task, ()))

    def now(self) -> datetime:
        """Return the instant on Redis's clock, as far as it is known."""
        raise NotImplementedError

    def _read_clock(self) -> None:
        """Learn how far Redis's clock is ahead of this machine's, now and then."""
        raise NotImplementedError
