"""The dialog that arms writing: for how long, and why."""

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Input, Static

from console.gateway.acting import ARMED_FOR
from console.screens.dialogs import Dialog


class WriteDialog(Dialog):
    """Asks for the reason. Dismisses with it, or None."""

    AUTO_FOCUS = "#reason"

    def compose(self) -> ComposeResult:
        """Lay out what arming means, the field for the reason, and the buttons."""
        minutes = int(ARMED_FOR.total_seconds() // 60)
        says = (
            f"For {minutes} minutes this console may change things. Every action still shows what it would do, and "
            "asks. The reason goes into the audit with each of them."
        )
        with Vertical(classes="box"):
            yield Static(Content("Arm writing?"), classes="title")
            yield Static(Content(says))
            yield Static(Content.styled("Reason (goes into the audit)", "$muted"), classes="reason-label")
            yield Input(id="reason", max_length=200, placeholder="why?")
            yield Static(id="reason-error")
            yield from self.buttons("Arm writing")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter after a reason arms: arming itself changes nothing."""
        event.stop()
        self.accept()

    def accept(self) -> None:
        """Answer with the reason; without one, say that it is needed."""
        reason = self.query_one("#reason", Input).value.strip()
        if reason:
            self.dismiss(reason)
            return
        self.query_one("#reason-error", Static).update(Content.styled("A reason is needed.", "$error"))
        self.query_one("#reason", Input).focus()
