"""Pictures of every screen and state, each looked at before it was accepted.

Fixed clock, canned data, nothing that moves; `--snapshot-update` makes them anew.
"""

import pytest
from pytest_textual_snapshot import SVGImageExtension
from syrupy.assertion import SnapshotAssertion
from textual.content import Content

from console.app import DeweyApp
from console.gateway.demo import DemoGateway
from console.gateway.demo_records import job_id
from console.gateway.errors import GatewayUnavailable
from console.gateway.glance import Lateness
from console.gateway.protocol import Gateway
from console.screens.base import DeweyScreen
from console.widgets.palette import DARK, LIGHT
from storage.values import replace
from tests.console.gateways import FlakyGateway, VastGateway
from tests.console.stage import Play, Stage, play, still_app

SIZES = {"80x24": (80, 24), "120x40": (120, 40), "200x60": (200, 60)}
DEAD = "state:dead queue:email"
TO_ATTEMPTS = ("enter", "]", "]")

SCREENS: dict[str, tuple[str, tuple[str, ...]]] = {
    "overview": ("overview", ()),
    "files": ("files", ("j",) * 18),
    "file": ("files", (*"jjjjjj", "enter")),
    "search": ("files", ("/", *"invoice", "enter", "j")),
    "queues": ("queues", ("j", "j", "j", "j")),
    "jobs": ("jobs", ("j", "space", "j", "space")),
    "job summary": ("state:running queue:ingestion", ("enter",)),
    "job log": ("state:running queue:ingestion", ("l",)),
    "job attempts": ("state:dead queue:ingestion", TO_ATTEMPTS),
    "job flow": ("state:blocked", ("enter", "[", "[")),
    "job raw": ("state:running queue:ingestion", ("enter", "[")),
    "logs": ("logs", ()),
    "schedules": ("schedules", ("j", "j")),
    "workers": ("workers", ("j", "j", "j")),
    "pick": ("trigger", ("down", "down")),
    "trigger": ("trigger", ("enter",)),
}
STATES: dict[str, tuple[str, tuple[str, ...]]] = {
    "help": ("jobs", ("?",)),
    "palette": ("jobs", ("ctrl+p",)),
    "nothing matches": ("jobs", ("/", *"state:blocked", "space", *"queue:email", "enter")),
    "filter completion": ("jobs", ("/", *"err:timeout", "space", *"queue:")),
    "filter error": ("jobs", ("/", *"queue:email", "space", *"status:dead", "enter")),
    "filter words": ("err:smtp state:dead,retrying", ("n",)),
    "command line": ("queues", (":", *"queue", "space", "e")),
    "command error": ("queues", (":", *"worker", "enter")),
    "logs filtered": ("logs level:>=WARNING answer", ("k", "k")),
    "schedule paused": ("schedules", ("enter", "j")),
    "range": ("jobs", ("j", "v", "j", "j")),
    "dimmed key": ("jobs", ("r",)),
    "relative times": ("jobs", ("T", "T")),
    "wrapped log": (DEAD, ("l", "w")),
    "all frames": (DEAD, (*TO_ATTEMPTS, "enter")),
    "hostile summary": (f"job:{job_id(0)}", ()),
    "hostile attempts": (f"job:{job_id(0)}", ("]", "]")),
    "no such job": ("job:zzzz", ()),
    "why": ("state:queued queue:reports", ("j", "i")),
    "why blocked": ("state:blocked", ("i",)),
    "dead jobs": ("state:dead", ("G",)),
}


@pytest.fixture
def pictures(snapshot: SnapshotAssertion) -> SnapshotAssertion:
    """The accepted pictures, as SVG files."""
    return snapshot.use_extension(SVGImageExtension)


def draw(
    pictures: SnapshotAssertion,
    app: DeweyApp,
    size: tuple[int, int],
    keys: tuple[str, ...] = (),
    then: Play | None = None,
    in_light: bool = False,
) -> None:
    """Compare what is drawn with the accepted picture; then ``in_light``, without starting the console again."""
    drawn: list[str] = []

    async def script(stage: Stage) -> None:
        await stage.press(*keys)
        if then is not None:
            await then(stage)
            await stage.settle()
        for field in app.screen.query("Input"):
            field.cursor_blink = False  # type: ignore[attr-defined]  # every Input has it
        await stage.settle()
        drawn.append(app.export_screenshot(title="dewey"))
        if in_light:
            app.theme = LIGHT.name
            await stage.settle()
            drawn.append(app.export_screenshot(title="dewey"))

    app.animation_level = "none"
    play(script, app, size)
    assert drawn[0] == pictures
    if in_light:
        assert drawn[1] == pictures(name="light")


async def _palette_filled(stage: Stage) -> None:
    for _ in range(200):
        await stage.pilot.pause(0.01)
        if "Filter jobs  /" in stage.text:
            return
    raise AssertionError("the palette stays empty")


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", SCREENS)
def test_each_screen_in_each_size(pictures: SnapshotAssertion, name: str, size: str) -> None:
    start, keys = SCREENS[name]
    draw(pictures, still_app(start=start), SIZES[size], keys, in_light=True)


