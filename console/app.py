"""The console as a Textual application: where one is, what time it is, and how the backend is.

``python -m console.app --demo`` runs it on canned data.
"""

import logging
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta, tzinfo
from time import monotonic
from typing import Any, ClassVar, Final, Literal

from textual import events
from textual.app import SystemCommand
from textual.binding import ActiveBinding, Binding
from textual.driver import Driver
from textual.screen import ModalScreen, Screen

from console import bindings
from console.formats import Moment, TimeMode, safe_text
from console.gateway.errors import GatewayError
from console.gateway.glance import Lateness
from console.gateway.protocol import Gateway
from console.screens.base import DeweyScreen
from console.screens.commands import ActionCommands
from console.screens.doors import DOORS
from console.stylesheet import OnceParsed
from console.warming import WarmingApp
from console.widgets.frame import Health
from console.widgets.palette import DARK, DEFAULTS, LIGHT
from console.widgets.picture import portable
from console.widgets.weight import Weight
from storage.values import replace

logger = logging.getLogger(__name__)

RETRIES_S: Final = (1.0, 2.0, 4.0, 8.0, 15.0)
LATENESS_EVERY: Final = timedelta(seconds=3)
"""Pauses before a backend that is away is asked again; the last one stays."""


COPIED: Final = 10_000
"""Characters of a text that goes into the clipboard, at most."""


