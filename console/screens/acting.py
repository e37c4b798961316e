"""How every screen acts: it looks, shows what it saw, does exactly that when told to, and says what became of it.

The way is the same for every action: `act` asks the gateway for a look, the dialog shows it with the focus on Cancel,
and what was accepted is performed once. Only an armed console gets so far; the layer below refuses all others.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar, Final

from textual.content import Content

from console import bindings
from console.gateway.acting import Done, Look, Said
from console.screens.asking import AskingScreen
from storage.values import replace
from tasks.actions.values import Request

if TYPE_CHECKING:
    from console.screens.action_dialog import Answered

Then = Callable[[Done], None]
ONLY_LOOKS: Final = "This console only looks: it was started with --read-only."


class ActingScreen(AskingScreen):
    """A screen from which an operator acts."""

    PLACE: ClassVar[bindings.Place] = "screen"
    """The place in the table of keys that the screen's own are for."""

    def act(self, request: Request, then: Then | None = None, about: Content | None = None) -> None:
        """Look at what an action would do, ask, do it, and say what became of it; ``then`` is told of it too. ``about``
        is what else the screen knows of what it is done to."""
        if self.awaits("preview") or self.awaits("act"):
            return  # a key that was pressed twice asks once
        gateway = self.dewey.gateway
        self.ask("preview", lambda: gateway.preview(request), lambda look: self._show_look(look, then, about))

    def not_now(self) -> str:
        """Say why nothing at all can be done on this screen now; "" when it can."""
        return ""

    def _show_look(self, look: Look, then: Then | None, about: Content | None) -> None:
        if reason := self.not_now():
            self.notify(reason, severity="warning", timeout=4)
            return
        from console.screens.action_dialog import ActionDialog  # noqa: PLC0415 - loaded when somebody acts

        confirm = self.dewey.name_to_type(look)
        dialog = ActionDialog(look if about is None else replace(look, about=about), lambda: self.moment, confirm)
        self.dewey.push_screen(dialog, lambda said: self._perform(look, said, then))

    def _perform(self, look: Look, answered: "Answered | None", then: Then | None) -> None:
        if answered is None:
            return
        gateway = self.dewey.gateway
        said = Said(self.dewey.armed, answered.reason, answered.typed, answered.options)
        self.ask("act", lambda: gateway.perform(look, said), lambda done: self._tell_done(look, said, done, then))

    def _tell_done(self, look: Look, said: Said, done: Done, then: Then | None) -> None:
        from console.screens.action_words import outcome  # noqa: PLC0415 - loaded when somebody acts

        sentence, is_whole = outcome(look, done, said.options)
        if done.can_undo:
            from tasks.actions.registry import undoes_it  # noqa: PLC0415 - the same

            sentence += f" {self.dewey.key_of('undo')} {undoes_it(done.action, done.count)}."
        self.notify(sentence, severity="information" if is_whole else "warning", timeout=8)
        if then is not None:
            then(done)
        self.poll()

    def poll(self) -> None:
        """Ask what the screen shows."""

    def copy(self, text: str, what: str) -> None:
        """Put a text into the clipboard, made safe for whoever pastes it into a shell, and say so."""
        self.dewey.copy(text, what)

    # What is the same everywhere.

    def action_undo(self) -> None:
        """Undo this operator's last action, after showing what that would do."""
        self.act(Request("undo", (), "", {"actor": self.dewey.gateway.actor}))

    def action_write_mode(self) -> None:
        """Arm writing, with a reason; or disarm it."""
        self.dewey.toggle_writing()

    def action_canaries(self) -> None:
        """Show the canary requeues."""
        self.dewey.open_canaries()

    def read_only(self, action: str) -> str:
        """Say that an action needs writing to be armed, which can not be here; "" when it does not, or it is."""
        if action == "write_mode" and self.dewey.is_read_only:
            return ONLY_LOOKS
        if self.dewey.armed is not None or not bindings.writes(action, self.PLACE):
            return ""
        if self.dewey.is_read_only:
            return "read-only: this console only looks."
        return f"read-only: {self.dewey.key_of('write')} arms writing."
