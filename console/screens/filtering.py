"""A screen with a filter above what it lists: how it is written, completed, counted, entered and left."""

from collections.abc import Mapping

from textual.content import Content

from console.highlights import words_of
from console.screens.base import DeweyScreen
from console.widgets.filter_bar import FilterBar, Grammar
from console.widgets.notice import Notice
from storage.errors import FilterError
from storage.history.filters import Filter


class FilteredScreen(DeweyScreen):
    """A screen that shows what matches ``criteria``, the text of a filter; "" is everything."""

    def __init__(self, criteria: str = "") -> None:
        super().__init__()
        self.first_criteria = criteria
        """The filter that it was opened with, which `esc` does not take away."""
        self.criteria = criteria

    # To be answered by screens.

    def read_filter(self, text: str) -> Filter:
        """Read the text of a filter. Raises FilterError."""
        raise NotImplementedError

    def count_typed(self, criteria: str) -> None:
        """Count what matches a filter that is being typed, and tell the bar."""

    def filter_by(self, criteria: str) -> None:
        """Show what matches."""
        raise NotImplementedError

    def give_keys_back(self) -> None:
        """Focus what the filter was written over."""
        raise NotImplementedError

    # The rest is the same for all.

    def make_bar(self, grammar: Grammar) -> FilterBar:
        """Make the bar for `compose_body`."""
        return FilterBar(self.criteria, grammar, self.dewey.typing_pause_s)

    @property
    def bar(self) -> FilterBar:
        """The filter's bar."""
        return self.query_one(FilterBar)

    def words_looked_for(self) -> tuple[str, ...]:
        """Return the words of the filter that are marked where they stand."""
        try:
            return words_of(self.read_filter(self.criteria))
        except FilterError:  # a queue may be called as no filter can say: the list says so
            return ()

    def action_filter(self) -> None:
        """Edit the filter."""
        self.ask("words", self.dewey.gateway.words, self.know_words, lambda _: None)
        self.bar.begin()

    def know_words(self, words: Mapping[str, tuple[str, ...]]) -> None:
        """Take in real values, to complete what is written."""
        self.bar.know(words)

    def say_nothing_matches(self, notice: Notice) -> None:
        """Say that the filter hides what there may be, and how to be rid of it."""
        hint = "esc clears the filter" if self.criteria != self.first_criteria else "esc goes back"
        notice.nothing_matches(Content(self.bar.shown_text), hint)

    def has_steps(self) -> bool:
        """Say whether `esc` has something to undo here."""
        return self.bar.editing or self.criteria != self.first_criteria or super().has_steps()

    def step_back(self) -> bool:
        """Leave the filter's field, or the filter."""
        if self.bar.editing:
            self.bar.end()
        elif self.criteria != self.first_criteria:
            self.filter_by(self.first_criteria)
        else:
            return super().step_back()
        return True

    def on_filter_bar_typed(self, event: FilterBar.Typed) -> None:
        """Count what matches what is typed."""
        event.stop()
        self.count_typed(event.criteria)

    def on_filter_bar_chosen(self, event: FilterBar.Chosen) -> None:
        """Show what matches, from the top."""
        event.stop()
        self.filter_by(event.criteria)

    def on_filter_bar_left(self, event: FilterBar.Left) -> None:
        """Give the keys back."""
        event.stop()
        self.give_keys_back()
