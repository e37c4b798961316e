"""Pictures of the past, each looked at before it was accepted."""

import pytest
from syrupy.assertion import SnapshotAssertion

from console.screens.base import DeweyScreen
from console.widgets.palette import LIGHT
from tests.console.gateways import FlakyGateway
from tests.console.no_history import NoHistoryGateway
from tests.console.stage import Stage, still_app
from tests.console.test_snapshots import SIZES, draw
from tests.console.test_snapshots import pictures as pictures  # noqa: PLC0414  # a fixture

SCREENS = ("overview", "queues", "workers", "failures")


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("start", SCREENS)
def test_the_past_in_each_size(pictures: SnapshotAssertion, start: str, size: str) -> None:
    draw(pictures, still_app(start=start), SIZES[size], ("<", "<", "<", ",", "j"))


def test_the_past_in_light(pictures: SnapshotAssertion) -> None:
    app = still_app(start="queues")
    app.theme = LIGHT.name
    draw(pictures, app, SIZES["120x40"], ("<",))


@pytest.mark.parametrize("start", ["overview", "queues"])
def test_the_past_can_not_be_known(pictures: SnapshotAssertion, start: str) -> None:
    draw(pictures, still_app(NoHistoryGateway(), start=start), SIZES["80x24"], ("<",))


def test_a_screen_without_a_past_says_that_it_shows_now(pictures: SnapshotAssertion) -> None:
    draw(pictures, still_app(start="queues"), SIZES["80x24"], ("<", "3"))


def test_production_and_writing_and_the_past_in_one_frame(pictures: SnapshotAssertion) -> None:
    app = still_app(start="queues", environment="production", write="mail is down")
    draw(pictures, app, SIZES["80x24"], ("<", "p"))


def test_the_past_while_the_backend_is_away(pictures: SnapshotAssertion) -> None:
    gateway = FlakyGateway()

    async def then(stage: Stage) -> None:
        gateway.go_away(after_s=42)
        screen = stage.app.screen
        assert isinstance(screen, DeweyScreen)
        screen.poll()

    draw(pictures, still_app(gateway, start="queues"), SIZES["80x24"], ("<",), then)


@pytest.mark.parametrize("size", ["80x24", "120x40"])
def test_writing_and_a_canary_and_the_past_in_one_frame(pictures: SnapshotAssertion, size: str) -> None:
    app = still_app(start="failures", write="mail is down")
    draw(pictures, app, SIZES[size], ("c", "right", "enter", "<", "<", "<", "<"))
