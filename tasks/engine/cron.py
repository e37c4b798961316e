"""Time rules: five cron fields in an IANA time zone, and one enqueue per tick over any number of consumers.

    @huey.periodic_task(cron("0 * * * *"))                                 # UTC
    @huey.periodic_task(cron("30 2 * * *", timezone="Europe/Paris", missed="skip"))

The rule itself, and what it does on the days when clocks change, is in storage/broker/timetable.py.
"""

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec import Struct

from storage.broker.broker import Broker
from storage.broker.records import NewJob
from storage.broker.timetable import Missed, Schedule
from storage.errors import StoreUnavailable

_logger = logging.getLogger(__name__)

ON_TIME_S = 90
"""A tick found later than this was missed (all consumers were down or stalled)."""
ALL_AT_MOST = 1_000
"""Most missed ticks that the policy ``all`` makes up at once."""


def cron(expression: str, *, timezone: str = "UTC", missed: Missed = "latest") -> Schedule:
    """A time rule for ``periodic_task``.

    ``missed`` says what becomes of ticks that no consumer was there for: ``skip`` them, run once for the ``latest``,
    or run ``all``.

    Raises:
        SettingsError: a field, the zone or the policy is not valid; the message names it.
    """
    return Schedule(expression, timezone, missed)


class Entry(Struct, frozen=True):
    """A periodic task as the clock sees it. ``job`` makes the job of one tick."""

    name: str
    validate: Callable[[datetime], bool]
    job: Callable[[str], NewJob]


class Clock:
    """Enqueues the ticks of all entries, each once, whoever else does the same."""

    def __init__(self, broker: Broker, clock_ms: Callable[[], int]) -> None:
        self._broker = broker
        self._clock_ms = clock_ms

    def run(self, entries: list[Entry]) -> int:
        """Enqueue what is due now; answers how many jobs this call added."""
        if not entries:
            return 0
        now_ms = self._clock_ms()
        last = self._broker.call("hmget", self._broker.keys.cron, [entry.name for entry in entries])
        added = 0
        for entry, stored in zip(entries, last, strict=True):
            try:
                added += self._ticks(entry, stored, now_ms)
            except StoreUnavailable:
                raise
            except Exception:  # an application's own rule: the other schedules go on
                _logger.exception("schedule %s could not be asked for its ticks", entry.name)
        return added

    def _ticks(self, entry: Entry, stored: bytes | None, now_ms: int) -> int:
        last_ms = int(stored) if stored is not None else self._begin(entry, now_ms)
        added = 0
        for tick, missed in plan(entry.validate, last_ms, now_ms):
            job = entry.job(f"cron:{entry.name}:{tick:%Y-%m-%dT%H:%M}")
            if self._broker.tick(entry.name, _ms(tick), job, missed=missed):
                _logger.info("schedule %s: enqueued the tick of %s", entry.name, tick.isoformat())
                added += 1
        return added

    def _begin(self, entry: Entry, now_ms: int) -> int:
        """A schedule is seen for the first time: its ticks count from this minute on."""
        start_ms = _ms(_minute(now_ms) - timedelta(minutes=1))
        self._broker.call("hsetnx", self._broker.keys.cron, entry.name, start_ms)
        return start_ms


def due(validate: Callable[[datetime], bool], last_ms: int, now_ms: int) -> list[datetime]:
    """The ticks in (last, now] that are to run, by the rule's policy for missed ones."""
    return [tick for tick, _ in plan(validate, last_ms, now_ms)]


def plan(validate: Callable[[datetime], bool], last_ms: int, now_ms: int) -> list[tuple[datetime, int]]:
    """The ticks in (last, now] that are to run, each with the number of those right before it that are not: missed
    ones that the rule's policy leaves out."""
    now, last = _instant(now_ms), _instant(last_ms)
    if not isinstance(validate, Schedule):  # Huey's own crontab(): a yes or no per minute, no memory
        minute = _minute(now_ms)
        return [(minute, 0)] if minute > last and validate(minute.replace(tzinfo=None)) else []
    found: list[datetime] = []
    count = 0
    for tick in validate.ticks(last):
        if tick > now:
            break
        count += 1
        found.append(tick)
        if validate.missed != "all":
            found = found[-1:]
        elif len(found) >= ALL_AT_MOST:
            break
    if validate.missed == "skip":
        found = [tick for tick in found if (now - tick).total_seconds() <= ON_TIME_S]
    missed = count - len(found)
    return [(tick, 0 if number else missed) for number, tick in enumerate(found)]


def _instant(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)


def _minute(ms: int) -> datetime:
    return _instant(ms - ms % 60_000)


def _ms(instant: Any) -> int:
    return int(instant.timestamp() * 1000)
