"""The list of tasks, narrowed by what is typed."""

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.fuzzy import FuzzySearch
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from console import bindings
from console.formats import Moment, fit, safe_text
from console.gateway.views import TaskView
from console.screens.base import POLL, DeweyScreen
from console.screens.trigger import TriggerScreen
from console.widgets.notice import Notice
from storage.wording import plural


def matching(tasks: Sequence[TaskView], typed: str) -> list[TaskView]:
    """Return the tasks whose name, queue or summary has the letters in order, the best first."""
    if not typed.strip():
        return list(tasks)
    search = FuzzySearch()
    scored = []
    for task in tasks:
        name = search.match(typed, task.name.plain)[0]
        rest = search.match(typed, f"{task.queue.plain} {task.summary.plain}")[0]
        if name or rest:
            scored.append((-(name or rest / 10), task.name.plain, task))
    return [task for _, _, task in sorted(scored, key=lambda entry: entry[:2])]


class PickScreen(DeweyScreen):
    """Pick a task to trigger."""

    BINDINGS = bindings.of("pick")
    HEADING: ClassVar[str] = "Trigger"
    AUTO_FOCUS = "#pick-typed"

    def __init__(self, typed: str = "") -> None:
        super().__init__()
        self._typed = safe_text(typed, limit=100).plain
        self.tasks: tuple[TaskView, ...] | None = None
        self._shown: list[TaskView] = []

    def compose_body(self) -> ComposeResult:
        """Lay out the field and the list."""
        with Horizontal(id="pick-line"):
            yield Static(Content.styled(" trigger ", "$accent"), id="pick-sign")
            yield Input(self._typed, id="pick-typed", placeholder="type a part of a task's name", compact=True)
        with Vertical(id="pick-body"):
            yield OptionList(id="pick-list", compact=True, markup=False)
            yield Notice(id="pick-notice")
        yield Static(id="pick-doc")

    def on_mount(self) -> None:
        """Say that the first answer is awaited."""
        self.query_one(Notice).asking()
        self.query_one(OptionList).can_focus = False
        self._arrange()

    def poll(self) -> None:
        """Ask which tasks the consumers know."""
        self.ask(POLL, self.dewey.gateway.tasks, self._show)

    def _show(self, tasks: tuple[TaskView, ...]) -> None:
        tasks = tuple(sorted(tasks, key=lambda task: task.name.plain))
        if tasks != self.tasks:
            self.tasks = tasks
            self._list()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Narrow the list."""
        event.stop()
        self._list()

    def _list(self) -> None:
        options = self.query_one(OptionList)
        picked = self.picked
        self._shown = matching(self.tasks or (), self.query_one("#pick-typed", Input).value)
        options.clear_options()
        options.add_options([Option(self._line(task)) for task in self._shown])
        keys = [task.key for task in self._shown]
        typed = bool(self.query_one("#pick-typed", Input).value)
        options.highlighted = keys.index(picked.key) if picked and picked.key in keys and not typed else 0
        self._arrange()

    def _line(self, task: TaskView) -> Content:
        wide = self.size.width >= 100
        names = ", ".join(field.name.plain for field in task.fields)
        return Content.assemble(
            (fit(task.name.plain, 28 if wide else 24), "$strong"),
            (fit(task.queue.plain, 13), "$muted"),
            (fit(names, 32) + "  " if wide else "", "$accent"),
            (task.summary.plain, "$muted"),
        )

    def _arrange(self) -> None:
        options, notice = self.query_one(OptionList), self.query_one(Notice)
        options.display, notice.display = bool(self._shown), not self._shown
        if self.tasks is not None and not self._shown:
            if self.tasks:
                typed = safe_text(self.query_one("#pick-typed", Input).value, limit=100)
                notice.nothing_matches(typed, "esc goes back")
            else:
                notice.nothing_here("No consumer has published a task.", "Start one: dewey up")
        self._doc()
        self.refresh_bindings()

    @property
    def picked(self) -> TaskView | None:
        """The task under the cursor."""
        index = self.query_one(OptionList).highlighted
        return self._shown[index] if index is not None and index < len(self._shown) else None

    def _doc(self) -> None:
        task = self.picked
        doc = self.query_one("#pick-doc", Static)
        if task is None:
            doc.update(Content(""))
            return
        schedule = Content.assemble(("  runs by itself at ", "$muted"), task.schedule) if task.schedule else Content("")
        retries = plural(task.retries, "retry", "retries") if task.retries else "no retries"
        head = Content.assemble(task.full_name.stylize("bold $strong"), (f"  {retries}", "$muted"), schedule)
        doc.update(Content("\n").join([head, task.doc.stylize("$muted")]))

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        """Show what the task does."""
        event.stop()
        self._doc()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """A click picks."""
        event.stop()
        self.action_pick()

    def tell(self, moment: Moment, stale: bool) -> None:
        """If nothing is known, say why."""
        del moment, stale
        for error in self.unavailable():
            if self.tasks is None:
                self.query_one(Notice).can_not_know(error.sentence)

    def why_not(self, action: str) -> str:
        """Say why an action can not be done now."""
        if action == "pick" and self.picked is None:
            return "There is no task to pick."
        if action == "trigger":
            return "This is where tasks are triggered."
        return super().why_not(action)

    def action_move(self, rows: int) -> None:
        """Go to another task."""
        options = self.query_one(OptionList)
        if self._shown:
            options.highlighted = max(0, min((options.highlighted or 0) + rows, len(self._shown) - 1))

    def action_pick(self) -> None:
        """Fill in the form of the task."""
        task = self.picked
        if task is not None:
            self.dewey.push_screen(TriggerScreen(task))
