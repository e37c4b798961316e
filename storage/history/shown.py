"""Arguments and results of jobs as JSON that PostgreSQL can keep, with their secrets taken out."""

import json
import math
from collections.abc import Callable
from typing import Any, Protocol

import msgspec

from storage.database.text import storable

LONGEST_JSON = 262_144
SHOWN_OF_LONG = 2_000
DEEPEST = 60
_LARGEST_BITS = 4_096

Redact = Callable[[Any], Any]
"""Answers a value without its secrets."""


class Describe(Protocol):
    """Reads what the engine wrote. Both answer plain values; both may raise anything for bytes that are not theirs."""

    def arguments(self, task: str, payload: bytes) -> object:
        """The arguments of a job by parameter name; those without one as a list, under "args"."""

    def result(self, task: str, data: bytes) -> object:
        """What a job returned."""


class Opaque:
    """Describes what nobody has told us to read."""

    def arguments(self, task: str, payload: bytes) -> object:  # noqa: ARG002 - as in Describe
        return {"payload": payload.decode("utf-8", "backslashreplace")[:SHOWN_OF_LONG]}

    def result(self, task: str, data: bytes) -> object:  # noqa: ARG002 - as in Describe
        return {"bytes": len(data)}


class Shown:
    """Describes, redacts and writes as JSON, whatever it is given."""

    def __init__(self, describe: Describe, redact: Redact) -> None:
        self._describe = describe
        self._redact = redact
        self._encode = msgspec.json.Encoder(enc_hook=repr).encode

    def __call__(self, task: str, payload: bytes | None, result: bytes | None) -> tuple[str | None, str | None]:
        """JSON texts of a job's arguments and result; None where there is none."""
        return (
            self._text(task, payload, self._describe.arguments) if payload is not None else None,
            self._text(task, result, self._describe.result) if result is not None else None,
        )

    def _text(self, task: str, data: bytes, describe: Callable[[str, bytes], object]) -> str:
        try:
            value = describe(task, data)
        except Exception as error:  # noqa: BLE001 - whatever a reader makes of bytes that are not its own
            unread = data[:SHOWN_OF_LONG].decode("utf-8", "backslashreplace")
            value = {"unreadable": f"{type(error).__name__}: {error}"[:SHOWN_OF_LONG], "payload": unread}
        value = self._redact(value)
        try:
            text = self._encode(value).decode()
        except (TypeError, ValueError, OverflowError, RecursionError, UnicodeError):
            text = json.dumps(_kept(value))
        if "\\u0000" in text:
            text = json.dumps(_kept(value))
        if len(text) > LONGEST_JSON:
            return json.dumps({"long": storable(text[:SHOWN_OF_LONG]), "bytes": len(text)})
        return text


def _kept(value: object, depth: int = 0) -> object:
    """A value of which PostgreSQL can keep every part."""
    if depth > DEEPEST:
        return "…"
    if isinstance(value, dict):
        return {storable(str(key)): _kept(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_kept(item, depth + 1) for item in value]
    if isinstance(value, int) and value.bit_length() > _LARGEST_BITS:
        return f"a number of {value.bit_length()} bits"
    is_plain = value is None or isinstance(value, int) or (isinstance(value, float) and math.isfinite(value))
    return value if is_plain else storable(str(value))
