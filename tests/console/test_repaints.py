"""What a second that passes, or a poll, paints: what an eye could see, and nothing else. Counted, not timed."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest
from rich.segment import Segment
from textual import events
from textual.app import App
from textual.screen import Screen
from textual.scrollbar import ScrollBarRender

from console.gateway.demo import DemoGateway
from console.gateway.demo_records import NOW
from console.screens.base import DeweyScreen
from console.screens.doors import DOORS
from console.screens.job import JobScreen
from console.widgets.drawn import Drawn
from console.widgets.frame import KeyBar
from console.widgets.growing import _thumb
from console.widgets.line_table import LineTable
from console.widgets.log_view import LogView
from console.widgets.queue_detail import QueueDetail
from tests.console.stage import Stage, play, still_app


class Counts:
    """How often the terminal was written to, with how many characters, and how often all was laid out."""

    def __init__(self) -> None:
        self.paints = 0
        self.characters = 0
        self.layouts = 0
        self.draws: list[str] = []
        self.looks = 0


@contextmanager
def counted() -> Iterator[Counts]:
    counts = Counts()
    with pytest.MonkeyPatch.context() as patch:
        display, lay_out = App._display, Screen._refresh_layout
        repaint, looks = Drawn._repaint, LineTable._looks

        def displayed(app: App[Any], screen: Screen[Any], renderable: Any) -> None:
            if renderable is not None:
                counts.paints += 1
                counts.characters += len(renderable.render_segments(app.console))
            display(app, screen, renderable)

        def laid_out(screen: Screen[Any], *args: Any, **options: Any) -> None:
            counts.layouts += 1
            lay_out(screen, *args, **options)

        def drawn(widget: Drawn) -> None:
            counts.draws.append(type(widget).__name__)
            repaint(widget)

        def looked(table: LineTable[Any], index: int) -> Any:
            counts.looks += 1
            return looks(table, index)

        patch.setattr(App, "_display", displayed)
        patch.setattr(Screen, "_refresh_layout", laid_out)
        patch.setattr(Drawn, "_repaint", drawn)
        patch.setattr(LineTable, "_looks", looked)
        yield counts


class Clock:
    """Stands until it is told to go on."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


def watch(start: str, script: Callable[[Stage, Clock], Awaitable[None]], size: tuple[int, int] = (120, 40)) -> None:
    clock = Clock()

    async def warmed(stage: Stage) -> None:
        await poll(stage)  # what was asked first is answered
        await script(stage, clock)

    play(warmed, still_app(DemoGateway(clock), start=start), size)


async def poll(stage: Stage) -> None:
    screen = stage.app.screen
    assert isinstance(screen, DeweyScreen)
    screen.poll()
    await stage.settle()


async def tick(stage: Stage) -> None:
    stage.app._tick()
    await stage.settle()


@pytest.mark.parametrize("start", list(DOORS))
def test_a_poll_that_says_nothing_new_paints_nothing(start: str) -> None:
    async def script(stage: Stage, _clock: Clock) -> None:
        with counted() as counts:
            await poll(stage)
            await tick(stage)
        assert (counts.paints, counts.layouts) == (0, 0)

    watch(start, script)


def test_a_poll_of_a_job_that_says_nothing_new_paints_nothing() -> None:
    async def script(stage: Stage, _clock: Clock) -> None:
        await stage.press("enter")
        for _ in range(6):
            await poll(stage)
            with counted() as counts:
                await poll(stage)
            assert (counts.paints, counts.layouts) == (0, 0)
            await stage.press("right_square_bracket")

    watch("jobs", script)


def test_a_second_that_passes_paints_the_clock_once() -> None:
    async def script(stage: Stage, clock: Clock) -> None:
        await tick(stage)
        clock.now += timedelta(milliseconds=950)
        with counted() as counts:
            await tick(stage)
        assert (counts.paints, counts.layouts) == (1, 0)
        assert counts.characters < 2_500  # a line of 120 cells, in colours
        assert counts.looks == 0  # the body was told the time less than a second ago

    watch("queues", script)


def test_ages_go_on_while_no_answer_comes() -> None:
    async def script(stage: Stage, clock: Clock) -> None:
        before = stage.text
        clock.now += timedelta(seconds=90)
        await tick(stage)
        assert stage.text.splitlines()[3:] != before.splitlines()[3:]

    watch("workers", script)


