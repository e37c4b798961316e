"""The bar above a list of jobs: the filter, how many match, how many are marked; errors stand under it."""

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.suggester import Suggester
from textual.widgets import Input, Static

from console.formats import safe_text
from console.gateway.filters import Filter, FilterError, parse
from storage.broker.records import STATES


class Words(Suggester):
    """Completes the last word from states and from the queues that were seen."""

    def __init__(self) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self.queues: frozenset[str] = frozenset()

    async def get_suggestion(self, value: str) -> str | None:
        """Return the text with its last word completed."""
        head, _, word = value.rpartition(" ")
        name, colon, listed = word.partition(":")
        if not colon:
            options = [option for option in ("state:", "queue:") if option.startswith(word) and word]
            return f"{head} {options[0]}".lstrip() if options else None
        before, comma, last = listed.rpartition(",")
        values = sorted(self.queues) if name == "queue" else list(STATES) if name == "state" else []
        found = next((option for option in values if last and option.startswith(last)), None)
        return None if found is None else f"{head} {name}:{before}{comma}{found}".lstrip()


class FilterBar(Vertical):
    """Shows the filter in force; `begin` lets it be edited."""

    DEFAULT_CSS = """
    FilterBar { height: auto; background: $surface; }
    FilterBar > Horizontal { height: 1; }
    FilterBar #filter-sign { width: 3; color: $accent; }
    FilterBar #filter-input { border: none; height: 1; padding: 0; width: 1fr; background: $surface; display: none; }
    FilterBar #filter-input:focus { border: none; background: $panel; }
    FilterBar #filter-shown { width: 1fr; height: 1; text-wrap: nowrap; text-overflow: ellipsis; }
    FilterBar #filter-count { width: auto; height: 1; padding: 0 1; color: $muted; }
    FilterBar #filter-error { height: auto; display: none; padding: 0 1 0 3; color: $error; background: $surface; }
    FilterBar.-editing #filter-input { display: block; }
    FilterBar.-editing #filter-shown { display: none; }
    FilterBar.-wrong #filter-error { display: block; }
    """

    class Chosen(Message):
        """A filter was entered."""

        def __init__(self, criteria: Filter) -> None:
            super().__init__()
            self.criteria = criteria

    class Left(Message):
        """Editing ended."""

    def __init__(self, criteria: Filter) -> None:
        super().__init__()
        self.criteria = criteria
        self.words = Words()

    def compose(self) -> ComposeResult:
        """Lay out sign, text, count and error."""
        with Horizontal():
            yield Static(Content(" / "), id="filter-sign")
            yield Input(id="filter-input", suggester=self.words, compact=True, select_on_focus=False)
            yield Static(id="filter-shown")
            yield Static(id="filter-count")
        yield Static(id="filter-error")

    def on_mount(self) -> None:
        """Show the filter that it was made with."""
        self.show(self.criteria)

    def show(self, criteria: Filter) -> None:
        """Show a filter as the one in force."""
        self.criteria = criteria
        shown = safe_text(criteria.text(), limit=200)
        everything = Content.styled("every job", "$faint")
        self.query_one("#filter-shown", Static).update(shown.stylize("$strong") if criteria else everything)

    def tell(self, count: Content) -> None:
        """Say how many match, and how many are marked."""
        self.query_one("#filter-count", Static).update(count)

    @property
    def shown_text(self) -> str:
        """The filter as safe text."""
        return safe_text(self.criteria.text(), limit=200).plain

    @property
    def editing(self) -> bool:
        """Whether the text is being edited."""
        return self.has_class("-editing")

    def begin(self) -> None:
        """Let the filter be edited."""
        self.add_class("-editing")
        field = self.query_one("#filter-input", Input)
        text = safe_text(self.criteria.text(), limit=200).plain
        field.value = text + " " if text else ""
        field.focus()
        field.cursor_position = len(field.value)

    def end(self) -> None:
        """Leave the filter as it was."""
        self.remove_class("-editing", "-wrong")
        self.post_message(self.Left())

    def on_input_changed(self, event: Input.Changed) -> None:
        """An error is gone as soon as something changes."""
        event.stop()
        self.remove_class("-wrong")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Take the filter, or say under the bar what is not understood."""
        event.stop()
        try:
            criteria = parse(event.value)
        except FilterError as error:
            self.query_one("#filter-error", Static).update(safe_text(error, limit=300))
            self.add_class("-wrong")
            return
        self.show(criteria)
        self.post_message(self.Chosen(criteria))
        self.end()
