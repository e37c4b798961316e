"""Why? on a job: what keeps it from running, what to deal with first, and what helps."""

from typing import Final

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Button, Static

from console.formats import GLYPHS
from console.gateway.views import WhyView
from console.screens.dialogs import Dialog
from console.widgets.palette import state_color

_HELPS: Final[dict[str, str]] = {
    "paused": "2 shows the queues; p resumes this one",
    "no consumer": "start one: huey_consumer tasks.app.huey, or dewey up",
    "quiet": "6 shows the workers; p lets one claim again",
    "cap": "2 shows the queues; L changes or lifts it",
    "rate": "2 shows the queues; L changes or lifts it",
    "busy": "it waits its turn; more workers would help",
    "line": "P gives it a higher priority",
    "unknown task": "deploy a consumer that has the task",
    "children": "enter opens the first of them",
    "failed child": "enter opens it; r there requeues it",
    "unique": "enter opens the job that holds it",
    "ended": "r requeues it",
    "overdue": "",
    "due": "o runs it now",
    "running": "l shows its log",
    "free": "",
    "unseen": "6 shows these consumers and when each was heard; 7 what they log",
}
"""What an operator can do about each reason."""


class WhyDialog(Dialog):
    """Shows the reasons, the first one first. Dismisses with the key of a job to open, or None."""

    def __init__(self, view: WhyView) -> None:
        super().__init__()
        self.view = view

    def compose(self) -> ComposeResult:
        """Lay out the job, the reasons with what helps, and the buttons."""
        view = self.view
        with Vertical(classes="box"):
            yield Static(Content("Why is it not running?" if view.waits else "Why?"), classes="title")
            with VerticalScroll(classes="body", can_focus=False):
                yield Static(self._job())
                for reason in view.reasons:
                    yield Static(reason.sentence, classes="reason")
                    helps = _HELPS.get(reason.kind, "")
                    if helps and not (reason.kind == "ended" and view.state == "succeeded"):
                        yield Static(Content.styled(f"→ {helps}", "$muted"), classes="helps")
            with Horizontal(classes="buttons"):
                yield Button(Content("Close"), id="cancel")
                if view.related:
                    yield Button(Content.assemble("Open ", view.related[1]), id="do")

    def _job(self) -> Content:
        view = self.view
        return Content.assemble(
            (f"{GLYPHS[view.state]} {view.state}  ", state_color(view.state)),
            view.short_id.stylize("$muted"),
            "  ",
            view.task.stylize("$strong"),
            (" in ", "$muted"),
            view.queue,
        )

    def on_mount(self) -> None:
        """Enter opens the job that matters, where there is one: nothing here changes anything."""
        if self.view.related:
            self.query_one("#do", Button).focus()

    def accept(self) -> None:
        """Answer with the job to open."""
        self.dismiss(self.view.related[0] if self.view.related else None)
