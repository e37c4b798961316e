"""Without colours every state still has its word or glyph, and the cursor is still seen."""

import pytest
from rich.segment import Segment
from rich.style import Style

from tests.console.stage import Stage, play, still_app

SCREENS = ("overview", "queues", "jobs", "failures", "schedules", "workers", "logs", "files")


def _tints(stage: Stage) -> set[tuple[int, ...]]:
    """Return every colour on the screen that is no grey."""
    found = set()
    for strip in stage.app.screen._compositor.render_strips():
        for segment in strip:
            assert isinstance(segment, Segment)
            style = segment.style or Style()
            for color in (style.color, style.bgcolor):
                if color is not None and color.triplet is not None and len(set(color.triplet)) > 1:
                    found.add(tuple(color.triplet))
    return found


@pytest.mark.parametrize("start", SCREENS)
def test_no_color_leaves_only_greys_and_words(start: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")

    async def script(stage: Stage) -> None:
        assert _tints(stage) == set()
        assert "● up" in stage.text

    play(script, still_app(start=start), (120, 40))


def test_colours_are_there_otherwise() -> None:
    async def script(stage: Stage) -> None:
        assert _tints(stage)

    play(script, still_app(start="overview"), (120, 40))


def test_the_cursor_is_seen_without_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")

    async def script(stage: Stage) -> None:
        lines = stage.app.screen._compositor.render_strips()
        row, other = (next(strip for strip in lines if name in strip.text) for name in ("w5:12901", "w1:4121"))
        backgrounds = [{segment.style.bgcolor for segment in strip if segment.style} for strip in (row, other)]
        assert backgrounds[0] != backgrounds[1]

    play(script, still_app(start="workers"))
