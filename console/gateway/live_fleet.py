"""The part of the live gateway that knows consumers."""

from console.gateway.fleet import ConsumerView, consumer_view
from console.gateway.reading import call_of, translated
from storage.broker.inspector import Inspector
from storage.broker.requests import Order
from tasks.operations import Operations

RUNNING_SHOWN = 2_000
"""Running jobs that are read at most."""


class LiveFleet:
    """Consumers, what they run, and orders to them."""

    _inspector: Inspector
    _operations: Operations

    def fleet(self) -> tuple[ConsumerView, ...]:
        """Return the consumers that live, and those that fell silent of late, by name."""
        with translated():
            found = self._inspector.consumers(silent=True)
            ids = [job_id for consumer in found for job_id in consumer.running][:RUNNING_SHOWN]
            jobs = {job.id: (job, call_of(job)) for job in self._inspector.rows(ids)}
        return tuple(
            sorted((consumer_view(one, jobs, {}) for one in found), key=lambda view: (view.is_silent, view.key))
        )

    def order(self, consumer: str, order: Order) -> None:
        """Tell a consumer to be quiet, to stop, or ("") to go on."""
        with translated():
            self._operations.order(consumer, order)
