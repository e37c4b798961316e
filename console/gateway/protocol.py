"""What the console asks of the world: the one seam between the screens and everything else.

Every method is plain and blocking; screens call them in thread workers. All raise `GatewayUnavailable` when
nobody answers and `GatewayRefused` when the answer is no.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct

from console.gateway.acting import ActingGateway

if TYPE_CHECKING:
    from console.gateway.beside import BesideView
    from console.gateway.failures import FailuresView, PlaceView
    from console.gateway.fleet import ConsumerView
    from console.gateway.flow import FlowLine
    from console.gateway.glance import Glance, HealthView, Lateness, Part, Waits
    from console.gateway.library import FilePage, Found, PassagePage
    from console.gateway.measured import Measures
    from console.gateway.past import PastFailures, PastView
    from console.gateway.timetable import ScheduleRow
    from console.gateway.views import JobPage, JobRow, JobView, LogPage, QueueRow, Tally, TaskView, WhyView
    from storage.broker.records import State
    from storage.files import Status


class Order(Struct, frozen=True):
    """A job to be triggered. ``queue`` and ``priority`` are None for the task's own."""

    task: str
    arguments: Mapping[str, object]
    queue: str | None = None
    priority: float | None = None
    delay_s: float = 0


class Gateway(ActingGateway, Protocol):
    """Answers in frozen views, and acts."""

    def now(self) -> datetime:
        """Return the present instant, without asking anybody."""

    def is_at_hand(self) -> bool:
        """Return whether the answer to the next poll is here already, so that nobody has to be waited for."""

    def ping(self) -> float:
        """Return the seconds that one round trip takes."""

    def queues(self) -> tuple[QueueRow, ...]:
        """Return all queues, by name."""

    def measures(self, limited: Mapping[str, str], at: datetime | None = None) -> Measures:
        """Return how long jobs of each queue waited and ran in the hour before an instant (None: now), and who set the
        limits of the queues named, each with its limits in words. That history is away is an answer too."""

    def jobs(self, criteria: str, offset: int, limit: int) -> JobPage:
        """Return a slice of the jobs that match a filter; "" is all of them."""

    def count(self, criteria: str) -> Tally:
        """Count the jobs that match, as far as a second goes."""

    def states(self, criteria: str) -> Mapping[State, Tally]:
        """Return how many jobs of a filter's queues are in each state, where that costs nothing; else nothing."""

    def words(self) -> Mapping[str, tuple[str, ...]]:
        """Return real values of a filter's fields, to complete what is typed."""

    def rows(self, keys: Sequence[str]) -> tuple[JobRow, ...]:
        """Return the named jobs as they are now; those that are gone are left out."""

    def find(self, prefix: str) -> str:
        """Return the key of the one job whose id starts so."""

    def job(self, key: str) -> JobView:
        """Return everything about one job."""

    def beside(self, key: str) -> BesideView:
        """Return a job beside others of its task: run times, and what differs from the last success."""

    def flow(self, key: str) -> tuple[FlowLine, ...]:
        """Return the whole flow that a job is part of, from its root."""

    def why(self, key: str) -> WhyView:
        """Return why a job does not run."""

    def log(self, key: str, after: str) -> LogPage:
        """Return the lines of a job's log after a place ("" is the beginning)."""

    def tail(self, after: str) -> LogPage:
        """Return the lines of everything after a place ("" is: only the last ones)."""

    def tasks(self) -> tuple[TaskView, ...]:
        """Return the tasks that consumers know, by name."""

    def fleet(self) -> tuple[ConsumerView, ...]:
        """Return the consumers that live or fell silent of late, with what they run."""

    def failures(self, anew: bool = False) -> FailuresView:
        """Return the groups of failures, also those muted or resolved. ``anew``: something was said of one."""

    def place(self, sample_key: str) -> PlaceView:
        """Return where a job broke last."""

    def past(self, at: datetime) -> PastView:
        """Return how queues and consumers stood; that it is not known is an answer too."""

    def past_failures(self, at: datetime) -> PastFailures:
        """Return how the groups of failures stood; that it is not known is an answer too."""

    def schedules(self) -> tuple[ScheduleRow, ...]:
        """Return all schedules, by name."""

    def glance(self) -> Glance:
        """Return queues and consumers together."""

    def health(self, part: Part) -> HealthView:
        """Look at one store, which may take seconds; one that is away is an answer too."""

    def waits(self) -> Waits:
        """Return how long the oldest job waited in each of the last minutes; that it is not known is an answer too."""

    def lateness(self) -> Lateness:
        """Return how far history is behind."""

    def files(self, status: Status | None, before_id: int | None) -> FilePage:
        """Return a page of files below an id, newest first (None: from the newest on), and how many there are."""

    def passages(self, file_id: int, after: int) -> PassagePage:
        """Return a file with the passages after a number (0: from the first on)."""

    def search(self, text: str) -> Found:
        """Return the stored passages nearest to a text, the nearest first."""
