"""Reads of consumers: those that live, and those that fell silent without leaving."""

from datetime import UTC, datetime
from typing import Any

from storage.broker.reading import Reads, instant, text
from storage.broker.records import ConsumerInfo

SILENT_SHOWN_MS = 60_000
"""How long a consumer that beats no more is told of; its description is forgotten soon after."""
_NEVER = datetime.fromtimestamp(0, UTC)


class FleetReads(Reads):
    """The part of the Inspector that reads consumers."""

    def consumers(self, *, silent: bool = False) -> tuple[ConsumerInfo, ...]:
        """Every consumer that lives: one that has beaten within a lease and a half, and not left.

        With ``silent`` also those that beat no more and never said that they leave, for a minute.
        """
        seconds, micros = self._call("time")
        now_ms = int(seconds) * 1000 + int(micros) // 1000
        oldest_ms = now_ms - SILENT_SHOWN_MS if silent else now_ms
        found = self._call("zrangebyscore", self._keys.consumers, oldest_ms, "+inf", withscores=True)
        ids = [(text(consumer_id), until_ms) for consumer_id, until_ms in found]
        with self._pipe() as pipe:
            pipe.hgetall(self._keys.orders)
            for consumer_id, _ in ids:
                pipe.hgetall(self._keys.consumer(consumer_id))
            ordered, *rows = self._run(pipe)
        orders = {text(one): text(order) for one, order in ordered.items()}
        return tuple(
            _consumer(one, row, orders.get(one, ""), until_ms < now_ms)
            for (one, until_ms), row in zip(ids, rows, strict=True)
            if row
        )


def _consumer(consumer_id: str, row: dict[Any, bytes], order: str, is_silent: bool) -> ConsumerInfo:
    fields = {text(name): text(value) for name, value in row.items()}
    started = fields.get("started")
    running = [held for name, held in sorted(fields.items()) if name.startswith("running:")]
    return ConsumerInfo(
        id=consumer_id,
        host=fields.get("host", ""),
        pid=int(fields.get("pid", 0)),
        workers=int(fields.get("workers", 0)),
        kind=fields.get("kind", ""),
        queues=tuple(name for name in fields.get("queues", "").split(",") if name),
        started_at=datetime.fromisoformat(started) if started else _NEVER,
        beat_at=instant(fields.get("beat")) or _NEVER,
        running=tuple(one for held in running for one in held.split(",") if one),
        memory_bytes=sum(int(size) for name, size in fields.items() if name.startswith("memory:")),
        version=fields.get("version", ""),
        order=order,
        is_silent=is_silent,
    )
