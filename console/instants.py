"""Instants as an operator writes them: a span from now, a time of day, or a date and a time."""

import re
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final

from console.formats import Moment, TimeMode

EXPECTED: Final = "say 30m, 2h, 1d, 06:00 or 2026-11-23 06:00"
LONGEST: Final = timedelta(days=3_660)
_SPAN: Final = re.compile(r"(\d{1,6})\s*([smhdw])")
_TIME: Final = re.compile(r"(\d{1,2}):(\d{2})")
_DATE: Final = re.compile(r"(\d{4})-(\d{2})-(\d{2})(?:[ T](\d{1,2}):(\d{2}))?")
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def coming(text: str, moment: Moment) -> datetime:
    """Return the instant that a text means: always after now. Times are in the zone in which the console writes them.

    Raises:
        ValueError: it means none, or one that has passed; the message says what is expected.
    """
    said = text.strip()
    if span := _SPAN.fullmatch(said):
        found = moment.now + min(LONGEST, timedelta(**{_UNITS[span[2]]: int(span[1])}))
    elif (time := _TIME.fullmatch(said)) or (date := _DATE.fullmatch(said)):
        found = _clock(time, moment) if time else _date(date, moment)
    else:
        raise ValueError(f"“{said[:40]}” is no instant: {EXPECTED}")
    if found <= moment.now:
        raise ValueError(f"that has passed: {EXPECTED}")
    if found - moment.now > LONGEST:
        raise ValueError("that is more than ten years away")
    return found


def _zone(moment: Moment) -> tzinfo | None:
    return moment.zone if moment.mode is TimeMode.LOCAL else UTC


def _clock(found: "re.Match[str]", moment: Moment) -> datetime:
    """The next time that a clock shows this."""
    today = moment.now.astimezone(_zone(moment))
    try:
        at = today.replace(hour=int(found[1]), minute=int(found[2]), second=0, microsecond=0)
    except ValueError:
        raise ValueError(f"no clock shows {found[0]}: {EXPECTED}") from None
    return (at if at > today else at + timedelta(days=1)).astimezone(UTC)


def _date(found: "re.Match[str] | None", moment: Moment) -> datetime:
    assert found is not None
    parts = [int(part or 0) for part in found.groups()]
    try:
        at = datetime(*parts, tzinfo=_zone(moment))  # type: ignore[misc,arg-type]  # five numbers
    except ValueError:
        raise ValueError(f"no calendar has {found[0]}: {EXPECTED}") from None
    return at.astimezone(UTC)
