"""A backend that is away, slow or broken: the screen keeps what it has, and the console lives on."""

import asyncio
from collections.abc import Callable
from datetime import timedelta

import pytest
from textual.widgets import Static

from console.app import RETRIES_S
from console.gateway.errors import GatewayRefused
from console.screens.base import DeweyScreen
from console.screens.jobs import JobsScreen
from console.screens.queues import QueuesScreen
from console.widgets.frame import HeaderLine
from tests.console.gateways import FlakyGateway
from tests.console.stage import Stage, play, still_app


async def _poll(stage: Stage) -> None:
    screen = stage.app.screen
    assert isinstance(screen, DeweyScreen)
    screen.poll()
    await stage.settle()


WATCHING = ["overview", "failures", "workers", "schedules", "files"]


@pytest.mark.parametrize("start", ["queues", "jobs", "logs", "state:dead", "job:684131a4", *WATCHING])
def test_the_last_data_stays_with_its_age_and_the_next_try(start: str) -> None:
    gateway = FlakyGateway()

    async def script(stage: Stage) -> None:
        before = stage.text.split("\n")[5:10]
        gateway.go_away(after_s=12)
        await _poll(stage)
        assert "Redis did not answer" in stage.text
        assert "data is 12s old" in stage.text
        assert "next try in 1s" in stage.text
        assert "✗ away" in stage.text
        lines = stage.text.split("\n")
        assert (
            any(lines[6 + index : 6 + index + 3] == before[index : index + 3] for index in range(3))
            or start != "queues"
        )
        assert stage.app.screen.query(".-stale")
        gateway.come_back()
        await _poll(stage)
        assert "did not answer" not in stage.text
        assert not stage.app.screen.query(".-stale")

    play(script, still_app(gateway, start=start))


def test_a_screen_that_is_passed_on_the_way_to_the_start_asks_nothing() -> None:
    gateway = FlakyGateway()
    gateway.go_away()

    async def script(stage: Stage) -> None:
        assert gateway.asked == ["find"]
        gateway.come_back()
        await stage.press("escape")
        assert "glance" in gateway.asked

    play(script, still_app(gateway, start="job:68"))


def test_a_start_that_is_no_place_says_so_on_the_first_screen() -> None:
    gateway = FlakyGateway()

    async def script(stage: Stage) -> None:
        assert "Not a place to start at" in stage.notes
        assert "glance" in gateway.asked

    play(script, still_app(gateway, start="stat:dead"))


@pytest.mark.parametrize("start", ["queues", "jobs", "logs", "trigger", "job:68", *WATCHING])
def test_without_any_data_the_screen_says_that_it_can_not_know_and_why(start: str) -> None:
    gateway = FlakyGateway()
    gateway.go_away()

    async def script(stage: Stage) -> None:
        assert "can not know: Redis did not answer" in stage.text
        assert "nothing was ever read" in stage.text

    play(script, still_app(gateway, start=start))


def test_the_pauses_between_tries_grow_to_a_bound() -> None:
    gateway = FlakyGateway()
    gateway.go_away()
    app = still_app(gateway, refresh_s=3_600)

    async def script(stage: Stage) -> None:
        seen = []
        for _ in range(len(RETRIES_S) + 1):
            seen.append(app.next_poll_s())
            await _poll(stage)
        assert seen == [*RETRIES_S, RETRIES_S[-1]]
        gateway.come_back()
        await _poll(stage)
        assert app.next_poll_s() == 3_600

    play(script, app)


def test_a_backend_that_comes_back_is_found_again_without_a_key() -> None:
    gateway = FlakyGateway()
    gateway.go_away()

    async def script(stage: Stage) -> None:
        assert "can not know" in stage.text
        gateway.come_back()
        for _ in range(500):
            await asyncio.sleep(0.02)
            if "ingestion" in stage.text:
                return
        raise AssertionError("it was not asked again")

    play(script, still_app(gateway, refresh_s=0.05))


def test_one_question_at_a_time_and_the_newest_of_a_kind_wins() -> None:
    gateway = FlakyGateway()

    async def script(stage: Stage) -> None:
        gateway.asked.clear()
        gateway.gate.clear()
        screen = stage.app.screen
        assert isinstance(screen, QueuesScreen)
        for _ in range(20):
            screen.poll()
            await stage.pilot.pause(0)
        gateway.gate.set()
        await stage.settle()
        assert gateway.asked == ["queues", "queues"]
        assert gateway.most_at_once == 1

    play(script, still_app(gateway))


def test_keys_work_while_an_answer_is_awaited() -> None:
    gateway = FlakyGateway()

    async def script(stage: Stage) -> None:
        gateway.gate.clear()
        screen = stage.app.screen
        assert isinstance(screen, QueuesScreen)
        screen.poll()
        for _ in range(3):
            await stage.pilot.press("j")
        assert screen.table.cursor == 3
        gateway.gate.set()

    play(script, still_app(gateway))


