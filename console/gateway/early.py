"""The gateway to what is happening now, when its first answer was read ahead: see console/head_start.py."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from time import monotonic
from typing import TYPE_CHECKING, Any, Final, cast

from console.gateway.live import LiveGateway
from console.gateway.reading import translated

if TYPE_CHECKING:
    from console.gateway.glance import Glance
    from console.gateway.live_part import Stores
    from console.gateway.views import QueueRow
    from console.head_start import HeadStart
    from console.reading_ahead import Ahead
    from storage.broker.inspector import Inspector
    from storage.broker.records import ConsumerInfo, Job, QueueStats, TaskInfo
    from tasks.actions.layer import Actions
    from tasks.resources import Resources

LATE_S: Final = 0.05
"""How long the answer is waited for: a little less than opening the stores takes."""


class EarlyGateway(LiveGateway):
    """A live gateway that answers its first question from what was read ahead, if that came in time.

    The stores are opened, which loads their drivers, when they are first asked. That takes longer than an answer that
    is nearly there, which is waited for a moment; what has not come by the time that they are open is not.
    """

    def __init__(
        self,
        head_start: HeadStart | None,
        stores: Stores,
        by: str,
        held: Resources | None = None,
        actions: Callable[[], Actions] | None = None,
    ) -> None:
        super().__init__(stores, by, held=held, actions=actions)
        self._head_start = head_start
        self._ahead: Ahead | None = None
        self._early: Early | None = None

    @property
    def _inspector(self) -> Inspector:
        return self._stores.inspector if self._early is None else cast("Inspector", self._early)

    def is_at_hand(self) -> bool:
        """Return whether the next answer was read ahead."""
        if self._ahead is None and self._head_start is not None:
            self._ahead = self._head_start.answer()
        return self._ahead is not None

    def queues(self) -> tuple[QueueRow, ...]:
        """Return all queues, by name."""
        with self._early_once():
            return super().queues()

    def glance(self) -> Glance:
        """Return queues and consumers."""
        with self._early_once():
            return super().glance()

    @contextmanager
    def _early_once(self) -> Iterator[None]:
        head_start, self._head_start = self._head_start, None
        if head_start is not None:
            found, self._ahead = self._ahead or head_start.answer(LATE_S), None
            if found is None:
                with translated():
                    self._stores.inspector  # noqa: B018 - opens them, which takes longer than to read ahead
                found = head_start.answer()
            head_start.end()
            self._early = None if found is None else Early(found, self._stores)
        try:
            yield
        finally:
            self._early = None


class Early:
    """An inspector as it was asked ahead; what it was not asked then, it is asked now."""

    def __init__(self, ahead: Ahead, stores: Stores) -> None:
        self._ahead = ahead
        self._stores = stores

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stores.inspector, name)

    def clock_ms(self) -> int:
        """Redis's clock now: it went on since it was read."""
        return self._ahead.clock_ms + round((monotonic() - self._ahead.read_at_s) * 1000)

    def queues(self) -> tuple[QueueStats, ...]:
        """Every queue at a glance."""
        return self._ahead.queues

    def consumers(self, *, silent: bool) -> tuple[ConsumerInfo, ...]:
        """Every consumer that lives, or fell silent."""
        found = self._ahead.consumers
        return self._stores.inspector.consumers(silent=silent) if found is None or not silent else found

    def rows(self, ids: Sequence[str]) -> tuple[Job, ...]:
        """The jobs that consumers run."""
        found = self._ahead.jobs
        return self._stores.inspector.rows(ids) if found is None else found

    def tasks(self) -> tuple[TaskInfo, ...]:
        """The tasks that consumers know."""
        found = self._ahead.tasks
        return self._stores.inspector.tasks() if found is None else found
