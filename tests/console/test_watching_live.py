"""The screens that watch, over a consumer process that really runs, is told to be quiet, and ends."""

from console.app import DeweyApp
from console.gateway.live import LiveGateway, Opened
from console.screens.job import JobScreen
from tasks import resources
from tasks.actions.layer import Actions
from tasks.actions.tools import open_tools
from tasks.operations import Operations
from tasks.samples import build_report, huey
from tests.console.stage import Stage, play
from tests.console.test_live_console import jobs as jobs  # noqa: PLC0414  # a fixture
from tests.console.test_live_console import until, until_shown
from tests.tasks.consumers import consumer
from tests.tasks.jobs import Jobs


def test_a_real_consumer_is_seen_at_work_quieted_and_gone(jobs: Jobs) -> None:
    held = resources.current()
    actions = Actions(open_tools(held, huey.broker))
    operations = Operations(huey.broker, jobs.inspector)
    gateway = LiveGateway(Opened(jobs.inspector, operations), "ada", held=held, actions=lambda: actions)
    app = DeweyApp(gateway, "test", refresh_s=0.2)
    app.write_reason = "trying it out"
    report = build_report("2026-05", pages=600, seconds_per_page=0.1)

    async def script(stage: Stage) -> None:
        await until_shown(stage, "consumers", "none runs: 1 job waits")
        with consumer(jobs, "-w", "2", target="tasks.samples.huey"):
            await until_shown(stage, "1 consumer", "1 of 2 workers busy", "● PostgreSQL")
            await stage.press("6")
            await until_shown(stage, "● 1 of 2 busy", "build_report", report.id[:8])
            await stage.press("j", "enter")
            await until(stage, lambda: isinstance(stage.app.screen, JobScreen), "the job's screen")
            await stage.press("escape", "p")
            await until_shown(stage, "It will finish 1 running job")
            await stage.press("right", "enter")
            await until_shown(stage, "‖ quiet, 1 left")
            operations.cancel([report.id], by="ada")
            await until_shown(stage, "0 of 2 workers busy")
            await stage.press("5")
            await until_shown(stage, "clean_expired_tokens", "0 * * * *")
        await stage.press("6")
        await until_shown(stage, "No consumer lives: jobs wait.")

    play(script, app, size=(120, 40))
    assert jobs.inspector.job(report.id).state == "canceled"
