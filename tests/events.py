"""What every transition of a job leaves in the stream, read back: see tell() in storage/broker/lua/_base.lua."""

from typing import NamedTuple

from storage.broker.broker import Broker


class Event(NamedTuple):
    """A job came to a state, with a version."""

    job_id: str
    version: int
    state: str


def events_of(broker: Broker) -> list[Event]:
    """All events that are left, oldest first."""
    found = []
    for _, fields in broker.call("xrange", broker.keys.events):
        for job_id, told in fields.items():
            version, state, _ = told.decode().split(" ")
            found.append(Event(job_id.decode(), int(version), state))
    return found
