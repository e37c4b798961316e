"""The log: bounded, quick, followed until the reader scrolls."""

from datetime import timedelta
from time import perf_counter

from textual.content import Content

from console.gateway.demo_records import NOW
from console.gateway.views import LogLineView
from console.widgets.log_view import LINES_LIMIT, LogView
from storage.values import replace
from tests.console.stage import Stage, play, still_app


def _lines(number: int, first: int = 0, text: str = "line {}") -> list[LogLineView]:
    nothing = Content("")
    return [
        LogLineView(
            NOW + timedelta(milliseconds=index), "INFO", "", nothing, nothing, nothing, 1, nothing,
            Content(text.format(index)),
        )
        for index in range(first, first + number)
    ]  # fmt: skip


def _view(stage: Stage) -> LogView:
    view = stage.app.screen.query_one(LogView)
    view.clear()
    view.follow(True)
    return view


async def _add(stage: Stage, view: LogView, lines: list[LogLineView]) -> None:
    view.add(lines)
    view.flush()
    await stage.settle()


def test_the_newest_line_is_in_sight_while_following() -> None:
    async def script(stage: Stage) -> None:
        view = _view(stage)
        await _add(stage, view, _lines(500))
        assert "line 499" in stage.text
        await _add(stage, view, _lines(100, 500))
        assert "line 599" in stage.text

    play(script, still_app(start="logs"))


def test_scrolling_up_lets_go_and_counts_what_comes() -> None:
    async def script(stage: Stage) -> None:
        view = _view(stage)
        await _add(stage, view, _lines(500))
        await stage.press("pageup")
        assert not view.following
        assert "line 499" not in stage.text
        await _add(stage, view, _lines(214, 500))
        assert "line 475" in stage.text
        assert "214 new lines · f follows" in stage.text
        await stage.press("f")
        assert "line 713" in stage.text
        assert "following" in stage.text
        assert "new lines" not in stage.text

    play(script, still_app(start="logs"))


def test_memory_is_bounded_and_a_reader_stays_on_the_same_lines() -> None:
    async def script(stage: Stage) -> None:
        view = _view(stage)
        await _add(stage, view, _lines(LINES_LIMIT))
        await stage.press("pageup")
        before = [line for line in stage.text.split("\n") if "line " in line][:3]
        await _add(stage, view, _lines(1_000, LINES_LIMIT))
        assert view.line_count == LINES_LIMIT
        after = [line for line in stage.text.split("\n") if "line " in line][:3]
        assert after == before

    play(script, still_app(start="logs"))


def test_a_flood_does_not_block() -> None:
    async def script(stage: Stage) -> None:
        view = _view(stage)
        flood = _lines(20_000)
        began = perf_counter()
        for start in range(0, 20_000, 500):
            view.add(flood[start : start + 500])
            view.flush()
        assert perf_counter() - began < 1.0
        await stage.settle()
        assert "line 19999" in stage.text

    play(script, still_app(start="logs"))


def test_more_than_can_be_held_between_two_flushes_is_let_go() -> None:
    async def script(stage: Stage) -> None:
        view = _view(stage)
        for part in range(4):
            view.add(_lines(LINES_LIMIT, part * LINES_LIMIT))
        view.flush()
        await stage.settle()
        assert view.line_count == LINES_LIMIT
        assert f"line {4 * LINES_LIMIT - 1}" in stage.text

    play(script, still_app(start="logs"))


def test_long_lines_run_out_of_sight_or_are_broken() -> None:
    async def script(stage: Stage) -> None:
        view = _view(stage)
        await _add(stage, view, _lines(3, text="begin " + "x" * 200 + " {} Z"))
        assert "›" in stage.text
        assert "Z" not in stage.text
        await stage.press("w")
        assert stage.text.count("Z") == 3
        await stage.press("w")
        await stage.press(*["right"] * 25)
        assert "Z" in stage.text

    play(script, still_app(start="logs"))


def test_a_message_of_several_lines_is_drawn_on_several() -> None:
    async def script(stage: Stage) -> None:
        view = _view(stage)
        await _add(stage, view, _lines(1, text="first\n  second\nthird"))
        drawn = [line for line in stage.text.split("\n") if "second" in line]
        assert len(drawn) == 1
        assert "INFO" not in drawn[0]

    play(script, still_app(start="logs"))


def test_lines_in_sight_grow_older_where_ages_are_shown() -> None:
    async def script(stage: Stage) -> None:
        view = _view(stage)
        await _add(stage, view, _lines(3))
        while "0s ago" not in stage.text:
            await stage.press("T")
        view.at(replace(view.moment, now=NOW + timedelta(hours=1, seconds=1)))
        await stage.settle()
        assert stage.text.count("1h ago") == 3

    play(script, still_app(start="logs"))
