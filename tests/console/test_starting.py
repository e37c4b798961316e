"""What the console loads before its first screen, and what it makes ready after it."""

import gc
import os
import subprocess
import sys
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import redis

from console import warming
from console.app import DeweyApp
from console.gateway.demo import DemoGateway
from console.gateway.glance import PARTS
from console.loading import loaded
from console.screens.asking import AskingScreen
from console.screens.base import DeweyScreen
from console.screens.doors import DOORS
from storage.broker.broker import Broker
from tests.console.stage import SMALL, Stage, play, screen_text, still_app
from tests.console.test_live_console import until

LOADED: Final = """
import os, sys
import console.__main__, console.cli
console.head_start._running = lambda: 0.0
from console.commands import console as command
from console.screens.doors import DOORS

def leave(*_):
    DOORS[sys.argv[2]].kind()
    print(*sys.modules, flush=True)
    os._exit(0)

command.require_terminal = lambda *_: None
command.Ending = leave
console.__main__.main()
"""
"""The command, up to where the application runs, with its first screen."""
DRAWN: Final = """
import os, sys
from console import head_start as starting
from console.head_start import HeadStart
starting._running = lambda: 0.0
with HeadStart(is_wanted=True) as head_start:
    from console.commands.opening import found_desk
    from console.app import DeweyApp
    from console.gateway.early import EarlyGateway
    from console.reading_ahead import Errand
    from console.screens.overview import OverviewScreen

    def drawn(screen):
        table = screen.table
        rows = "".join(table.render_line(one).text for one in range(table.size.height))
        print(rows, *sys.modules, file=sys.__stderr__)
        os._exit(0)

    OverviewScreen._drawn = drawn
    desk = found_desk()
    errand = Errand.of(desk.resources, "")
    head_start.tell(errand)
    assert head_start.answer(20.0) is not None
    DeweyApp(EarlyGateway(head_start, desk, "ada", held=desk.resources)).run(headless=True, size=(120, 40))
"""
"""The console in no terminal, up to where its first answer is drawn."""
ANSWERED: Final = "; ".join(
    [
        "import pathlib, sys",
        "from console.commands.opening import open_desk",
        "from console.gateway.live import LiveGateway",
        "desk = open_desk()",
        "gateway = LiveGateway(desk, 'ada', held=desk.resources)",
        "getattr(gateway, sys.argv[1])()",
        "print(*sys.modules)",
    ]
)
NOWHERE: Final = "postgresql://nobody@127.0.0.1:1/none"
NOT_YET: Final = frozenset(
    {
        *("peewee", "yoyo", "sqlparse", "pgvector", "smtplib", "http.server", "google.genai", "boto3", "PIL", "pypdf"),
        *("pydantic", "pydantic_settings", "dotenv", "email.headerregistry", "email.parser"),
        *("textual.widgets._markdown", "textual.widgets._text_area", "rich.markdown", "pygments", "rich.syntax"),
        *("console.gateway.demo", "console.exporting", "console.places", "console.screens.job", "console.screens.help"),
        *("console.screens.action_dialog", "console.screens.pick", "console.screens.command_line"),
        *("storage.doctor", "storage.database.connection", "storage.history.jobs", "storage.history.ledger"),
        *("storage.history.failures", "storage.objects", "storage.chunks", "storage.files"),
        *("tasks.actions.layer", "tasks.actions.registry", "tasks.ledger", "tasks.app", "tasks.engine.huey"),
        *("tasks.services.mailers", "tasks.services.embedding", "tasks.services.vision"),
    }
)
"""What no first screen needs: each takes its time to load."""
READ_AHEAD: Final = frozenset(
    {
        *("redis", "psycopg2", "huey", "msgpack", "importlib.metadata", "email.message", "argparse", "tomllib"),
        *("storage.redaction", "storage.slowness", "storage.servers.launch", "storage.history.lag"),
        *("storage.broker.broker", "storage.broker.inspector", "storage.broker.canaries", "storage.broker.requests"),
        *("tasks.masking", "tasks.payloads", "tasks.operations", "tasks.engine.codec"),
        *("console.gateway.beside", "console.gateway.raw", "console.gateway.criteria"),
    }
)
"""What the first screen does without because another process reads ahead for it, or because of what it shows."""


@pytest.mark.parametrize("first", ["overview", "queues"])
def test_the_first_screen_waits_for_nothing_that_it_does_not_need(first: str, tmp_path: Path) -> None:
    nowhere = {"REDIS_URL": "redis://127.0.0.1:1/0", "DATABASE_URL": NOWHERE, "DEWEY_HOME": str(tmp_path)}
    command = [sys.executable, "-c", LOADED, "console", first]
    found = subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ, **nowhere})
    loaded = set(found.stdout.split())
    assert f"console.screens.{first}" in loaded
    assert loaded & (NOT_YET | READ_AHEAD) == set()
    other_screens = {door.module for name, door in DOORS.items() if name != first}
    assert loaded & other_screens == set()


def test_the_first_answer_is_drawn_before_the_drivers_are_loaded(
    redis_client: "redis.Redis", redis_url: str, namespace: str, tmp_path: Path
) -> None:
    Broker(redis_client, namespace).add_queues(["wholesale"])
    told = {"REDIS_URL": redis_url, "DATABASE_URL": NOWHERE, "DEWEY_HOME": str(tmp_path), "DEWEY_NAMESPACE": namespace}
    command = [sys.executable, "-c", DRAWN]
    found = subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ, **told})
    assert "wholesale" in found.stderr
    assert set(found.stderr.split()) & READ_AHEAD == set()


