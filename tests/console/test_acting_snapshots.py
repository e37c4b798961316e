"""Pictures of everything by which an operator acts: armed and not, every kind of dialog, the audit, the canaries."""

from datetime import timedelta

import pytest
from syrupy.assertion import SnapshotAssertion

from console.gateway.demo import DemoGateway
from console.gateway.errors import GatewayUnavailable
from console.screens.base import DeweyScreen
from tests.console.gateways import FlakyGateway
from tests.console.stage import Stage, still_app
from tests.console.test_snapshots import DEAD, SIZES, draw
from tests.console.test_snapshots import pictures as pictures  # noqa: PLC0414  # a fixture

WRITE = "mail is down, see #ops"
BEGUN = ("a", "c", "right", "enter")

SCREENS: dict[str, tuple[str, tuple[str, ...]]] = {
    "audit": ("audit", ("j", "j", "j")),
    "entry": ("audit", (*"jjjjj", "enter", "G")),
    "trash": ("audit", ("]", "j")),
    "canaries": (DEAD, (*BEGUN, "C")),
    "armed": ("queues", ("j",)),
    "canary dialog": ("jobs", ("a", "c")),
    "purge": ("queues", ("j", "D")),
}
STATES: dict[str, tuple[str, tuple[str, ...]]] = {
    "requeue": ("jobs", ("a", "r")),
    "discard": (DEAD, ("space", "space", "d")),
    "cancel": ("state:running", ("a", "x")),
    "priority": ("state:queued", ("P", *"50")),
    "pause": ("queues", ("p",)),
    "resume": ("queues", ("G", "p")),
    "limit": ("queues", ("L", *"fast")),
    "quiet": ("workers", ("j", "p")),
    "stop": ("workers", ("j", "S")),
    "run now": ("schedules", ("G", "r")),
    "pause until": ("schedules", ("G", "p", "2", "h")),
    "form errors": ("trigger", ("enter", "ctrl+s")),
    "trigger": ("trigger", (*"ingest", "enter", "7", "ctrl+s")),
    "as last time": ("trigger", (*"ingest", "enter", "ctrl+l")),
    "edit": (DEAD, ("R",)),
    "reveal": (DEAD, ("enter", "u")),
    "revealed": (DEAD, ("enter", "u", *"why", "enter", "right", "enter")),
    "undo": (DEAD, ("d", "right", "enter", "z")),
    "undone": ("queues", ("p", "tab", *"full", "enter", "right", "enter", "9", "u", "right", "enter")),
    "disarmed": ("queues", ("W",)),
    "audit filtered": ("audit", ("/", *"actor:ada", "space", *"requeue", "enter")),
    "audit completion": ("audit", ("/", *"actor:ada", "space", *"outcome:")),
    "audit without a match": ("audit", ("/", *"outcome:undone", "enter")),
}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", SCREENS)
def test_where_one_acts_in_each_size(pictures: SnapshotAssertion, name: str, size: str) -> None:
    start, keys = SCREENS[name]
    draw(pictures, still_app(start=start, write=WRITE), SIZES[size], keys, in_light=True)


@pytest.mark.parametrize("name", STATES)
def test_each_way_to_act_in_the_smallest_size(pictures: SnapshotAssertion, name: str) -> None:
    start, keys = STATES[name]
    draw(pictures, still_app(start=start, write=WRITE), SIZES["80x24"], keys)


@pytest.mark.parametrize("keys", [(), ("W",)], ids=["keys dimmed", "arming"])
def test_read_only(pictures: SnapshotAssertion, keys: tuple[str, ...]) -> None:
    draw(pictures, still_app(start="state:dead"), SIZES["80x24"], keys)


@pytest.mark.parametrize("keys", [(), ("]",), ("C",)], ids=["audit", "trash", "canaries"])
def test_nothing_was_done(pictures: SnapshotAssertion, keys: tuple[str, ...]) -> None:
    draw(pictures, still_app(DemoGateway(empty=True), start="audit"), SIZES["80x24"], keys)


def test_what_was_done_can_not_be_known(pictures: SnapshotAssertion) -> None:
    gateway = FlakyGateway()
    gateway.go_away()
    draw(pictures, still_app(gateway, start="audit"), SIZES["80x24"])


def test_an_old_audit_is_dimmed(pictures: SnapshotAssertion) -> None:
    gateway = FlakyGateway()

    async def then(stage: Stage) -> None:
        gateway.later_s += 42
        gateway.error = GatewayUnavailable("PostgreSQL did not answer: connection refused")
        screen = stage.app.screen
        assert isinstance(screen, DeweyScreen)
        screen.poll()

    draw(pictures, still_app(gateway, start="audit"), SIZES["80x24"], then=then)


@pytest.mark.parametrize("later_s", [10, 24, 60])
def test_a_canary_goes_on_in_the_frame(pictures: SnapshotAssertion, later_s: int) -> None:
    gateway = FlakyGateway()

    async def then(stage: Stage) -> None:
        gateway.later_s += timedelta(seconds=later_s).total_seconds()
        screen = stage.app.screen
        assert isinstance(screen, DeweyScreen)
        screen.poll()

    draw(pictures, still_app(gateway, start="state:dead", write=WRITE), SIZES["80x24"], BEGUN, then)


def test_production_asks_for_its_name(pictures: SnapshotAssertion) -> None:
    app = still_app(start=DEAD, environment="production", write=WRITE)
    draw(pictures, app, SIZES["80x24"], ("d",))
