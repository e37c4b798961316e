"""Times on the command line: as an operator writes them, and as they are said."""

from datetime import UTC, datetime, timedelta

from console.commands.opening import WrongUse
from storage.errors import FilterError
from storage.history import instants


def past_instant(text: str, option: str, now: datetime) -> datetime:
    """An instant such as 02:47 (the last one that was), 2026-11-21T02:47 or 2026-11-21T02:47:30Z. Raises WrongUse."""
    try:
        at = datetime.fromisoformat(text)
        return (at if at.tzinfo is not None else at.astimezone()).astimezone(UTC)
    except ValueError:
        pass
    try:
        zone = now.astimezone().tzinfo or UTC
        found = instants.window(text, 0, now=now, zone=zone).start_at
    except FilterError as error:
        raise WrongUse(f"{option} {text}: write a time such as 02:47 or 2026-11-21T02:47") from error
    if found is None:
        raise WrongUse(f"{option} {text}: write one instant, such as 02:47 or 2026-11-21T02:47")
    return found


def span_of(text: str, option: str) -> timedelta:
    """A duration such as 90s, 1h30m or 7d. Raises WrongUse."""
    try:
        found = timedelta(milliseconds=instants.duration_ms(text, 0))
    except FilterError as error:
        raise WrongUse(f"{option} {text}: {error}") from error
    if found <= timedelta(0):
        raise WrongUse(f"{option} {text}: write a duration above 0")
    return found


def until_words(at: datetime | None) -> str:
    """Until when something holds, behind what holds; nothing when that is open."""
    return f" until {at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC" if at is not None else ""
