"""The part of the live gateway that knows consumers."""

from console.gateway.fleet import ConsumerView, consumer_view
from console.gateway.live_part import LivePart
from console.gateway.reading import call_of, translated
from storage.broker.requests import Order

RUNNING_SHOWN = 2_000
"""Running jobs that are read at most."""


class LiveFleet(LivePart):
    """Consumers, what they run, and orders to them."""

    def fleet(self) -> tuple[ConsumerView, ...]:
        """Return the consumers that live, and those that fell silent of late, by name."""
        with translated():
            self._read_clock()
            found = self._inspector.consumers(silent=True)
            ids = [job_id for consumer in found for job_id in consumer.running][:RUNNING_SHOWN]
            jobs = {job.id: (job, call_of(job)) for job in self._inspector.rows(ids)}
        now = self.now()
        views = [consumer_view(one, jobs, {}, now) for one in found]
        return tuple(sorted(views, key=lambda view: (not view.is_silent, view.key)))

    def order(self, consumer: str, order: Order) -> None:
        """Tell a consumer to be quiet, to stop, or ("") to go on."""
        with translated():
            self._operations.order(consumer, order)
