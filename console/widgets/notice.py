"""What stands in the place of a list that has no rows. There are three reasons, and they never look alike."""

from typing import Final

from textual.content import Content
from textual.widgets import Static

AGAIN: Final = "asked again by itself, until it answers"


class Notice(Static):
    """Nothing here, nothing matches, or can not know: a glyph, a sentence, and what to do."""

    DEFAULT_CSS = """
    Notice { width: 1fr; height: 1fr; content-align: center middle; text-align: center; color: $muted;
             background: $background; }
    """

    def _say(self, glyph: Content, sentence: Content, hint: str) -> None:
        lines = [glyph, Content(""), sentence]
        if hint:
            lines += [Content(""), Content.styled(hint, "$faint")]
        self.update(Content("\n").join(lines))

    def asking(self) -> None:
        """The first answer has not come yet."""
        self._say(Content.styled("◌", "$faint"), Content("asking…"), "")

    def nothing_here(self, sentence: str, hint: str = "") -> None:
        """The answer came, and it is: nothing."""
        self._say(Content.styled("○", "$success"), Content.styled(sentence, "$foreground"), hint)

    def no_such(self, sentence: Content) -> None:
        """The answer came, and it is: there is no such thing."""
        self._say(Content.styled("○", "$muted"), sentence.stylize("$foreground"), "esc goes back")

    def nothing_matches(self, criteria: Content, hint: str) -> None:
        """There may be something, but the filter hides it."""
        sentence = Content.assemble("nothing matches  ", criteria.stylize("$accent"))
        self._say(Content.styled("/", "$accent"), sentence, hint)

    def can_not_know(self, reason: Content, hint: str = AGAIN) -> None:
        """Nobody answered, or the answer is that nobody can know."""
        sentence = Content.assemble(("can not know: ", "$warning"), reason.stylize("$foreground"))
        self._say(Content.styled("✗", "$error"), sentence, hint)
