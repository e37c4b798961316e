"""The rule of a schedule: five cron fields in an IANA time zone. Pure: its ticks follow from the rule alone.

When clocks change, rules follow Debian's cron (as cronsim does it). A rule with a fixed hour and minute keeps to the
clock on the wall: a time that a change skips runs right after the gap, and one that comes twice runs once, the first
time. A rule with ``*`` (or ``*/n``) in its hour or minute keeps to real time: it runs at each of its minutes that
exists, those that come twice included. All ticks are answered in UTC.
"""

import zoneinfo
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Literal, get_args

from cronsim import CronSim, CronSimError
from msgspec import Struct

from storage.errors import SettingsError

Missed = Literal["skip", "latest", "all"]


class Schedule(Struct, frozen=True):
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
