"""Time rules: five cron fields in an IANA time zone, and one enqueue per tick over any number of consumers.

    @huey.periodic_task(cron("0 * * * *"))                                 # UTC
    @huey.periodic_task(cron("30 2 * * *", timezone="Europe/Paris", missed="skip"))

Daylight saving follows Debian's cron (cronsim): a fixed time that a change of clocks skips runs right after it, and one
that comes twice runs once; rules with ``*`` in hour or minute follow real time.
"""

import logging
import zoneinfo
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, get_args

from cronsim import CronSim, CronSimError

from storage.broker.broker import Broker
from storage.broker.records import NewJob
from storage.errors import SettingsError, StoreUnavailable

_logger = logging.getLogger(__name__)

Missed = Literal["skip", "latest", "all"]
ON_TIME_S = 90
"""A tick found later than this was missed (all consumers were down or stalled)."""
ALL_AT_MOST = 1_000
"""Most missed ticks that the policy ``all`` makes up at once."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """A time rule. Called with a naive UTC minute, it answers whether that is one of its ticks (Huey's interface)."""

    expression: str
    timezone: str = "UTC"
    missed: Missed = "latest"

    def __post_init__(self) -> None:
        if self.missed not in get_args(Missed):
            raise SettingsError(f"missed={self.missed!r} of cron {self.expression!r}: use one of {get_args(Missed)}")
        if len(self.expression.split()) != 5:
            raise SettingsError(f"cron {self.expression!r}: expected five fields, minute hour day month weekday")
        try:
            CronSim(self.expression, datetime.now(self.zone))
        except CronSimError as error:
            raise SettingsError(f"cron {self.expression!r}: {error}; expected minute hour day month weekday") from error

    @property
    def zone(self) -> zoneinfo.ZoneInfo:
        """The time zone. Raises SettingsError when it is unknown."""
        try:
            return zoneinfo.ZoneInfo(self.timezone)
        except (zoneinfo.ZoneInfoNotFoundError, ValueError) as error:
            raise SettingsError(f"time zone {self.timezone!r} is unknown: use an IANA name, as Europe/Paris") from error

    def ticks(self, after: datetime) -> Iterator[datetime]:
        """Ticks strictly after an instant, soonest first, in UTC."""
        for tick in CronSim(self.expression, after.astimezone(self.zone)):
            yield tick.astimezone(UTC)

    def __call__(self, timestamp: datetime) -> bool:
        minute = timestamp.replace(second=0, microsecond=0, tzinfo=timestamp.tzinfo or UTC)
        return next(self.ticks(minute - timedelta(minutes=1)), None) == minute.astimezone(UTC)


def cron(expression: str, *, timezone: str = "UTC", missed: Missed = "latest") -> Schedule:
    """A time rule for ``periodic_task``.

    ``missed`` says what becomes of ticks that no consumer was there for: ``skip`` them, run once for the ``latest``,
    or run ``all``.

    Raises:
        SettingsError: a field, the zone or the policy is not valid; the message names it.
    """
    return Schedule(expression, timezone, missed)


@dataclass(frozen=True, slots=True)
class Entry:
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
        for tick in due(entry.validate, last_ms, now_ms):
            job = entry.job(f"cron:{entry.name}:{tick:%Y-%m-%dT%H:%M}")
            if self._broker.tick(entry.name, _ms(tick), job):
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
    now, last = _instant(now_ms), _instant(last_ms)
    if not isinstance(validate, Schedule):  # Huey's own crontab(): a yes or no per minute, no memory
        minute = _minute(now_ms)
        return [minute] if minute > last and validate(minute.replace(tzinfo=None)) else []
    found = []
    for tick in validate.ticks(last):
        if tick > now:
            break
        found.append(tick)
        if validate.missed != "all":
            found = found[-1:]
        elif len(found) >= ALL_AT_MOST:
            break
    if validate.missed == "skip":
        found = [tick for tick in found if (now - tick).total_seconds() <= ON_TIME_S]
    return found


def _instant(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)


def _minute(ms: int) -> datetime:
    return _instant(ms - ms % 60_000)


def _ms(instant: Any) -> int:
    return int(instant.timestamp() * 1000)
