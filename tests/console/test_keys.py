"""Every key of the table does what its tooltip says. A key without a script fails a test here."""

from pathlib import Path
from typing import get_args

import pytest
from textual.binding import Binding

from console import bindings
from console.app import DeweyApp
from console.screens.action_dialog import ActionDialog
from console.screens.jobs import JobsScreen
from console.screens.pick import PickScreen
from console.widgets.queue_table import QueueTable
from tests.console import act_scripts as act_scripts  # noqa: PLC0414  # registers its scripts in TESTED
from tests.console import export_scripts as export_scripts  # noqa: PLC0414  # registers its scripts in TESTED
from tests.console import failure_scripts as failure_scripts  # noqa: PLC0414  # registers its scripts in TESTED
from tests.console import filter_scripts as filter_scripts  # noqa: PLC0414  # registers its scripts in TESTED
from tests.console import list_scripts as list_scripts  # noqa: PLC0414  # registers its scripts in TESTED
from tests.console import travel_scripts as travel_scripts  # noqa: PLC0414  # registers its scripts in TESTED
from tests.console import walk_scripts as walk_scripts  # noqa: PLC0414  # registers its scripts in TESTED
from tests.console import watch_scripts as watch_scripts  # noqa: PLC0414  # registers its scripts in TESTED
from tests.console.gateways import FlakyGateway
from tests.console.key_scripts import DEAD, TESTED
from tests.console.stage import Stage, play, still_app

WRITE = "a test on the stage"
CASES = [(one, start, script) for one, scripts in sorted(TESTED.items()) for start, script in scripts]
SCRIPTS = {script.__name__: (start, script) for _, start, script in CASES}


@pytest.mark.parametrize("name", sorted(SCRIPTS))
def test_a_key_does_what_it_says(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    start, script = SCRIPTS[name]
    monkeypatch.chdir(tmp_path)
    play(script, still_app(FlakyGateway(), start=start, write=WRITE))


def test_every_key_of_the_table_has_a_test() -> None:
    assert {one.id for one in bindings.KEYS} == set(TESTED)


def test_ids_are_unique_and_every_key_says_what_it_does() -> None:
    assert len(bindings.BY_ID) == len(bindings.KEYS)
    for one in bindings.KEYS:
        assert one.description
        assert one.tooltip.endswith(".")
        assert one.places


def test_in_no_place_does_one_key_mean_two_things() -> None:
    for place in get_args(bindings.Place):
        keys = [one for key in bindings.KEYS if place in key.places for one in key.keys.split(",")]
        assert len(keys) == len(set(keys)), place


def test_no_ctrl_letter_destroys_anything() -> None:
    for one in bindings.KEYS:
        if "ctrl+" in one.keys:
            assert one.id.partition(".")[0] in ("palette", "quit", "form", "move", "scroll")


def test_every_key_can_be_remapped_and_the_bar_follows() -> None:
    app = still_app(start=DEAD, write=WRITE)
    app.set_keymap({"requeue": "f9", "help": "f12"})

    async def script(stage: Stage) -> None:
        assert "f9 requeue" in stage.text
        assert "f12 help" in stage.text
        await stage.press("r")
        assert isinstance(app.screen, JobsScreen)
        await stage.press("f9")
        assert isinstance(app.screen, ActionDialog)

    play(script, app)


def test_a_click_on_the_key_bar_is_the_key() -> None:
    async def script(stage: Stage) -> None:
        bar = stage.text.split("\n")[-1]
        await stage.pilot.click(offset=(bar.index("trigger"), 23))
        await stage.settle()
        assert isinstance(stage.app.screen, PickScreen)

    play(script)


def test_every_screen_shows_its_keys_in_one_line_at_80_cells() -> None:
    async def script(stage: Stage) -> None:
        for one in ("1", "2", "3", "4", "5", "6", "7", "8", "9"):
            await stage.press(one)
            assert stage.text.split("\n")[-1].rstrip().endswith("? help")

    play(script)


def test_a_row_can_be_clicked_and_opened_with_the_mouse() -> None:
    async def script(stage: Stage) -> None:
        await stage.pilot.click(QueueTable, offset=(3, 3))
        await stage.settle()
        assert stage.app.screen.query_one(QueueTable).cursor == 2
        await stage.pilot.click(QueueTable, offset=(3, 3), times=2)
        await stage.settle()
        assert isinstance(stage.app.screen, JobsScreen)
        assert "queue:ingestion" in stage.text

    play(script)


def test_bindings_are_the_toolkits() -> None:
    assert all(isinstance(one, Binding) and one.id in bindings.BY_ID for one in bindings.of("jobs", "app"))
    assert isinstance(DeweyApp.BINDINGS, list)
