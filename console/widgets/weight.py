"""Weight in the place of colour: without colours what is wrong would be a darker grey than what is not."""

from functools import lru_cache

from rich.color_triplet import ColorTriplet
from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.filter import LineFilter
from textual.theme import Theme

NEAR = 2
"""How far a part of a colour may be from the theme's: the toolkit rounds them."""


class Weight(LineFilter):
    """Draws errors as bold and strong as anything, and warnings bold, before all becomes grey."""

    def __init__(self, *themes: Theme) -> None:
        super().__init__()
        self._weights: list[tuple[ColorTriplet, Style]] = []
        for theme in themes:
            strong = Color.parse(theme.variables["strong"]).rich_color
            for colour, style in (
                (theme.error, Style(color=strong, bold=True)),
                (theme.warning, Style(bold=True)),
            ):
                assert colour is not None
                self._weights.append((Color.parse(colour).rich_color.get_truecolor(), style))
        self._heavy = lru_cache(1_024)(self._with_weight)

    def _with_weight(self, style: Style) -> Style:
        triplet = None if style.color is None else style.color.triplet
        if triplet is not None:
            for known, weight in self._weights:
                if all(abs(one - other) <= NEAR for one, other in zip(triplet, known, strict=True)):
                    return style + weight
        return style

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """Return the segments of a line with that weight."""
        del background
        return [Segment(text, self._heavy(style) if style else style, control) for text, style, control in segments]
