"""The part of the live gateway that looks back: what history knows of an instant, or why it knows nothing."""

from datetime import datetime, timedelta

from textual.content import Content

from console.formats import safe_text
from console.gateway.glance import Waits
from console.gateway.live_part import LivePart
from console.gateway.past import PastFailures, PastView, past_failures, past_view
from storage.errors import Refused, StorageError

MINUTES = 60
"""How far back from then waits are shown."""
UNTOLD = Content("this console was not told where the history is")


class LivePast(LivePart):
    """How things stood. That history is away is an answer too: Redis knows only what is now."""

    def past(self, at: datetime) -> PastView:
        """Return queues, consumers and waits as they stood."""
        if self._held is None:
            return PastView(at, problem=UNTOLD, is_never_known=True)
        from storage.history import past  # noqa: PLC0415 - history is asked later than the first screen is drawn
        from storage.history.waits import waits  # noqa: PLC0415 - the same

        try:
            found = past.at(self._held.database, at)
            rates = past.rates(self._held.database, found.sampled_at)
            waited = waits(self._held.database, at - timedelta(minutes=MINUTES), at)
        except (StorageError, Refused) as error:
            return PastView(at, problem=safe_text(error, limit=300), is_never_known=isinstance(error, Refused))
        seen = {round((at - one.at).total_seconds() // 60): one.oldest_waiting_s for one in waited}
        seconds = tuple(seen.get(minute) for minute in range(MINUTES - 1, -1, -1))
        return past_view(found, rates, Waits(seconds, Content("")))

    def past_failures(self, at: datetime) -> PastFailures:
        """Return the groups of failures as they stood."""
        if self._held is None:
            return PastFailures(at, problem=UNTOLD, is_never_known=True)
        from storage.history import failures  # noqa: PLC0415 - history is asked later than the first screen is drawn

        try:
            return past_failures(at, failures.groups_at(self._held.database, at))
        except StorageError as error:
            return PastFailures(at, problem=safe_text(error, limit=300))
