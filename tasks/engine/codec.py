"""Typed JSON for everything the engine writes: an operator can read a job, and reading one runs no code.

Plain JSON values stand for themselves. Any other known type is an object with one key that begins with ``~``:
``{"~decimal": "1.50"}``. A value of an unknown type fails where it is written, with the path to it.

An aware datetime comes back as the same instant with its offset from UTC, but without the name of its zone: pass that
beside it when days are to be counted from it. The fold of a naive datetime is not kept.
"""

import base64
import builtins
import contextlib
import math
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
from huey.registry import Message
from huey.serializer import Serializer
from huey.utils import SKIPPED, Error

from storage.errors import DecodeError, EncodeError
from tasks.engine.arguments import MAX_BYTES
from tasks.engine.messages import PER_CALL, CallMessage

_SAFE_INT = 2**53
_NOT_OURS = (
    msgspec.DecodeError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    ArithmeticError,
    RecursionError,
)
"""What the readers of tagged types make of content that no writer of ours has written."""
_MESSAGE_FIELDS: tuple[str, ...] = Message._fields
_CALL_FIELDS: tuple[str, ...] = (*_MESSAGE_FIELDS, *PER_CALL)


class RemoteError(Exception):
    """An exception of another process, as its text: Huey hands it to error handlers.

    It comes back as a subclass that carries the name of the original's type.
    """

    def __init__(self, message: str, shown: str) -> None:
        super().__init__(message)
        self.shown = shown

    def __repr__(self) -> str:
        return self.shown


def encode(value: object) -> bytes:
    """Typed JSON of ``value``.

    Raises:
        EncodeError: a part of it has no JSON form, or all of it is larger than MAX_BYTES.
    """
    try:
        data = msgspec.json.encode(_plain(value, "value"))
    except RecursionError as error:
        raise EncodeError("the value contains itself, or is nested too deeply: pass ids instead") from error
    if len(data) > MAX_BYTES:
        raise EncodeError(f"the value takes {len(data)} bytes, more than {MAX_BYTES}: store it and pass its id")
    return data


def decode(data: bytes) -> Any:
    """The value that was encoded.

    Raises:
        DecodeError: the bytes are not typed JSON, or are larger than MAX_BYTES.
    """
    if len(data) > MAX_BYTES:
        raise DecodeError(f"{len(data)} bytes are more than {MAX_BYTES}")
    try:
        return _typed(msgspec.json.decode(data))
    except DecodeError:
        raise
    except _NOT_OURS as error:
        raise DecodeError(f"these {len(data)} bytes are not typed JSON: {error}") from error


def decode_message(payload: bytes) -> Any:
    """Huey's message of a job, with all that its call said. Raises DecodeError."""
    message = decode(payload)
    if not isinstance(message, Message):
        raise DecodeError(f"the payload is {_a(type(message))}, not a job's message")
    return message


def decode_value(data: bytes) -> object:
    """A stored result, for display: the returned value, or the error's text for a failure. Raises DecodeError."""
    value = decode(data)
    return value.metadata if isinstance(value, Error) else value


class TypedJson(Serializer):  # type: ignore[misc]  # huey has no types
    """Huey's serializer interface over this codec."""

    def _serialize(self, data: object) -> bytes:
        return encode(data)

    def _deserialize(self, data: bytes) -> Any:
        return decode(data)


# -- writing ---------------------------------------------------------------------------------------------------


def _plain(value: object, path: str) -> object:
    kind = type(value)
    if type(value) is str:
        return value if value.isascii() else _text(value, path)
    if value is None or kind is bool:
        return value
    writer = _WRITERS.get(kind)
    if writer is not None:
        return writer(value, path)
    if isinstance(value, Exception):
        return {"~exception": [kind.__name__, _plain_arguments(value), _said(str, value), _said(repr, value)]}
    raise EncodeError(f"{path} is {_a(kind)}, which has no JSON form: {_remedy(kind)}")


def _a(kind: type[object]) -> str:
    """A type's name behind its article."""
    return f"{'an' if kind.__name__[:1].lower() in tuple('aeiou') else 'a'} {kind.__name__}"


def _plain_dict(value: dict[object, object], path: str) -> object:
    if all(type(key) is str and not key.startswith("~") for key in value):
        return {_plain(key, f"{path} key"): _plain(item, f"{path}[{key!r}]") for key, item in value.items()}
    return {"~dict": [[_plain(k, f"{path} key"), _plain(v, f"{path}[{k!r}]")] for k, v in value.items()]}


def _plain_message(message: Any, _path: str) -> object:
    task = message.name
    fields: dict[str, object] = {}
    for name in _CALL_FIELDS if isinstance(message, CallMessage) else _MESSAGE_FIELDS:
        value = getattr(message, name)
        if value is None or (name in {"args", "kwargs"} and not value):
            continue
        if name == "args" and isinstance(value, list | tuple):
            fields[name] = [_plain(item, f"argument {n + 1} of {task}") for n, item in enumerate(value)]
        elif name == "kwargs" and isinstance(value, dict):
            fields[name] = {
                _text(str(key), f"a name of {task}"): _plain(item, f"argument {key!r} of {task}")
                for key, item in value.items()
            }
        else:
            fields[name] = _plain(value, f"{name} of {task}")
    return {"~job": fields}


