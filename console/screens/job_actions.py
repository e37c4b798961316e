"""What an operator does to jobs, from the list of jobs and from the screen of one: the same keys, the same words."""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from console.formats import safe_text
from console.gateway.acting import Done
from console.gateway.views import JobRow, MarkedJob, TaskView
from console.screens.acting import ActingScreen
from console.screens.action_fields import BEFORE
from console.screens.ask_dialog import AskDialog
from console.screens.trigger import Edit, TriggerScreen
from storage.broker.records import State
from storage.wording import short_name
from tasks.actions.values import Request

WAITING: Final[tuple[State, ...]] = ("queued", "scheduled", "retrying", "blocked")
ENDED: Final = "it has ended already"
RULES: Final[dict[str, tuple[tuple[State, ...], str, str]]] = {
    "requeue": (("dead", "canceled", "retrying"), "requeued", "only dead, canceled and retrying ones"),
    "canary": (("dead", "canceled", "retrying"), "requeued", "only dead, canceled and retrying ones"),
    "cancel": ((*WAITING, "running"), "canceled", "only those that have not ended"),
    "discard": (
        ("scheduled", "queued", "retrying", "succeeded", "dead", "canceled"),
        "discarded",
        "only those that neither run nor wait for others",
    ),
    "promote": (("scheduled", "retrying"), "run sooner", "only scheduled and retrying ones"),
    "priority": (WAITING, "given another priority", "only those that wait"),
}
"""Actions on jobs: in which states, how it is said, and which ones it is for. The layer looks again before it acts."""
_NOW: Final[dict[State, str]] = {
    "running": "it is running",
    "queued": "it is in its queue already",
    "scheduled": "it is not due yet",
    "blocked": "it waits for other jobs",
    "succeeded": "it succeeded",
    "dead": "it is dead",
    "canceled": "it is canceled",
    "retrying": "it waits for its next attempt",
}


class Chosen(Struct, frozen=True):
    """What an action is for: the marked jobs, the one in sight, everything that matches a filter (``query``), or a
    group of failures. ``rows`` are those that are known."""

    keys: tuple[str, ...] = ()
    rows: Sequence[JobRow | MarkedJob] = ()
    query: str = ""
    group: str = ""
    is_marked: bool = False


class JobActions(ActingScreen):
    """A screen from which jobs are acted on."""

    def chosen(self) -> Chosen:
        """Say which jobs are meant."""
        raise NotImplementedError

    def acted(self, done: Done) -> None:
        """Be told what became of an action."""

    def why_not_on_jobs(self, action: str) -> str:
        """Say why an action can not be done to the chosen jobs; "" if it can, or is none on jobs."""
        chosen = self.chosen()
        if action == "requeue_edited":
            many = len(chosen.keys) != 1 or bool(chosen.query or chosen.group)
            return "Edited arguments are for one job: take the marks away." if many else ""
        if action in RULES and self.awaits("marks"):
            return "The marks are being set: a moment."
        return _why_not(chosen, action) if action in RULES else ""

    def _act_on_jobs(self, action: str, **options: object) -> None:
        chosen = self.chosen()
        if chosen.group:
            self.act(Request(action, (), "", {**options, "group": chosen.group}), self.acted)
        elif chosen.query:
            self.act(Request(action, (), chosen.query, options), self.acted)
        elif chosen.keys:
            self.act(Request(action, chosen.keys, "", options), self.acted)

    def action_requeue(self) -> None:
        """Try the chosen jobs again."""
        self._act_on_jobs("requeue")

    def action_canary(self) -> None:
        """Try the chosen jobs again, a few at first."""
        self._act_on_jobs("canary")

    def action_cancel(self) -> None:
        """Call the chosen jobs off."""
        self._act_on_jobs("cancel")

    def action_discard(self) -> None:
        """Throw the chosen jobs into the trash."""
        self._act_on_jobs("discard")

    def action_promote(self) -> None:
        """Let the chosen jobs run now."""
        self._act_on_jobs("promote")

    def action_priority(self) -> None:
        """Ask for the priority, then give it to the chosen jobs."""
        dialog = AskDialog("Change the priority", BEFORE["priority"], self.moment)
        self.dewey.push_screen(dialog, self._prioritise)

    def _prioritise(self, value: object | None) -> None:
        if value is not None:
            self._act_on_jobs("priority", priority=value)

    def action_requeue_edited(self) -> None:
        """Open the form of the job's task, with its arguments filled in."""
        gateway, (key, *_) = self.dewey.gateway, self.chosen().keys

        def read() -> tuple[str, TaskView | None, Edit]:
            full_name = gateway.job(key).task.plain
            found = [task for task in gateway.tasks() if task.full_name.plain == full_name]
            name = short_name(full_name)
            return name, (found[0] if found else None), Edit(key, gateway.arguments(key))

        self.ask("edit", read, lambda answer: self._edit(*answer))

    def _edit(self, name: str, task: TaskView | None, edit: Edit) -> None:
        if task is None:
            self.notify(f"No consumer knows {name}: its form can not be made.", severity="warning")
        else:
            self.dewey.push_screen(TriggerScreen(task, edit))


def _why_not(chosen: Chosen, action: str) -> str:
    """Say why an action of `RULES` can not be done to jobs in their states; "" if it can to one of them."""
    states, words, only = RULES[action]
    if chosen.query or chosen.group or any(row.state in states for row in chosen.rows):
        return ""
    if chosen.is_marked:
        return f"None of the marked jobs can be {words}: {only}."
    if not chosen.rows:
        return "There is no job under the cursor."
    return f"This job can not be {words}: {_NOW[chosen.rows[0].state]}."


def safe_key(key: str) -> str:
    """Return an id as it may go into a clipboard: whoever pastes it into a shell runs nothing."""
    return safe_text(key, limit=200).plain
