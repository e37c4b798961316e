"""Where one is in the console, and how one gets elsewhere: screens, jobs, and places that are said in words.

What one goes to is loaded when one goes there.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from textual import events
from textual.screen import Screen

from console.arming import ArmingApp
from console.formats import safe_text
from console.screens.asking import AskingScreen
from console.screens.base import DeweyScreen
from storage.errors import FilterError

if TYPE_CHECKING:
    from console.gateway.protocol import Gateway
    from console.gateway.views import WhyView
    from console.places import Kind, Place
    from console.screens.job import JobScreen

STEPS_KEPT = 20


class GoingApp(ArmingApp):
    """An application in which one goes from screen to screen, and back."""

    MODES: ClassVar[dict[str, str | Callable[[], Screen[Any]]]]
    typing_pause_s = 0.25
    """How long typing pauses before what is typed is counted."""
    gateway: Gateway
    start: str
    is_under_way: bool
    """Whether the console is still on its way to where it starts: screens that it passes ask nothing."""

    def __init__(self) -> None:
        super().__init__()
        self._history: list[str] = []
        self._held: ExitStack | None = None
        """Closed, it lets the application paint."""

    def begin(self) -> None:
        """Go where the start says; when that is no place, say so and stay."""
        under_way, self.is_under_way = self.is_under_way, False
        if not under_way:
            return
        try:
            place = self._place(self.start)
        except FilterError as error:
            self.notify(safe_text(error).plain, severity="error", title="Not a place to start at")
            self.screen.post_message(events.ScreenResume())
        else:
            self.go_to(place)

    def _place(self, text: str) -> Place:
        from console import places  # noqa: PLC0415 - what reads places is loaded when somebody goes to it

        now: datetime = self.gateway.now()
        return places.read(text, now, tuple(self.MODES))

    def action_help(self) -> None:
        """Show what the keys do here."""
        raise NotImplementedError

    # Places.

    def go_to(self, place: Place) -> None:
        """Go to a place."""
        ways: dict[Kind, Callable[[], object]] = {
            "screen": partial(self.action_go, place.text),
            "jobs": partial(self.open_jobs, place.text),
            "logs": partial(self.open_logs, place.text),
            "audit": partial(self.open_audit, place.text),
            "job": partial(self.open_job, place.text, is_prefix=True),
            "trigger": partial(self._go_to_trigger, place.text),
            "canaries": self.open_canaries,
            "help": self.action_help,
            "quit": self.exit,
        }
        ways[place.kind]()

    def action_command(self) -> None:
        """Let a place be written, and go there."""
        from console.screens.command_line import CommandLine  # noqa: PLC0415 - a screen is loaded when somebody goes to it

        line = CommandLine(self._place, tuple(self.MODES))
        below = self.screen
        self.push_screen(line, lambda text: None if text is None else self.go_to(self._place(text)))
        if isinstance(below, AskingScreen):
            below.ask("words", self.gateway.words, line.know_words, lambda _: None)

    def _go_to_trigger(self, typed: str) -> None:
        """Open the list of tasks, unless the screen in sight says that nothing can be done now."""
        reason = self.screen.why_not("trigger") if isinstance(self.screen, DeweyScreen) else ""
        if reason:
            self.notify(reason, severity="warning", timeout=4)
        else:
            self.open_trigger(typed)

    # Where one is.

    def delay_update(self, delay: float = 0.05) -> None:
        """Paint nothing until the screen that one goes to is there, or for so long.

        The toolkit always waits that long, lest a screen be seen that is not whole; most are there at once.
        """
        if self._held is not None:
            self._held.close()
        held = ExitStack()
        held.enter_context(self.batch_update())
        self._held = held
        self.set_timer(delay, lambda: self._paint_again(held))

    def is_there(self) -> None:
        """Be told that the screen in sight is whole, and knows what it shows."""
        if self._held is not None:
            self._paint_again(self._held)

    def _paint_again(self, held: ExitStack) -> None:
        if held is self._held:
            self._held = None
            held.close()
            self.screen.refresh()

    def action_go(self, mode: str) -> None:
        """Go to a screen; when already there, to its beginning."""
        if mode == self.current_mode:
            while len(self.screen_stack) > 1:
                self.pop_screen()
            return
        self._history.append(self.current_mode)
        del self._history[:-STEPS_KEPT]
        self.switch_mode(mode)

    def can_go_back(self) -> bool:
        """Say whether there is a screen before this one."""
        return len(self.screen_stack) > 1 or bool(self._history)

    def go_back(self) -> None:
        """Go to the screen before this one; from the first, nowhere."""
        if len(self.screen_stack) > 1:
            self.pop_screen()
        elif self._history:
            self.switch_mode(self._history.pop())

    def open_job(self, key: str, tab: str = "summary", is_prefix: bool = False) -> None:
        """Show a job."""
        self.push_screen(self.job_screen(key, tab, is_prefix=is_prefix))

    def job_screen(self, key: str, tab: str, *, is_prefix: bool) -> JobScreen:
        """Return a screen about a job."""
        from console.screens.job import JobScreen  # noqa: PLC0415 - a screen is loaded when somebody goes to it

        return JobScreen(key, tab, is_prefix=is_prefix)

    def open_jobs(self, criteria: str) -> None:
        """Show the jobs that match."""
        from console.screens.jobs import JobsScreen  # noqa: PLC0415 - a screen is loaded when somebody goes to it

        self.push_screen(JobsScreen(criteria))

    def open_logs(self, criteria: str) -> None:
        """Show the lines of the log that match."""
        from console.screens.logs import LogsScreen  # noqa: PLC0415 - a screen is loaded when somebody goes to it

        self.push_screen(LogsScreen(criteria))

    def open_audit(self, criteria: str) -> None:
        """Show the actions that match."""
        from console.screens.audit import AuditScreen  # noqa: PLC0415 - a screen is loaded when somebody goes to it

        self.push_screen(AuditScreen(criteria))

    def open_trigger(self, typed: str = "") -> None:
        """Show the tasks to pick from."""
        from console.screens.pick import PickScreen  # noqa: PLC0415 - a screen is loaded when somebody goes to it

        self.push_screen(PickScreen(typed))

    def open_canaries(self) -> None:
        """Show the canary requeues."""
        from console.screens.canaries import CanariesScreen  # noqa: PLC0415 - a screen is loaded when somebody goes to it

        if not isinstance(self.screen, CanariesScreen):
            self.push_screen(CanariesScreen())

    def show_why(self, view: WhyView) -> None:
        """Say why a job does not run; from there, go to the one that it waits for."""
        from console.screens.why import WhyDialog  # noqa: PLC0415 - a screen is loaded when somebody goes to it

        self.push_screen(WhyDialog(view), lambda key: self.open_job(key) if key else None)

    def show_triggered(self, key: str) -> None:
        """Show a job that was just triggered, in the place of its form and of the list of tasks."""
        from console.screens.pick import PickScreen  # noqa: PLC0415 - a screen is loaded when somebody goes to it

        self.pop_screen()
        if isinstance(self.screen, PickScreen):
            self.pop_screen()
        self.open_job(key)
