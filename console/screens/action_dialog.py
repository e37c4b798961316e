"""The one dialog of all actions: what would be done, to how many, a sample, what not and why, and how it is undone.

Where nothing needs to be typed the focus is on Cancel; from a field, enter leads to Cancel. `y` copies the command line
that does the same.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, cast

from msgspec import Struct, field
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Button, Input, Label, Static

from console import bindings
from console.formats import Moment, safe_text
from console.gateway.acting import Look
from console.screens import action_words
from console.screens.action_fields import FIELDS, NEEDS_REASON, Asked
from console.screens.dialogs import SAMPLE, DialogBox
from storage.values import replace
from storage.wording import plural

if TYPE_CHECKING:
    from console.app import DeweyApp


class Answered(Struct, frozen=True):
    """What was answered to a look: why, the name that was asked for, and what else the action takes."""

    reason: str = ""
    typed: str = ""
    options: Mapping[str, object] = field(default_factory=dict)


TALL = 34
"""Lines from which on there is room for everything."""
LEAST = 3
"""Lines of what is said that are always in sight."""


class ActionDialog(DialogBox[Answered]):
    """Asks before an action. Dismisses with the answer, or None."""

    BINDINGS = bindings.of("dialog", "action")
    AUTO_FOCUS = ""

    def __init__(self, look: Look, clock: Callable[[], Moment], name: str = "") -> None:
        """Make the dialog of a look; ``name`` is to be typed. The clock says from when "2h" counts."""
        super().__init__()
        self.look = look
        self._clock = clock
        self._name = name
        action = look.preview.action
        self._asked = FIELDS.get(action, ()) if look.count else ()
        self._needs_reason = action in NEEDS_REASON and bool(look.count)

    def compose(self) -> ComposeResult:
        """Lay out what, how many, a sample, what is left out, the fields, and the buttons."""
        look = self.look
        with Vertical(classes="box"):
            yield Static(Content(action_words.title(look, self.named)), classes="title")
            with VerticalScroll(classes="body", can_focus=False):
                yield Static(look.sentence)
                if look.about:
                    yield Static(look.about, classes="about")
                if look.sample and look.preview.scope in ("job", "audit"):
                    yield Static(_sample(look, self._sample_size()), classes="sample")
                if look.left_out:
                    yield Static(_how_many_left_out(look), classes="left-out")
                    for line in _left_out(look):
                        yield Static(line, classes="left-out-for")
            if look.count:
                yield Static(_undo(look), classes="undo")
            for asked in self._asked:
                yield from self._field(asked)
            if self._needs_reason:
                with Horizontal(classes="field"):
                    yield Label(Content("Reason (goes into the audit)"), classes="label")
                    yield Input(id="reason", max_length=200, placeholder="why?")
            if self._name and look.count:
                label = Content.assemble(("Type ", "$muted"), (safe_text(self._name, 80).plain, "bold $warning"))
                yield Static(label + Content.styled(" to say that you mean it", "$muted"), classes="reason-label")
                yield Input(id="typed", max_length=200)
            yield Static(id="action-error")
            yield Static(Content.styled("y copies the command line that does this", "$faint"), classes="hint")
            yield from self.buttons(action_words.words_of(look.preview.action).does)

    def _field(self, asked: Asked) -> ComposeResult:
        with Horizontal(classes="field"):
            yield Label(Content(asked.label), classes="label")
            yield Input(
                self.look.now.get(asked.name, asked.start),
                id=f"option-{asked.name}",
                max_length=60,
                placeholder=asked.blank,
            )
        yield Static(id=f"means-{asked.name}", classes="means")

    def _sample_size(self) -> int:
        """How many things are named: fewer where there is little room and something is to be typed."""
        has_fields = bool(self._asked) or self._needs_reason or bool(self._name)
        return 2 if has_fields and self.app.size.height < TALL else SAMPLE

    def on_resize(self) -> None:
        """Let the body scroll, and nothing else: how it is undone, fields and buttons stay in sight."""
        self.call_after_refresh(self._give_body_room)

    def _give_body_room(self) -> None:
        box, body = self.query_one(".box"), self.query_one(".body")
        others = [one for one in box.children if one is not body and one.display]
        taken = sum(one.outer_size.height + one.styles.margin.height for one in others) + box.gutter.height
        body.styles.max_height = max(LEAST, int(self.size.height * 0.96) - taken)

    def action_body(self, lines: int) -> None:
        """Scroll what is said."""
        self.query_one(".body").scroll_relative(y=lines, animate=False)

    def on_mount(self) -> None:
        """Begin where something is to be typed, else on Cancel; with nothing to do, there is only Cancel."""
        self.query_one("#do", Button).display = bool(self.look.count)
        self._say("")
        self._read()
        has_defaults = all(one.start for one in self._asked) and bool(self._asked)
        fields = [] if has_defaults and not self._needs_reason else list(self.query(Input))
        (fields[0] if fields else self.query_one("#cancel", Button)).focus()

    # What was typed.

    def on_input_changed(self, event: Input.Changed) -> None:
        """Say what a field means, or what is wrong with it, while it is typed."""
        event.stop()
        self._read()

    def _read(self) -> tuple[dict[str, object], list[str]]:
        """Read the fields: the options, and the names of those that are wrong; beside them it is said why."""
        options: dict[str, object] = {}
        wrong: list[str] = []
        for asked in self._asked:
            typed = self.query_one(f"#option-{asked.name}", Input).value.strip()
            means = Content("")
            if typed:
                try:
                    options[asked.name] = asked.read(typed, self._clock())
                    means = self._means(options[asked.name])
                except ValueError as error:
                    wrong.append(asked.name)
                    means = safe_text(error, limit=200).stylize("$error")
            label = self.query_one(f"#means-{asked.name}", Static)
            label.update(means)
            label.display = bool(means)
        return options, wrong

    def _means(self, value: object) -> Content:
        """Write an instant out, so that it is seen which day was meant."""
        if not isinstance(value, str):
            return Content("")
        return Content.styled(self._clock().full(datetime.fromisoformat(value)), "$accent")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Go on to the next field, then to Cancel: enter twice must not do anything."""
        event.stop()
        fields = list(self.query(Input))
        after = fields[fields.index(event.input) + 1 :]
        (after[0] if after else self.query_one("#cancel", Button)).focus()

    # What is answered.

    def accept(self) -> None:
        """Answer with what was typed; say what is missing or wrong."""
        options, wrong = self._read()
        reason = self.query_one("#reason", Input).value.strip() if self._needs_reason else ""
        typed = self.query_one("#typed", Input).value.strip() if self._name else ""
        if wrong:
            self.query_one(f"#option-{wrong[0]}", Input).focus()
        elif self._needs_reason and not reason:
            self._say("A reason is needed.")
            self.query_one("#reason", Input).focus()
        elif self._name and typed != self._name:
            self._say("That is not the name: nothing is done.")
            self.query_one("#typed", Input).focus()
        else:
            self.dismiss(Answered(reason, typed, options))

    def _say(self, sentence: str) -> None:
        error = self.query_one("#action-error", Static)
        error.update(Content.styled(sentence, "$error"))
        error.display = bool(sentence)

    def action_copy_action(self) -> None:
        """Copy the command line that does the same."""
        request = self.look.preview.request
        dewey = cast("DeweyApp", self.app)
        command = dewey.gateway.command(replace(request, options={**request.options, **self._read()[0]}))
        dewey.copy(command, "the command line")


def _sample(look: Look, size: int) -> Content:
    lines = [Content("")]
    lines += [Content.assemble("  ", line) for line in look.sample[:size]]
    if look.count > size:
        lines.append(Content.styled(f"  and {look.count - size:,} more", "$muted"))
    return Content("\n").join(lines)


def _how_many_left_out(look: Look) -> Content:
    number = len(look.preview.not_eligible)
    noun = action_words.NOUNS.get(look.preview.scope, look.preview.scope)
    return Content.styled(f"{plural(number, noun)} left out:", "$warning")


def _left_out(look: Look) -> Iterator[Content]:
    """Yield a line for each reason, as many as there is room for."""
    by_reason: dict[str, list[Content]] = {}
    for name, why in look.left_out:
        by_reason.setdefault(why.plain, []).append(name)
    for reason, those in list(by_reason.items())[:SAMPLE]:
        first = action_words.short(look, those[0].plain)
        more = f" and {len(those) - 1:,} more" if len(those) > 1 else ""
        yield Content.assemble((first + more, "$muted"), f": {reason}")


def _undo(look: Look) -> Content:
    said = (look.undo + Content(".")).stylize("$muted" if look.preview.can_undo else "$warning")
    return Content.assemble(("afterwards: ", "$muted"), said)
