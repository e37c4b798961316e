"""The colours: everything that is read can be read in both themes, amber warns, and without colours weight does."""

import colorsys
from collections.abc import Iterator
from typing import get_args

import pytest
from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.theme import Theme

from console.widgets.palette import _VARIABLES, DARK, DEFAULTS, LIGHT, Palette, Tone
from tests.console.stage import Stage, play, still_app

LEAST = 4.0
"""Contrast of what is read, as WCAG 2 measures it."""
THEMES = (DARK, LIGHT)
GROUNDS = ("background", "surface", "panel", "row-marked", "production", "armed", "travel")
ON_BARS = ("strong", "foreground")
"""What stands on the bars of the frame, but for a word in the bar's own colour."""


def _variables(theme: Theme) -> dict[str, str]:
    names = {*_VARIABLES.values(), "background", "surface", "panel", "secondary"}
    own = {name: getattr(theme, name) for name in names if hasattr(theme, name)}
    return {**DEFAULTS, **own, **theme.variables}


def _light(colour: Color) -> float:
    def linear(part: int) -> float:
        share = part / 255
        return share / 12.92 if share <= 0.03928 else ((share + 0.055) / 1.055) ** 2.4

    return 0.2126 * linear(colour.r) + 0.7152 * linear(colour.g) + 0.0722 * linear(colour.b)


def contrast(one: Color, other: Color) -> float:
    """Return how much two colours stand out from each other, from 1 to 21."""
    darker, lighter = sorted((_light(one), _light(other)))
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
def test_every_tone_stands_out_from_every_ground(theme: Theme) -> None:
    variables = _variables(theme)
    palette = Palette(variables)
    weak = []
    for tone in get_args(Tone):
        for ground in GROUNDS[:4]:
            found = contrast(Color.parse(variables[_VARIABLES[tone]]), Color.parse(variables[ground]))
            weak += [(tone, ground, round(found, 2))] if found < LEAST else []
        colour = palette.under_cursor(tone).color
        assert colour is not None
        for ground in ("row-cursor", "row-cursor-blurred"):
            found = contrast(Color.from_rich_color(colour), Color.parse(variables[ground]))
            weak += [(tone, ground, round(found, 2))] if found < LEAST else []
    for name in ON_BARS:
        for ground in GROUNDS[4:]:
            found = contrast(Color.parse(variables[name]), Color.parse(variables[ground]))
            weak += [(name, ground, round(found, 2))] if found < LEAST else []
    assert weak == []


def _segments(stage: Stage) -> Iterator[tuple[str, Color, Color]]:
    for strip in stage.app.screen._compositor.render_strips():
        for segment in strip:
            assert isinstance(segment, Segment)
            style = segment.style or Style()
            if style.color is not None and style.bgcolor is not None:
                yield segment.text, Color.from_rich_color(style.color), Color.from_rich_color(style.bgcolor)


def _weak(stage: Stage) -> set[tuple[str, float]]:
    """Return every word on the screen that can hardly be read, with its contrast."""
    return {
        (text.strip(), round(contrast(colour, ground), 2))
        for text, colour, ground in _segments(stage)
        if any(character.isalnum() for character in text) and contrast(colour, ground) < LEAST
    }


KEYS = {
    "overview": (),
    "queues": ("j", "comma"),
    "jobs": ("j", "space", "v", "j"),
    "state:dead": ("enter", "]", "]", "]"),
    "failures": ("j",),
    "schedules": ("enter",),
    "workers": ("j",),
    "logs": ("g", "w"),
    "files": ("enter",),
    "audit": ("j", "enter"),
    "trigger": ("enter",),
}


@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
@pytest.mark.parametrize("environment", ["local", "production"])
@pytest.mark.parametrize("start", KEYS)
def test_every_word_on_the_screens_can_be_read(start: str, environment: str, theme: Theme) -> None:
    async def script(stage: Stage) -> None:
        stage.app.theme = theme.name
        await stage.settle()
        assert _weak(stage) == set()
        for key in KEYS[start]:
            await stage.press(key)
            assert _weak(stage) == set(), key

    play(script, still_app(start=start, environment=environment, write="on call"), (120, 40))


@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
def test_only_warnings_are_amber(theme: Theme) -> None:
    def hue(name: str) -> float:
        colour = Color.parse(getattr(theme, name))
        return colorsys.rgb_to_hls(*colour.normalized)[0]

    for name in ("primary", "accent", "success", "secondary"):
        assert abs(hue(name) - hue("warning")) > 0.08, name


def test_names_have_weight_only_under_the_cursor() -> None:
    async def script(stage: Stage) -> None:
        await stage.press("j")
        bold = set()
        for strip in stage.app.screen._compositor.render_strips():
            bold |= {segment.text.strip() for segment in strip if segment.style and segment.style.bold}
        assert "email" in bold
        assert "ingestion" not in bold

    play(script)


def test_without_colours_errors_are_the_strongest_and_warnings_bold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")

    async def script(stage: Stage) -> None:
        found: dict[str, tuple[float, bool]] = {}
        (row,) = [strip for strip in stage.app.screen._compositor.render_strips() if strip.text.startswith(" email")]
        for segment in row:
            style = segment.style or Style()
            if style.color is not None:
                found[segment.text.strip()] = _light(Color.from_rich_color(style.color)), bool(style.bold)
        dead, queued, oldest = found["9"], found["14"], found["20 m 40"]
        assert dead[1]
        assert dead[0] > queued[0]
        assert oldest[1]
        assert not queued[1]

    play(script)
