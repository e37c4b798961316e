"""How the live gateway reads: errors of the stores in the gateway's words, arguments decoded or explained."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from console.gateway.building import Call
from console.gateway.errors import GatewayRefused, GatewayUnavailable
from storage.broker.records import Job
from storage.errors import DecodeError, FilterError, JobMissing, Refused, StorageError, StoreUnavailable
from tasks.engine.arguments import decode_call

if TYPE_CHECKING:
    from storage.redaction import Redactor


@contextmanager
def translated() -> Iterator[None]:
    """Say a storage's error in the gateway's words."""
    try:
        yield
    except StoreUnavailable as error:
        raise GatewayUnavailable(str(error)) from error
    except (Refused, JobMissing, FilterError) as error:
        raise GatewayRefused(str(error)) from error
    except StorageError as error:
        raise GatewayRefused(f"{type(error).__name__}: {error}") from error


def call_of(job: Job, redactor: Redactor, names: Sequence[str] = ()) -> Call:
    """Return a job's arguments with the secret ones masked, or why they can not be read. ``names`` are those of the
    task's parameters: they tell which positional ones are secret."""
    try:
        args, kwargs = decode_call(job.payload)
    except DecodeError as error:
        return Call(undecoded=str(error))
    return Call(*redactor.redact_call(args, kwargs, names))
