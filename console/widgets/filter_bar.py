"""The bar above a list: the filter, how many match, how many are marked; errors stand under it, where they are.

While it is edited, a line under it says what can stand at the cursor; `tab` takes it. What is counted meanwhile is
counted for what is typed, once typing pauses.
"""

from collections.abc import Callable, Mapping
from typing import ClassVar, Final

from msgspec import Struct
from rich.cells import cell_len
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import Input, Static

from console import bindings
from console.completion import Completion, complete
from console.formats import safe_text
from console.widgets.drawn import Sentence
from storage.errors import FilterError
from storage.history.query import MOST_CHARS

Words = Mapping[str, tuple[str, ...]]
SIGN: Final = " / "
PAUSE_S: Final = 0.25
"""How long typing pauses before what is typed is counted."""


class Grammar(Struct, frozen=True):
    """What a bar understands. ``check`` raises FilterError; ``fields`` are names with what they ask for; ``everything``
    is what is shown when there is no text; ``complete`` says what can stand at the cursor of one."""

    check: Callable[[str], object]
    fields: Mapping[str, str]
    everything: str
    complete: Callable[[str, int, Words], Completion] | None = None
    sign: str = SIGN
    is_counted: bool = True


class FilterLine(Widget):
    """The filter in force, and at the right end how many match; nothing in it is laid out anew as that changes."""

    DEFAULT_CSS = "FilterLine { height: 1; background: $surface; }"

    def __init__(self, sign: str) -> None:
        super().__init__()
        self.sign = Content.styled(sign, "$accent")
        self.text = self.count = Content("")

    def render(self) -> Content:
        """Put filter and count into one line; the filter is cut first."""
        count = self.count + Content(" ")
        room = max(8, self.size.width - count.cell_length - 1)
        left = (self.sign + self.text).truncate(room, ellipsis=True)
        gap = max(1, self.size.width - left.cell_length - count.cell_length)
        return (left + Content(" " * gap) + count).truncate(self.size.width)


