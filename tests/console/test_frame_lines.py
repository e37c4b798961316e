"""The lines of the frame that are there only when they matter: writing, a canary, the past; on a short terminal one."""

import pytest

from console.gateway.acting import CanaryRow
from console.gateway.demo import DemoGateway
from storage.values import replace
from tests.console.stage import Stage, play, still_app

WRITE = "mail is down, see #ops"
LONG_AGO = ("<",) * 4
BEGUN = ("c", "right", "enter")


class Stopped(DemoGateway):
    """A canary of very many jobs has stopped by itself."""

    def canaries(self) -> tuple[CanaryRow, ...]:
        """Return it."""
        first = super().canaries()[0]
        return (replace(first, state="stopped", failed=0, sent=12_345, total=99_999, ended_at=None),)


def rows_above(stage: Stage) -> list[str]:
    """The rows of the frame above what a screen shows: those before the tabs of failures."""
    lines = stage.text.split("\n")
    return lines[1 : next(number for number, line in enumerate(lines) if line.startswith(" Open "))]


@pytest.mark.parametrize(
    ("keys", "parts"),
    [
        (BEGUN, ("writing is armed for 15 minutes", "W disarms", "▶ canary 1/7 C")),
        (("<",), ("01:47 UTC", "this is not now", "esc is now", "✎ 15 min")),
        ((*BEGUN, *LONG_AGO), ("13 Mar 22:47 UTC", "this is not now", "✎ 15 min", "▶ canary 1/7 C")),
    ],
)
def test_on_the_smallest_terminal_all_stand_in_one_line(keys: tuple[str, ...], parts: tuple[str, ...]) -> None:
    async def script(stage: Stage) -> None:
        await stage.press(*keys)
        first, *unknown = rows_above(stage)
        assert [part for part in parts if part not in first] == []
        assert all(line.startswith(" can not know: ") for line in unknown)

    play(script, still_app(start="failures", write=WRITE))


@pytest.mark.parametrize("width", [60, 80])
def test_nothing_pushes_out_that_this_is_not_now_nor_that_writing_is_armed(width: int) -> None:
    async def script(stage: Stage) -> None:
        await stage.press(*LONG_AGO)
        first = rows_above(stage)[0]
        assert "not now" in first
        assert "✎ 15 min" in first
        if width == 80:
            assert "this is not now ✎ 15 min ✗ canary stopped 12,345/99,999 C" in " ".join(first.split())

    play(script, still_app(Stopped(), start="failures", write=WRITE), (width, 24))


def test_a_tall_terminal_has_a_line_for_each() -> None:
    async def script(stage: Stage) -> None:
        await stage.press(*BEGUN, "<")
        write, canary, past, unknown = rows_above(stage)
        assert "writing is armed for 15 minutes: mail is down, see #ops · W disarms" in write
        assert "canary running" in canary
        assert "this is not now" in past
        assert "can not know" in unknown

    play(script, still_app(start="failures", write=WRITE), (120, 40))


def test_a_screen_that_shows_now_keeps_saying_so_beside_the_rest() -> None:
    async def script(stage: Stage) -> None:
        await stage.press(*BEGUN, "<", "3")
        line = stage.text.split("\n")[1]
        assert line.startswith(" ◷ this screen shows now: 1 2 4 6 look at 01:47 UTC ")
        assert line.endswith(" ✎ 15 min  ▶ canary 1/7 C ")

    play(script, still_app(start="failures", write=WRITE))
