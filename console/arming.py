"""Whether this console may act: read-only at the start, armed with a reason for a time, and disarmed by itself.

Nothing here is what protects: the layer of actions refuses whoever brings no `Armed`, and only a gateway makes one.
"""

from collections.abc import Callable
from dataclasses import replace

from textual.app import App
from textual.content import Content

from console import bindings
from console.gateway.acting import CanaryRow, Look
from console.gateway.errors import GatewayError
from console.gateway.protocol import Gateway
from console.screens.acting import ONLY_LOOKS
from console.screens.base import DeweyScreen
from console.widgets.frame import PRODUCTION
from tasks.actions.values import Armed


class ArmingApp(App[None], inherit_bindings=False):
    """The part of the application that knows whether writing is armed, and how the canaries go."""

    gateway: Gateway
    environment: Content
    is_read_only = False
    """Whether nobody can arm writing here."""
    write_reason = ""
    """A reason to arm writing at the start."""
    armed: Armed | None = None
    canaries: tuple[CanaryRow, ...] = ()

    def arm(self, reason: str) -> None:
        """Allow writing for a time."""
        try:
            self.armed = self.gateway.arm(reason)
        except GatewayError as error:
            self.notify(error.sentence.plain, severity="error", title="Writing is not armed")
        self._armed_changed()

    def disarm(self) -> None:
        """Only look, from now on."""
        self.armed = None
        self._armed_changed()

    def arm_and(self, then: Callable[[], None]) -> None:
        """Ask for a reason, arm writing, and go on with what was wanted; without a reason, nothing goes on."""
        from console.screens.write import WriteDialog  # noqa: PLC0415 - loaded when somebody arms writing

        def go_on(reason: str | None) -> None:
            if reason:
                self.arm(reason)
            if self.armed is not None:
                then()

        self.push_screen(WriteDialog(), go_on)

    def toggle_writing(self) -> None:
        """Ask for a reason and arm writing; or disarm it."""
        if self.armed is not None:
            self.disarm()
            self.notify("Writing is disarmed: read-only.", timeout=3)
        elif self.is_read_only:
            self.notify(ONLY_LOOKS, severity="warning")
        else:
            self.arm_and(lambda: None)

    def _disarm_in_time(self) -> None:
        if self.armed is not None and self.armed.until_at <= self.gateway.now():
            self.disarm()
            self.notify(f"The time is over: read-only. {self.key_of('write')} arms writing again.", severity="warning")

    def _armed_changed(self) -> None:
        for screen in self.screen_stack:
            if isinstance(screen, DeweyScreen):
                screen.refresh_frame()
                screen.refresh_bindings()

    def name_to_type(self, look: Look) -> str:
        """Return what must be typed before an action: what the layer asks for, or the name of a production."""
        is_production = self.environment.plain.lower() in PRODUCTION
        if look.preview.confirm or not (is_production and look.preview.permission == "dangerous"):
            return look.preview.confirm
        return self.environment.plain

    def key_of(self, binding_id: str) -> str:
        """Return the key of an action, as it is printed on a keyboard; remapped ones too."""
        binding = bindings.BY_ID[binding_id].binding()
        keys = dict(self._keymap).get(binding_id) or binding.key
        return self.get_key_display(replace(binding, key=keys.split(",")[0]))

    def heard_of_canaries(self, canaries: tuple[CanaryRow, ...]) -> None:
        """Take in how the canaries stand."""
        before, self.canaries = self.canaries, canaries
        if (before or canaries) and isinstance(self.screen, DeweyScreen):
            self.screen.refresh_frame()
