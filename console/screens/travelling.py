"""Looking at the past: where in time the console is, how the keys move it, and what every screen that can does with it.

The instant is the application's, so all screens look at the same one. An answer is shown only when it is still the
instant that is looked at: data of one instant never stands under the name of another.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Final, Protocol, TypeVar

from textual.content import Content

from console import bindings
from console.formats import Moment
from console.gateway.errors import GatewayRefused
from console.screens.base import POLL, DeweyScreen
from console.widgets.notice import AGAIN, Notice
from console.widgets.travel_bar import Where, past_instant, returning, said
from storage.values import replace

if TYPE_CHECKING:
    from console.exporting import Sheet
    from console.records import Record

T = TypeVar("T")
R = TypeVar("R")
MINUTE: Final = timedelta(minutes=1)
NEEDS_NOW: Final = ("trigger",)
"""What leads to a form that changes something."""


class Answered(Protocol):
    """What is known of an instant, or why nothing is."""

    @property
    def at(self) -> datetime:
        """The instant."""

    @property
    def problem(self) -> Content:
        """Why nothing is known."""

    @property
    def unknown(self) -> Content:
        """What was never recorded."""

    @property
    def is_never_known(self) -> bool:
        """Whether the problem is one that asking again does not end."""


def stepped(past_at: datetime | None, now: datetime, minutes: int) -> datetime | None:
    """Return the instant some minutes on from the one that is looked at, at a full minute; None is now."""
    this_minute = now.replace(second=0, microsecond=0)
    at = (past_at or this_minute) + minutes * MINUTE
    return at if at < this_minute else None


class TravellingScreen(DeweyScreen):
    """A screen that can look at the past. Subclasses ask for now in `poll_now`, and show the past in `show_past`."""

    BINDINGS = bindings.of("travel")
    UNRECORDED: ClassVar[str]
    """What of this screen nobody records, so that it can not be known of the past."""

    def __init__(self) -> None:
        super().__init__()
        self.shown_past: Answered | None = None
        """What of the past is in sight."""

    # To be answered by screens.

    def poll_now(self) -> None:
        """Ask, under the name `POLL`, what is now."""
        raise NotImplementedError

    def ask_past(self, at: datetime) -> Any:
        """Ask the gateway how it was; called in a worker's thread."""
        return self.dewey.gateway.past(at)

    def show_past(self, found: Any) -> None:
        """Show how it was."""
        raise NotImplementedError

    def hide_rows(self) -> None:
        """Show nothing but the notice: of that instant nothing is known."""
        raise NotImplementedError

    # The rest is the same for all.

    def poll(self) -> None:
        """Ask for now; of the past only what is not in sight, and else whether the backend is there."""
        at = self.dewey.past_at
        if at is None:
            self.poll_now()
        elif self.shown_past is not None and self.shown_past.at == at and not self.shown_past.problem.plain:
            self.ask(POLL, self.dewey.gateway.ping, lambda _: None)
        else:
            self.ask(POLL, lambda: self.ask_past(at), self._take)

    def ask(
        self,
        name: str,
        question: Callable[[], T],
        then: Callable[[T], None],
        refused: Callable[[GatewayRefused], None] | None = None,
    ) -> None:
        """Put a question in line; the answer to a poll is dropped when another instant is looked at by then."""
        asked_at = self.dewey.past_at

        def take(value: T) -> None:
            if self.dewey.past_at == asked_at:
                if asked_at is None:
                    self.shown_past = None
                then(value)

        super().ask(name, question, take if name == POLL else then, refused)

    def _take(self, found: Answered) -> None:
        self.shown_past = found
        if found.problem.plain:
            self.hide_rows()
            never = f"asking again will not help: {self.dewey.key_of('back')} goes to now"
            self.query_one(Notice).can_not_know(found.problem, never if found.is_never_known else AGAIN)
        else:
            self.show_past(found)

    @property
    def moment(self) -> Moment:
        """What time it is on this screen: ages are those of the instant in sight."""
        moment = self.dewey.moment
        past = self.shown_past
        return moment if past is None else replace(moment, now=past.at, is_past=True)

    @property
    def is_stale(self) -> bool:
        """Whether what is in sight is not what is looked at."""
        shown_at = None if self.shown_past is None else self.shown_past.at
        return super().is_stale or shown_at != self.dewey.past_at

    def where_in_time(self) -> Where:
        """Say that this is not now, and what can not be known of then."""
        at, past, moment = self.dewey.past_at, self.shown_past, self.dewey.moment
        if at is None:
            return Where() if past is None else returning(past.at, moment)
        is_shown = past is not None and past.at == at
        key_of = self.dewey.key_of
        minute, hour = (f"{key_of(one)} {key_of(f'{one}.on')}" for one in ("past.minute", "past.hour"))
        keys = (f"; {minute} a minute, {hour} an hour", f"; {minute} {hour}")
        unknown = ""
        if past is not None and is_shown and not past.problem.plain:
            unknown = ", ".join(part for part in (past.unknown.plain, self.UNRECORDED) if part)
        return replace(past_instant(at, is_shown, moment, key_of("back"), keys), unknown=unknown)

    def why_not(self, action: str) -> str:
        """Say why an action can not be done now."""
        if action == "step":
            return ""
        past = self.shown_past
        if action == "export" and past is not None and past.at != self.dewey.past_at:
            return f"This is {said(past.at, self.dewey.moment)} still: what is looked at is being asked for."
        if action == "export" and (past.problem.plain if past is not None else self.dewey.past_at is not None):
            return "Nothing is known of then that could be exported."
        if action in NEEDS_NOW or bindings.writes(action, self.PLACE):
            return self.not_now() or super().why_not(action)
        return super().why_not(action)

    def dated(
        self, called: tuple[str, str], now: Callable[[], Sequence[R]], rows: Sequence[R], record: Callable[[R], Record]
    ) -> Sheet:
        """Return the sheet of a list: of what is ``now``, or of the ``rows`` of the past that are in sight. ``called``
        are the name of its file, and what is in it."""
        from console.exporting import whole_list  # noqa: PLC0415 - loaded when somebody exports

        (name, what), past = called, self.shown_past
        if past is None:
            return whole_list(name, f"Export {what}", now, record)
        title = f"Export {what} as of {said(past.at, self.dewey.moment)}"
        return whole_list(name, title, lambda: rows, record, past.at)

    def not_now(self) -> str:
        """Say that what is looked at, or still in sight, is not now; "" when it is."""
        at = self.dewey.past_at
        if at is not None:
            return f"This is {said(at, self.dewey.moment)}, not now: {self.dewey.key_of('back')} goes to now."
        if self.shown_past is not None:
            return f"This is {said(self.shown_past.at, self.dewey.moment)} still: what is now is being asked for."
        return ""

    # Moving.

    def action_step(self, minutes: int) -> None:
        """Look some minutes back, or on."""
        at = self.dewey.past_at
        found = stepped(at, self.dewey.moment.now, minutes)
        if found is None and at is None:
            self.notify(f"This is now: {self.dewey.key_of('past.minute')} looks a minute back.", timeout=3)
        else:
            self._go_to(found)

    def _go_to(self, at: datetime | None) -> None:
        self.dewey.past_at = at
        self.refresh_frame()
        self.refresh_bindings()
        self.poll()

    def called(self, action: str) -> str:
        """The way back is the one to now."""
        return "now" if action == "back" and self.dewey.past_at is not None else super().called(action)

    def has_steps(self) -> bool:
        """Say whether `esc` has something to undo here."""
        return self.dewey.past_at is not None or super().has_steps()

    def step_back(self) -> bool:
        """Go to now first."""
        if self.dewey.past_at is not None:
            self._go_to(None)
            return True
        return super().step_back()
