"""The form of one task, made from its published signature. Errors stand beside their fields; nothing is sent before."""

from collections.abc import Mapping
from typing import ClassVar, Final

from msgspec import Struct
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Button, Input, Select, Static, TextArea

from console import bindings
from console.formats import Moment, compact, duration, safe_text
from console.gateway.acting import Done
from console.gateway.protocol import Order
from console.gateway.signatures import UNSET, FieldError, value_of
from console.gateway.views import FieldKind, FieldView, TaskView
from console.screens.base import DeweyScreen
from console.widgets.field import Field
from storage.broker.records import PRIORITY_LIMIT
from storage.values import replace
from storage.wording import plural
from tasks.actions.values import Request


def _own(key: str, kind: FieldKind, default: Content) -> FieldView:
    return FieldView(key, Content(key), kind, Content(""), default, required=False, optional=False)


class Draft(Struct, frozen=True):
    """What the form says, and which fields are wrong."""

    order: Order
    errors: dict[str, str]


class Edit(Struct, frozen=True):
    """A job that is to be launched again with other arguments. ``values`` are its own, those that may be shown; what is
    left as it is stays as it is in the job, the secret ones too."""

    key: str
    values: Mapping[str, object]


class TriggerScreen(DeweyScreen):
    """Fill in the arguments of a task, say where and when, and enqueue it; or edit those of a job, launched again."""

    BINDINGS = bindings.of("form")
    PLACE: ClassVar[bindings.Place] = "form"
    HEADING: ClassVar[str] = "Trigger"
    AUTO_FOCUS = "Field Input, Field Select, Field TextArea"

    def __init__(self, task: TaskView, edit: Edit | None = None) -> None:
        super().__init__()
        self.task_view = task
        self.edit = edit

    def compose_body(self) -> ComposeResult:
        """Lay out the task's fields, then where and when."""
        task = self.task_view
        verb = "trigger " if self.edit is None else "launch again, edited "
        yield Static(Content.assemble((verb, "$accent"), task.name.stylize("bold $strong")), id="trigger-title")
        with VerticalScroll(id="trigger-form", can_focus=False):
            yield Static(task.doc.stylize("$muted"), id="trigger-doc")
            for index, field in enumerate(task.fields):
                yield Field(self._editable(field), f"argument-{index}")
            if not task.fields:
                yield Static(Content.styled("It takes no arguments.", "$faint"), classes="none")
            if self.edit is None:
                yield Static(Content.styled("where and when", "$faint"), classes="part")
                yield Field(_own("queue", "text", task.queue), "order-queue")
                yield Field(_own("priority", "number", Content(f"{task.priority:g}")), "order-priority")
                yield Field(_own("delay", "text", Content("now; as 90s, 5m, 2h")), "order-delay")
            yield Button(Content("Trigger…" if self.edit is None else "Launch again…"), id="trigger-send")

    def _editable(self, field: FieldView) -> FieldView:
        """A field of an edit needs nothing: left blank, it is as it was."""
        if self.edit is None:
            return field
        return replace(field, required=False, default_text=Content("as it was"))

    def on_mount(self) -> None:
        """Fill the arguments of a job that is edited in."""
        if self.edit is not None:
            self.fill(self.edit.values)

    def fill(self, values: Mapping[str, object]) -> int:
        """Put values into their fields; answers how many there were."""
        filled = 0
        for index, field in enumerate(self.task_view.fields):
            if field.key in values:
                filled += self.query_one(f"#argument-{index}", Field).fill(values[field.key])
        return filled

    def action_last(self) -> None:
        """Fill in the arguments of this task's last success."""
        gateway, key = self.dewey.gateway, self.task_view.key
        self.ask("last", lambda: gateway.last_arguments(key), self._filled)

    def _filled(self, values: Mapping[str, object]) -> None:
        known = {field.key for field in self.task_view.fields}
        number = self.fill(values)
        kept = len([name for name in known if name not in values])
        more = f" {plural(kept, 'field')} left: not given then, or secret." if kept else ""
        self.notify(f"{plural(number, 'field')} as at the last success.{more}", timeout=5)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Check and ask."""
        event.stop()
        self.action_send()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter goes to the next field."""
        event.stop()
        self.focus_next()

    def on_input_changed(self, event: Input.Changed) -> None:
        """What is being mended is not wrong any more."""
        event.stop()
        for field in event.input.ancestors_with_self:
            if isinstance(field, Field):
                field.say("")

    def on_text_area_changed(self, event: TextArea.Changed) -> None:
        """What is being mended is not wrong any more."""
        event.stop()
        for field in event.text_area.ancestors_with_self:
            if isinstance(field, Field):
                field.say("")

    def on_select_changed(self, event: Select.Changed) -> None:
        """A choice was made."""
        event.stop()
        for field in event.select.ancestors_with_self:
            if isinstance(field, Field):
                field.say("")

    def why_not(self, action: str) -> str:
        """Say why an action can not be done now."""
        if action == "trigger":
            return "This is where tasks are triggered."
        if action == "last" and self.edit is not None:
            return "The arguments are those of the job."
        return super().why_not(action)

    def read_only(self, action: str) -> str:
        """The form is never lost for want of a reason: where writing can be armed, sending asks for one first."""
        return "" if action == "send" and not self.dewey.is_read_only else super().read_only(action)

    def tell(self, moment: Moment, stale: bool) -> None:
        """Say on the button what comes first."""
        super().tell(moment, stale)
        button, does = self.query_one("#trigger-send", Button), "Trigger…" if self.edit is None else "Launch again…"
        is_armed = self.dewey.armed is not None
        button.label = Content(does if is_armed else f"Arm writing, then {does[0].lower()}{does[1:]}")
        button.disabled = bool(self.read_only("send"))

    def draft(self) -> Draft:
        """Read the form."""
        errors: dict[str, str] = {}
        arguments: dict[str, object] = {}
        for index, field in enumerate(self.task_view.fields):
            widget = self.query_one(f"#argument-{index}", Field)
            try:
                value = widget.value()
            except FieldError as error:
                errors[f"argument-{index}"] = str(error)
            else:
                if value is not UNSET:
                    arguments[field.key] = value
        read: dict[str, object] = {"queue": None, "priority": None, "delay": 0.0}
        for name, reader in _READERS.items():
            if self.edit is not None:
                break
            try:
                read[name] = reader(self.query_one(f"#order-{name}", Field).typed)
            except FieldError as error:
                errors[f"order-{name}"] = str(error)
        order = Order(self.task_view.key, arguments, read["queue"], read["priority"], read["delay"])  # type: ignore[arg-type]
        return Draft(order, errors)

    def action_send(self) -> None:
        """Check every field; if all are right, show what would be sent, and ask."""
        draft = self.draft()
        fields = list(self.query(Field))
        for field in fields:
            field.say(draft.errors.get(field.id or "", ""))
        wrong = [field for field in fields if field.id in draft.errors]
        if wrong:
            wrong[0].focus_input()
            return
        if self.read_only("send"):
            self.notify(self.read_only("send"), severity="warning", timeout=4)
        elif self.dewey.armed is None:
            self.dewey.arm_and(lambda: self._look(draft.order))
        else:
            self._look(draft.order)

    def _look(self, order: Order) -> None:
        self.act(self._request(order), self._sent, _about(self.task_view, order, self.edit))

    def _request(self, order: Order) -> Request:
        if self.edit is not None:
            former = self.edit.values
            changed = {
                name: value for name, value in order.arguments.items() if name not in former or former[name] != value
            }
            return Request("edit", (self.edit.key,), "", {"kwargs": changed})
        options = {
            "kwargs": dict(order.arguments),
            "queue": order.queue,
            "priority": order.priority,
            "delay_s": order.delay_s or None,
        }
        given = {name: value for name, value in options.items() if value is not None}
        return Request("trigger", (order.task,), "", given)

    def _sent(self, done: Done) -> None:
        if done.made:
            self.dewey.show_triggered(done.made[0])


