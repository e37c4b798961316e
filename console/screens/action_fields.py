"""What the dialogs of some actions ask besides yes or no: until when, how many, why."""

from collections.abc import Callable, Mapping
from typing import Final

from msgspec import Struct

from console.formats import Moment
from console.instants import coming
from storage.broker.canaries import DEFAULT_RATE, DEFAULT_SHARE
from storage.broker.records import PRIORITY_LIMIT

Read = Callable[[str, Moment], object]
"""Reads what was typed. Raises ValueError: the message says what is expected."""


class Asked(Struct, frozen=True):
    """One field of a dialog. ``name`` is the option of the request; ``blank`` is what nothing means."""

    name: str
    label: str
    blank: str
    read: Read
    start: str = ""


def _instant(typed: str, moment: Moment) -> object:
    return coming(typed, moment).isoformat()


def _whole(least: int, most: int) -> Read:
    def read(typed: str, moment: Moment) -> object:  # noqa: ARG001 - a reader's own signature
        try:
            number = int(typed.replace(",", "").replace("_", ""))
        except ValueError:
            raise ValueError(f"expected a whole number from {least:,} to {most:,}") from None
        if not least <= number <= most:
            raise ValueError(f"expected a whole number from {least:,} to {most:,}")
        return number

    return read


def _number(least: float, most: float) -> Read:
    def read(typed: str, moment: Moment) -> object:  # noqa: ARG001 - as above
        try:
            number = float(typed.rstrip(" %"))
        except ValueError:
            raise ValueError(f"expected a number from {least:,g} to {most:,g}") from None
        if not least <= number <= most:
            raise ValueError(f"expected a number from {least:,g} to {most:,g}")
        return number

    return read


def _rate(typed: str, moment: Moment) -> object:  # noqa: ARG001 - as above
    count, slash, seconds = typed.partition("/")
    try:
        pair = [int(count), float(seconds.rstrip(" s"))] if slash else []
    except ValueError:
        pair = []
    if not pair or pair[0] < 1 or pair[1] <= 0:
        raise ValueError("expected N/SECONDS, as 100/60")
    return pair


_UNTIL = Asked("until_at", "Until when", "until it is resumed; or 2h, 06:00", _instant)
FIELDS: Final[Mapping[str, tuple[Asked, ...]]] = {
    "pause": (_UNTIL,),
    "pause-schedule": (_UNTIL,),
    "limit": (
        Asked("rate", "Starts at most", "any rate; 100/60 is 100 in 60 seconds", _rate),
        Asked("cap", "Running at once at most", "any number", _whole(1, 1_000_000)),
        Asked("max_jobs", "Refuse enqueues beyond, jobs", "any number that waits", _whole(1, 10**12)),
        Asked("max_bytes", "Refuse enqueues beyond, bytes", "any size", _whole(1, 10**15)),
    ),
    "canary": (
        Asked("rate", "After one and ten, a minute", "", _whole(1, 100_000), str(DEFAULT_RATE)),
        Asked("share", "Stop when failed, per cent", "", _number(0, 100),
              f"{DEFAULT_SHARE:g}"),
    ),
}  # fmt: skip
"""The fields by action. All but a reason may be left blank."""
BEFORE: Final[Mapping[str, Asked]] = {
    "priority": Asked(
        "priority", f"The new priority, -{PRIORITY_LIMIT} to {PRIORITY_LIMIT}; the higher one runs first", "needed",
        _number(-PRIORITY_LIMIT, PRIORITY_LIMIT),
    )
}  # fmt: skip
"""What must be known before an action can be looked at."""
NEEDS_REASON: Final = frozenset({"pause", "pause-schedule", "purge", "stop", "reveal", "release", "mute", "resolve"})
"""Actions that others will want to know the reason of."""
