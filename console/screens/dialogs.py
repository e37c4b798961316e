"""What every dialog is: a box over the screen, with the focus on Cancel where nothing needs to be typed."""

from typing import TYPE_CHECKING, ClassVar, Final, Generic, TypeVar, cast

from textual.app import ComposeResult
from textual.color import Color
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Button

from console import bindings
from console.screens.modal import Modal
from console.widgets.frame import PRODUCTION
from console.widgets.palette import COLOURS

if TYPE_CHECKING:
    from console.app import DeweyApp

Answer = TypeVar("Answer")
SAMPLE: Final = 5


class DialogBox(Modal[Answer | None], Generic[Answer]):
    """A box over the screen. Dismisses with None when nothing is to be done, else with an answer."""

    BINDINGS = bindings.of("dialog")
    AUTO_FOCUS: ClassVar[str | None] = "#cancel"

    def on_mount(self) -> None:
        """Wear the colour of the environment: behind the shade its frame is not seen."""
        dewey = cast("DeweyApp", self.app)
        box = self.query_one(".box")
        if self.is_production:
            box.add_class("-production")
        elif dewey.colour:
            box.styles.border = ("round", self._drawn(dewey.colour))

    @property
    def is_production(self) -> bool:
        """Whether what is asked is asked on production."""
        return cast("DeweyApp", self.app).environment.plain.lower() in PRODUCTION

    def _drawn(self, colour: str) -> Color:
        """What a colour of the settings is in the theme that is worn."""
        name = COLOURS.get(colour, colour).removeprefix("bold ")
        return Color.parse(self.app.theme_variables.get(name.removeprefix("$"), name))

    @property
    def named(self) -> str:
        """The environment's name where it has a colour of its own or is production, for the question; else ""."""
        dewey = cast("DeweyApp", self.app)
        return dewey.environment.plain if self.is_production or dewey.colour else ""

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