@pytest.mark.parametrize("question", ["glance", "queues"])
def test_the_first_answer_waits_for_nothing_but_redis(
    question: str, redis_client: "redis.Redis", redis_url: str, namespace: str, tmp_path: Path
) -> None:
    Broker(redis_client, namespace).add_queues(["email"])
    told = {"REDIS_URL": redis_url, "DATABASE_URL": NOWHERE, "DEWEY_HOME": str(tmp_path), "DEWEY_NAMESPACE": namespace}
    command = [sys.executable, "-c", ANSWERED, question]
    found = subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ, **told})
    assert set(found.stdout.split()) & NOT_YET == set()


@pytest.mark.parametrize(("first", "others"), [("overview", PARTS), ("queues", ("measures",))])
def test_the_first_answer_is_drawn_before_other_stores_are_asked(
    monkeypatch: pytest.MonkeyPatch, first: str, others: tuple[str, ...]
) -> None:
    app = still_app(start=first)
    drawn: dict[str, bool] = {}
    ask = AskingScreen.ask

    def watched(screen: AskingScreen, name: str, *more: Any) -> None:
        drawn[name] = "ingestion" in screen_text(app)
        ask(screen, name, *more)

    monkeypatch.setattr(AskingScreen, "ask", watched)

    async def script(stage: Stage) -> None:
        assert "ingestion" in stage.text
        assert {name: drawn[name] for name in others} == dict.fromkeys(others, True)

    play(script, app, (120, 40))


@pytest.fixture
def collector() -> Iterator[None]:
    """What looks for garbage is afterwards as it was."""
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)
    gc.unfreeze()


class Counting(DemoGateway):
    """Notes what it is asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []

    def __getattribute__(self, name: str) -> object:
        if name in {"glance", "queues", "jobs", "failures", "tail", "files", "schedules", "fleet", "audit", "trash"}:
            object.__getattribute__(self, "asked").append(name)
        return super().__getattribute__(name)


@pytest.mark.usefixtures("collector")
def test_screens_are_made_ready_one_after_the_other_and_ask_nothing_until_they_are_seen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gateway = Counting()
    app = still_app(gateway)
    app.is_warmed = True
    monkeypatch.setattr("console.warming.BEGINS_S", 0.01)
    monkeypatch.setattr("console.warming.PAUSE_S", 0.01)

    async def script(stage: Stage) -> None:
        await until(stage, lambda: set(app._screen_stacks) >= set(DOORS), "all screens are laid out")
        made = {mode: app._screen_stacks[mode][0] for mode in DOORS}
        await stage.settle()
        assert set(gateway.asked) == {"queues"}, "only the screen in sight asks"
        await stage.press("4")
        assert app.screen is made["failures"]
        assert isinstance(app.screen, DeweyScreen)
        assert "failures" in gateway.asked

    play(script, app, SMALL)


class Knot:
    """Something that only the collector frees."""

    def __init__(self) -> None:
        self.me = self


@pytest.mark.usefixtures("collector")
def test_what_can_go_while_screens_are_made_ready_is_not_kept_for_ever() -> None:
    gc.disable()
    try:
        knot = weakref.ref(Knot())
        warming._load("console.places")
        gc.collect()
        assert knot() is None
        assert not gc.isenabled()
    finally:
        gc.enable()
    warming._load("console.places")
    assert gc.isenabled()


@pytest.mark.usefixtures("collector")
def test_what_a_command_has_loaded_is_not_looked_through() -> None:
    gc.collect()
    loaded()
    assert gc.get_freeze_count() == 0, "who looks for garbage already goes on"
    gc.disable()
    try:
        knot = weakref.ref(Knot())
        there = len(gc.get_objects())
        loaded()
        assert gc.isenabled()
        assert gc.get_freeze_count() >= there
        gc.collect()
        assert knot() is not None
    finally:
        gc.enable()


def test_without_being_told_to_nothing_is_made_ready() -> None:
    app = still_app()

    async def script(stage: Stage) -> None:
        await stage.press("3")
        assert set(app._screen_stacks) == {"queues", "jobs"}

    play(script, app, SMALL)


def test_each_source_of_styles_is_parsed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    app = still_app()
    parsed: list[object] = []
    parse = __import__("textual.css.stylesheet", fromlist=["parse"]).parse

    def counted(scope: str, css: str, read_from: object, **more: object) -> object:
        parsed.append((scope, read_from, more["tie_breaker"]))
        return parse(scope, css, read_from, **more)

    monkeypatch.setattr("textual.css.stylesheet.parse", counted)

    async def script(stage: Stage) -> None:
        for key in "123456789123456789":
            await stage.press(key)
        assert len(parsed) == len(set(parsed))
        before = len(parsed)
        app.theme = "dewey-light"
        await stage.settle()
        assert len(parsed) > before, "other colours are read anew"

    play(script, app, SMALL)


def test_a_hidden_screen_wears_the_colours_that_were_chosen_meanwhile() -> None:
    pictures: list[str] = []
    for chosen_at in ("jobs", "queues"):
        app = still_app()
        app.animation_level = "none"

        async def script(stage: Stage, app: DeweyApp = app, chosen_at: str = chosen_at) -> None:
            await stage.press("3", "enter", "2")
            if chosen_at == "queues":
                app.theme = "dewey-light"
            await stage.press("3")
            if chosen_at == "jobs":
                app.theme = "dewey-light"
            await stage.press("escape")
            pictures.append(app.export_screenshot(title="dewey"))

        play(script, app, SMALL)
    assert pictures[0] == pictures[1]
