"""Pictures of the groups of failures, each looked at before it was accepted."""

import pytest
from syrupy.assertion import SnapshotAssertion

from console.gateway.demo import DemoGateway
from console.screens.base import DeweyScreen
from tests.console.gateways import FlakyGateway, HostileGateway
from tests.console.no_history import NoHistoryGateway
from tests.console.payloads import PAYLOADS
from tests.console.stage import Stage, still_app
from tests.console.test_snapshots import SIZES, draw
from tests.console.test_snapshots import pictures as pictures  # noqa: PLC0414  # a fixture

STATES: dict[str, tuple[str, ...]] = {
    "regressed": ("G",),
    "muted": ("]",),
    "resolved": ("]", "]"),
    "all": ("[", "G"),
    "mute": ("m", *"known"),
    "resolve": ("G", "M"),
    "reopen": ("]", "o"),
    "requeue": ("r",),
    "discard": ("d",),
    "jobs": ("enter",),
}


@pytest.mark.parametrize("size", SIZES)
def test_failures_in_each_size(pictures: SnapshotAssertion, size: str) -> None:
    draw(pictures, still_app(start="failures"), SIZES[size], ("j",), in_light=True)


@pytest.mark.parametrize("size", SIZES)
def test_a_canary_of_the_group_in_each_size(pictures: SnapshotAssertion, size: str) -> None:
    gateway = FlakyGateway()

    async def then(stage: Stage) -> None:
        gateway.later_s += 24
        await _poll(stage)

    draw(
        pictures, still_app(gateway, start="failures", write="mail is back"), SIZES[size], ("c", "right", "enter"), then
    )


@pytest.mark.parametrize("name", STATES)
def test_each_state_of_failures(pictures: SnapshotAssertion, name: str) -> None:
    draw(pictures, still_app(start="failures", write="mail is back"), SIZES["80x24"], STATES[name])


def test_no_failure_at_all(pictures: SnapshotAssertion) -> None:
    draw(pictures, still_app(DemoGateway(empty=True), start="failures"), SIZES["80x24"])


def test_failures_can_not_be_known(pictures: SnapshotAssertion) -> None:
    gateway = FlakyGateway()
    gateway.go_away()
    draw(pictures, still_app(gateway, start="failures"), SIZES["80x24"])


def test_history_of_failures_can_not_be_known(pictures: SnapshotAssertion) -> None:
    draw(pictures, still_app(NoHistoryGateway(), start="failures"), SIZES["80x24"])


def test_old_failures_are_dimmed(pictures: SnapshotAssertion) -> None:
    gateway = FlakyGateway()

    async def then(stage: Stage) -> None:
        gateway.go_away(after_s=42)
        await _poll(stage)

    draw(pictures, still_app(gateway, start="failures"), SIZES["80x24"], then=then)


def test_hostile_failures(pictures: SnapshotAssertion) -> None:
    draw(pictures, still_app(HostileGateway(PAYLOADS), start="failures"), SIZES["120x40"])


async def _poll(stage: Stage) -> None:
    screen = stage.app.screen
    assert isinstance(screen, DeweyScreen)
    screen.poll()
    await stage.settle()
