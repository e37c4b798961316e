"""How the live gateway reads: errors of the stores in the gateway's words, arguments decoded or explained."""

from collections.abc import Iterator
from contextlib import contextmanager

from console.gateway.building import Call
from console.gateway.errors import GatewayRefused, GatewayUnavailable
from storage.broker.records import Job
from storage.errors import JobMissing, Refused, StorageError, StoreUnavailable
from tasks.engine.codec import DecodeError, decode_call


@contextmanager
def translated() -> Iterator[None]:
    """Say a storage's error in the gateway's words."""
    try:
        yield
    except StoreUnavailable as error:
        raise GatewayUnavailable(str(error)) from error
    except (Refused, JobMissing) as error:
        raise GatewayRefused(str(error)) from error
    except StorageError as error:
        raise GatewayRefused(f"{type(error).__name__}: {error}") from error


def call_of(job: Job) -> Call:
    """Return a job's arguments, or why they can not be read."""
    try:
        args, kwargs = decode_call(job.payload)
    except DecodeError as error:
        return Call(undecoded=str(error))
    return Call(args, kwargs)
