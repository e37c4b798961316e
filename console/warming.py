"""Making ready, in idle moments after the first screen is drawn, what an operator may go to next.

A screen that is loaded and laid out is there at once when its key is pressed. One thing is done at a time, and none
while keys are pressed; a screen that nobody looks at asks nothing. What can go is looked for in idle moments too.
"""

import gc
import importlib
from collections.abc import Callable, Iterator
from functools import partial
from time import monotonic
from typing import Final

from console.gateway.errors import GatewayError
from console.loading import undisturbed
from console.screens.doors import DOORS
from console.sparing import SparingApp

BEGINS_S: Final = 0.7
"""When the first thing is made ready, after the console began."""
PAUSE_S: Final = 0.06
"""Between one thing and the next: what the last one left to be done is done meanwhile."""
IDLE_S: Final = 0.5
"""How long no key was pressed in an idle moment."""
TIDY_S: Final = 5.0
TIDY_LATEST_S: Final = 60.0
"""How often all is looked through for what can go: in an idle moment, or at last although there is none."""
NEVER_ALL: Final = (1_000, 10, 1_000_000)
"""The interpreter's own thresholds: it looks at what is young only. With ten thousand log lines held, looking at all
takes longer than a key may."""
LATER: Final = (
    "console.screens.job",
    "console.screens.pick",
    "console.screens.help",
    "console.screens.command_line",
    "console.screens.action_dialog",
    "console.places",
    "tasks.ledger",
    "tasks.actions.layer",
)
"""Modules of what has no screen of its own behind a number."""


class WarmingApp(SparingApp):
    """The part of the application that makes ready what comes next, when it is told to."""

    away: GatewayError | None
    is_warmed = False
    """Whether anything is made ready before somebody goes there."""

    def __init__(self) -> None:
        super().__init__()
        self._tidied_at_s = monotonic()

    def warm(self) -> None:
        """Begin to make everything ready, if that is wanted."""
        if self.is_warmed:
            self.set_timer(BEGINS_S, partial(self._warm_on, self._steps()))

    def _warm_on(self, steps: Iterator[Callable[[], object]]) -> None:
        if monotonic() - self._pressed_at_s < IDLE_S or self.away is not None:
            self.set_timer(IDLE_S, partial(self._warm_on, steps))
            return
        step = next(steps, None)
        if step is None:
            self._keep_tidy()
            self.keep_spare()
            return
        step()
        self.set_timer(PAUSE_S, partial(self._warm_on, steps))

    def _steps(self) -> Iterator[Callable[[], object]]:
        for mode, door in DOORS.items():
            if mode not in self._screen_stacks:
                yield partial(_load, door.module)
                yield partial(self._lay_out, mode)
        for module in LATER:
            yield partial(_load, module)

    def _lay_out(self, mode: str) -> None:
        """Make a screen that nobody looks at. The toolkit offers no other way than its own when one goes there."""
        if mode not in self._screen_stacks:
            self._init_mode(mode)

    def _keep_tidy(self) -> None:
        """From now on look for what can go in idle moments only, and through nothing that is here to stay."""
        gc.collect()
        gc.freeze()
        gc.set_threshold(*NEVER_ALL)
        self.set_interval(TIDY_S, self._tidy)

    def _tidy(self) -> None:
        now_s = monotonic()
        if now_s - self._pressed_at_s >= IDLE_S or now_s - self._tidied_at_s > TIDY_LATEST_S:
            self._tidied_at_s = now_s
            gc.collect()


def _load(module: str) -> None:
    with undisturbed():
        importlib.import_module(module)