def _plain_arguments(error: Exception) -> list[object]:
    """An exception's arguments when all of them are plain, else its text alone."""
    if all(type(arg) in (str, int, bool, type(None)) for arg in error.args):
        return [_storable(arg) if type(arg) is str else arg for arg in error.args]
    return [_said(str, error)]


def _said(speak: Callable[[object], str], error: Exception) -> str:
    """What an exception says of itself, also one that can not."""
    try:
        return _storable(speak(error))
    except Exception as broken:  # noqa: BLE001 - an exception whose own __str__ or __repr__ fails
        return f"{type(error).__name__} (its text can not be read: {type(broken).__name__})"


def _storable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _text(value: str, path: str) -> str:
    try:
        value.encode("utf-8")
    except UnicodeEncodeError as error:
        raise EncodeError(f"{path} is not Unicode text: {error}; decode the bytes that it came from") from error
    return value


def _plain_int(value: int, path: str) -> object:
    if -_SAFE_INT <= value <= _SAFE_INT:
        return value
    try:
        return {"~int": str(value)}
    except ValueError as error:
        raise EncodeError(f"{path} has too many digits: {error}") from error


def _remedy(kind: type) -> str:
    if hasattr(kind, "__members__"):
        return "pass its .value"
    if hasattr(kind, "__dataclass_fields__"):
        return "pass dataclasses.asdict(...) of it, or its id"
    return "pass an id, or a str, number, list or dict"


def _sequence(tag: str) -> Callable[[Any, str], object]:
    return lambda value, path: {tag: [_plain(item, f"{path}[{n}]") for n, item in enumerate(value)]}


_WRITERS: dict[type, Callable[[Any, str], object]] = {
    list: lambda value, path: [_plain(item, f"{path}[{n}]") for n, item in enumerate(value)],
    dict: _plain_dict,
    int: _plain_int,
    float: lambda value, _: value if math.isfinite(value) else {"~float": repr(value)},
    tuple: _sequence("~tuple"),
    set: _sequence("~set"),
    frozenset: _sequence("~frozenset"),
    bytes: lambda value, _: {"~bytes": base64.b64encode(value).decode("ascii")},
    datetime: lambda value, _: {"~datetime": value.isoformat()},
    date: lambda value, _: {"~date": value.isoformat()},
    time: lambda value, _: {"~time": value.isoformat()},
    timedelta: lambda value, _: {"~timedelta": [value.days, value.seconds, value.microseconds]},
    Decimal: lambda value, _: {"~decimal": str(value)},
    UUID: lambda value, _: {"~uuid": str(value)},
    Message: _plain_message,
    CallMessage: _plain_message,
    Error: lambda value, path: {"~error": _plain(value.metadata, path)},
    type(SKIPPED): lambda _value, _path: {"~skipped": True},
}


# -- reading ---------------------------------------------------------------------------------------------------


def _typed(value: Any) -> Any:
    if type(value) is list:
        return [_typed(item) for item in value]
    if type(value) is not dict:
        return value
    if len(value) == 1:
        ((tag, content),) = value.items()
        if tag.startswith("~"):
            reader = _READERS.get(tag)
            if reader is None:
                raise DecodeError(f"unknown type {tag!r}: it was written by a newer version")
            return reader(content)
    return {key: _typed(item) for key, item in value.items()}


def _typed_message(fields: dict[str, Any]) -> Any:
    read = {key: _typed(item) for key, item in fields.items() if key not in {"args", "kwargs"}}
    args = _typed(fields.get("args", []))
    if not isinstance(args, list | tuple):
        raise DecodeError(f"the arguments of a job are a {type(args).__name__}, not a list")
    read["args"] = tuple(args)
    read["kwargs"] = {key: _typed(item) for key, item in fields.get("kwargs", {}).items()}
    settings = {name: read.pop(name) for name in PER_CALL if name in read}
    message = Message(**read)
    return CallMessage.of(message, settings) if settings else message


def _typed_exception(content: list[Any]) -> Exception:
    """A built-in exception comes back as itself, any other as a RemoteError of that name."""
    kind, arguments, text, shown = content
    found = getattr(builtins, kind, None)
    if isinstance(found, type) and issubclass(found, Exception):
        with contextlib.suppress(TypeError, ValueError):  # one that is made of more than plain arguments
            return found(*arguments)
    named: type[RemoteError] = type(kind, (RemoteError,), {"__module__": __name__})
    return named(str(text), str(shown))


_READERS: dict[str, Callable[[Any], Any]] = {
    "~int": int,
    "~float": float,
    "~dict": lambda pairs: {_hashable(_typed(key)): _typed(item) for key, item in pairs},
    "~tuple": lambda items: tuple(_typed(item) for item in items),
    "~set": lambda items: {_typed(item) for item in items},
    "~frozenset": lambda items: frozenset(_typed(item) for item in items),
    "~bytes": lambda text: base64.b64decode(text, validate=True),
    "~datetime": datetime.fromisoformat,
    "~date": date.fromisoformat,
    "~time": time.fromisoformat,
    "~timedelta": lambda parts: timedelta(days=parts[0], seconds=parts[1], microseconds=parts[2]),
    "~decimal": Decimal,
    "~uuid": UUID,
    "~job": _typed_message,
    "~error": lambda content: Error(_typed(content)),
    "~exception": _typed_exception,
    "~skipped": lambda _: SKIPPED,
}


def _hashable(key: Any) -> Any:
    hash(key)
    return key