class DeweyApp(WarmingApp, inherit_bindings=False):
    """The console. Nothing that the backend does, or fails to do, ends it."""

    TITLE = "dewey"
    NOTIFICATION_TIMEOUT = 4
    # All sheets at once: one that comes with its screen would have all of them parsed again.
    CSS_PATH = [  # noqa: RUF012  # the toolkit declares it so
        "app.tcss",
        "screens/audit.tcss",
        "screens/canaries.tcss",
        "screens/failures.tcss",
        "screens/files.tcss",
        "screens/job.tcss",
        "screens/jobs.tcss",
        "screens/logs.tcss",
        "screens/overview.tcss",
        "screens/pick.tcss",
        "screens/queues.tcss",
        "screens/schedules.tcss",
        "screens/trigger.tcss",
        "screens/workers.tcss",
        "screens/why.tcss",
    ]
    BINDINGS = bindings.of("app")
    MODES: ClassVar[dict[str, str | Callable[[], Screen[Any]]]] = {**DOORS}
    DEFAULT_MODE = "overview"
    past_at: datetime | None = None
    """The instant that screens look at which can look at the past; None is now."""
    COMMANDS: ClassVar[set[Any]] = {ActionCommands}
    HORIZONTAL_BREAKPOINTS = [  # noqa: RUF012  # the toolkit declares it so
        (0, "-narrow"),
        (100, "-normal"),
        (160, "-wide"),
    ]
    VERTICAL_BREAKPOINTS = [  # noqa: RUF012  # the toolkit declares it so
        (0, "-short"),
        (34, "-tall"),
    ]

    def __init__(
        self,
        gateway: Gateway,
        environment: str = "local",
        start: str = "",
        *,
        colour: str = "",
        keys: Mapping[str, str] | None = None,
        refresh_s: float = 1.0,
        zone: tzinfo | None = None,
        timer: Callable[[], float] = monotonic,
    ) -> None:
        """Make a console on a gateway.

        ``start`` says where to begin, in the words of places.py. ``refresh_s`` 0 asks only when a screen comes into
        sight. ``zone`` None is the machine's own. ``timer`` measures how long answers take. ``colour`` is the
        environment's, as settings name it; ``keys`` are an operator's own, by the ids of bindings.py.
        """
        if start in self.MODES:  # the first screen is this one: no other asks anything
            self.DEFAULT_MODE = start  # type: ignore[misc]  # the toolkit reads it from the instance
        super().__init__()
        self.colour = colour
        self.set_keymap(dict(keys or {}))
        self.gateway = gateway
        self.environment = safe_text(environment, limit=24)
        self.start = start.strip()
        self.is_under_way = bool(self.start) and self.start not in self.MODES
        self.refresh_s = refresh_s
        self.zone = zone
        self.timer = timer
        self.time_mode = TimeMode.UTC
        self.health = Health()
        self.lateness = Lateness()
        self._lateness_at: datetime | None = None
        self.away: GatewayError | None = None
        self.bugs: list[BaseException] = []
        self._failures = 0
        self.register_theme(DARK)
        self.register_theme(LIGHT)
        self.theme = DARK.name
        self.stylesheet = OnceParsed(self.get_css_variables())
        if self.no_color:
            self._filters.insert(0, Weight(DARK, LIGHT))

    def on_mount(self) -> None:
        """Start the clock, and go where the start says."""
        if self.refresh_s:
            self.set_interval(1.0, self._tick)
        if self.write_reason:
            self.arm(self.write_reason)
        self.begin()
        self.warm()

    async def on_event(self, event: events.Event) -> None:
        """Take the controls out of what is pasted, before a field draws it."""
        if isinstance(event, events.Paste):
            event.text = "".join(one for one in event.text.replace("\r", "\n") if one.isprintable() or one in "\n\t")
        await super().on_event(event)

    # The time.

    @property
    def moment(self) -> Moment:
        """What time it is, and how instants are written."""
        return Moment(self.gateway.now(), self.time_mode, self.zone)

    def _tick(self) -> None:
        self._disarm_in_time()
        if isinstance(self.in_sight, DeweyScreen):
            self.in_sight.tick()

    @property
    def in_sight(self) -> Screen[object] | None:
        """The screen that has nothing but dialogs in front of it; there is none while the console ends."""
        return next((one for one in reversed(self.screen_stack) if not isinstance(one, ModalScreen)), None)

    def action_time_mode(self) -> None:
        """Write instants in the next of the three ways."""
        self.time_mode = self.time_mode.after()
        for screen in self.screen_stack:
            if isinstance(screen, DeweyScreen):
                screen.refresh_frame()
        self.notify(f"Instants are {_MODES[self.time_mode]}.", timeout=2)

    # The backend's health, as the screens' questions show it.

    def heard(self, took_s: float | None) -> None:
        """Be told that the backend answered."""
        now = self.gateway.now()
        self._failures = 0
        self.away = None
        self.health = Health("up", self.health.took_s if took_s is None else took_s, now)

    def lateness_is_old(self) -> bool:
        """Whether it is time to ask again how far history is behind."""
        now = self.gateway.now()
        return self._lateness_at is None or now - self._lateness_at >= LATENESS_EVERY

    def heard_of_lateness(self, lateness: Lateness) -> None:
        """Be told how far history is behind."""
        self.lateness, self._lateness_at = lateness, self.gateway.now()

    def unheard(self, error: GatewayError) -> None:
        """Be told that it did not."""
        self.away = error
        pause = RETRIES_S[min(self._failures, len(RETRIES_S) - 1)]
        self._failures += 1
        self.health = replace(
            self.health,
            state="away",
            reason=error.sentence,
            retry_at=self.gateway.now() + timedelta(seconds=pause),
        )

    def next_poll_s(self) -> float | None:
        """Return the pause before the next poll; None for never."""
        if not self.refresh_s:
            return None
        return RETRIES_S[min(self._failures, len(RETRIES_S)) - 1] if self._failures else self.refresh_s

    def bug(self, error: BaseException) -> None:
        """Log and show an exception that should not have been; the console goes on."""
        logger.error("a screen's question ended in a bug", exc_info=error)
        self.bugs.append(error)
        sentence = safe_text(f"{type(error).__name__}: {error}", limit=300)
        self.notify(sentence.plain, severity="error", title="A bug in the console", timeout=15)

    # What is the same everywhere.

    def copy(self, text: str, what: str) -> None:
        """Put a text into the clipboard, made safe for whoever pastes it into a shell, and say so."""
        safe = safe_text(text, limit=COPIED).plain
        self.copy_to_clipboard(safe)
        self.notify(safe, title=f"Copied {what}")

    def notify(
        self,
        message: str,
        *,
        title: str = "",
        severity: Literal["information", "warning", "error"] = "information",
        timeout: float | None = None,
        markup: bool = False,
    ) -> None:
        """Show a notification. Markup in it is never read, whatever ``markup`` says."""
        del markup
        text = safe_text(message, limit=400, lines=True).plain
        super().notify(text, title=title, severity=severity, timeout=timeout, markup=False)

    def action_help(self) -> None:
        """Show what the keys do here."""
        from console.screens.help import HelpScreen  # noqa: PLC0415 - a screen is loaded when somebody goes to it

        self.push_screen(HelpScreen(self.screen))

    def action_command_palette(self) -> None:
        """Find any action by its name."""
        from textual.command import CommandPalette  # noqa: PLC0415 - loaded when somebody looks for an action

        if not isinstance(self.screen, CommandPalette):
            self.push_screen(CommandPalette(id="--command-palette", placeholder="Find an action by its name"))

    def action_help_quit(self) -> None:
        """Say which key leaves the console."""
        keys = self.get_key_display(bindings.BY_ID["quit"].binding())
        self.notify(f"{keys} leaves the console. Jobs go on without it.", timeout=3)

    def get_key_display(self, binding: Binding) -> str:
        """Write keys as they are printed on a keyboard."""
        return _KEYCAPS.get(binding.key) or super().get_key_display(binding).replace("^", "ctrl+")

    async def on_key(self, event: events.Key) -> None:
        """When a key's action can not be done, say why."""
        active = self._bound(event.key)
        if active is None or active.enabled:
            return
        why_not = getattr(active.node, "why_not", None)
        reason = why_not(active.binding.action.partition("(")[0]) if why_not is not None else ""
        if reason:
            self.notify(reason, severity="warning", timeout=4)

    def _bound(self, key: str) -> ActiveBinding | None:
        """Return what a key does in sight: all that keys do, the toolkit's own way, takes too long for each press."""
        found: ActiveBinding | None = None
        for node, bound in self.screen._modal_binding_chain:
            for binding in bound.key_to_bindings.get(key, ()):
                can = self._check_action_state(binding.action, node)
                is_first = found is None or (binding.priority and not found.binding.priority)
                if can is not False and is_first:
                    found = ActiveBinding(node, binding, bool(can), binding.tooltip)
        return found

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """Offer the actions that have no key."""
        del screen
        other, words = (LIGHT, "light") if self.theme == DARK.name else (DARK, "dark")
        yield SystemCommand(f"Theme: {words}", f"Use the {words} colours", lambda: self._wear(other.name))
        why_not = self._why_no_picture()
        said = f"Not now: {why_not}" if why_not else "Save this screen as an SVG file"
        yield SystemCommand("Save a picture", said, self.deliver_screenshot)

    def _why_no_picture(self) -> str:
        """Say why no picture of the screen may be kept; "" if it may."""
        is_secret = any(getattr(screen, "holds_secrets", False) for screen in self.screen_stack)
        return "Something secret is in sight: close it first." if is_secret else ""

    def deliver_screenshot(
        self, filename: str | None = None, path: str | None = None, time_format: str | None = None
    ) -> str | None:
        """Save a picture of the screen for this user alone; in a browser, hand it over. Of a secret there is none."""
        from console.exporting import ExportError, path_for, save  # noqa: PLC0415 - loaded when somebody exports

        why_not = self._why_no_picture()
        if why_not:
            self.notify(why_not, severity="warning")
        elif self.is_web:
            return super().deliver_screenshot(filename, path, time_format)
        else:
            place = path_for(self.current_mode, "svg", self.moment.now)
            try:
                save(place, self.export_screenshot(title="dewey"))
            except ExportError as error:
                self.notify(str(error), title="Not saved", severity="error")
            else:
                self.notify(f"The picture went to {place}.", title="Saved")
        return None

    def get_driver_class(self) -> type[Driver]:
        """Read a terminal with patience; a browser and Windows have drivers of their own."""
        chosen = super().get_driver_class()
        if chosen.__name__ != "LinuxDriver":
            return chosen
        from console.terminal import PatientDriver  # noqa: PLC0415 - there is none where there are no terminals

        return PatientDriver

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Return our own variables for themes that do not have them."""
        return dict(DEFAULTS)

    def _wear(self, theme: str) -> None:
        self.theme = theme

    def export_screenshot(self, *, title: str | None = None, simplify: bool = False) -> str:
        """Draw the screen as SVG that fetches nothing: fonts are the viewer's own."""
        return portable(super().export_screenshot(title=title, simplify=simplify))


