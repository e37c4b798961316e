"""Dialogs: what is about to be done, to how many, with a sample; the focus is on Cancel."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final, Generic, TypeVar

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Static

from console import bindings
from console.formats import fit, plural

Answer = TypeVar("Answer")
SAMPLE: Final = 5
LINE: Final = 62
"""Cells of one line in a dialog."""


@dataclass(frozen=True, slots=True)
class Preview:
    """What an action is about to do.

    ``does`` names the button; ``sample`` are lines of what it is done to, of ``count``; ``left_out`` pairs what it
    is not done to with why.
    """

    title: str
    does: str
    says: Content
    count: int = 1
    sample: Sequence[Content] = ()
    left_out: Sequence[tuple[Content, str]] = ()


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


class ConfirmDialog(Dialog):
    """Asks before an action."""

    def __init__(self, preview: Preview) -> None:
        super().__init__()
        self.preview = preview

    def compose(self) -> ComposeResult:
        """Lay out what, how many, a sample, and what is left out."""
        preview = self.preview
        with Vertical(classes="box"):
            yield Static(Content(preview.title), classes="title")
            with VerticalScroll(classes="body", can_focus=False):
                yield Static(preview.says)
                if preview.sample:
                    yield Static(_sample(preview.sample, preview.count), classes="sample")
                if preview.left_out:
                    yield Static(_left_out(preview.left_out), classes="left-out")
            yield from self.buttons(preview.does)

    def on_mount(self) -> None:
        """With nothing to do, there is only Cancel."""
        if not self.preview.count:
            self.query_one("#do", Button).display = False


def _sample(sample: Sequence[Content], count: int) -> Content:
    lines = [Content("")]
    lines += [Content.assemble("  ", line.truncate(LINE, ellipsis=True)) for line in sample[:SAMPLE]]
    if count > SAMPLE:
        lines.append(Content.styled(f"  and {count - SAMPLE:,} more", "$muted"))
    return Content("\n").join(lines)


def _left_out(left_out: Sequence[tuple[Content, str]]) -> Content:
    lines = [Content(""), Content.styled(f"{plural(len(left_out), 'job')} left out:", "$warning")]
    by_reason: dict[str, list[Content]] = {}
    for line, reason in left_out:
        by_reason.setdefault(reason, []).append(line)
    for reason, those in list(by_reason.items())[:SAMPLE]:
        first = fit(those[0].plain, 30).rstrip()
        more = f" and {len(those) - 1:,} more" if len(those) > 1 else ""
        line = Content.assemble("  ", (first + more, "$muted"), f": {reason}")
        lines.append(line.truncate(LINE, ellipsis=True))
    return Content("\n").join(lines)


class ReasonDialog(Dialog):
    """Asks before an action, and for the reason, which others will read."""

    AUTO_FOCUS = "#reason"

    def __init__(self, preview: Preview) -> None:
        super().__init__()
        self.preview = preview

    def compose(self) -> ComposeResult:
        """Lay out what, the field for the reason, and the buttons."""
        with Vertical(classes="box"):
            yield Static(Content(self.preview.title), classes="title")
            yield Static(self.preview.says)
            yield Static(Content.styled("Reason, for those who find it so", "$muted"), classes="reason-label")
            yield Input(id="reason", max_length=200, placeholder="why?")
            yield Static(id="reason-error")
            yield from self.buttons(self.preview.does)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Go on to the buttons: enter twice must not do anything."""
        event.stop()
        self.query_one("#cancel", Button).focus()

    def accept(self) -> None:
        """Answer with the reason; without one, say that it is needed."""
        reason = self.query_one("#reason", Input).value.strip()
        if reason:
            self.dismiss(reason)
            return
        error = Content.styled("A reason is needed.", "$error")
        self.query_one("#reason-error", Static).update(error)
        self.query_one("#reason", Input).focus()
