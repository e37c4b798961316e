"""The whole at a glance: what is wrong first, then how it goes, then the queues."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from typing import TYPE_CHECKING, ClassVar, Final

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content

from console import bindings
from console.formats import Moment
from console.gateway.glance import PARTS, Glance, HealthView, Part, Waits, unknown
from console.gateway.past import PastView
from console.gateway.troubles import troubles
from console.screens.base import POLL
from console.screens.room import fit_to_rows
from console.screens.travelling import TravellingScreen
from console.widgets.happenings import Happenings
from console.widgets.health_line import HealthLine
from console.widgets.line_table import LineTable
from console.widgets.notice import Notice
from console.widgets.queue_table import QueueTable
from console.widgets.trends import Trends
from console.widgets.trouble_list import TroubleList
from storage.values import replace

if TYPE_CHECKING:
    from console.gateway.failures import FailuresView

HEALTH_S: Final = 20.0
"""How old an answer about a store may grow."""
ILL_S: Final = 5.0
"""And that about one that is not well."""
WAITS_S: Final = 30.0
FAILURES_S: Final = 30.0
TALL_TROUBLES: Final = 8
"""Lines of what is wrong at most, on a tall terminal."""
NOTICE: Final = 6
"""Rows for a notice in the place of the queues."""


class OverviewScreen(TravellingScreen):
    """The screen that the console begins with."""

    BINDINGS = bindings.of("overview")
    MODE: ClassVar[str] = "overview"
    UNRECORDED: ClassVar[str] = "how the stores were"

    def __init__(self) -> None:
        super().__init__()
        self._glance: Glance | None = None
        self._health: dict[Part, HealthView] = {}
        self._waits: Waits | None = None
        self._failures: FailuresView | None = None
        self._past: PastView | None = None
        self._asked_at: dict[str, float] = {}
        self._is_drawn = False

    def compose_body(self) -> ComposeResult:
        """Lay out health, troubles, charts and queues."""
        yield HealthLine()
        yield TroubleList(id="troubles")
        yield Trends(id="trends")
        with Vertical(id="overview-body"):
            yield QueueTable(self.moment, id="overview-queues")
            yield Notice(id="overview-notice")
        yield Happenings()

    def on_mount(self) -> None:
        """Say that the first answer is awaited."""
        self.query_one(Notice).asking()
        self._arrange()

    @property
    def table(self) -> QueueTable:
        """The queues."""
        return self.query_one(QueueTable)

    # One question after the other: the live numbers each time, a store or the history when their answer is old.

    def poll_now(self) -> None:
        """Ask for queues and consumers."""
        self.ask(POLL, self.dewey.gateway.glance, self._show)

    def is_of_backend(self, name: str) -> bool:
        """A store that is away is an answer too, and says nothing of the backend's own."""
        return name not in (*PARTS, "waits", "failures")

    def answered(self, name: str) -> None:
        """After an answer, ask the next question that is due; after the first one, draw it before anything is asked:
        who looks at the stores takes the interpreter."""
        super().answered(name)
        if self._is_drawn:
            self._ask_next()
        elif name == POLL:
            self.table.once_drawn(self._drawn)

    def ask_besides(self) -> None:
        """Ask nothing else before the first answer is drawn."""
        if self._is_drawn:
            super().ask_besides()

    def _drawn(self) -> None:
        self._is_drawn = True
        self.ask_besides()
        self._ask_next()

    def _ask_next(self) -> None:
        if not self.is_in_sight or self.dewey.past_at is not None:
            return
        gateway, now = self.dewey.gateway, monotonic()
        for part in PARTS:
            if self._is_due(part, self._health_s(part), now):
                self._asked_at[part] = now
                self.ask(part, _looking(gateway.health, part), self._show_health)
                return
        if self._is_due("waits", self._waits_s, now):
            self._asked_at["waits"] = now
            self.ask("waits", gateway.waits, self._show_waits)
            return
        if self.has_class("-tall") and self._is_due("failures", FAILURES_S, now):
            self._asked_at["failures"] = now
            self.ask("failures", gateway.failures, self._show_failures)

    def _health_s(self, part: Part) -> float:
        view = self._health.get(part)
        return HEALTH_S if view is None or view.level == "ok" else ILL_S

    @property
    def _waits_s(self) -> float:
        """How old an answer about waits may grow; where none is recorded yet, one may come any moment."""
        return ILL_S if self._waits is not None and self._waits.problem.plain else WAITS_S

    def _is_due(self, name: str, after_s: float, now: float) -> bool:
        if name not in self._asked_at:
            return True
        return bool(self.dewey.refresh_s) and now - self._asked_at[name] > after_s

    def _show(self, glance: Glance) -> None:
        self._glance, self._past = glance, None
        if not glance.queues:
            self.query_one(Notice).nothing_here(
                "No queue yet.", "A queue is there from the first job on; t triggers one."
            )
        self._arrange()
        self.table.show(len(glance.queues), 0, glance.queues, self.moment)
        self._draw()

    def show_past(self, found: PastView) -> None:
        """Show how everything stood."""
        self._past = found
        if not found.glance.queues:
            self.query_one(Notice).nothing_here("No queue yet.")
        self._arrange()
        self.table.show(len(found.glance.queues), 0, found.glance.queues, self.moment)
        self._draw()

    def hide_rows(self) -> None:
        """Show nothing but the notice, and what is known of everything: nothing."""
        self._past = PastView(self.moment.now, problem=Content("nothing is known of then"))
        self._arrange()
        self._draw()

    def _show_health(self, view: HealthView) -> None:
        self._health[view.part] = view
        self._draw()

    def _show_waits(self, waits: Waits) -> None:
        self._waits = waits
        self._draw()

    def _show_failures(self, failures: FailuresView) -> None:
        self._failures = failures
        self._draw()

    def _draw(self) -> None:
        health, glance, waits = self._health, self._glance, self._waits
        if self._past is not None:
            health = {part: unknown(part, "it was not recorded", self._past.at) for part in PARTS}
            is_known = not self._past.problem.plain
            glance, waits = (self._past.glance if is_known else None), self._past.waits
        found = troubles(glance, [health[part] for part in PARTS if part in health], self.moment)
        if self._past is not None:  # what would help now was of no help then
            found = tuple(replace(one, remedy=Content(""), keys="") for one in found)
        dead = sum(row.dead for row in glance.queues) if glance is not None else 0
        self.query_one(TroubleList).show(found, glance is not None and len(health) == len(PARTS), dead)
        self.query_one(HealthLine).show(health, glance)
        self.query_one(Trends).show(glance, waits, self.moment.word)
        self.refresh_bindings()
        failures = self._failures if self._past is None else None
        self.query_one(Happenings).show(None if glance is None else glance.fleet, failures, self.moment)
        self.call_after_refresh(self._give_room)

    def _give_room(self) -> None:
        """Let what is wrong have the rows that the queues do not fill, or what happens where there are many."""
        body, happenings = self.query_one("#overview-body"), self.query_one(Happenings)
        happenings.display = self.has_class("-tall") and self.table.display
        fit_to_rows(self, body, self.table)
        found = self.query_one(TroubleList)
        if happenings.display:
            found.give(TALL_TROUBLES)
            return
        needed = self.table.total + 1 if self.table.display else NOTICE
        found.give(found.size.height + body.size.height - needed)

    def on_resize(self) -> None:
        """Share the rows anew."""
        self.call_after_refresh(self._give_room)

    def _arrange(self) -> None:
        glance = self._glance if self._past is None else self._past.glance
        some = glance is not None and bool(glance.queues)
        self.table.display, self.query_one(Notice).display = some, not some
        self.query_one(Trends).display = some
        if some and self.focused is None:
            self.table.focus()

    def tell(self, moment: Moment, stale: bool) -> None:
        """Dim old data; if there is none, say why."""
        for widget in (self.table, self.query_one(Trends), self.query_one(TroubleList), self.query_one(Happenings)):
            widget.set_class(stale, "-stale")
        nothing_known = self._past is not None and bool(self._past.problem.plain)
        some = self._glance is not None or bool(self._health) or not stale
        self.query_one(TroubleList).display = some and not nothing_known
        self.table.at(moment)
        self.query_one(HealthLine).tell_away(self.dewey.away is not None)
        for error in self.unavailable():
            if self._glance is None:
                self.query_one(Notice).can_not_know(error.sentence)

    def on_line_table_cursor_moved(self, event: LineTable.CursorMoved) -> None:
        """What can be done may have changed."""
        event.stop()
        self.refresh_bindings()

    def on_line_table_opened(self, event: LineTable.Opened) -> None:
        """A double click opens."""
        event.stop()
        self.action_open()

    def why_not(self, action: str) -> str:
        """Say why an action can not be done now."""
        if action in ("open", "copy") and self.table.row is None:
            return "There is no queue under the cursor."
        return super().why_not(action)

    def action_open(self) -> None:
        """Show the queue's jobs."""
        from console.gateway.criteria import of_queue  # noqa: PLC0415 - this is the screen that most begin with

        row = self.table.row
        if row is not None:
            self.dewey.open_jobs(of_queue(row.key))

    def action_copy(self) -> None:
        """Copy the queue's name."""
        row = self.table.row
        if row is not None:
            self.copy(row.name.plain, "the queue's name")

    def action_copy_command(self) -> None:
        """Copy the command line that checks everything."""
        self.copy("dewey doctor", "the command line")


def _looking(look: Callable[[Part], HealthView], part: Part) -> Callable[[], HealthView]:
    return lambda: look(part)
