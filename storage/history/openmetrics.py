"""Everything that is counted, as OpenMetrics (https://prometheus.io/docs/specs/om/open_metrics_spec/): what is now from
Redis, what was counted since ever from history. When one of them is away, its part is missing and its ``up`` is 0.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.openmetrics.exposition import generate_latest
from prometheus_client.registry import Collector, CollectorRegistry

from storage.broker.inspector import Inspector
from storage.broker.records import STATES
from storage.database.connection import Database
from storage.errors import StorageError
from storage.history.histogram import upper_of
from storage.history.lag import lag

BUCKET_STEP = 6
"""Every sixth bucket of a histogram is told: each bound is 1.8 times the one before."""
LAST_BOUND = 204
_TOTALS = (
    "SELECT queue, task, enqueued, succeeded, failed, lost, canceled, dead, wait_ms, run_ms, wait, run "
    "FROM measures WHERE step_s = 0 ORDER BY queue, task"
)


def exposed(inspector: Inspector, database: Database) -> bytes:
    """All metrics as OpenMetrics text."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Everything(inspector, database))
    text: bytes = generate_latest(registry)  # type: ignore[no-untyped-call]  # so in prometheus_client
    return text


class _Everything(Collector):
    def __init__(self, inspector: Inspector, database: Database) -> None:
        self._inspector = inspector
        self._database = database

    def collect(self) -> Iterator[Metric]:
        yield from _part("redis", "Whether Redis answered.", lambda: [*_now(self._inspector), *_lag(self._inspector)])
        yield from _part("history", "Whether the history answered.", lambda: _counted(self._database))


def _part(name: str, words: str, collect: Callable[[], Iterable[Metric]]) -> Iterator[Metric]:
    try:
        found, is_up = list(collect()), 1.0
    except StorageError:
        found, is_up = [], 0.0
    yield GaugeMetricFamily(f"dewey_{name}_up", words, value=is_up)
    yield from found


def _now(inspector: Inspector) -> Iterator[Metric]:
    depth = GaugeMetricFamily("dewey_queue_jobs", "Jobs by queue and state.", labels=["queue", "state"])
    oldest = GaugeMetricFamily(
        "dewey_queue_oldest_waiting_seconds", "How long the oldest queued job has waited.", labels=["queue"]
    )
    paused = GaugeMetricFamily("dewey_queue_paused", "Whether the queue is paused.", labels=["queue"])
    served = GaugeMetricFamily("dewey_queue_consumers", "Consumers that serve the queue.", labels=["queue"])
    for queue in inspector.queues():
        for state in STATES:
            depth.add_metric([queue.name, state], queue.counts[state])
        oldest.add_metric([queue.name], queue.oldest_waiting_s)
        paused.add_metric([queue.name], float(queue.pause is not None))
        served.add_metric([queue.name], queue.consumers)
    yield from (depth, oldest, paused, served)
    names = ["consumer", "version"]
    workers = GaugeMetricFamily("dewey_consumer_workers", "Workers of a consumer that lives.", labels=names)
    running = GaugeMetricFamily("dewey_consumer_running_jobs", "Jobs that a consumer runs.", labels=names)
    memory = GaugeMetricFamily("dewey_consumer_memory_bytes", "Memory of a consumer's processes.", labels=names)
    for one in inspector.consumers():
        workers.add_metric([one.id, one.version], one.workers)
        running.add_metric([one.id, one.version], len(one.running))
        memory.add_metric([one.id, one.version], one.memory_bytes)
    yield from (workers, running, memory)


def _lag(inspector: Inspector) -> Iterator[Metric]:
    found = lag(inspector)
    yield GaugeMetricFamily("dewey_recorder_leads", "Whether a recorder records now.", value=float(bool(found.leader)))
    yield GaugeMetricFamily(
        "dewey_recorder_behind_events", "Events that wait to be recorded.", value=found.events_behind
    )
    yield GaugeMetricFamily(
        "dewey_recorder_behind_seconds", "How long the oldest of them has waited.", value=found.seconds_behind
    )
    yield CounterMetricFamily("dewey_recorder_events", "Events that were recorded.", value=found.recorded_events)
    yield CounterMetricFamily("dewey_recorder_dropped_events", "Events that went unread.", value=found.dropped_events)
    yield CounterMetricFamily("dewey_recorder_dropped_jobs", "Ended jobs that went unread.", value=found.dropped_jobs)


def _counted(database: Database) -> Iterator[Metric]:
    names = ["queue", "task"]
    enqueued = CounterMetricFamily("dewey_jobs_enqueued", "Jobs that came into being.", labels=names)
    ended = CounterMetricFamily("dewey_jobs_given_up", "Jobs that ended dead or canceled.", labels=[*names, "state"])
    attempts = CounterMetricFamily("dewey_attempts", "Attempts that ended.", labels=[*names, "outcome"])
    wait = HistogramMetricFamily("dewey_attempt_wait_seconds", "From in line to the start.", labels=names)
    run = HistogramMetricFamily("dewey_attempt_run_seconds", "From the start to the end.", labels=names)
    with database.session() as session:
        rows = session.rows(_TOTALS)
    for queue, task, came, succeeded, failed, lost, canceled, dead, wait_ms, run_ms, waits, runs in rows:
        place = [queue, task]
        enqueued.add_metric(place, came)
        for outcome, count in (("succeeded", succeeded), ("failed", failed), ("lost", lost)):
            attempts.add_metric([*place, outcome], count)
        for state, count in (("canceled", canceled), ("dead", dead)):
            ended.add_metric([*place, state], count)
        wait.add_metric(place, _buckets(waits), wait_ms / 1000)
        run.add_metric(place, _buckets(runs), run_ms / 1000)
    yield from (enqueued, ended, attempts, wait, run)


def _buckets(counts: Sequence[int]) -> list[Any]:
    """Cumulative counts up to some bounds, in seconds, and up to infinity."""
    bounds = range(0, LAST_BOUND + 1, BUCKET_STEP)
    return [
        *((f"{upper_of(bound) / 1000:.6g}", float(sum(counts[: bound + 1]))) for bound in bounds),
        ("+Inf", float(sum(counts))),
    ]
