"""The demo's books about queues: canned waits and runs of an hour, and who has limited what."""

from collections.abc import Mapping
from datetime import datetime
from typing import cast

from console.gateway.demo_book import DemoBook
from console.gateway.demo_night import MEASURED
from console.gateway.demo_part import DemoPart
from console.gateway.measured import Measures, SetterView, setter_view
from storage.broker.records import Limits


class DemoMeasures(DemoPart):
    """Canned measures, and what the demo's audit says of limits."""

    _book: DemoBook

    def measures(self, limited: Mapping[str, str], at: datetime | None = None) -> Measures:
        """Return the canned hour; who set limits is what the demo's audit says."""
        with self._lock:
            setters = {name: self._setter(name) for name in limited}
        known = {name: one for name, one in setters.items() if one and one.at <= (at or self.now())}
        return Measures(MEASURED if self._queues else {}, known)

    def _setter(self, queue: str) -> SetterView | None:
        for _, deed in sorted(self._book.deeds.items(), reverse=True):
            entry = deed.entry
            if entry.action == "limit" and entry.undone_by is None and queue in {one.item for one in deed.items}:
                return setter_view(entry.actor, entry.at)
        return None

    def limits_set(self, queue: str) -> Limits | None:
        """Return the limits of a queue, from the fields as they are written in its dialog."""
        fields = cast(Mapping[str, str], self._book.cells["limit"].get(queue) or {})
        if not fields:
            return None
        count, _, seconds = fields.get("rate", "").partition("/")
        cap, max_jobs, max_bytes = (
            int(fields[name]) if name in fields else None for name in ("cap", "max_jobs", "max_bytes")
        )
        return Limits((int(count), float(seconds)) if seconds else None, cap, max_jobs, max_bytes)