def test_a_poll_draws_each_part_at_most_twice_however_many_answers_it_has() -> None:
    async def script(stage: Stage, clock: Clock) -> None:
        clock.now += timedelta(seconds=1)
        with counted() as counts:
            await poll(stage)
        assert all(counts.draws.count(name) <= 2 for name in counts.draws), counts.draws
        table = stage.app.screen.query_one(LineTable)
        assert counts.looks <= 3 * table.size.height

    for start in ("queues", "overview", "jobs"):
        watch(start, script)


def test_one_line_of_a_detail_that_changes_is_painted_alone() -> None:
    async def script(stage: Stage, _clock: Clock) -> None:
        detail = stage.app.screen.query_one(QueueDetail)
        lines = [*detail.draw()]
        with counted() as counts, pytest.MonkeyPatch.context() as patch:
            patch.setattr(detail, "draw", lambda: [*lines[:3], lines[3].stylize("bold"), *lines[4:]])
            detail.redraw()
            await stage.settle()
        assert counts.paints == 1
        assert counts.characters < 1_500

    watch("queues", script)


def test_keys_that_stay_the_same_are_not_painted_again() -> None:
    async def script(stage: Stage, _clock: Clock) -> None:
        with counted() as counts:
            for _ in range(5):
                stage.app.screen.refresh_bindings()
            await stage.settle()
        assert counts.draws.count(KeyBar.__name__) == 1
        assert counts.paints == 0

    watch("queues", script)


def test_a_list_that_grows_lays_nothing_out_and_scrolls_as_far_as_it_reaches() -> None:
    async def script(stage: Stage, _clock: Clock) -> None:
        table = stage.app.screen.query_one(LineTable)
        rows, total = table.held(0, table.total - 1), table.total
        assert total < 1_000
        with counted() as counts:
            for more in (1_000, 1_001):
                table.show(more, 0, rows, table.moment)
                await stage.settle()
        assert counts.layouts == 0
        assert table.vertical_scrollbar.window_virtual_size == 1_002
        table.move_to(1_000)
        await stage.settle()
        assert table.scroll_offset.y == table.max_scroll_y == 1_002 - table.size.height
        table.show(total, 0, rows, table.moment)
        await stage.settle()
        assert table.scroll_offset.y == table.max_scroll_y == 0

    watch("queues", script)


def test_a_log_that_grows_lays_nothing_out_and_is_followed_to_its_end() -> None:
    async def script(stage: Stage, _clock: Clock) -> None:
        view = stage.app.screen.query_one(LogView)
        lines = view.lines[:1] * 200
        with counted() as counts:
            view.add(lines)
            view.flush()
            await stage.settle()
        assert counts.layouts == 0
        assert view.following
        assert view.scroll_offset.y == view.max_scroll_y > 100

    watch("logs", script)


@pytest.mark.parametrize("position", [0, 7, 100, 963])
def test_a_thumb_is_painted_again_when_it_looks_different(position: int) -> None:
    def drawn(lines: int) -> list[Segment]:
        bar = ScrollBarRender.render_bar(37, lines, 37, position)
        return [*bar.segments]

    for lines in (1_000, 1_001, 1_040, 1_500, 40_000, 40_001):
        same = _thumb(position, lines, 37) == _thumb(position, lines + 1, 37)
        assert not same or drawn(lines) == drawn(lines + 1)


def test_opening_a_job_lays_out_and_paints_a_few_times() -> None:
    async def script(stage: Stage, _clock: Clock) -> None:
        with counted() as counts:
            await stage.press("enter")
        assert isinstance(stage.app.screen, JobScreen)
        assert counts.layouts <= 4
        assert counts.paints <= 7

    watch("jobs", script)


def test_a_screen_is_not_laid_out_again_for_the_size_that_it_has() -> None:
    async def script(stage: Stage, _clock: Clock) -> None:
        with counted() as counts:
            stage.app.screen.post_message(events.Resize(stage.app.size, stage.app.size))
            await stage.settle()
            assert counts.layouts == 0
            await stage.pilot.resize_terminal(100, 30)
            await stage.settle()
            assert counts.layouts > 0
        assert stage.app.screen.query_one(LineTable).size.width == 100

    watch("queues", script)


def test_a_key_asks_of_itself_alone_whether_it_can_be_done() -> None:
    async def script(stage: Stage, _clock: Clock) -> None:
        screen = stage.app.screen
        assert isinstance(screen, DeweyScreen)
        asked: list[str] = []
        why_not = screen.why_not

        def noted(action: str) -> str:
            asked.append(action)
            return why_not(action)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(screen, "why_not", noted)
            await stage.press("y")
        assert set(asked) == {"copy"}

    watch("queues", script)
