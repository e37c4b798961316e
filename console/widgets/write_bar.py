"""Two lines of the frame that are there only when they matter: that writing is armed, and how a canary goes."""

from datetime import datetime
from typing import Final

from textual.content import Content
from textual.widget import Widget

from console.formats import Moment, safe_text
from console.gateway.acting import CanaryRow
from storage.wording import plural
from tasks.actions.values import Armed

BAR: Final = 20
STATES: Final = {
    "loading": ("◌", "$muted"),
    "running": ("▶", "$success"),
    "paused": ("‖", "$warning"),
    "stopped": ("✗", "$error"),
    "aborted": ("■", "$warning"),
    "finished": ("✓", "$success"),
}
"""How the state of a canary is drawn; its word stands beside it."""
PHASES: Final = {"one": "one first", "ten": "then ten", "rest": "the rest"}
SHOWN_AFTER_S: Final = 120.0
"""How long a canary that ended stays in the frame."""


def minutes_left(armed: Armed, now: datetime) -> int:
    """Return the minutes until writing is disarmed, the one that runs included."""
    return max(1, -int(-(armed.until_at - now).total_seconds() // 60))


class WriteBar(Widget):
    """Says, while writing is armed, for how long and why."""

    DEFAULT_CSS = """
    WriteBar { height: 1; background: $armed; color: $strong; display: none; }
    WriteBar.-armed { display: block; }
    """

    def __init__(self) -> None:
        super().__init__()
        self.line = self.tail = Content("")

    def tell(self, armed: Armed | None, moment: Moment, key: str, badges: tuple[Content, ...]) -> None:
        """Take in whether writing is armed; ``key`` disarms it. ``badges`` say what else has no line of its own."""
        self.set_class(armed is not None, "-armed")
        line = tail = Content("")
        if armed is not None:
            left = plural(minutes_left(armed, moment.now), "minute")
            reason = safe_text(armed.reason, limit=200)
            line = Content.assemble((" ✎ writing is armed ", "bold $warning"), f"for {left}: ", reason)
            tail = Content.styled(f" · {key} disarms", "$foreground") + Content("").join(badges)
        if (line, tail) != (self.line, self.tail):
            self.line, self.tail = line, tail
            self.refresh()

    def render(self) -> Content:
        """Cut the reason when not everything fits."""
        room = max(8, self.size.width - self.tail.cell_length)
        return (self.line.truncate(room, ellipsis=True) + self.tail).truncate(self.size.width)


def shown_canary(canaries: tuple[CanaryRow, ...], now: datetime) -> CanaryRow | None:
    """Return the canary that the frame shows: the newest that goes on, else one that ended a moment ago."""
    for one in canaries:
        if one.goes_on:
            return one
    for one in canaries:
        if one.ended_at is not None and (now - one.ended_at).total_seconds() < SHOWN_AFTER_S:
            return one
    return None


def progress(canary: CanaryRow, width: int = BAR) -> Content:
    """Draw how far a canary is: what succeeded, what failed, what is under way, what waits."""
    total = max(1, canary.total)
    parts = []
    used = 0
    counts = (
        (canary.succeeded, "█", "$success"),
        (canary.failed, "▓", "$error"),
        (max(0, canary.sent - canary.outcomes), "▒", "$primary"),
    )
    for number, glyph, style in counts:
        cells = min(width - used, round(number * width / total) or (1 if number else 0))
        parts.append((glyph * cells, style))
        used += cells
    return Content.assemble(*parts, ("░" * (width - used), "$faint"))


def canary_line(canary: CanaryRow, key: str = "") -> Content:
    """Say in a line how a canary stands, and early which ``key`` shows it."""
    glyph, style = STATES.get(canary.state, ("?", "$muted"))
    counts = f" {canary.sent:,}/{canary.total:,} "
    shows = f"· {key} shows it · " if key else ""
    said = [(shows, "$muted"), (f"{canary.succeeded:,} ok", "$success")]
    said += [(f", {canary.failed:,} failed", "$error")] if canary.failed else []
    said += [(f", {canary.flying:,} not known yet", "$muted")] if canary.flying else []
    step = f" · {PHASES.get(canary.phase, canary.phase)}" if canary.state == "running" else ""
    return Content.assemble(
        (f" {glyph} canary {canary.state} ", f"bold {style}"), progress(canary), counts, *said, (step, "$muted")
    )


def armed_badge(armed: Armed, moment: Moment) -> Content:
    """Say in a few cells that writing is armed, and for how long."""
    return Content.styled(f" ✎ {minutes_left(armed, moment.now)} min ", "bold $warning on $armed")


def canary_badge(canary: CanaryRow, key: str) -> Content:
    """Say in a few cells how a canary stands, and which ``key`` shows it."""
    glyph, style = STATES.get(canary.state, ("?", "$muted"))
    word = "canary" if canary.state == "running" else f"canary {canary.state}"
    counts = f"{canary.sent:,}/{canary.total:,}" + (f", {canary.failed:,} failed" if canary.failed else "")
    said = ((f" {glyph} ", f"bold {style} on $surface"), (f"{word} {counts} ", "$foreground on $surface"))
    return Content.assemble(*said, (f"{key} ", "bold $primary on $surface"))


class CanaryBar(Widget):
    """Says, while a canary requeue goes on, how it goes."""

    DEFAULT_CSS = """
    CanaryBar { height: 1; background: $surface; color: $foreground; display: none; }
    CanaryBar.-on { display: block; }
    """

    def __init__(self) -> None:
        super().__init__()
        self.line = Content("")

    def tell(self, canaries: tuple[CanaryRow, ...], moment: Moment, key: str) -> None:
        """Take in the canaries; ``key`` shows them."""
        canary = shown_canary(canaries, moment.now)
        self.set_class(canary is not None, "-on")
        line = Content("")
        if canary is not None:
            more = sum(1 for one in canaries if one.goes_on and one is not canary)
            tail = f" · {more} more" if more else ""
            line = canary_line(canary, key) + Content.assemble((f"{tail} · ", "$muted"), canary.name)
        if line != self.line:
            self.line = line
            self.refresh()

    def render(self) -> Content:
        """Cut what does not fit."""
        return self.line.truncate(self.size.width, ellipsis=True)
