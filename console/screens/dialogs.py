"""What every dialog is: a box over the screen, with the focus on Cancel where nothing needs to be typed."""

from typing import ClassVar, Final, Generic, TypeVar

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button

from console import bindings

Answer = TypeVar("Answer")
SAMPLE: Final = 5
LINE: Final = 62
"""Cells of one line in a dialog."""


class DialogBox(ModalScreen[Answer | None], Generic[Answer]):
    """A box over the screen. Dismisses with None when nothing is to be done, else with an answer."""

    BINDINGS = bindings.of("dialog")
    AUTO_FOCUS: ClassVar[str | None] = "#cancel"

    def action_cancel(self) -> None:
        """Close and do nothing."""
        self.dismiss(None)

    def action_focus_left(self) -> None:
        """Go to the button before."""
        self.focus_previous()

    def action_focus_right(self) -> None:
        """Go to the next button."""
        self.focus_next()

    def buttons(self, does: str) -> ComposeResult:
        """Yield Cancel, then what is done."""
        with Horizontal(classes="buttons"):
            for button in (Button(Content("Cancel"), id="cancel"), Button(Content(does), id="do", classes="-danger")):
                button.active_effect_duration = 0  # while it lasts, the toolkit ignores enter
                yield button

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Do it, or not."""
        event.stop()
        if event.button.id == "do":
            self.accept()
        else:
            self.dismiss(None)

    def accept(self) -> None:
        """Answer that it is to be done."""


class Dialog(DialogBox[str]):
    """A box whose answer is a text."""

    def accept(self) -> None:
        """Answer that it is to be done."""
        self.dismiss("")
