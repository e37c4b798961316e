"""Places as words: read, completed, gone to."""

from datetime import UTC, datetime
from typing import Final

import pytest

from console.app import DeweyApp
from console.gateway.demo_records import job_id
from console.places import Place, completed, read
from console.screens.audit import AuditScreen
from console.screens.command_line import CommandLine
from console.screens.help import HelpScreen
from console.screens.job import JobScreen
from console.screens.jobs import JobsScreen
from console.screens.overview import OverviewScreen
from console.screens.pick import PickScreen
from console.screens.queues import QueuesScreen
from storage.errors import FilterError
from tests.console.gateways import FlakyGateway
from tests.console.stage import Stage, play, still_app

NOW: Final = datetime(2026, 3, 14, tzinfo=UTC)
SCREENS: Final = tuple(DeweyApp.MODES)
WORDS: Final = {"queue": ("email", "night run"), "task": ("send_email",), "group": ("5f06aa",), "state": ("dead",)}


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("", Place("screen", "overview")),
        (":", Place("screen", "overview")),
        *((name, Place("screen", name)) for name in SCREENS),
        ("  :Queues ", Place("screen", "queues")),
        ("jobs err:Timeout", Place("jobs", "err:Timeout")),
        ("audit actor:ada last:24h", Place("audit", "actor:ada last:24h")),
        ("job 3f2a", Place("job", "3f2a")),
        ("job:3f2a", Place("job", "3f2a")),
        ("queue email", Place("jobs", "queue:email")),
        ("queue night run", Place("jobs", 'queue:"night run"')),
        ("group 5f06", Place("jobs", "group:5f06")),
        ("trigger", Place("trigger")),
        ("trigger send", Place("trigger", "send")),
        ("canaries", Place("canaries")),
        ("q", Place("quit")),
        ("quit", Place("quit")),
        ("help", Place("help")),
        ("state:dead queue:email", Place("jobs", "state:dead queue:email")),
        ("queue:email", Place("jobs", "queue:email")),
        ("timeout", Place("jobs", "timeout")),
        ("jobs queus", Place("jobs", "queus")),
    ],
)
def test_a_place_is_read_from_its_words(text: str, place: Place) -> None:
    assert read(text, NOW, SCREENS) == place


@pytest.mark.parametrize(
    ("text", "says", "marked", "suggestion"),
    [
        ("queus", "no screen: did you mean queues", "queus", "queues"),
        (":worker", "did you mean workers", "worker", "workers"),
        ("jobs stat:dead", "did you mean state", "stat", "state"),
        (" : stat:dead", "did you mean state", "stat", "state"),
        ("audit who:ada", "did you mean actor", "who", "actor"),
        ("job", "job wants how the job's id begins", "", ""),
        ("queue ", "queue wants the queue's name", "", ""),
        ("workers w1", "nothing comes after workers", "w1", ""),
        ("err:(x", "names nothing", "", ""),
    ],
)
def test_what_is_no_place_says_where_the_mistake_is(text: str, says: str, marked: str, suggestion: str) -> None:
    with pytest.raises(FilterError, match=says) as caught:
        read(text, NOW, SCREENS)
    error = caught.value
    assert text[error.position : error.position + error.length] == marked
    assert error.suggestion == suggestion


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("", ("overview", "queues")),
        ("sche", ("schedules",)),
        ("qu", ("queues", "quit", "queue ", "queue:")),
        ("queue ", ("email", "night run")),
        ("queue ni", ("night run",)),
        ("group 5", ("5f06aa",)),
        ("trigger em", ("send_email",)),
        ("jobs state:", ("dead",)),
        ("state:de", ("dead",)),
        ("audit out", ("outcome:",)),
        ("audit outcome:un", ("undone", "unfinished")),
        ("audit item:em", ("email",)),
        ("logs level:>=E", (">=ERROR",)),
        ("workers ", ()),
        ("job 3", ()),
    ],
)
def test_what_can_stand_at_the_end_of_a_place_is_known(text: str, first: tuple[str, ...]) -> None:
    options = completed(text, len(text), SCREENS, WORDS).options
    assert options[: len(first)] == first
    assert bool(options) == bool(first)


@pytest.mark.parametrize(
    ("start", "screen", "shows"),
    [
        ("", OverviewScreen, "Overview"),
        ("queues", QueuesScreen, "maintenance"),
        ("queue ingestion", JobsScreen, "queue:ingestion"),
        (f"job {job_id(1)[:9]}", JobScreen, job_id(1)),
        ("jobs err:smtp", JobsScreen, "SMTPServer"),
        ("audit actor:grace", AuditScreen, "3 actions"),
        ("trigger welc", PickScreen, "send_welcome_email"),
    ],
)
def test_the_console_starts_where_its_words_say(start: str, screen: type, shows: str) -> None:
    gateway = FlakyGateway()

    async def script(stage: Stage) -> None:
        assert isinstance(stage.app.screen, screen)
        assert shows in stage.text
        if start:
            assert "glance" not in gateway.asked, "screens that are passed ask nothing"

    play(script, still_app(gateway, start=start))


def test_a_start_that_is_no_place_is_said_and_the_console_opens() -> None:
    async def script(stage: Stage) -> None:
        assert isinstance(stage.app.screen, OverviewScreen)
        assert "did you mean state" in stage.notes
        assert "● up" in stage.text

    play(script, still_app(start="stat:dead"))


def test_help_is_a_place_too() -> None:
    async def script(stage: Stage) -> None:
        await stage.press("colon")
        await stage.type("help")
        await stage.press("enter")
        assert isinstance(stage.app.screen, HelpScreen)

    play(script)


def test_the_line_says_what_is_wrong_and_tab_puts_it_right() -> None:
    async def script(stage: Stage) -> None:
        await stage.press("colon")
        await stage.type("worker")
        await stage.press("enter")
        assert isinstance(stage.app.screen, CommandLine)
        assert "did you mean workers?" in stage.text
        assert stage.text.count("▔") == len("worker")
        await stage.press("tab", "enter")
        assert stage.app.current_mode == "workers"

    play(script)


def test_while_nobody_answers_the_line_works_without_values() -> None:
    gateway = FlakyGateway()

    async def script(stage: Stage) -> None:
        gateway.go_away()
        await stage.press("colon")
        await stage.type("sched")
        await stage.press("tab", "enter")
        assert stage.app.current_mode == "schedules"
        assert "Nobody answered" not in stage.notes

    play(script, still_app(gateway))
