"""What every screen has: the frame, the keys of everywhere, and a question about every second while it is in sight."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import ClassVar, Final

from textual import events
from textual.app import ComposeResult
from textual.content import Content
from textual.geometry import Size
from textual.timer import Timer

from console import bindings
from console.formats import Moment
from console.gateway.errors import GatewayError
from console.screens.acting import ActingScreen
from console.screens.asking import POLL, QUIET, AskingScreen
from console.widgets.frame import PRODUCTION, HeaderLine, KeyBar, StaleBar
from console.widgets.travel_bar import TravelBar, Where, elsewhere
from console.widgets.write_bar import CanaryBar, WriteBar, armed_badge, canary_badge, shown_canary

__all__ = ["POLL", "AskingScreen", "DeweyScreen"]


BESIDES: Final = frozenset(QUIET) - {POLL}
"""Questions whose answers change nothing but what their handlers show; how long they took the next tick says."""


class DeweyScreen(ActingScreen):
    """A full screen: header, body, key bar; polled about every second while it is in sight."""

    BINDINGS = bindings.of("screen")
    AUTO_FOCUS = ""
    MODE: ClassVar[str] = ""
    """The entry of the header that is underlined."""
    HEADING: ClassVar[str] = ""
    """What a screen without such an entry is called in the header."""

    def __init__(self) -> None:
        super().__init__()
        self._poll_timer: Timer | None = None
        self._told: tuple[datetime | None, bool] = (None, False)
        # Its widgets wear what the application wears when they are made; the toolkit would dress all of them again.
        self._css_update_count = self.dewey._css_update_count
        width, height = self.app.size
        self.add_class(*self._get_breakpoint_classes(width, self.app.HORIZONTAL_BREAKPOINTS or []))
        self.add_class(*self._get_breakpoint_classes(height, self.app.VERTICAL_BREAKPOINTS or []))
        self._headers: tuple[HeaderLine, ...] = ()
        self._stale_bars: tuple[StaleBar, ...] = ()
        self._write_bars: tuple[WriteBar, ...] = ()
        self._canary_bars: tuple[CanaryBar, ...] = ()
        self._travel_bars: tuple[TravelBar, ...] = ()

    def _screen_resized(self, size: Size) -> None:
        """Lay out for another size. The toolkit does so for the same one too, when a screen has just been laid out."""
        if size != self._compositor.size:
            super()._screen_resized(size)

    # To be answered by screens.

    def compose_body(self) -> ComposeResult:
        """Yield the widgets between header and key bar."""
        yield from ()

    def poll(self) -> None:
        """Ask, under the name `POLL`, what the screen shows."""

    def tell(self, moment: Moment, stale: bool) -> None:
        """Take in what time it is, and whether the data is old."""

    def why_not(self, action: str) -> str:
        """Say why an action can not be done now, in a sentence; "" if it can."""
        if action == "back" and not self.can_go_back():
            return "This is the first screen. Quit with ctrl+q."
        if action == "step":
            return "This screen has no past: 1 2 4 6 have one, and a filter of jobs has at:02:40..03:10."
        return self.read_only(action)

    def hides(self, action: str) -> bool:
        """Say whether a key is of no use just here, so that the key bar has room for others."""
        return action == "write_mode" and self.dewey.is_read_only

    def called(self, action: str) -> str:
        """What the key bar calls an action just here; "" when it is what the table of keys says."""
        del action
        return ""

    def step_back(self) -> bool:
        """Undo a step within the screen; False if there is none."""
        return False

    def has_steps(self) -> bool:
        """Say whether there is a step to undo within the screen."""
        return False

    def where_in_time(self) -> Where:
        """Say, while other screens look at the past, that this one shows now."""
        at = self.dewey.past_at
        return Where() if at is None else elsewhere(at, self.dewey.moment)

    @property
    def is_in_sight(self) -> bool:
        """Whether nothing but dialogs is in front of it."""
        return self.dewey.in_sight is self

    @property
    def is_stale(self) -> bool:
        """Whether what is in sight may not be so any more."""
        return self.dewey.health.state == "away"

    # The rest is the same for all.

    def compose(self) -> ComposeResult:
        """Put the frame around the body."""
        self._headers = (HeaderLine(self.dewey.environment, self.MODE or self.HEADING, self.dewey.colour),)
        self._stale_bars, self._write_bars = (StaleBar(),), (WriteBar(),)
        self._canary_bars, self._travel_bars = (CanaryBar(),), (TravelBar(),)
        yield from (*self._headers, *self._stale_bars, *self._write_bars, *self._canary_bars, *self._travel_bars)
        yield from self.compose_body()
        yield KeyBar()

    def on_mount(self) -> None:
        """Show the time and the health at once."""
        self.set_class(self.dewey.environment.plain.lower() in PRODUCTION, "-production")
        self.refresh_frame()

    def on_screen_resume(self, event: events.ScreenResume) -> None:
        """Ask at once when the screen comes into sight. It wears what it should: other colours reach hidden screens."""
        event.refresh_styles = False
        self.refresh_frame()
        if self.is_in_sight:
            self.call_next(self.dewey.is_there)
        if self.is_in_sight and not self.dewey.is_under_way:
            self.poll()

    def _compositor_refresh(self) -> None:
        """Draw nothing that the application would throw away: it paints all of the screen when it paints again."""
        if not self.dewey._batch_count:
            super()._compositor_refresh()

    def on_screen_suspend(self) -> None:
        """Ask nothing while out of sight; behind a dialog it goes on."""
        if not self.is_in_sight:
            self._stop_polling()

    def _stop_polling(self) -> None:
        if self._poll_timer is not None:
            self._poll_timer.stop()
            self._poll_timer = None

    def answered(self, name: str) -> None:
        """After a poll came to its end, set the timer for the next."""
        if name == POLL and self.is_in_sight:
            self.ask_besides()
            self._stop_polling()
            pause = self.dewey.next_poll_s()
            if pause is not None:
                self._poll_timer = self.set_timer(pause, self.poll)
        if name not in BESIDES or self._told[1] != self.is_stale:
            self.refresh_frame()
        elif name == "lateness":
            self._refresh_bars()

    def tick(self) -> None:
        """Let a second pass: in the frame, and in the body when nothing else has told it the time within a second."""
        told_at = self._told[0]
        if told_at is not None and self.moment.now - told_at < timedelta(seconds=1):
            self._refresh_bars()
        else:
            self.refresh_frame()

    def refresh_frame(self) -> None:
        """Take the time and the health in, in the frame and in the body."""
        self._refresh_bars()
        if self.is_mounted:
            moment, is_stale = self.moment, self.is_stale
            self._told = moment.now, is_stale
            self.tell(moment, is_stale)

    def _refresh_bars(self) -> None:
        moment, health = self.dewey.moment, self.dewey.health
        for header in self._headers:
            header.tell(health, moment, self.dewey.lateness)
        for bar in self._stale_bars:
            bar.tell(health, moment)
        self._refresh_lines(moment)

    def _refresh_lines(self, moment: Moment) -> None:
        """Say that writing is armed, how a canary goes, and that this is not now: in a line each, and in one line where
        rows are few."""
        armed, canaries, where = self.dewey.armed, self.dewey.canaries, self.where_in_time()
        write_key, canaries_key = self.dewey.key_of("write"), self.dewey.key_of("canaries")
        badges: tuple[Content, ...] = ()
        if self.has_class("-short"):
            canary = shown_canary(canaries, moment.now)
            if armed is not None and where.is_said:
                badges, armed = (armed_badge(armed, moment),), None
            if canary is not None and (armed is not None or where.is_said):
                badges, canaries = (*badges, canary_badge(canary, canaries_key)), ()
        for armed_bar in self._write_bars:
            armed_bar.tell(armed, moment, write_key, badges)
        for canary_bar in self._canary_bars:
            canary_bar.tell(canaries, moment, canaries_key)
        for travel_bar in self._travel_bars:
            travel_bar.tell(where, badges)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Dim the keys of what can not be done."""
        return None if self.why_not(action) else super().check_action(action, parameters)

    def can_go_back(self) -> bool:
        """Say whether `esc` has anything to undo."""
        return self.has_steps() or self.dewey.can_go_back()

    def action_back(self) -> None:
        """Undo one step: within the screen, or to the screen before."""
        if not self.step_back():
            self.dewey.go_back()

    def action_step(self, minutes: int) -> None:
        """Look at another instant; here there is none to be looked at."""
        del minutes

    def action_command(self) -> None:
        """Write where to go."""
        self.dewey.action_command()

    def action_trigger(self) -> None:
        """Open the list of tasks."""
        self.dewey.open_trigger()

    def ask_besides(self) -> None:
        """Ask what the frame shows besides."""
        self._ask_canaries()
        self._ask_lateness()

    def _ask_canaries(self) -> None:
        """Ask how the canaries stand; while nobody answers, what was known stays."""
        if self.dewey.away is None:
            self.ask("canaries", self.dewey.gateway.canaries, self.dewey.heard_of_canaries, lambda _: None)

    def _ask_lateness(self) -> None:
        """Ask now and then how far history is behind."""
        if self.dewey.away is None and self.dewey.lateness_is_old():
            self.ask("lateness", self.dewey.gateway.lateness, self.dewey.heard_of_lateness, lambda _: None)

    def unavailable(self) -> Iterator[GatewayError]:
        """Yield the reason while the backend is away."""
        if self.dewey.away is not None:
            yield self.dewey.away
