"""Every screen, whatever its size, and whatever its jobs hold: the walk takes in each screen that there is."""

from console.app import DeweyApp
from console.gateway.demo_records import job_id
from tests.console.gateways import HostileGateway
from tests.console.payloads import PAYLOADS
from tests.console.stage import Stage, hidden_characters, play, still_app

PLACES = (*DeweyApp.MODES, "job", "trigger", "canaries")
SIZES = ((40, 12), (20, 5), (200, 60), (80, 24))
TRIPLETS = tuple(" ".join(PAYLOADS[start : start + 3]) for start in range(0, len(PAYLOADS), 3))


async def _open(stage: Stage, place: str, key: str) -> None:
    if place == "job":
        stage.app.open_job(key)
    elif place == "trigger":
        stage.app.open_trigger()
    elif place == "canaries":
        stage.app.open_canaries()
    elif place != stage.app.current_mode:
        stage.app.action_go(place)
    await stage.settle()


async def _leave(stage: Stage) -> None:
    while len(stage.app.screen_stack) > 1:
        stage.app.pop_screen()
    await stage.settle()


def test_each_screen_bears_every_size_and_is_whole_again_afterwards() -> None:
    async def script(stage: Stage) -> None:
        for place in PLACES:
            await _open(stage, place, job_id(0))
            before = stage.text
            for size in SIZES:
                await stage.pilot.resize_terminal(*size)
                await stage.settle()
                lines = stage.text.split("\n")
                assert (len(lines[0]), len(lines)) == size, f"{place} at {size}"
            assert stage.text == before, f"{place} is not what it was"
            await _leave(stage)

    play(script)


def test_dialogs_bear_terminals_that_are_too_small_for_them() -> None:
    async def script(stage: Stage) -> None:
        await stage.press("3")
        for keys in (("question_mark",), ("W",), ("slash",), ("r",), ("ctrl+p",), ("colon",)):
            await stage.press(*keys)
            await stage.pilot.resize_terminal(20, 5)
            await stage.settle()
            await stage.press("tab", "down", "escape", "escape")
            await stage.pilot.resize_terminal(80, 24)
            await stage.settle()
            await _leave(stage)
        assert stage.app.is_running

    play(script, still_app(write="a trial"))


def test_hostile_texts_on_each_screen_are_drawn_as_text_and_do_nothing() -> None:
    gateway = HostileGateway(TRIPLETS)
    app = still_app(gateway, environment="\x1b[2J[/foo]")

    async def script(stage: Stage) -> None:
        for place in PLACES:
            await _open(stage, place, gateway._rows()[0].key)
            for key in ("j", "enter", "right_square_bracket", "y", "escape", "slash", "x", "escape", "i", "escape"):
                await stage.press(key)
                assert hidden_characters(stage.text) == [], f"{place}, {key}"
                assert not hidden_characters(app.clipboard), f"{place}, {key}"
            await _leave(stage)

    play(script, app, (120, 40))
    assert gateway.acted == []


def test_the_clock_that_ticks_while_the_console_ends_does_nothing() -> None:
    async def script(stage: Stage) -> None:
        await stage.settle()

    app = play(script, still_app())
    assert not app.screen_stack
    app._tick()
