"""The attempts that this process holds leases of: what its heart renews, and what it hands back when it stops."""

import threading

from tasks.engine.context import RunningJob
from tasks.engine.interrupt import CalledOff
from tasks.engine.unit import Unit


class Held:
    """Units by job id, for all threads of a process.

    A process that lost a lease may claim the same job again while the old attempt still runs: the newer unit takes
    its place, and the older one can not drop it.
    """

    def __init__(self) -> None:
        self._units: dict[str, Unit] = {}
        self._lock = threading.Lock()

    def add(self, unit: Unit) -> None:
        """Hold a unit from its claim on."""
        with self._lock:
            older = self._units.get(unit.claim.id)
            if older is not None:
                older.running.lost = True
            self._units[unit.claim.id] = unit

    def drop(self, unit: Unit) -> None:
        """Let go of a unit, once it is settled or given up."""
        with self._lock:
            if self._units.get(unit.claim.id) is unit:
                del self._units[unit.claim.id]

    def get(self, job_id: str) -> Unit | None:
        """The unit of a job, if this process holds it."""
        with self._lock:
            return self._units.get(job_id)

    def all(self) -> tuple[Unit, ...]:
        """Every unit held now."""
        with self._lock:
            return tuple(self._units.values())

    def tokens(self) -> dict[str, str]:
        """The fencing token of each job held."""
        return {unit.claim.id: unit.claim.token for unit in self.all()}

    def running(self) -> list[RunningJob]:
        """The jobs that run here."""
        return [unit.running for unit in self.all()]

    def call_off(self, job_id: str, token: str, reason: str) -> None:
        """Have a task told that it is called off."""
        unit = self.get(job_id)
        if unit is not None and unit.claim.token == token and unit.stop.asked is None:
            unit.reason = reason
            unit.stop.ask(CalledOff())

    def lose(self, job_id: str, token: str) -> bool:
        """Note that a lease was lost: whatever the attempt still does is refused by the fence. False when the attempt
        is over, or is just being settled: then its settlement is what ended the lease."""
        unit = self.get(job_id)
        if unit is None or unit.claim.token != token or unit.settling:
            return False
        unit.running.lost = True
        return True