@pytest.mark.parametrize("name", ["overview", "jobs", "job attempts", "logs"])
def test_a_console_that_starts_in_light_draws_as_one_that_is_told_to(name: str) -> None:
    start, keys = SCREENS[name]
    drawn: list[str] = []
    for begins_in_light in (True, False):
        app = still_app(start=start)
        app.animation_level = "none"
        app.theme = LIGHT.name if begins_in_light else DARK.name

        async def script(stage: Stage, keys: tuple[str, ...] = keys) -> None:
            await stage.press(*keys)
            stage.app.theme = LIGHT.name
            await stage.settle()
            drawn.append(stage.app.export_screenshot(title="dewey"))

        play(script, app, SIZES["120x40"])
    assert drawn[0] == drawn[1]


@pytest.mark.parametrize("name", STATES)
def test_each_state_in_the_smallest_size(pictures: SnapshotAssertion, name: str) -> None:
    start, keys = STATES[name]
    then = _palette_filled if name == "palette" else None
    draw(pictures, still_app(start=start), SIZES["80x24"], keys, then)


@pytest.mark.parametrize("start", ["queues", "jobs", "logs", "trigger", "schedules", "workers", "overview", "files"])
def test_nothing_here(pictures: SnapshotAssertion, start: str) -> None:
    draw(pictures, still_app(DemoGateway(empty=True), start=start), SIZES["80x24"])


@pytest.mark.parametrize("start", ["queues", "jobs", "logs", "job:68", "schedules", "workers", "overview", "files"])
def test_can_not_know(pictures: SnapshotAssertion, start: str) -> None:
    gateway = FlakyGateway()
    gateway.go_away()
    draw(pictures, still_app(gateway, start=start), SIZES["80x24"])


@pytest.mark.parametrize("start", ["queues", "jobs", "logs", "state:dead", "schedules", "workers", "overview", "files"])
def test_old_data_is_dimmed(pictures: SnapshotAssertion, start: str) -> None:
    gateway = FlakyGateway()

    async def then(stage: Stage) -> None:
        gateway.go_away(after_s=42)
        screen = stage.app.screen
        assert isinstance(screen, DeweyScreen)
        screen.poll()

    draw(pictures, still_app(gateway, start=start), SIZES["80x24"], then=then)


@pytest.mark.parametrize("keys", [("e", "down", "down"), ("e", "tab", *["backspace"] * 40, *"no/such.json", "enter")])
def test_the_dialog_of_an_export(
    pictures: SnapshotAssertion, keys: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir("/")
    draw(pictures, still_app(start="state:dead"), SIZES["80x24"], keys)


def test_history_that_is_away_is_said(pictures: SnapshotAssertion) -> None:
    gateway = FlakyGateway()
    jobs = gateway.jobs
    said = "history is not in this list, only the jobs that Redis holds: PostgreSQL did not answer: connection refused"
    gateway.jobs = lambda *asked: replace(jobs(*asked), trouble=Content(said), is_exact=False)  # type: ignore[method-assign]
    draw(pictures, still_app(gateway, start="err:timeout"), SIZES["80x24"])


def test_a_count_that_is_not_exact_is_said_so(pictures: SnapshotAssertion) -> None:
    gateway = VastGateway(400_000)
    gateway.is_exact = False
    draw(pictures, still_app(gateway, start="task:send_email last:7d"), SIZES["80x24"], ("a",))


def test_a_bug_is_shown(pictures: SnapshotAssertion) -> None:
    gateway = FlakyGateway()

    async def then(stage: Stage) -> None:
        stage.app.bug(ZeroDivisionError("division by zero"))
        stage.app.bugs.clear()

    draw(pictures, still_app(gateway), SIZES["80x24"], then=then)


def test_production_is_framed(pictures: SnapshotAssertion) -> None:
    gateway: Gateway = FlakyGateway()
    draw(pictures, still_app(gateway, environment="production"), SIZES["80x24"])


def test_a_late_history_is_in_the_header(pictures: SnapshotAssertion) -> None:
    async def then(stage: Stage) -> None:
        stage.app.heard_of_lateness(Lateness(134))
        screen = stage.app.screen
        assert isinstance(screen, DeweyScreen)
        screen.refresh_frame()

    draw(pictures, still_app(FlakyGateway()), SIZES["80x24"], then=then)


def test_a_long_reason_leaves_the_age_and_the_countdown_in_sight(pictures: SnapshotAssertion) -> None:
    gateway = FlakyGateway()

    async def then(stage: Stage) -> None:
        gateway.error = GatewayUnavailable("Redis did not answer: " + "connection refused, " * 20 + "\x1b[2J")
        screen = stage.app.screen
        assert isinstance(screen, DeweyScreen)
        screen.poll()

    draw(pictures, still_app(gateway), SIZES["80x24"], then=then)
