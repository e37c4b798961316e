"""The whole of it: the console under a keyboard, its live gateway, Redis, PostgreSQL and a consumer process."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from console.app import DeweyApp
from console.gateway.live import LiveGateway, Opened
from console.screens.job import JobScreen
from console.screens.jobs import JobsScreen
from console.screens.trigger import TriggerScreen
from storage.broker.records import State
from tasks import resources
from tasks.actions.layer import Actions
from tasks.actions.tools import open_tools
from tasks.operations import Operations
from tasks.samples import huey
from tests.console.stage import Stage, play
from tests.tasks.consumers import consumer
from tests.tasks.jobs import Jobs

LONGEST_S = 30.0


@pytest.fixture
def jobs(
    redis_url: str, namespace: str, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Jobs]:
    """A namespace of Redis and a database of this test, for this process and for consumers."""
    before = resources._Held.resources
    home = tmp_path / "home"
    monkeypatch.setattr(huey, "name", namespace)
    monkeypatch.setattr(huey, "storage", huey.create_storage())
    made = Jobs(redis_url, database_url, home / "objects", {"dewey_home": home, "dewey_namespace": namespace})
    made.use()
    yield made
    huey.storage.close()
    resources.use(before)


@pytest.fixture
def app(jobs: Jobs) -> DeweyApp:
    """The console as `dewey console` makes it, only more impatient."""
    actions = Actions(open_tools(resources.current(), huey.broker))
    gateway = LiveGateway(
        Opened(jobs.inspector, Operations(huey.broker, jobs.inspector)), "ada", actions=lambda: actions
    )
    app = DeweyApp(gateway, "test", "queues", refresh_s=0.2)
    app.write_reason = "trying it out"
    return app


async def until(stage: Stage, condition: Callable[[], bool], what: str) -> None:
    """Let the console go on until something holds."""
    deadline = time.monotonic() + LONGEST_S
    while not condition():
        assert time.monotonic() < deadline, f"still not: {what}\n{stage.text}"
        await stage.pilot.pause(0.05)


async def until_shown(stage: Stage, *texts: str) -> None:
    """Let the console go on until all these texts stand on the screen."""
    await until(stage, lambda: all(text in stage.text for text in texts), f"shown: {', '.join(texts)}")


async def until_it_is(stage: Stage, state: State) -> None:
    """Let the console go on until the job on the screen is shown in a state."""

    def is_shown() -> bool:
        screen = stage.app.screen
        return isinstance(screen, JobScreen) and screen.view is not None and screen.view.row.state == state

    await until(stage, is_shown, f"the job is {state}")


def test_a_job_is_triggered_followed_read_and_requeued_by_keyboard(app: DeweyApp, jobs: Jobs) -> None:
    async def script(stage: Stage) -> None:
        await _trigger_by_keyboard(stage)
        await _follow_its_log_until_it_is_dead(stage)
        await _read_why(stage)
        await _find_it_among_the_dead(stage)
        await _requeue_it(stage)

    with consumer(jobs, "-w", "2", target="tasks.samples.huey"):
        play(script, app, size=(120, 40))
    (found,) = jobs.inspector.jobs(queues=("sync",)).jobs
    job = jobs.inspector.job(found.id)
    assert (job.state, job.task, jobs.result(job.id)) == ("succeeded", "tasks.samples.sync_partner", 70)
    assert [attempt.outcome for attempt in job.attempts] == ["failed", "failed", "failed", "succeeded"]


async def _trigger_by_keyboard(stage: Stage) -> None:
    await stage.press("t")
    await until_shown(stage, "sync_partner")
    await stage.type("syncpart")
    await stage.press("enter")
    assert isinstance(stage.app.screen, TriggerScreen)
    await stage.press("enter", "down", "down", "down", "enter", "tab")
    await stage.type("70")
    await stage.press("ctrl+s")
    await until_shown(stage, "Trigger sync_partner?", "initech", "70")
    await stage.press("right", "enter")


async def _follow_its_log_until_it_is_dead(stage: Stage) -> None:
    await until(stage, lambda: isinstance(stage.app.screen, JobScreen), "the job's screen")
    await stage.press("l")
    await until_shown(stage, "connecting to initech, attempt 1")
    assert "following" in stage.text
    await until_shown(stage, "connecting to initech, attempt 2", "connecting to initech, attempt 3")
    await until_it_is(stage, "dead")


async def _read_why(stage: Stage) -> None:
    await stage.press("right_square_bracket")
    await until_shown(stage, "PartnerUnreachable: initech closed the connection after 0 of 70 records", "sync_partner")


async def _find_it_among_the_dead(stage: Stage) -> None:
    await stage.press("escape", "3", "slash")
    await stage.type("state:dead queue:sync")
    await stage.press("enter")
    assert isinstance(stage.app.screen, JobsScreen)
    await until_shown(stage, "PartnerUnreachable")
    await stage.press("enter")
    await until_it_is(stage, "dead")


async def _requeue_it(stage: Stage) -> None:
    await stage.press("r")
    await until_shown(stage, "Requeue", "Cancel")
    await stage.press("right", "enter")
    await until(stage, lambda: "1 job requeued." in stage.notes, "told that it is requeued")
    await until_it_is(stage, "succeeded")
    await stage.press("l")
    await until_shown(stage, "70 records of initech are up to date")
