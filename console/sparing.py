"""A job's screen that is there before somebody opens a job, so that the key waits only for its paint.

Making the screen of a job takes longer than drawing it. So one is kept that was made in an idle moment, and that is
told which job it is about when it is opened; then the next one is made. It asks nothing, and nobody sees it. One that
was made for another size of the terminal, or in other colours, is thrown away.
"""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, Final

from textual import events

from console.going import GoingApp

if TYPE_CHECKING:
    from textual.geometry import Size

    from console.screens.job import JobScreen

QUIET_S: Final = 0.2
"""How long no key was pressed before a screen is made: a key that is held down comes more often."""


class SparingApp(GoingApp):
    """The part of the application that keeps a job's screen ready, when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self._pressed_at_s = 0.0
        self._keeps_spare = self._is_spare_due = False
        self._spare: JobScreen | None = None
        self._spare_size: Size | None = None

    async def on_event(self, event: events.Event) -> None:
        """Note when a key was pressed."""
        if isinstance(event, events.Key):
            self._pressed_at_s = monotonic()
        await super().on_event(event)

    def keep_spare(self) -> None:
        """From now on, keep a screen ready."""
        self._keeps_spare = True
        self._spare_soon()

    def _spare_soon(self) -> None:
        if self._keeps_spare and not self._is_spare_due:
            self._is_spare_due = True
            self.set_timer(QUIET_S, self._make_spare)

    def _make_spare(self) -> None:
        """Make a screen that nobody looks at, as soon as no key is pressed."""
        self._is_spare_due = False
        if self._spare is not None:
            return
        if monotonic() - self._pressed_at_s < QUIET_S:
            self._spare_soon()
            return
        self._spare, self._spare_size = super().job_screen("", "summary", is_prefix=False), self.size
        self._get_screen(self._spare)  # the toolkit offers no other way to have it made

    def job_screen(self, key: str, tab: str, *, is_prefix: bool) -> JobScreen:
        """Return a screen about a job: the one that is ready, if there is one and it fits."""
        spare = self._take_spare()
        if spare is None:
            return super().job_screen(key, tab, is_prefix=is_prefix)
        spare.be_about(key, tab, is_prefix=is_prefix)
        return spare

    def _take_spare(self) -> JobScreen | None:
        spare = self._spare
        if spare is not None and not spare.is_mounted:
            return None  # it is being made just now: for the next one
        self._spare = None
        self._spare_soon()
        if spare is None or self._fits(spare):
            return spare
        spare.remove()
        return None

    def _fits(self, spare: JobScreen) -> bool:
        return self._spare_size == self.size and spare._css_update_count == self._css_update_count
