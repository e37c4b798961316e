"""Looks for states that can not be, a little at a time: every transition is atomic, so whoever finds one has found a
lost write, an eviction, or somebody else's hand in Redis. What is safe is repaired; all of it is counted.
"""

import logging
from collections.abc import Iterator

from msgspec import Struct

from storage.broker.broker import Broker
from storage.broker.records import STATES

_logger = logging.getLogger(__name__)

LOOKED_AT_ONCE = 200
MENDED_AT_ONCE = 50


class Repair(Struct, frozen=True):
    """One thing that could not be. ``kind``: ghost, twice, misfiled, unleased or orphan (see reconcile.lua), or
    childless (see mend.lua) or misgrouped (see regroup.lua)."""

    kind: str
    job_id: str


class Reconciler:
    """One walk over all indexes and all records after another; each ``step`` costs Redis about a millisecond."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._walk: Iterator[list[Repair]] = iter(())

    def step(self) -> list[Repair]:
        """Look at the next few jobs; answers what was repaired."""
        try:
            repairs = next(self._walk)
        except StopIteration:
            self._walk = self._walk_once()
            return []
        for repair in repairs:
            _logger.error("job %s was in an impossible state (%s) and was put right", repair.job_id, repair.kind)
        return repairs

    def run(self) -> list[Repair]:
        """Look at everything once."""
        return [repair for repairs in self._walk_once() for repair in repairs]

    def _walk_once(self) -> Iterator[list[Repair]]:
        for queue in sorted(self._broker.call("smembers", self._broker.keys.queues)):
            for state in STATES:
                cursor = b"0"
                while True:
                    cursor, *found = self._broker.run("reconcile", queue, state, cursor, LOOKED_AT_ONCE)
                    words = [word.decode() for word in found]
                    yield [Repair(kind, job_id) for kind, job_id in zip(words[::2], words[1::2], strict=True)]
                    if cursor == b"0":
                        break
            yield from self._left_waiting(queue)
        for fingerprint in self._broker.call("zrange", self._broker.keys.failures, 0, -1):
            yield from self._misgrouped(fingerprint)
        yield from self._orphans()

    def _misgrouped(self, fingerprint: bytes) -> Iterator[list[Repair]]:
        """Jobs in a group of failures that are not dead of its error."""
        cursor = b"0"
        while True:
            cursor, *found = self._broker.run("regroup", fingerprint, cursor, LOOKED_AT_ONCE)
            yield [Repair("misgrouped", job_id.decode()) for job_id in found]
            if cursor == b"0":
                break

    def _left_waiting(self, queue: bytes) -> Iterator[list[Repair]]:
        """Jobs that wait for one that is gone: they fail or go on, as they were told to."""
        place, looked = 0, MENDED_AT_ONCE
        while looked == MENDED_AT_ONCE:
            looked, *found = self._broker.run("mend", queue, place, MENDED_AT_ONCE)
            place += looked - len(found)
            yield [Repair("childless", job_id.decode()) for job_id in found]

    def _orphans(self) -> Iterator[list[Repair]]:
        """Records that no index names. Slots of a scan may answer a job twice, and a live one may move meanwhile: the
        script looks again, atomically."""
        prefix = self._broker.keys.job("")
        cursor = 0
        while True:
            cursor, keys = self._broker.call("scan", cursor, match=_literal(prefix) + "*", count=LOOKED_AT_ONCE)
            ids = [key.decode().removeprefix(prefix) for key in keys]
            yield [Repair("orphan", job_id) for job_id in ids if self._broker.run("adopt", job_id)]
            if cursor == 0:
                return


def _literal(text: str) -> str:
    """Text as a pattern that matches it alone."""
    return "".join(f"[{one}]" if one in "*?[\\" else one for one in text)
