"""Writes down, once a minute, how things stand: queues by state, their age and rates, consumers and what they run."""

import json
import time

from storage.broker.broker import Broker
from storage.broker.inspector import Inspector
from storage.broker.records import STATES, ConsumerInfo, Limits, QueueStats
from storage.database.connection import Session
from storage.database.text import storable
from storage.history.lag import lag

MINUTE_S = 60
LOOK_S = 1.0
_MINUTE = "INSERT INTO sampled_minutes VALUES (to_timestamp(%s), %s, %s, %s) ON CONFLICT DO NOTHING"
_QUEUE = (
    f"INSERT INTO samples (at, queue, {', '.join(STATES)}, oldest_waiting_s, consumers, paused_by, paused_reason, "
    "paused_at, limits, enqueued_per_minute, succeeded_per_minute, failed_per_minute) "
    f"VALUES (to_timestamp(%s), %s, {', '.join(['%s'] * len(STATES))}, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
)
_CONSUMER = (
    "INSERT INTO consumer_samples (at, consumer, host, pid, kind, workers, queues, version, memory_bytes, started_at, "
    "beat_at, running, told, is_silent) "
    "VALUES (to_timestamp(%s), %s, %s, %s, %s, %s, %s::text[], %s, %s, %s, %s, %s::text[], %s, %s)"
)


class Sampler:
    """Samples for one recorder; whoever is first in a minute samples it."""

    def __init__(self, broker: Broker, name: str) -> None:
        self._inspector = Inspector(broker.client, broker.namespace)
        self._name = name
        self._minute_s = 0
        self._look_at = 0.0

    def sample(self, session: Session, *, now_s: float | None = None) -> bool:
        """Sample the running minute, by the broker's clock, unless that was done. True when this call did."""
        if now_s is None:
            if time.monotonic() < self._look_at:
                return False
            self._look_at = time.monotonic() + LOOK_S
            now_s = self._inspector.clock_ms() / 1000
        minute_s = int(now_s) // MINUTE_S * MINUTE_S
        if minute_s == self._minute_s:
            return False
        behind = lag(self._inspector)
        queues, consumers = self._inspector.queues(), self._inspector.consumers()
        with session.database.atomic():
            is_first = session.run(_MINUTE, (minute_s, self._name, behind.events_behind, behind.seconds_behind))
            if is_first:
                for queue in queues:
                    session.run(_QUEUE, _queue(minute_s, queue))
                for consumer in consumers:
                    session.run(_CONSUMER, _consumer(minute_s, consumer))
        self._minute_s = minute_s
        return bool(is_first)


def _queue(minute_s: int, queue: QueueStats) -> tuple[object, ...]:
    pause = queue.pause
    paused = (storable(pause.by), storable(pause.reason), pause.at) if pause else ("", "", None)
    last_minute = queue.minutes[-2] if len(queue.minutes) > 1 else (0, 0, 0)
    depths = [queue.counts[state] for state in STATES]
    return (
        *(minute_s, storable(queue.name), *depths, queue.oldest_waiting_s, queue.consumers, *paused),
        *(json.dumps(_limits(queue.limits)), *last_minute),
    )


def _limits(limits: Limits | None) -> dict[str, object]:
    """What of a queue is limited, by name. How long ended jobs are kept is no limit of it."""
    given = limits or Limits()
    known = {"rate": given.rate, "cap": given.cap, "max_jobs": given.max_jobs, "max_bytes": given.max_bytes}
    return {name: value for name, value in known.items() if value is not None}


def _consumer(minute_s: int, one: ConsumerInfo) -> tuple[object, ...]:
    return (
        *(minute_s, storable(one.id), storable(one.host), one.pid, storable(one.kind), one.workers),
        *([storable(name) for name in one.queues], storable(one.version), one.memory_bytes, one.started_at),
        *(one.beat_at, [storable(job_id) for job_id in one.running], storable(one.order), one.is_silent),
    )
