"""What the processes of consumers run, by ``host:pid``: workers say in their name which process they are in."""

import time

from storage.broker.reading import Reads, text

REFRESH_S = 5.0
MOST = 10_000


class Versions(Reads):
    """What was last heard of each process, also of those that are gone."""

    _known: dict[str, str] | None = None
    _read_at = 0.0

    def current(self) -> dict[str, str]:
        """The version of each process that was ever seen, refreshed every few seconds."""
        if self._known is None or time.monotonic() > self._read_at + REFRESH_S:
            known = self._known or {}
            known.update(self._read())
            for process in list(known)[: max(0, len(known) - MOST)]:
                del known[process]
            self._known, self._read_at = known, time.monotonic()
        return self._known

    def _read(self) -> dict[str, str]:
        ids = self._call("zrange", self._keys.consumers, 0, -1)
        with self._pipe() as pipe:
            for consumer_id in ids:
                pipe.hgetall(self._keys.consumer(consumer_id.decode()))
            rows = self._run(pipe)
        found = {}
        for consumer_id, fields in zip(ids, rows, strict=True):
            version, host = text(fields.get(b"version")), text(fields.get(b"host"))
            found[consumer_id.decode()] = version
            found |= {f"{host}:{name[5:].decode()}": version for name in fields if name.startswith(b"beat:")}
        return found
