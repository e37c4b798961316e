"""Redis and PostgreSQL die under each screen and come back, consumers come and go: what was known stays in sight."""

import asyncio
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from console import app as application
from console.app import DeweyApp
from console.gateway.errors import GatewayError
from console.gateway.live import LiveGateway, Opened
from console.screens.base import DeweyScreen
from console.screens.doors import DOORS
from console.screens.job import JobScreen
from console.screens.pick import PickScreen
from storage.broker.records import NewJob
from storage.broker.requests import ClaimRequest, Settlement
from storage.database import migrations
from tasks import resources
from tasks.actions.layer import Actions
from tasks.actions.tools import open_tools
from tasks.engine import registry
from tasks.operations import Operations
from tasks.samples import huey
from tests.console.restarting import Restarting, restarting_postgres, restarting_redis
from tests.console.stage import Stage, play
from tests.console.test_live_console import until, until_shown
from tests.tasks.consumers import consumer
from tests.tasks.jobs import Jobs

DEAD = "dead-job"
REQUEST = ClaimRequest("host:1", "host:1/Worker-1", 60_000)
PLACES = (*DeweyApp.MODES, "job", "trigger")
WORD = re.compile(r"[A-Za-z]{5,}")


@pytest.fixture(scope="module")
def redis_at() -> Iterator[Restarting]:
    with restarting_redis() as server:
        yield server


@pytest.fixture(scope="module")
def postgres_at() -> Iterator[Restarting]:
    with restarting_postgres() as server:
        migrations.apply(server.server.url_of("postgres"))  # type: ignore[union-attr]  # it is no Redis
        yield server


@pytest.fixture
def jobs(
    redis_at: Restarting, postgres_at: Restarting, namespace: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Jobs]:
    """Jobs on servers that may be killed; some wait, one is dead."""
    before = resources._Held.resources
    home = tmp_path / "home"
    urls = redis_at.server.url, postgres_at.server.url_of("postgres")  # type: ignore[union-attr]  # as above
    made = Jobs(*urls, home / "objects", {"dewey_home": home, "dewey_namespace": namespace})
    made.use()
    monkeypatch.setattr(huey, "name", namespace)
    monkeypatch.setattr(huey, "storage", huey.create_storage())
    registry.publish(huey.broker, huey.task_infos())
    huey.broker.enqueue([NewJob(name, "shop.tasks.pack", "parcels", b"[[1],{}]") for name in (DEAD, "a", "b", "c")])
    claim = huey.broker.take(REQUEST, DEAD)
    assert claim is not None
    failed = Settlement(DEAD, claim.token, "dead", "failed", 0, error_type="ValueError", error="no such parcel")
    huey.broker.settle(failed)
    yield made
    huey.storage.close()
    resources.use(before)


@pytest.fixture
def app(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> DeweyApp:
    """A console that asks, and asks again, ten times as often."""
    monkeypatch.setattr(application, "RETRIES_S", (0.1,))
    actions = Actions(open_tools(resources.current(), huey.broker))
    operations = Operations(huey.broker, jobs.inspector)
    gateway = LiveGateway(Opened(jobs.inspector, operations), "ada", held=resources.current(), actions=lambda: actions)
    return DeweyApp(gateway, "test", "queues", refresh_s=0.1)


async def _open(stage: Stage, place: str) -> DeweyScreen:
    """Open a screen, and wait until it shows what there is."""
    if place == "job":
        stage.app.open_job(DEAD)
    elif place == "trigger":
        stage.app.open_trigger()
    else:
        stage.app.action_go(place)
    await until(stage, lambda: isinstance(stage.app.screen, _kind(place)), place)
    screen = stage.app.screen
    assert isinstance(screen, DeweyScreen)
    await until(stage, lambda: screen.is_mounted, f"{place} is there")
    if place == "trigger":
        await until_shown(stage, "sync_partner")
    else:
        await _heard_again(stage)
    return screen


def _kind(place: str) -> type[DeweyScreen]:
    kinds: dict[str, type[DeweyScreen]] = {"job": JobScreen, "trigger": PickScreen}
    return kinds.get(place) or DOORS[place].kind()


async def _heard_again(stage: Stage) -> None:
    """Wait for an answer to a question of the screen in sight, whatever the backend answers."""
    heard = 0
    of_answer, of_none = stage.app.heard, stage.app.unheard

    def answered(took_s: float | None) -> None:
        nonlocal heard
        heard += 1
        of_answer(took_s)

    def unanswered(error: GatewayError) -> None:
        nonlocal heard
        heard += 1
        of_none(error)

    stage.app.heard, stage.app.unheard = answered, unanswered  # type: ignore[method-assign]
    await until(stage, lambda: heard > 1, "answers")
    del stage.app.heard, stage.app.unheard


def _words(stage: Stage) -> set[str]:
    """What the body says, without the header and the bars under it, whose words come and go."""
    return set(WORD.findall("\n".join(stage.text.split("\n")[4:-1])))


def _walk(server: Restarting, must_say: Callable[[str], bool]) -> Callable[[Stage], "asyncio.Future[None]"]:
    async def script(stage: Stage) -> None:
        for place in PLACES:
            await _open(stage, place)
            before = _words(stage)
            server.kill()
            if must_say(place):
                await until_shown(stage, "data is", "old", "next try in")
                assert stage.app.screen.query(".-stale"), f"old data on {place} is dimmed"
            elif place != "trigger":  # that asks once
                await _heard_again(stage)
            lost = before - _words(stage)
            assert len(lost) <= len(before) // 4, f"{place} lost {lost} of what it showed"
            server.start()
            await until(stage, lambda: stage.app.away is None, f"{place} comes back by itself")
            assert "Traceback" not in stage.text
            while len(stage.app.screen_stack) > 1:
                stage.app.pop_screen()

    return script  # type: ignore[return-value]  # a coroutine function


def test_redis_dies_under_each_screen_and_comes_back(app: DeweyApp, redis_at: Restarting) -> None:
    play(
        _walk(redis_at, lambda place: place in ("overview", "queues", "jobs", "logs", "workers", "job")), app, (120, 40)
    )


def test_postgresql_dies_under_each_screen_and_comes_back(app: DeweyApp, postgres_at: Restarting) -> None:
    play(_walk(postgres_at, lambda place: place in ("files", "audit")), app, (120, 40))


def test_consumers_come_and_go_while_they_are_watched(app: DeweyApp, jobs: Jobs) -> None:
    async def script(stage: Stage) -> None:
        for comes, goes in (("workers", "overview"), ("overview", "workers")):
            await _open(stage, comes)
            with ExitStack() as stack:
                one = consumer(jobs, "-w", "1", target="tasks.samples.huey")
                shown = {
                    "workers": str((await asyncio.to_thread(stack.enter_context, one)).pid),
                    "overview": "1 consumer",
                }
                await until_shown(stage, shown[comes])
                await _open(stage, goes)
                await until_shown(stage, shown[goes])
                await asyncio.to_thread(stack.close)
            await until(stage, lambda: shown[goes] not in stage.text, "it is gone")  # noqa: B023 - awaited at once

    play(script, app, (120, 40))