class FilterBar(Vertical):
    """Shows the filter in force; `begin` lets it be edited."""

    DEFAULT_CSS = """
    FilterBar { height: auto; background: $surface; }
    FilterBar > Horizontal { height: 1; display: none; }
    FilterBar #filter-sign { width: 3; color: $accent; }
    FilterBar #filter-input { border: none; height: 1; padding: 0; width: 1fr; background: $surface; }
    FilterBar #filter-input:focus { border: none; background: $panel; }
    FilterBar #filter-count { width: 18; height: 1; padding: 0 1; text-align: right; text-wrap: nowrap; }
    FilterBar #filter-hint { height: 1; display: none; padding: 0 1 0 3; text-wrap: nowrap; text-overflow: ellipsis; }
    FilterBar #filter-error { height: auto; display: none; padding: 0 1 0 3; color: $error; background: $surface; }
    FilterBar #filter-trouble { height: auto; max-height: 2; display: none; padding: 0 1; color: $warning; }
    FilterBar.-editing > Horizontal { display: block; }
    FilterBar.-editing > FilterLine { display: none; }
    FilterBar.-editing #filter-hint { display: block; }
    FilterBar.-wrong #filter-hint { display: none; }
    FilterBar.-wrong #filter-error { display: block; }
    FilterBar.-trouble #filter-trouble { display: block; }
    """
    BINDINGS = bindings.of("filter bar")
    TYPED: ClassVar = (("enter", "apply"), ("complete", "complete"), ("back", "cancel"))
    """Its keys while it is written in, for the key bar."""

    class Chosen(Message):
        """A filter was entered."""

        def __init__(self, criteria: str) -> None:
            super().__init__()
            self.criteria = criteria

    class Typed(Message):
        """Typing paused at a text that is a filter."""

        def __init__(self, criteria: str) -> None:
            super().__init__()
            self.criteria = criteria

    class Left(Message):
        """Editing ended."""

    def __init__(self, criteria: str, grammar: Grammar, pause_s: float = PAUSE_S) -> None:
        super().__init__()
        self.criteria = criteria
        self.grammar = grammar
        self.pause_s = pause_s
        self.words: Words = {}
        self.error: FilterError | None = None
        self._timer: Timer | None = None
        self._round: tuple[Completion, str, int] | None = None

    def compose(self) -> ComposeResult:
        """Lay out sign, text, count, completion, error and trouble."""
        yield FilterLine(self.grammar.sign)
        with Horizontal():
            yield Static(Content(self.grammar.sign), id="filter-sign")
            yield Input(id="filter-input", compact=True, select_on_focus=False, max_length=MOST_CHARS)
            yield Static(id="filter-count")
        yield Static(id="filter-hint")
        yield Static(id="filter-error")
        yield Sentence(id="filter-trouble")

    def on_mount(self) -> None:
        """Show the filter that it was made with; where it is written, it stands in the same place."""
        self.field.styles.padding = 0
        self.show(self.criteria)

    @property
    def field(self) -> Input:
        """Where the filter is written."""
        return self.query_one("#filter-input", Input)

    @property
    def line(self) -> FilterLine:
        """Where the filter in force is shown."""
        return self.query_one(FilterLine)

    def show(self, criteria: str) -> None:
        """Show a filter as the one in force."""
        self.criteria = criteria
        shown = safe_text(criteria, limit=400).stylize("$strong")
        everything = Content.styled(self.grammar.everything, "$faint")
        self.line.text = shown if criteria else everything
        self.line.refresh()

    def tell(self, count: Content) -> None:
        """Say how many match, and how many are marked."""
        if not count.is_same(self.line.count):
            self.line.count = count
            self.line.refresh()

    def foresee(self, criteria: str, count: Content) -> None:
        """Say how many match what is typed; what was typed before is not of interest any more."""
        if self.editing and criteria == self.field.value.strip():
            self.query_one("#filter-count", Static).update(count, layout=False)

    def trouble(self, sentence: Content) -> None:
        """Say what is not in the list, and why; an empty sentence says nothing."""
        self.query_one("#filter-trouble", Sentence).say(Content.assemble(("! ", "bold"), sentence))
        self.set_class(bool(sentence), "-trouble")

    @property
    def shown_text(self) -> str:
        """The filter as safe text."""
        return safe_text(self.criteria, limit=200).plain

    @property
    def editing(self) -> bool:
        """Whether the text is being edited."""
        return self.has_class("-editing")

    def begin(self) -> None:
        """Let the filter be edited."""
        self.add_class("-editing")
        text = safe_text(self.criteria, limit=MOST_CHARS).plain
        self._write(text + " " if text else "", len(text) + 1)
        self.field.focus()

    def end(self) -> None:
        """Leave the filter as it was."""
        self._stop()
        self.remove_class("-editing", "-wrong")
        self.post_message(self.Left())

    # Writing.

    def _write(self, text: str, cursor: int) -> None:
        with self.prevent(Input.Changed):
            self.field.value = text
        self.field.cursor_position = cursor
        self._look()

    def on_input_changed(self, event: Input.Changed) -> None:
        """An error is gone as soon as something changes."""
        event.stop()
        self._round = None
        self._look()

    def _look(self) -> None:
        """Say what can stand here, and count what matches once typing pauses."""
        self.remove_class("-wrong")
        self.error = None
        self.hint()
        self._stop()
        if not self.pause_s:
            self._typed()
        elif self.editing:
            self._timer = self.set_timer(self.pause_s, self._typed)

    def _doubt(self, error: FilterError) -> None:
        """Say of a name that there is not, where nothing can be completed, what may be meant: tab writes it."""
        if error.suggestion and self._round is None and not self._completion().options:
            self.error = error
            said = Content.assemble(("tab", "bold"), " writes ", safe_text(error.suggestion, limit=80))
            line = Content.assemble(said, ("  ", ""), safe_text(error, limit=200).stylize("$warning"))
            self.query_one("#filter-hint", Static).update(line)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.stop()
            self._timer = None

    def _typed(self) -> None:
        text = self.field.value.strip()
        if not self.editing or not self.grammar.is_counted:
            return
        self.foresee(text, Content(""))
        try:
            self.grammar.check(text)
        except FilterError as error:
            self._doubt(error)
            return
        self.foresee(text, Content.styled("counting…", "$faint"))
        self.post_message(self.Typed(text))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Take the filter, or say under the bar what is not understood."""
        event.stop()
        text = event.value.strip()
        try:
            self.grammar.check(text)
        except FilterError as error:
            self._refuse(event.value, error)
            return
        self.show(text)
        self.post_message(self.Chosen(text))
        self.end()

    def _refuse(self, text: str, error: FilterError) -> None:
        """Mark the mistake in the text, with the sentence below it."""
        self.error = error
        lead = len(text) - len(text.lstrip())
        at = error.position + lead
        before = cell_len(text[:at]) - int(self.field.scroll_offset.x)
        length = max(1, cell_len(text[at : at + error.length]))
        room = max(1, self.field.size.width)
        start = max(0, min(before, room - 1))
        mark = "▔" * max(1, min(before + length, room) - start)
        lines = [Content(" " * start + mark), safe_text(error, limit=300)]
        if error.suggestion:
            lines.append(Content.assemble(("tab", "bold"), " writes ", safe_text(error.suggestion, limit=80)))
        self.query_one("#filter-error", Static).update(Content("\n").join(lines))
        self.add_class("-wrong")

    # Completing.

    def know(self, words: Words) -> None:
        """Take in real values, to complete what is written."""
        self.words = words
        if self.query(Input):  # what is being left has no fields any more
            self.hint()

    def hint(self) -> None:
        """Say what can stand at the cursor."""
        if self._round is not None:
            completion, _, chosen = self._round
        else:
            completion, chosen = self._completion(), 0
        parts: list[Content] = []
        if completion.options:
            parts.append(Content.styled("tab  ", "$faint"))
            for index, option in enumerate(completion.options[chosen : chosen + 20]):
                parts.append(Content.styled(option, "$faint" if index else "bold $accent") + Content("  "))
        asked = self.grammar.fields.get(completion.field, "")
        if asked:
            parts.append(Content.styled(asked, "$muted"))
        self.query_one("#filter-hint", Static).update(Content("").join(parts))

    def _completion(self) -> Completion:
        text, cursor = self.field.value, self.field.cursor_position
        if self.grammar.complete is not None:
            return self.grammar.complete(text, cursor, self.words)
        return complete(text, cursor, self.grammar.fields, self.words)

    def action_complete(self, step: int) -> None:
        """Take what can stand at the cursor; again, the next that can. After a mistake, what may be meant."""
        text = self.field.value
        if self.error is not None and self.error.suggestion:
            at = self.error.position + len(text) - len(text.lstrip())
            suggestion = self.error.suggestion
            self._write(text[:at] + suggestion + text[at + self.error.length :], at + len(suggestion))
            return
        if self._round is None:
            completion, chosen = self._completion(), 0 if step > 0 else -1
        else:
            completion, text, chosen = self._round
            chosen += step
        if not completion.options:
            return
        chosen %= len(completion.options)
        is_one = len(completion.options) == 1
        self._round = None if is_one else (completion, text, chosen)
        self._write(*completion.taken(text, completion.options[chosen]))