_UNITS: Final = {"s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0}


def read_delay(typed: str) -> float:
    """Read "90", "90s", "5m", "2h", "1d" as seconds.

    Raises:
        FieldError: it is none of these.
    """
    text = typed.strip().lower()
    if not text:
        return 0.0
    unit = _UNITS.get(text[-1])
    try:
        seconds = float(text[:-1] if unit else text) * (unit or 1.0)
    except ValueError:
        raise FieldError("expected a time, as 90s, 5m or 2h") from None
    if not 0 <= seconds <= 366 * 86_400:
        raise FieldError("expected a time between 0 and a year")
    return seconds


def read_priority(typed: str) -> float | None:
    """Read a priority; empty is the task's own.

    Raises:
        FieldError: it is not a number within the limits.
    """
    if not typed.strip():
        return None
    value = value_of(_own("priority", "number", Content("")), typed)
    if not isinstance(value, float) or abs(value) > PRIORITY_LIMIT:
        raise FieldError(f"expected a number from -{PRIORITY_LIMIT:,} to {PRIORITY_LIMIT:,}")
    return value


def read_queue(typed: str) -> str | None:
    """Read a queue's name; empty is the task's own.

    Raises:
        FieldError: the name has blanks or is too long.
    """
    name = typed.strip()
    if any(character.isspace() for character in name) or len(name) > 80:
        raise FieldError("expected a name without blanks")
    return name or None


_READERS: Final = {"queue": read_queue, "priority": read_priority, "delay": read_delay}


def _about(task: TaskView, order: Order, edit: Edit | None) -> Content:
    """Say where a job goes, when it is due, and with which arguments."""
    lines = []
    if edit is None:
        queue = safe_text(order.queue) if order.queue else task.queue
        when = f"due in {duration(order.delay_s)}" if order.delay_s else "due at once"
        priority = task.priority if order.priority is None else order.priority
        lines.append(Content.assemble("Into ", queue.stylize("bold"), f", {when}, priority {priority:g}."))
    for name, value in order.arguments.items():
        name_text = Content.styled(f"  {safe_text(name, 60).plain}", "$muted")
        lines.append(Content.assemble(name_text, "  ", safe_text(compact(value, 200), 200)))
    return Content("\n").join(lines or [Content("no arguments")])
