"""One field of a form: its name and type, where it is typed or chosen, and what is wrong with it."""

from typing import Any, Final

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Input, Select, Static, TextArea

from console.formats import fit
from console.gateway.signatures import UNSET, FieldError, typed_of, value_of
from console.gateway.views import FieldView

NAME: Final = 22


class Field(Vertical):
    """Draws a field, and reads it."""

    DEFAULT_CSS = """
    Field { height: auto; max-width: 120; }
    Field > Horizontal { height: auto; }
    Field .field-name { width: 24; height: 1; }
    Field Input { width: 1fr; }
    Field Select { width: 1fr; height: 1; }
    Field TextArea { width: 1fr; height: auto; max-height: 8; padding: 0 1; }
    Field .field-hint { width: 28; height: 1; padding: 0 0 0 1; color: $faint; }
    Field .field-hint { text-wrap: nowrap; text-overflow: ellipsis; }
    Field Select.-textual-compact > SelectCurrent { padding: 0 1; }
    Field Select:focus > SelectCurrent { background: $panel; }
    Field .field-error { display: none; height: auto; padding: 0 0 0 24; color: $error; }
    Field.-wrong .field-error { display: block; }
    Field.-wrong Input, Field.-wrong Input:focus, Field.-wrong TextArea { background: $error-muted; }
    """

    def __init__(self, view: FieldView, id: str) -> None:
        super().__init__(id=id)
        self.view = view

    def compose(self) -> ComposeResult:
        """Lay out name, input, hint and error."""
        view = self.view
        star = "*" if view.required else " "
        with Horizontal():
            yield Static(
                Content.assemble((star, "$accent"), (fit(view.name.plain, NAME), "$foreground")), classes="field-name"
            )
            if view.kind in ("choice", "flag"):
                yield Select(self._options(), allow_blank=True, prompt=self._prompt(), compact=True)
            elif view.kind == "json":
                yield TextArea(placeholder=self._blank(), compact=True, show_line_numbers=False)
            else:
                yield Input(placeholder=self._blank(), compact=True)
            yield Static(self._hint(), classes="field-hint")
        yield Static(classes="field-error")

    def _hint(self) -> Content:
        view = self.view
        return view.kind_text if view.kind not in ("choice", "flag") else Content("")

    def _prompt(self) -> str:
        """What stands where nothing is chosen: the default, as it is called among the choices.

        The toolkit reads markup in it: what it could take for that is not written out.
        """
        if self.view.required:
            return "needed"
        default = self.view.default_text.plain
        labels = {repr(value): label.plain for label, value in self._options()}
        label = labels.get(default, default)
        return label if label.replace("_", "").replace("-", "").replace(" ", "").isalnum() else "default"

    def _options(self) -> list[tuple[Content, object]]:
        if self.view.kind == "flag":
            options: list[tuple[Content, object]] = [(Content("yes"), True), (Content("no"), False)]
        else:
            options = [(label, value) for value, label in self.view.choices]
        if self.view.optional:
            options.append((Content("None"), None))
        return options

    def _blank(self) -> str:
        if self.view.required:
            return "None" if self.view.optional else "needed"
        return self.view.default_text.plain

    @property
    def typed(self) -> str:
        """What stands in the input, or in the editor."""
        for editor in self.query(TextArea):
            return editor.text
        return self.query_one(Input).value

    def value(self) -> object:
        """Read the field; `UNSET` when the default is to be used.

        Raises:
            FieldError: it is not a value for this field.
        """
        if self.view.kind not in ("choice", "flag"):
            return value_of(self.view, self.typed)
        select: Select[Any] = self.query_one(Select)
        if select.value is not Select.NULL:
            return select.value
        if self.view.required and not self.view.optional:
            raise FieldError("needs a choice")
        return None if self.view.required else UNSET

    def fill(self, value: object) -> bool:
        """Put a value in; False when the field has no place for it."""
        if self.view.kind in ("choice", "flag"):
            select: Select[Any] = self.query_one(Select)
            known = [one for _, one in self._options()]
            if value not in known:
                return False
            select.value = value
            return True
        text = typed_of(self.view, value)
        for editor in self.query(TextArea):
            editor.load_text(text)
            return True
        self.query_one(Input).value = text
        return True

    def say(self, error: str) -> None:
        """Say what is wrong; "" for nothing."""
        self.set_class(bool(error), "-wrong")
        self.query_one(".field-error", Static).update(Content(f"✗ {error}") if error else Content(""))

    def focus_input(self) -> None:
        """Give the keys to the input."""
        self.query_one("Input, Select, TextArea").focus()
