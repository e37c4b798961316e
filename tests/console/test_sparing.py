"""The job's screen that is kept ready: it is used, it looks as a new one does, and it is thrown away in time."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from time import monotonic

import pytest
from textual.app import App
from textual.screen import Screen
from textual.widget import Widget

from console.app import DeweyApp
from console.gateway.demo import DemoGateway
from console.gateway.demo_records import NOW
from console.gateway.views import JobView
from console.screens.job import JobScreen
from console.sparing import QUIET_S
from console.widgets.palette import LIGHT
from tests.console.stage import Stage, play, screen_text, still_app

TALL = (120, 40)


async def made(stage: Stage) -> JobScreen:
    """Return the screen that is kept ready, when it is there."""
    for _ in range(2_000):
        spare = stage.app._spare
        if spare is not None and spare.is_mounted:
            await stage.settle()
            return spare
        await asyncio.sleep(0.005)
    raise AssertionError("no screen was made ready")


def drawn(app: DeweyApp) -> list[str]:
    """All that is on the screen, with its styles."""
    return [str(list(strip)) for strip in app.screen._compositor.render_strips()]


def seen(script: Callable[[Stage], Awaitable[None]], spares: bool, size: tuple[int, int]) -> list[str]:
    pictures: list[str] = []

    async def played(stage: Stage) -> None:
        if spares:
            stage.app.keep_spare()
        await script(stage)
        pictures.extend(drawn(stage.app))

    play(played, still_app(start="jobs"), size)
    return pictures


@pytest.mark.parametrize("size", [(80, 24), TALL, (200, 60)])
@pytest.mark.parametrize("keys", [("enter",), ("l",), ("j", "j", "enter", "right_square_bracket")])
def test_a_screen_that_was_ready_looks_as_a_new_one_does(keys: tuple[str, ...], size: tuple[int, int]) -> None:
    def opened(spares: bool) -> list[str]:
        async def script(stage: Stage) -> None:
            spare = await made(stage) if spares else None
            await stage.press(*keys)
            assert isinstance(stage.app.screen, JobScreen)
            assert (stage.app.screen is spare) == spares

        return seen(script, spares, size)

    assert opened(spares=True) == opened(spares=False)


def test_the_next_job_shows_nothing_of_the_one_before() -> None:
    def opened(spares: bool) -> list[str]:
        async def script(stage: Stage) -> None:
            for keys in (("enter", "right_square_bracket", "escape", "j"), ("enter",)):
                if spares:
                    await made(stage)
                await stage.press(*keys)
            assert isinstance(stage.app.screen, JobScreen)

        return seen(script, spares, TALL)

    assert opened(spares=True) == opened(spares=False)


def test_a_key_that_opens_a_job_makes_no_widget() -> None:
    async def script(stage: Stage) -> None:
        stage.app.keep_spare()
        await made(stage)
        stage.app._keeps_spare = False  # the next one would be made while this one is looked at
        new: list[Widget] = []
        register = App._register

        def registered(app: App[None], parent: Widget, *widgets: Widget, **options: object) -> list[Widget]:
            new.extend(widgets)
            return register(app, parent, *widgets, **options)  # type: ignore[arg-type]  # as it is called

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(App, "_register", registered)
            await stage.press("enter")
        assert isinstance(stage.app.screen, JobScreen)
        assert new == []

    play(script, still_app(start="jobs"), TALL)


@pytest.mark.parametrize("change", ["size", "colours"])
def test_a_screen_that_does_not_fit_any_more_is_thrown_away(change: str) -> None:
    def opened(spares: bool) -> list[str]:
        async def script(stage: Stage) -> None:
            spare = await made(stage) if spares else None
            if change == "size":
                await stage.pilot.resize_terminal(100, 30)
            else:
                stage.app.theme = LIGHT.name
            await stage.settle()
            await stage.press("enter")
            assert isinstance(stage.app.screen, JobScreen)
            assert stage.app.screen is not spare
            if spare is not None:
                assert spare not in stage.app._registry
                assert await made(stage) is not spare

        return seen(script, spares, TALL)

    assert opened(spares=True) == opened(spares=False)


def test_a_screen_that_nobody_opened_asks_nothing() -> None:
    asked: list[str] = []

    class Gateway(DemoGateway):
        def find(self, prefix: str) -> str:
            asked.append(prefix)
            return super().find(prefix)

        def job(self, key: str) -> JobView:
            asked.append(key)
            return super().job(key)

    async def script(stage: Stage) -> None:
        stage.app.keep_spare()
        spare = await made(stage)
        stage.app._tick()
        await stage.settle()
        assert not spare.is_asking
        assert asked == []
        await stage.press("enter")
        assert len(asked) == 1

    play(script, still_app(Gateway(), start="jobs"), TALL)


def test_the_first_paint_says_what_is_so_by_now() -> None:
    instants = [NOW]
    pictures: list[str] = []
    display = App._display

    def displayed(app: DeweyApp, screen: Screen[None], renderable: object) -> None:
        if isinstance(screen, JobScreen) and renderable is not None:
            pictures.append(screen_text(app))
        display(app, screen, renderable)  # type: ignore[arg-type]  # as it is called

    async def script(stage: Stage) -> None:
        stage.app.keep_spare()
        await made(stage)
        instants.append(NOW + timedelta(seconds=90))
        stage.app.arm("the deploy of tonight")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(App, "_display", displayed)
            await stage.press("enter")
        assert stage.app.moment.clock() in pictures[0]
        assert "the deploy of tonight" in pictures[0]

    play(script, still_app(DemoGateway(lambda: instants[-1]), start="jobs"), TALL)


def test_none_is_made_while_keys_are_pressed() -> None:
    async def script(stage: Stage) -> None:
        app = stage.app
        app.keep_spare()
        app._pressed_at_s = monotonic()
        app._make_spare()
        assert app._spare is None
        app._pressed_at_s = monotonic() - QUIET_S
        app._make_spare()
        assert app._spare is not None

    play(script, still_app(start="jobs"), TALL)


def test_a_key_that_comes_while_one_is_being_made_does_not_wait_for_it() -> None:
    async def script(stage: Stage) -> None:
        app = stage.app
        app.keep_spare()
        app._make_spare()
        spare = app._spare
        assert spare is not None
        assert not spare.is_mounted
        app.open_job(DemoGateway().jobs("", 0, 1).rows[0].key)
        assert app.screen is not spare
        assert await made(stage) is spare
        await stage.press("escape", "enter")
        assert app.screen is spare

    play(script, still_app(start="jobs"), TALL)


def test_another_one_is_made_after_each_that_is_opened() -> None:
    async def script(stage: Stage) -> None:
        stage.app.keep_spare()
        known: set[JobScreen] = set()
        for _ in range(3):
            known.add(await made(stage))
            await stage.press("enter", "escape")
        assert len(known) == 3
        assert len([one for one in stage.app._registry if isinstance(one, JobScreen)]) <= 1

    play(script, still_app(start="jobs"), TALL)


def test_a_console_that_makes_nothing_ready_keeps_none() -> None:
    async def script(stage: Stage) -> None:
        await stage.press("enter", "escape")
        assert not stage.app._is_spare_due
        assert stage.app._spare is None

    play(script, still_app(start="jobs"), TALL)
