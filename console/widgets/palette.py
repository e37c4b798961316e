"""The console's two themes, and their colours as styles for widgets that draw their own lines.

Colour never carries a meaning alone: whatever is tinted here also has a word or a glyph. Every tone stands out by 4:1
at least from every ground it is drawn on; amber is for warnings only, and what can be opened has the colour of "id".
"""

from collections.abc import Mapping
from typing import Any, Final, Literal

from rich.style import Style
from textual.app import App
from textual.color import Color
from textual.theme import Theme

from storage.broker.records import State

Tone = Literal[
    "text",
    "strong",
    "muted",
    "faint",
    "primary",
    "accent",
    "success",
    "warning",
    "error",
    "title",
    "id",
]

COLOURS: Final[Mapping[str, str]] = {
    "red": "bold $error",
    "orange": "bold #d0803f",
    "yellow": "bold $warning",
    "green": "bold $success",
    "blue": "bold $primary",
    "purple": "bold #9a78c0",
}
"""What an environment's colour is called in the settings, and how it is drawn in both themes."""

DARK: Final = Theme(
    name="dewey-dark",
    primary="#7fa6c9",
    secondary="#5f7f9c",
    accent="#b3a4e0",
    foreground="#c5cdd6",
    background="#12161b",
    surface="#171c22",
    panel="#1f262e",
    success="#86b38a",
    warning="#d6a657",
    error="#e4867c",
    dark=True,
    variables={
        "strong": "#e6ebf0",
        "muted": "#9aa5b1",
        "faint": "#7f8b98",
        "row-cursor": "#2a3947",
        "row-cursor-blurred": "#202932",
        "row-marked": "#272435",
        "production": "#4a1f1d",
        "armed": "#46371c",
        "travel": "#324556",
        "block-cursor-background": "#2a3947",
        "block-cursor-foreground": "#e6ebf0",
        "block-cursor-text-style": "none",
        "block-cursor-blurred-background": "#202932",
        "input-cursor-background": "#c5cdd6",
        "input-selection-background": "#7fa6c9 35%",
        "border": "#4d6478",
        "border-blurred": "#2a323b",
        "scrollbar": "#323c47",
        "scrollbar-hover": "#465463",
        "scrollbar-active": "#5f7f9c",
        "scrollbar-background": "#12161b",
        "scrollbar-background-hover": "#12161b",
        "scrollbar-background-active": "#12161b",
        "scrollbar-corner-color": "#12161b",
    },
)

LIGHT: Final = Theme(
    name="dewey-light",
    primary="#2b5f8c",
    secondary="#4c708f",
    accent="#65459c",
    foreground="#2c333a",
    background="#f6f5f1",
    surface="#efede7",
    panel="#e5e2da",
    success="#2f6e3f",
    warning="#855700",
    error="#ad3a31",
    dark=False,
    variables={
        "strong": "#0e1318",
        "muted": "#525b64",
        "faint": "#656e77",
        "row-cursor": "#cfdce8",
        "row-cursor-blurred": "#e2e6ea",
        "row-marked": "#e9e3f3",
        "production": "#f9e3df",
        "armed": "#efdfbd",
        "travel": "#bccbd6",
        "block-cursor-background": "#cfdce8",
        "block-cursor-foreground": "#0e1318",
        "block-cursor-text-style": "none",
        "block-cursor-blurred-background": "#e2e6ea",
        "input-cursor-background": "#2c333a",
        "input-selection-background": "#2b5f8c 25%",
        "border": "#8aa3b8",
        "border-blurred": "#d3d0c7",
        "scrollbar": "#c9c5ba",
        "scrollbar-hover": "#b3aea1",
        "scrollbar-active": "#4c708f",
        "scrollbar-background": "#f6f5f1",
        "scrollbar-background-hover": "#f6f5f1",
        "scrollbar-background-active": "#f6f5f1",
        "scrollbar-corner-color": "#f6f5f1",
    },
)

DEFAULTS: Final[Mapping[str, str]] = {
    name: DARK.variables[name]
    for name in (
        *("strong", "muted", "faint", "row-cursor", "row-cursor-blurred", "row-marked"),
        *("production", "armed", "travel"),
    )
}
"""For themes that are not ours: every variable has a value."""

STATE_TONES: Final[Mapping[State, Tone]] = {
    "blocked": "muted",
    "scheduled": "muted",
    "queued": "text",
    "running": "primary",
    "retrying": "warning",
    "succeeded": "success",
    "dead": "error",
    "canceled": "muted",
}

LEVEL_TONES: Final[Mapping[str, Tone]] = {
    "DEBUG": "faint",
    "INFO": "muted",
    "WARNING": "warning",
    "ERROR": "error",
    "CRITICAL": "error",
}

_VARIABLES: Final[Mapping[Tone, str]] = {
    "text": "foreground",
    "strong": "strong",
    "muted": "muted",
    "faint": "faint",
    "primary": "primary",
    "accent": "accent",
    "success": "success",
    "warning": "warning",
    "error": "error",
    "title": "muted",
    "id": "primary",
}
_LIFTED: Final[Mapping[Tone, Tone]] = {"faint": "muted", "muted": "text", "title": "text"}
"""What tones become on the row under the cursor, whose ground is lighter."""


class Palette:
    """The styles of one theme: foregrounds by tone, backgrounds of rows."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._tones = {tone: Style(color=Color.parse(variables[name]).rich_color) for tone, name in _VARIABLES.items()}
        self._lifted = {tone: self._tones[_LIFTED.get(tone, tone)] for tone in self._tones}
        self._lifted["strong"] += Style(bold=True)
        self.cursor = _background(variables["row-cursor"])
        self.cursor_blurred = _background(variables["row-cursor-blurred"])
        self.marked = _background(variables["row-marked"])
        self.word = Style(color=Color.parse(variables["accent"]).rich_color, bold=True, underline=True)

    def __getitem__(self, tone: Tone) -> Style:
        return self._tones[tone]

    def under_cursor(self, tone: Tone) -> Style:
        """Return the style of a tone on the row under the cursor: lighter, and bold where it is a name."""
        return self._lifted[tone]


def _background(color: str) -> Style:
    return Style(bgcolor=Color.parse(color).rich_color)


_palettes: dict[str, Palette] = {}


def palette_of(app: App[Any]) -> Palette:
    """Return the styles of the theme in use."""
    if app.theme not in _palettes:
        _palettes[app.theme] = Palette({**DEFAULTS, **app.theme_variables})
    return _palettes[app.theme]


def state_color(state: State) -> str:
    """Return the theme variable of a state, for markup-free content styles."""
    return f"${_VARIABLES[STATE_TONES[state]]}"
