"""The part of the live gateway that sees the whole."""

from datetime import timedelta
from typing import Final

from textual.content import Content

from console.formats import safe_text
from console.gateway import building
from console.gateway.glance import BEHIND_S, Glance, HealthView, Lateness, Part, Waits, health_view, unknown
from console.gateway.live_fleet import LiveFleet
from console.gateway.reading import translated
from storage.errors import StorageError

MINUTES: Final = 60
"""How far back waits are shown."""


class LiveGlance(LiveFleet):
    """Queues and consumers together, the health of the stores, and the waits of the last hour."""

    def glance(self) -> Glance:
        """Return queues and consumers."""
        with translated():
            self._read_clock()
            queues = tuple(building.queue_row(stats) for stats in self._inspector.queues())
        return Glance(queues, self.fleet())

    def health(self, part: Part) -> HealthView:
        """Look at one store, which may take seconds; a store that is away is an answer too."""
        if self._held is None:
            return unknown(part, "this console was not told where it is", self.now())
        from storage import doctor  # noqa: PLC0415 - slow, and the first screen is drawn without it

        try:
            found = doctor.look(self._held.settings, self._held.endpoints, part)
        except StorageError as error:
            return unknown(part, str(error), self.now())
        return health_view(part, found, self.now())

    def lateness(self) -> Lateness:
        """Return how far history is behind, as the broker knows it; PostgreSQL is not asked."""
        from storage.history.lag import lag  # noqa: PLC0415 - as above

        with translated():
            found = lag(self._inspector)
        silent_s = (self.now() - found.beat_at).total_seconds() if found.beat_at and not found.leader else 0
        return Lateness(found.seconds_behind, silent_s < BEHIND_S)

    def waits(self) -> Waits:
        """Return how long the oldest job waited, as history has it; that it is away is an answer too."""
        if self._held is None:
            return Waits((), Content("this console was not told where the history is"))
        from storage.history.waits import waits  # noqa: PLC0415 - history is asked later than the first screen is drawn

        now = self.now()
        try:
            found = waits(self._held.database, now - timedelta(minutes=MINUTES), now)
        except StorageError as error:
            return Waits((), safe_text(error, limit=200))
        seen = {round((now - one.at).total_seconds() // 60): one.oldest_waiting_s for one in found}
        if not seen:
            return Waits((), Content("nobody has recorded it in the last hour"))
        return Waits(tuple(seen.get(minute) for minute in range(MINUTES - 1, -1, -1)), Content(""))
