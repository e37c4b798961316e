"""The arguments of a job, read from its payload. Huey is loaded only for those that have a type which JSON has not."""

import contextlib
from typing import Any

import msgspec

MAX_BYTES = 4 * 2**20
"""Largest payload or result, in bytes, written or read."""


class _PlainCall(msgspec.Struct):
    """The arguments of a job of which none has a type that JSON has not."""

    args: list[Any] = []
    kwargs: dict[str, Any] = {}


class _PlainJob(msgspec.Struct):
    call: _PlainCall = msgspec.field(name="~job")


_read_plain_job = msgspec.json.Decoder(_PlainJob).decode


def decode_call(payload: bytes) -> tuple[tuple[object, ...], dict[str, object]]:
    """Positional and keyword arguments of a job's payload, for display. Raises DecodeError."""
    if payload.count(b'"~') == 1 and b"\\u007" not in payload and len(payload) <= MAX_BYTES:
        # No other tag than the job's own: what was written is what was meant, and nothing else of the job is read.
        with contextlib.suppress(msgspec.DecodeError, RecursionError):
            call = _read_plain_job(payload).call
            return tuple(call.args), call.kwargs
    from tasks.engine.codec import decode_message  # noqa: PLC0415 - loads Huey, and most payloads are read without

    message = decode_message(payload)
    return tuple(message.args or ()), dict(message.kwargs or {})
