"""A screen over another one, which is closed once, whatever is pressed."""

from typing import Generic, TypeVar

from textual.await_complete import AwaitComplete
from textual.screen import ModalScreen

Answer = TypeVar("Answer")


class Modal(ModalScreen[Answer], Generic[Answer]):
    """What dialogs, help and the command line are."""

    def dismiss(self, result: Answer | None = None) -> AwaitComplete:
        """Answer and close; only the first time, since keys come faster than screens close, and the toolkit would close
        the screen below for the second one."""
        return super().dismiss(result) if self.is_active else AwaitComplete()
