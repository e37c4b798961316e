"""What every part of the demo gateway has at hand; `DemoGateway` puts the parts together."""

import threading
from datetime import datetime

from console.gateway.demo_records import CannedJob
from storage.broker.records import SchedulePause


class DemoPart:
    """The canned jobs, what was done to them, and the clock."""

    _lock: threading.RLock
    _jobs: dict[str, CannedJob]
    _queues: tuple[str, ...]
    _orders: dict[str, str]
    _holds: dict[str, SchedulePause]
    _by_hand: dict[str, str]

    def now(self) -> datetime:
        """Return the demo's present instant."""
        raise NotImplementedError
