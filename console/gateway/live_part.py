"""What every part of the live gateway has at hand; `LiveGateway` puts the parts together."""

from datetime import datetime

from storage.broker.inspector import Inspector
from tasks.operations import Operations
from tasks.resources import Resources


class LivePart:
    """The stores' readers, the operators' actions, who acts, and the clock."""

    _inspector: Inspector
    _operations: Operations
    _by: str
    _held: Resources | None

    def now(self) -> datetime:
        """Return the instant on Redis's clock, as far as it is known."""
        raise NotImplementedError

    def _read_clock(self) -> None:
        """Learn how far Redis's clock is ahead of this machine's, now and then."""
        raise NotImplementedError
