"""What every part of the live gateway has at hand; `LiveGateway` puts the parts together."""

from __future__ import annotations

from datetime import datetime
from time import monotonic
from typing import TYPE_CHECKING, Final, Protocol

from console.gateway.building import Call
from console.gateway.reading import call_of
from storage.broker.records import Job

if TYPE_CHECKING:
    from storage.broker.inspector import Inspector
    from storage.redaction import Redactor
    from tasks.operations import Operations
    from tasks.resources import Resources

NAMES_KEPT_S: Final = 30.0
"""How long the names of the tasks' parameters are trusted."""


class Stores(Protocol):
    """What reads the broker, and what acts on it; each may be opened when it is first asked for."""

    @property
    def inspector(self) -> Inspector:
        """What reads."""

    @property
    def operations(self) -> Operations:
        """What acts."""


class LivePart:
    """The stores' readers, the operators' actions, who acts, and the clock."""

    _stores: Stores
    _by: str
    _held: Resources | None

    _parameters: dict[str, tuple[str, ...]]
    _parameters_at: float | None

    @property
    def _inspector(self) -> Inspector:
        return self._stores.inspector

    @property
    def _operations(self) -> Operations:
        return self._stores.operations

    @property
    def _redactor(self) -> Redactor:
        """What takes secrets out of what is shown, by the settings' own names too."""
        from storage.redaction import Redactor  # noqa: PLC0415 - slow, and needed where jobs are shown

        if self._held is None:
            return Redactor()
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
