"""How a filter's words say when and how long: ``90s``, ``1h30m``, ``02:40..03:10``, ``2026-11-21``, ``yesterday``.

Clock times and dates are read in the reader's time zone; what comes out is aware UTC. Errors say what a unit is.
"""

import re
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from msgspec import Struct

from storage.errors import FilterError
from storage.history.filters import MS_UNITS, Window, duration

LONGEST_MS = 100 * 365 * 86_400_000
UNIT_WORDS = "ms, s, m (minutes), h, d or w"
_UNITS = {**dict(MS_UNITS), "w": 7 * 86_400_000}
_MEANT = {
    **dict.fromkeys(("sec", "secs", "second", "seconds"), "s"),
    **dict.fromkeys(("min", "mins", "minute", "minutes"), "m"),
    **dict.fromkeys(("hr", "hrs", "hour", "hours"), "h"),
    **dict.fromkeys(("day", "days"), "d"),
    **dict.fromkeys(("week", "weeks"), "w"),
    **dict.fromkeys(("msec", "millis", "milliseconds"), "ms"),
}
_PART = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,6})?)([A-Za-zµ]*)", re.ASCII)
_CLOCK = re.compile(r"([0-9]{1,2}):([0-9]{2})(?::([0-9]{2})(\.[0-9]{1,6})?)?\Z", re.ASCII)
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z", re.ASCII)
_AT_HELP = "write 02:40..03:10, 2026-11-21, 2026-11-21T02:40..03:10, today or yesterday"
_OLDEST, _NEWEST = datetime(1970, 1, 2, tzinfo=UTC), datetime(9998, 1, 1, tzinfo=UTC)


def duration_ms(text: str, position: int) -> int:
    """The milliseconds that a text such as 90s or 1h30m says. Raises FilterError."""
    total, at = 0.0, 0
    while at < len(text):
        part = _PART.match(text, at)
        if part is None:
            raise FilterError(f"“{text}” is no duration: write a number and {UNIT_WORDS}", position, len(text))
        total += float(part[1]) * _unit_ms(part[2], text, position)
        at = part.end()
    if not text:
        raise FilterError(f"a duration is missing: write a number and {UNIT_WORDS}", position)
    if total > LONGEST_MS:
        raise FilterError(f"“{text}” is longer than a hundred years", position, len(text))
    return round(total)


def longer(ms: int) -> str:
    """A duration twice as long, written out."""
    return duration(2 * ms)


def _unit_ms(unit: str, text: str, position: int) -> int:
    if unit in _UNITS:
        return _UNITS[unit]
    if not unit:
        raise FilterError(f"“{text}” of what? A duration has a unit: {UNIT_WORDS}", position, len(text), f"{text}s")
    meant = _MEANT.get(unit.lower(), unit.lower() if unit.lower() in _UNITS else "")
    suggestion = text.replace(unit, meant) if meant else ""
    raise FilterError(f"“{unit}” is no unit of time: write {UNIT_WORDS}", position, len(text), suggestion)


# -- instants --------------------------------------------------------------------------------------------------


class _Moment(Struct, frozen=True):
    """A word for a time: from ``start_at`` until ``end_at``, which are the same for an instant. ``clock`` is set when
    no day is named."""

    start_at: datetime
    end_at: datetime
    clock: time | None = None


def window(text: str, position: int, *, now: datetime, zone: tzinfo) -> Window:
    """The window that a text says; a clock time is its latest one that is not to come. Raises FilterError."""
    reader = _Reader(text, position, now, zone)
    try:
        low, dots, high = text.partition("..")
        if dots and not (low or high):
            raise reader.wrong()
        found = reader.between(low, high) if dots else reader.whole(low)
    except (OverflowError, ValueError):
        raise reader.wrong() from None
    for at in (found.start_at, found.end_at):
        if at is not None and not _OLDEST < at < _NEWEST:
            raise FilterError(f"“{text}” is not between 1970 and 9998", position, len(text))
    if found.start_at is not None and found.end_at is not None and found.end_at <= found.start_at:
        raise FilterError(f"“{text}” ends before it begins", position, len(text))
    return found


class _Reader(Struct, frozen=True):
    text: str
    position: int
    now: datetime
    zone: tzinfo

    def wrong(self) -> FilterError:
        return FilterError(f"“{self.text}” is no time: {_AT_HELP}", self.position, len(self.text))

    def whole(self, word: str) -> Window:
        """One word alone: a day, or the minute that a clock time begins."""
        moment = self.moment(word)
        end_at = moment.end_at if moment.end_at > moment.start_at else moment.start_at + timedelta(minutes=1)
        return Window(moment.start_at, end_at)

    def between(self, low: str, high: str) -> Window:
        start = self.moment(low) if low else None
        end = self.moment(high) if high else None
        if start is None or end is None:
            return Window(start.start_at if start else None, end.end_at if end else None)
        end_at = end.end_at
        if end.clock is not None:
            day = start.start_at.astimezone(self.zone).date()
            end_at = self._on(day, end.clock)
            if end_at <= start.start_at:
                end_at = self._on(day + timedelta(days=1), end.clock)
        return Window(start.start_at, end_at)

    def moment(self, word: str) -> _Moment:
        """What one word means. Raises ValueError, OverflowError, FilterError."""
        clock = _CLOCK.match(word)
        if clock is not None:
            return self._clock(time.fromisoformat(f"{int(clock[1]):02}{word[len(clock[1]) :]}"))
        today = self.now.astimezone(self.zone).date()
        days = {"today": today, "yesterday": today - timedelta(days=1)}
        if word == "now":
            return _Moment(self.now.astimezone(UTC), self.now.astimezone(UTC))
        if word in days or _DAY.match(word):
            day = days.get(word) or date.fromisoformat(word)
            return _Moment(self._on(day, time()), self._on(day + timedelta(days=1), time()))
        if "T" not in word:
            raise self.wrong()
        at = datetime.fromisoformat(word)
        at = (at if at.tzinfo else at.replace(tzinfo=self.zone)).astimezone(UTC)
        return _Moment(at, at)

    def _clock(self, clock: time) -> _Moment:
        day = self.now.astimezone(self.zone).date()
        at = self._on(day, clock)
        if at > self.now:
            at = self._on(day - timedelta(days=1), clock)
        return _Moment(at, at, clock)

    def _on(self, day: date, clock: time) -> datetime:
        return datetime.combine(day, clock, self.zone).astimezone(UTC)