_KEYCAPS: Final = {
    "enter": "enter",
    "escape": "esc",
    "space": "space",
    "pageup": "pgup",
    "pagedown": "pgdn",
    "left": "←",
    "right": "→",
    "up": "↑",
    "down": "↓",
}
_MODES: Final = {
    TimeMode.UTC: "in UTC",
    TimeMode.LOCAL: "in local time",
    TimeMode.RELATIVE: "said as how long ago",
}


def run_console(gateway: Gateway, environment: str = "local", start: str = "") -> None:
    """Run the console in this terminal until the operator leaves it."""
    DeweyApp(gateway, environment, start).run()


def main() -> None:
    """Run the console on canned data."""
    import argparse  # noqa: PLC0415 - for those who work on it only

    parser = argparse.ArgumentParser(description="The console on canned data, for those who work on it.")
    parser.add_argument("--demo", action="store_true", required=True, help="use canned data")
    parser.add_argument("--still", action="store_true", help="let the clock stand still")
    parser.add_argument("--environment", default="demo")
    parser.add_argument("start", nargs="?", default="")
    options = parser.parse_args()
    from console.gateway.demo import DemoGateway  # noqa: PLC0415 - the console of live stores does without
    from console.gateway.demo_records import NOW  # noqa: PLC0415 - as above

    began = monotonic()
    running = DemoGateway(lambda: NOW + timedelta(seconds=monotonic() - began))
    gateway = DemoGateway() if options.still else running
    run_console(gateway, options.environment, options.start)


if __name__ == "__main__":
    main()
