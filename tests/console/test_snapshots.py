"""Pictures of every screen and state, each looked at before it was accepted.

Fixed clock, canned data, nothing that moves; `--snapshot-update` makes them anew.
"""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from textual.pilot import Pilot

from console.app import DeweyApp
from console.gateway.demo import DemoGateway
from console.gateway.demo_records import job_id
from console.gateway.errors import GatewayUnavailable
from console.gateway.protocol import Gateway
from console.screens.base import DeweyScreen
from console.widgets.palette import LIGHT
from tests.console.gateways import FlakyGateway
from tests.console.stage import Stage, settle, still_app

Compare = Callable[..., bool]
SIZES = {"80x24": (80, 24), "120x40": (120, 40), "200x60": (200, 60)}
DEAD = "state:dead queue:email"
TO_ATTEMPTS = ("enter", "]", "]")

SCREENS: dict[str, tuple[str, tuple[str, ...]]] = {
    "queues": ("", ("j", "j", "j", "j")),
    "jobs": ("jobs", ("j", "space", "j", "space")),
    "job summary": ("state:running queue:ingestion", ("enter",)),
    "job log": ("state:running queue:ingestion", ("l",)),
    "job attempts": ("state:dead queue:ingestion", TO_ATTEMPTS),
    "logs": ("logs", ()),
    "pick": ("trigger", ("down", "down")),
    "trigger": ("trigger", ("enter",)),
}
STATES: dict[str, tuple[str, tuple[str, ...]]] = {
    "help": ("jobs", ("?",)),
    "palette": ("jobs", ("ctrl+p",)),
    "requeue": ("jobs", ("a", "r")),
    "pause": ("", ("p",)),
    "resume": ("", ("G", "p")),
    "nothing matches": ("jobs", ("/", *"state:blocked", "space", *"queue:email", "enter")),
    "filter error": ("jobs", ("/", *"task:x", "enter")),
    "form errors": ("trigger", ("enter", "ctrl+s")),
    "range": ("jobs", ("j", "v", "j", "j")),
    "dimmed key": ("jobs", ("r",)),
    "relative times": ("jobs", ("T", "T")),
    "wrapped log": (DEAD, ("l", "w")),
    "all frames": (DEAD, (*TO_ATTEMPTS, "enter")),
    "hostile summary": (f"job:{job_id(0)}", ()),
    "hostile attempts": (f"job:{job_id(0)}", ("]", "]")),
    "no such job": ("job:zzzz", ()),
    "dead jobs": ("state:dead", ("G",)),
}


def _draw(compare: Compare, app: DeweyApp, size: tuple[int, int], keys: tuple[str, ...] = (), **extra: Any) -> None:
    async def before(pilot: Pilot[None]) -> None:
        stage = Stage(app, pilot)
        for widget in app.screen.query("Input"):
            widget.cursor_blink = False  # type: ignore[attr-defined]
        await stage.settle()
        await stage.press(*keys)
        if "palette" in extra:
            await asyncio.sleep(0.3)
            await stage.settle()
        if "then" in extra:
            await extra["then"](stage)
            await stage.settle()
        await settle(pilot)

    app.animation_level = "none"
    assert compare(app, terminal_size=size, run_before=before)
    assert not app.bugs, app.bugs


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", SCREENS)
def test_each_screen_in_each_size(snap_compare: Compare, name: str, size: str) -> None:
    start, keys = SCREENS[name]
    _draw(snap_compare, still_app(start=start), SIZES[size], keys)


@pytest.mark.parametrize("name", ["queues", "jobs", "job attempts", "trigger"])
def test_screens_in_light(snap_compare: Compare, name: str) -> None:
    start, keys = SCREENS[name]
    app = still_app(start=start)
    app.theme = LIGHT.name
    _draw(snap_compare, app, SIZES["120x40"], keys)


@pytest.mark.parametrize("name", STATES)
def test_each_state_in_the_smallest_size(snap_compare: Compare, name: str) -> None:
    start, keys = STATES[name]
    extra = {"palette": True} if name == "palette" else {}
    _draw(snap_compare, still_app(start=start), SIZES["80x24"], keys, **extra)


@pytest.mark.parametrize("start", ["queues", "jobs", "logs", "trigger"])
def test_nothing_here(snap_compare: Compare, start: str) -> None:
    _draw(snap_compare, still_app(DemoGateway(empty=True), start=start), SIZES["80x24"])


@pytest.mark.parametrize("start", ["queues", "jobs", "logs", "job:68"])
def test_can_not_know(snap_compare: Compare, start: str) -> None:
    gateway = FlakyGateway()
    gateway.go_away()
    _draw(snap_compare, still_app(gateway, start=start), SIZES["80x24"])


@pytest.mark.parametrize("start", ["queues", "jobs", "logs", "state:dead"])
def test_old_data_is_dimmed(snap_compare: Compare, start: str) -> None:
    gateway = FlakyGateway()

    async def then(stage: Stage) -> None:
        gateway.go_away(after_s=42)
        screen = stage.app.screen
        assert isinstance(screen, DeweyScreen)
        screen.poll()

    _draw(snap_compare, still_app(gateway, start=start), SIZES["80x24"], then=then)


def test_a_bug_is_shown(snap_compare: Compare) -> None:
    gateway = FlakyGateway()

    async def then(stage: Stage) -> None:
        stage.app.bug(ZeroDivisionError("division by zero"))
        stage.app.bugs.clear()

    _draw(snap_compare, still_app(gateway), SIZES["80x24"], then=then)


def test_production_is_framed(snap_compare: Compare) -> None:
    gateway: Gateway = FlakyGateway()
    _draw(snap_compare, still_app(gateway, environment="production"), SIZES["80x24"])


def test_a_long_reason_leaves_the_age_and_the_countdown_in_sight(snap_compare: Compare) -> None:
    gateway = FlakyGateway()

    async def then(stage: Stage) -> None:
        gateway.error = GatewayUnavailable("Redis did not answer: " + "connection refused, " * 20 + "\x1b[2J")
        screen = stage.app.screen
        assert isinstance(screen, DeweyScreen)
        screen.poll()

    _draw(snap_compare, still_app(gateway), SIZES["80x24"], then=then)
