"""The part of the live gateway that knows groups of failures: the broker's counts, history's trends and marks."""

from time import monotonic
from typing import Final

from console.formats import safe_text
from console.gateway.errors import GatewayRefused
from console.gateway.failures import FailuresView, GroupRow, PlaceView, group_row, live_row, place_view
from console.gateway.live_part import LivePart
from console.gateway.reading import translated
from storage.broker.records import FailureGroup
from storage.errors import JobMissing, StorageError, StoreUnavailable
from storage.values import replace

TRENDS_S: Final = 10.0
"""How long trends and marks are trusted: they are counted over all failed attempts."""


class LiveFailures(LivePart):
    """Groups of failures, and where they broke."""

    _groups_read: tuple[float, tuple[GroupRow, ...]] = (float("-inf"), ())
    _away: tuple[float, str] = (float("-inf"), "")
    """When history did not answer last, and why: it is not asked at each poll then."""

    def failures(self, anew: bool = False) -> FailuresView:
        """Return all groups. While history is away they are the broker's own, and it is said so."""
        with translated():
            self._read_clock()
            live = self._inspector.failure_groups()
        if self._held is None:
            return _live_only(live, "this console was not told where the history is")
        away_at, why = self._away
        if not anew and monotonic() - away_at <= TRENDS_S:
            return _live_only(live, why)
        read_at, known = self._groups_read
        is_new = not {one.fingerprint for one in live} <= {row.key for row in known}
        if anew or is_new or monotonic() - read_at > TRENDS_S:
            from storage.history import failures  # noqa: PLC0415 - history is asked later than the first screen is drawn

            try:
                found = failures.groups(self._held.database, now=self.now(), live=live)
            except StorageError as error:
                self._away = (monotonic(), str(error))
                return _live_only(live, str(error))
            self._away = (float("-inf"), "")
            known = tuple(group_row(group) for group in found)
            self._groups_read = (monotonic(), known)
        counts = {one.fingerprint: one.count for one in live}
        return FailuresView(tuple(replace(row, dead=counts.get(row.key, 0)) for row in known))

    def place(self, sample_key: str) -> PlaceView:
        """Return where a job broke last, from the broker or from history."""
        with translated():
            try:
                attempts = self._inspector.job(sample_key).attempts
                trace = next((one.traceback for one in reversed(attempts) if one.traceback), "")
            except JobMissing:
                if self._held is None:
                    raise
                from storage.history import jobs as recorded  # noqa: PLC0415 - history is asked later than the first screen is drawn

                try:
                    runs = recorded.job(self._held.database, sample_key).runs
                except StoreUnavailable as error:
                    raise GatewayRefused(f"where it broke can not be known: {error}") from error
                trace = next((one.traceback for one in reversed(runs) if one.traceback), "")
        return place_view(sample_key, self._redactor.redact_text(trace))


def _live_only(live: tuple[FailureGroup, ...], why: str) -> FailuresView:
    said = f"trends and marks can not be known: {why}"
    return FailuresView(tuple(live_row(group) for group in live), safe_text(said, limit=300))
