"""The part of the live gateway that knows what the books know of queues: waits, runs, and who has limited them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from console.formats import safe_text
from console.gateway.limits import limit_words
from console.gateway.live_part import LivePart
from console.gateway.measured import MINUTES, Measures, SetterView, measures_of, setter_view
from storage.errors import Refused, StorageError

if TYPE_CHECKING:
    from storage.audit import Entry
    from storage.database.connection import Database

UNTOLD: Final = "this console was not told where the history is"
LIMITED_ASKED: Final = 50
"""Queues of which it is asked at most who has limited them."""


class LiveMeasures(LivePart):
    """Waits and runs by queue, and who set limits. That history is away is an answer too."""

    def measures(self, limited: Mapping[str, str], at: datetime | None = None) -> Measures:
        """Return how long jobs of each queue waited and ran, and who set the limits of these."""
        if self._held is None:
            return Measures(problem=safe_text(UNTOLD))
        from storage.history.measures import stats  # noqa: PLC0415 - history is asked later than the first screen is drawn

        until_at = at or self.now()
        try:
            database = self._held.database
            found = stats(database, until_at - timedelta(minutes=MINUTES), until_at, by=("queue",))
            setters = {name: _setter(database, name, limited[name]) for name in list(limited)[:LIMITED_ASKED]}
        except StorageError as error:
            return Measures(problem=safe_text(error, limit=300))
        known = {name: one for name, one in setters.items() if one is not None and one.at <= until_at}
        return Measures(measures_of(found), known)


def _setter(database: Database, queue: str, words: str) -> SetterView | None:
    """Return who set the limits of a queue last; None when the books tell of others, or of none."""
    from storage import audit  # noqa: PLC0415 - the audit is asked later than the first screen is drawn

    entry = audit.standing(database, "limit", queue)
    return setter_view(entry.actor, entry.at) if entry is not None and _said(entry) == words else None


def _said(entry: Entry) -> str:
    from tasks.actions.setting import limits_of  # noqa: PLC0415 - as above
    from tasks.actions.values import Request  # noqa: PLC0415 - as above

    try:
        return limit_words(limits_of(Request("limit", (), "", entry.options)))
    except (Refused, TypeError, ValueError):
        return ""