def test_an_answer_to_an_older_filter_is_dropped() -> None:
    gateway = FlakyGateway()

    async def script(stage: Stage) -> None:
        screen = stage.app.screen
        assert isinstance(screen, JobsScreen)
        gateway.gate.clear()
        screen.poll()
        await stage.pilot.press("slash", *"state", "colon", *"dead", "enter")
        gateway.gate.set()
        await stage.settle()
        assert "15 jobs" in stage.text
        assert "● running" not in stage.text

    play(script, still_app(gateway, start="jobs"))


def test_a_bug_is_shown_and_logged_and_the_console_goes_on() -> None:
    gateway = FlakyGateway()

    async def script(stage: Stage) -> None:
        gateway.error = ZeroDivisionError("nobody thought of this")
        await _poll(stage)
        assert "A bug in the console" in stage.notes
        assert "ZeroDivisionError" in stage.notes
        assert "ingestion" in stage.text
        gateway.error = None
        await stage.press("3")
        assert "225 jobs" in stage.text

    app = play(script, still_app(gateway), bugs=True)
    assert [type(bug) for bug in app.bugs] == [ZeroDivisionError]


def test_an_action_that_nobody_answered_says_that_it_may_not_be_done() -> None:
    gateway = FlakyGateway()

    async def script(stage: Stage) -> None:
        await stage.press("p", "tab")
        await stage.type("maintenance")
        gateway.go_away()
        await stage.press("tab", "tab", "enter")
        assert "it may not be done" in stage.notes

    play(script, still_app(gateway, write="a test"))


def test_a_refused_action_says_why() -> None:
    gateway = FlakyGateway()

    async def script(stage: Stage) -> None:
        await stage.press("p", "tab")
        await stage.type("because")
        gateway.error = GatewayRefused("queue default is gone [/foo]")
        await stage.press("tab", "tab", "enter")
        assert "queue default is gone [/foo]" in stage.notes

    play(script, still_app(gateway, write="a test"))


def test_a_screen_out_of_sight_asks_nothing() -> None:
    gateway = FlakyGateway()

    async def script(stage: Stage) -> None:
        await stage.press("7")
        gateway.asked.clear()
        for _ in range(10):
            await asyncio.sleep(0.02)
        assert set(gateway.asked) == {"tail"}

    play(script, still_app(gateway, refresh_s=0.02))


async def _until(said: Callable[[], bool]) -> None:
    for _ in range(500):
        await asyncio.sleep(0.02)
        if said():
            return
    raise AssertionError("it never came")


def test_a_screen_behind_a_dialog_goes_on() -> None:
    gateway = FlakyGateway()

    async def script(stage: Stage) -> None:
        await stage.press("p")
        below = stage.app.screen_stack[-2]
        assert isinstance(below, QueuesScreen)
        gateway.asked.clear()
        await _until(lambda: gateway.asked.count("queues") > 1)
        gateway.go_away()
        await _until(lambda: below.query_one(HeaderLine).health.state == "away")
        gateway.later_s += 60
        stage.app._tick()
        assert below.query_one(HeaderLine).moment == stage.app.moment
        await stage.press("escape")
        assert stage.app.screen is below

    play(script, still_app(gateway, write="a test", refresh_s=0.02))


def test_a_screen_under_another_one_asks_nothing() -> None:
    gateway = FlakyGateway()

    async def script(stage: Stage) -> None:
        await stage.press("enter")
        gateway.asked.clear()
        await _until(lambda: gateway.asked.count("job") > 5)
        assert "jobs" not in gateway.asked

    play(script, still_app(gateway, start="jobs", refresh_s=0.02))


def test_a_span_that_is_typed_late_counts_from_then() -> None:
    gateway = FlakyGateway()

    async def script(stage: Stage) -> None:
        await stage.press("p")
        gateway.later_s += timedelta(minutes=5).total_seconds()
        await stage.type("10m")
        means = stage.app.moment.full(gateway.now() + timedelta(minutes=10))
        assert means in str(stage.app.screen.query_one("#means-until_at", Static).render())

    play(script, still_app(gateway, write="a test"))


def test_the_age_of_old_data_grows_with_the_clock() -> None:
    gateway = FlakyGateway()

    async def script(stage: Stage) -> None:
        gateway.go_away(after_s=1)
        await _poll(stage)
        gateway.later_s += timedelta(minutes=5).total_seconds()
        screen = stage.app.screen
        assert isinstance(screen, DeweyScreen)
        screen.refresh_frame()
        await stage.settle()
        assert "data is 5m old" in stage.text
        assert "next try in 0s" in stage.text

    play(script, still_app(gateway))
