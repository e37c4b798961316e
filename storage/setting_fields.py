"""How a setting is declared: its default, how its text is read, what it is for, and what a right value looks like."""

from collections.abc import Callable
from dataclasses import Field, field, fields
from typing import Any, TypeVar, cast, get_args

from msgspec import Struct

from storage.secret import Secret

T = TypeVar("T")


class Setting(Struct, frozen=True):
    """All that is known of one setting. ``read`` makes its value of a text, and raises ValueError where it can not.

    ``field`` is what it is called in Settings, ``names`` what it is called in the environment, the preferred one first.
    """

    field: str
    names: tuple[str, ...]
    read: Callable[[str], object]
    default: str
    expected: str
    description: str
    is_secret: bool

    @property
    def name(self) -> str:
        """What a person calls it."""
        return self.names[0]


def setting(
    default: T | Callable[[], T],
    read: Callable[[str], T],
    description: str,
    *,
    expected: str,
    names: tuple[str, ...] = (),
) -> T:
    """A field of Settings. Without ``names`` it is called in the environment as its field is, in capitals."""
    told = {"read": read, "description": description, "expected": expected, "names": names}
    if callable(default):
        return field(default_factory=default, metadata=told)
    return field(default=default, metadata=told)


def settings_of(kind: type) -> tuple[Setting, ...]:
    """Every setting of a class, in the order in which they are declared."""
    return tuple(_setting(one) for one in fields(kind))


def _setting(declared: "Field[Any]") -> Setting:
    told = declared.metadata
    return Setting(
        field=declared.name,
        names=told["names"] or (declared.name.upper(),),
        read=cast(Callable[[str], object], told["read"]),
        default=_shown(declared.default),
        expected=told["expected"],
        description=told["description"],
        is_secret=Secret in get_args(declared.type),
    )


def _shown(default: object) -> str:
    """A default as a person would write it; "" where there is none, or one that depends on where it is asked."""
    if isinstance(default, bool):
        return str(default).lower()
    return str(default) if isinstance(default, str | int | float) else ""
