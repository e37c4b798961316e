"""The console's stylesheet: each of its sources is parsed once for each theme.

The toolkit parses all of them again whenever a screen is made, as if the theme might have changed; that took longer
than all else that opening a screen does.
"""

from collections.abc import Mapping
from typing import Final

from textual.cache import LRUCache
from textual.css.stylesheet import Stylesheet

SOURCES: Final = 1_000
"""More sources than there are: none of them is forgotten."""


class OnceParsed(Stylesheet):
    """A stylesheet that parses a source when it, or a variable, is new."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        super().__init__(variables=dict(variables))
        self._parse_cache = LRUCache(SOURCES)

    def set_variables(self, variables: dict[str, str]) -> None:
        """Take the theme's variables; when they are others, everything is parsed again."""
        if variables != self._variables:
            super().set_variables(variables)

    def reparse(self) -> None:
        """Put the rules together again, from what was parsed with these variables."""
        self.parse()
