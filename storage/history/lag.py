"""How far history is behind what happens, who writes it, and what it lost. Reads Redis only, and changes nothing."""

from datetime import datetime
from typing import Any

import redis
from msgspec import Struct

from storage.broker.inspector import Inspector
from storage.broker.reading import Reads, instant, text

SILENT_S = 30.0
"""A recorder that has not led for so long is gone."""


class Lag(Struct, frozen=True):
    """How history stands. Without a recorder that ever ran, ``exists`` is False and the rest says nothing.

    ``leader`` is "" when nobody leads now; ``beat_at`` is when somebody last did. ``trouble`` is what keeps the leader
    from recording. ``dropped_events`` and ``dropped_jobs`` (ended and forgotten before they were recorded) count since
    ever. ``is_walking``: all jobs are being looked at, because events went unread.
    """

    exists: bool
    events_behind: int
    seconds_behind: float
    leader: str = ""
    leads_since_at: datetime | None = None
    beat_at: datetime | None = None
    trouble: str = ""
    recorded_events: int = 0
    dropped_events: int = 0
    dropped_jobs: int = 0
    is_walking: bool = False


def lag(source: "redis.Redis | Inspector", namespace: str = "dewey") -> Lag:
    """How history stands in a namespace; an Inspector's own is used. Raises StoreUnavailable."""
    if isinstance(source, Inspector):
        return _Lags.of(source).read()
    return _Lags(source, namespace).read()


class _Lags(Reads):
    @classmethod
    def of(cls, reads: Reads) -> "_Lags":
        found = cls(reads._client)
        found._keys = reads._keys
        return found

    def read(self) -> Lag:
        with self._pipe() as pipe:
            pipe.hgetall(self._keys.recording)
            pipe.xlen(self._keys.events)
            pipe.time()
            raw, events, (seconds, micros) = self._run(pipe)
        fields: dict[str, Any] = {key.decode(): value for key, value in raw.items()}
        if "cursor" not in fields:
            return Lag(False, int(events), 0.0)
        now_s = int(seconds) + int(micros) / 1e6
        cursor = fields["cursor"].decode()
        following = self._call("xrange", self._keys.events, min=f"({cursor}", max="+", count=1)
        behind_s = now_s - int(following[0][0].partition(b"-")[0]) / 1000 if following else 0.0
        leads = "leader" in fields and int(fields["until"]) > now_s * 1000
        return Lag(
            exists=True,
            events_behind=max(1, int(events) - int(fields["read"])) if following else 0,
            seconds_behind=max(0.0, behind_s),
            leader=text(fields["leader"]) if leads else "",
            leads_since_at=instant(fields.get("since")),
            beat_at=instant(fields.get("beat")),
            trouble=text(fields.get("trouble")),
            recorded_events=int(fields.get("events", 0)),
            dropped_events=int(fields.get("dropped_events", 0)),
            dropped_jobs=int(fields.get("dropped_jobs", 0)),
            is_walking="walk" in fields,
        )
