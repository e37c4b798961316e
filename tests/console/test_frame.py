"""The key bar, the header and the help: which keys stand where, and what a screen is called."""

import asyncio
import re

import pytest
from textual.content import Content
from textual.widgets._toast import Toast

from console import bindings
from console.gateway.views import FieldView
from console.screens.commands import ActionCommands
from console.screens.help import HelpScreen
from console.widgets.field import Field
from tests.console.gateways import FlakyGateway
from tests.console.stage import Stage, play, settle, still_app


def bar(stage: Stage) -> str:
    return stage.text.split("\n")[-1]


def test_while_only_looking_is_allowed_what_arms_writing_stands_before_what_is_dimmed_for_it() -> None:
    async def script(stage: Stage) -> None:
        assert bar(stage).startswith(" enter open  esc back  W write  / filter  r requeue ")
        stage.app.arm("a test")
        await stage.settle()
        assert bar(stage).startswith(" enter open  esc back  / filter  r requeue ")

    async def wide(stage: Stage) -> None:
        assert "W disarm" in bar(stage)
        assert "W write" not in bar(stage)

    play(script, still_app(start="jobs"))
    play(wide, still_app(start="jobs", write="a test"), (200, 30))


@pytest.mark.parametrize("start", ["jobs", "logs", "audit"])
def test_while_a_filter_is_written_the_bar_has_the_keys_of_writing(start: str) -> None:
    async def script(stage: Stage) -> None:
        await stage.press("slash")
        assert bar(stage).split("  ") == [" enter apply", "tab complete", "esc cancel", *bar(stage).split("  ")[3:]]
        assert "/ filter" not in bar(stage)
        await stage.press("escape")
        assert "/ filter" in bar(stage)

    play(script, still_app(start=start))


def test_a_name_that_there_is_not_is_said_while_it_is_typed_and_tab_mends_it() -> None:
    async def script(stage: Stage) -> None:
        await stage.press("slash")
        await stage.type("status:d")
        assert "tab writes state" in stage.text
        await stage.press("tab")
        assert "state:d" in stage.text

    play(script, still_app(start="jobs"))


def test_each_tab_of_a_job_has_its_own_keys_and_the_brackets_stand_beside_the_tabs() -> None:
    async def script(stage: Stage) -> None:
        await stage.press("enter")
        assert re.search(r"Summary +Log +Attempts .* \[ \] *$", stage.text.split("\n")[2])
        assert "l log" in bar(stage)
        assert "f follow" not in bar(stage)
        assert "enter open" not in bar(stage)
        await stage.press("l")
        assert "l log" not in bar(stage)
        assert "f follow  w wrap" in bar(stage)
        await stage.press("]")
        assert "enter open" in bar(stage)

    play(script, still_app(start="jobs"), (100, 24))


@pytest.mark.parametrize(("keys", "heading"), [(("t",), "Trigger"), (("t", "enter"), "Trigger"), (("C",), "Canaries")])
def test_a_screen_without_a_number_is_named_in_the_header(keys: tuple[str, ...], heading: str) -> None:
    async def script(stage: Stage) -> None:
        await stage.press(*keys)
        assert re.search(rf"7 8 9 +{heading} ", stage.text.split("\n")[0])

    play(script, still_app(start="queues"))


def test_screens_stand_in_the_order_of_their_numbers_and_going_in_comes_first() -> None:
    numbers = [key.keys for key in bindings.KEYS if key.id.startswith("screen.")]
    assert numbers == sorted(numbers)
    back = bindings.rank("back")
    assert all(bindings.rank(key.id) < back for key in bindings.KEYS if key.keys == "enter")


@pytest.mark.parametrize("start", ["jobs", "queues", "overview", "logs", "audit", "files", "failures"])
def test_help_has_every_key_of_a_screen_in_sight_on_the_smallest_terminal(start: str) -> None:
    async def script(stage: Stage) -> None:
        await stage.press("question_mark")
        screen = stage.app.screen
        assert isinstance(screen, HelpScreen)
        for name in ("palette", "canaries", "help", "page up" if start != "overview" else "quit"):
            assert name in stage.text, name
        assert stage.text.count("read-only: W arms writing") == 1

    play(script, still_app(FlakyGateway(), start=start))


def test_the_palette_says_verb_and_object_and_what_can_not_be_done_comes_last() -> None:
    async def script(stage: Stage) -> None:
        provider = ActionCommands(stage.app.screen)
        names = [name for name, _, _ in provider._actions()]
        said = [text.startswith("Not now: ") for _, text, _ in provider._actions()]
        assert names[0] == "Open this job  enter"
        assert "Requeue the chosen jobs  r" in names
        assert said == sorted(said)
        assert said.count(True) > 4
        assert all(name[0].isupper() for name in names)
        await stage.press("ctrl+p")
        assert "Find an action by its name" in stage.text

    play(script, still_app(start="jobs"))


def test_every_action_with_a_word_only_in_the_key_bar_has_more_in_the_palette() -> None:
    assert set(bindings.SAID) <= set(bindings.BY_ID)
    assert bindings.BY_ID["requeue"].said == "Requeue the chosen jobs"
    assert bindings.BY_ID["match.next"].said == "Next match"


def test_a_choice_shows_its_default_and_no_text_that_could_be_markup() -> None:
    def field(default: str, label: str) -> FieldView:
        choices = (("a", Content(label)),)
        named = Content("form")
        return FieldView("form", named, "choice", Content(""), Content(default), False, False, choices=choices)

    assert Field(field("'a'", "pdf"), "x")._prompt() == "pdf"
    assert Field(field("'a'", "[red]pdf"), "x")._prompt() == "default"


def test_an_id_that_no_job_has_is_said_in_a_sentence_without_tabs() -> None:
    async def script(stage: Stage) -> None:
        assert "No job has an id that begins with “zzzz”." in stage.text
        assert "Summary" not in stage.text

    play(script, still_app(start="job:zzzz"))


def test_a_notification_stands_in_the_row_of_the_keys_and_over_no_row_of_a_list() -> None:
    async def run() -> list[int]:
        app = still_app(start="jobs")
        async with app.run_test(size=(80, 24), notifications=True) as pilot:
            await settle(pilot)
            app.notify("one line")
            for _ in range(200):
                await pilot.pause(0.02)
                if toasts := [toast for toast in app.screen.query(Toast) if toast.region.height]:
                    return [toast.region.y for toast in toasts]
        return []

    assert asyncio.run(run()) == [23]
