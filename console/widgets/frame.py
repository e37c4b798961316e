"""The frame around every screen: the header line, the bar that says the data is old, and the key bar."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final, Literal

from msgspec import Struct
from textual import events
from textual.binding import Binding
from textual.content import Content
from textual.screen import Screen
from textual.widget import Widget

from console import bindings
from console.formats import Moment, coarse, duration
from console.gateway.glance import BEHIND_S, Lateness
from console.widgets.drawn import Drawn
from console.widgets.palette import COLOURS

PRODUCTION: Final = frozenset({"production", "prod", "live"})


class Health(Struct, frozen=True):
    """How the backend is: never asked, answering, or away since an instant, for a reason."""

    state: Literal["asking", "up", "away"] = "asking"
    took_s: float = 0
    answered_at: datetime | None = None
    reason: Content | None = None
    retry_at: datetime | None = None


SCREENS: Final = (
    ("overview", "1", "Overview"),
    ("queues", "2", "Queues"),
    ("jobs", "3", "Jobs"),
    ("failures", "4", "Failures"),
    ("schedules", "5", "Schedules"),
    ("workers", "6", "Workers"),
    ("logs", "7", "Logs"),
    ("files", "8", "Files"),
    ("audit", "9", "Audit"),
)
"""The screens with a number, in its order: mode, key, title."""


_FORMS: Final = (
    *(("  ", True, True), (" ", True, True), (" ", True, False)),
    *((" ", False, True), (" ", False, False)),
)
"""Forms of the header: what is between two screens, whether each has its title, and how long answers take."""


class HeaderLine(Drawn):
    """Environment, screens, health and clock, in one line."""

    DEFAULT_CSS = """
    HeaderLine { dock: top; height: 1; background: $panel; color: $foreground; }
    HeaderLine.-production { background: $production; color: $strong; }
    """

    def __init__(self, environment: Content, mode: str, colour: str = "") -> None:
        super().__init__()
        self.environment = environment
        self.colour = COLOURS.get(colour, colour) or "$accent"
        self.mode = mode
        self.health = Health()
        self.moment: Moment | None = None
        self.lateness = Lateness()
        self.set_class(environment.plain.lower() in PRODUCTION, "-production")

    def tell(self, health: Health, moment: Moment, lateness: Lateness) -> None:
        """Take in the health, the time, and how far history is behind."""
        self.health, self.moment, self.lateness = health, moment, lateness
        self.redraw()

    def draw(self) -> Sequence[Content]:
        """Put the line together: the first of its forms that fits. Health and clock are in each of them; how long
        answers take gives way to the titles, and both to the word that history is late."""
        width = self.size.width
        clock = Content.assemble((self.moment.clock() if self.moment else "", "$foreground"), " ")
        left = right = Content("")
        forms = [(form, f"{word}  ") for form in _FORMS for word in _late(self.lateness)]
        for (gap, with_titles, with_time), late in (*forms, *((form, "") for form in _FORMS)):
            right = Content.styled(late, "$warning") + self._health(with_time)
            right += Content("   " if with_time else "  ") + clock
            left = self._left(gap, with_titles)
            if left.cell_length + right.cell_length < width:
                break
        else:
            right = clock
        space = max(1, width - left.cell_length - right.cell_length)
        return ((left + Content(" " * space) + right).truncate(width),)

    def _left(self, gap: str, with_titles: bool) -> Content:
        """Return name, environment and screens; without titles only the screen in sight has one."""
        name = self.environment.stylize(self.colour)
        left = Content.assemble((" dewey ", "bold $strong"), ("▏", "$faint"), name, " ")
        for mode, key, title in SCREENS:
            here = mode == self.mode
            left += Content.assemble(gap, (key, "bold $primary" if here else "$faint"))
            if here or with_titles:
                left += Content.assemble(" ", (title, "bold $strong underline" if here else "$muted"))
        if self.mode and self.mode not in {mode for mode, _, _ in SCREENS}:
            left += Content.assemble(gap, (self.mode, "bold $strong underline"))
        return left + Content(" ")

    def _health(self, with_time: bool) -> Content:
        if self.health.state == "up":
            took = f" {_took(self.health.took_s):>6}" if with_time else ""
            return Content.assemble(("● up", "$success"), (took, "$muted"))
        if self.health.state == "away":
            return Content.styled("✗ away", "bold $error")
        return Content.styled("◌ asking", "$muted")


def _late(lateness: Lateness) -> tuple[str, ...]:
    """Return the words for a history that is late, the longest first; none when it is not."""
    if not lateness.is_written:
        return "history stopped", "no history"
    if lateness.seconds > BEHIND_S:
        return f"history {coarse(lateness.seconds)} behind", f"history −{coarse(lateness.seconds)}"
    return ()


def _took(seconds: float) -> str:
    return "<1 ms" if seconds < 0.001 else duration(seconds)


class StaleBar(Widget):
    """Says, while the backend is away, why, how old the data is, and when it is asked again."""

    DEFAULT_CSS = """
    StaleBar { height: 1; background: $armed; color: $strong; display: none; }
    StaleBar.-away { display: block; }
    """

    def __init__(self) -> None:
        super().__init__()
        self.health = Health()
        self.moment: Moment | None = None

    def tell(self, health: Health, moment: Moment) -> None:
        """Take the health in; the bar is there only while the backend is away."""
        self.health, self.moment = health, moment
        if health.state == "away" or self.has_class("-away"):
            self.set_class(health.state == "away", "-away")
            self.refresh()

    def render(self) -> Content:
        """Reason, age, countdown: the reason is cut first."""
        if self.moment is None or self.health.state != "away":
            return Content("")
        age = "nothing was ever read"
        if self.health.answered_at is not None:
            seconds = (self.moment.now - self.health.answered_at).total_seconds()
            age = f"data is {coarse(max(0, seconds))} old"
        again = ""
        if self.health.retry_at is not None:
            again = f" · next try in {coarse(max(0, (self.health.retry_at - self.moment.now).total_seconds()))}"
        tail = Content(f" · {age}{again} ")
        reason = Content.assemble(" ✗ ", self.health.reason or "")
        return reason.truncate(max(8, self.size.width - tail.cell_length), ellipsis=True) + tail


WRITE: Final = "write"
BACK: Final = "back"


class KeyBar(Drawn):
    """The keys that work here, as many as fit, in the table's order. Those that can not be used now are dimmed."""

    DEFAULT_CSS = """
    KeyBar { dock: bottom; height: 1; background: $panel; color: $muted; }
    """
    LAST: Final = ("help",)

    def __init__(self) -> None:
        super().__init__()
        self._spots: list[tuple[int, int, str]] = []

    def on_mount(self) -> None:
        """Redraw when the focus, or what can be done, changes."""
        self.screen.bindings_updated_signal.subscribe(self, self._changed)

    def _changed(self, _screen: Screen[object]) -> None:
        self.redraw()

    def _repaint(self) -> None:
        if not (self.is_attached and self.screen.is_active):
            self._drawn = None  # a screen that goes can not be asked any more; one that comes back is drawn anew
        super()._repaint()

    def draw(self) -> Sequence[Content]:
        """Lay the keys out; help is always in sight, at the right. While something is typed, its keys stand there."""
        if typing := self._typing():
            return (typing,)
        entries = self._entries()
        tail = [entry for entry in entries if entry[0].id in self.LAST]
        end = Content("").join([self._entry(binding, enabled) for binding, enabled in tail])
        line = Content(" ")
        self._spots = []
        room = self.size.width - end.cell_length - 1
        for binding, enabled in entries:
            if binding.id in self.LAST:
                continue
            entry = self._entry(binding, enabled)
            if line.cell_length + entry.cell_length > room:
                break
            self._spots.append((line.cell_length, line.cell_length + entry.cell_length, binding.key))
            line += entry
        gap = max(0, room - line.cell_length + 1)
        for binding, _enabled in tail:
            self._spots.append((line.cell_length + gap, self.size.width, binding.key))
        return ((line + Content(" " * gap) + end).truncate(self.size.width),)

    def _entries(self) -> list[tuple[Binding, bool]]:
        seen: dict[str, tuple[Binding, bool]] = {}
        for active in self.screen.active_bindings.values():
            if active.binding.id in bindings.BY_ID and active.binding.show:
                seen.setdefault(active.binding.id or "", (active.binding, active.enabled))
        told = [entry for entry in seen.values() if not self._is_hidden(entry[0])]
        return sorted(told, key=lambda entry: self._place(entry[0].id))

    def _is_hidden(self, binding: Binding) -> bool:
        """Whether a key is of no use where one is on the screen, though it is elsewhere on it."""
        hides: Callable[[str], bool] = getattr(self.screen, "hides", lambda _: False)
        return hides(binding.action.partition("(")[0])

    @property
    def is_armed(self) -> bool:
        """Whether writing is armed."""
        return getattr(self.app, "armed", None) is not None

    def _place(self, binding_id: str | None) -> float:
        """The table's order; while only looking is allowed, what arms writing stands before what is dimmed for it."""
        if binding_id == WRITE and not self.is_armed:
            return bindings.rank(BACK) + 0.5
        return bindings.rank(binding_id)

    def _entry(self, binding: Binding, enabled: bool) -> Content:
        key = self.app.get_key_display(binding)
        called: Callable[[str], str] = getattr(self.screen, "called", lambda _: "")
        does = called(binding.action.partition("(")[0]) or binding.description
        does = "disarm" if binding.id == WRITE and self.is_armed else does
        if enabled:
            return Content.assemble((key, "bold $primary"), (f" {does}  ", "$foreground"))
        return Content.assemble((key, "$faint"), (f" {does}  ", "$faint"))

    def _typing(self) -> Content | None:
        """The keys of the field that has the focus, where it is part of what names them; others are letters in it."""
        field = self.screen.focused
        for one in field.ancestors_with_self if field is not None else ():
            named: Sequence[tuple[str, str]] = getattr(one, "TYPED", ())
            if named:
                self._spots = []
                keys = [Content.assemble((self._key(key), "bold $primary"), f" {does}  ") for key, does in named]
                return Content(" ") + Content("").join(keys)
        return None

    def _key(self, name: str) -> str:
        """A key as it is printed: of an entry of the table the operator's own, else the key itself."""
        key_of: Callable[[str], str] = getattr(self.app, "key_of", lambda one: one)
        return key_of(name) if name in bindings.BY_ID else name

    def on_click(self, event: events.Click) -> None:
        """A click on a key is that key."""
        for start, end, key in self._spots:
            if start <= event.x < end:
                self.app.simulate_key(key)
                return
