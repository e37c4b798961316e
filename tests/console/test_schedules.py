"""The screen of schedules: what it says of each, the dialog's instants, and live schedules."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from console.formats import Moment, TimeMode
from console.gateway.demo import DemoGateway
from console.gateway.live import LiveGateway
from console.gateway.timetable import ScheduleRow
from console.instants import coming
from console.screens.schedules import SchedulesScreen
from console.widgets.schedule_table import ScheduleTable
from storage.broker.records import TaskInfo
from tests.console.gateways import HostileGateway
from tests.console.payloads import PAYLOADS
from tests.console.stage import Stage, hidden_characters, play, still_app
from tests.console.test_live import broker as broker  # noqa: PLC0414  # a fixture
from tests.console.test_live import gateway as gateway  # noqa: PLC0414  # a fixture

AT = datetime(2026, 3, 14, 22, 30, tzinfo=UTC)
MOMENT = Moment(AT)
SWEEP = TaskInfo(
    "tasks.files.sweep", "upkeep", "Sweep.", (), 0, 1.0, schedule="0 3 * * *", timezone="UTC", missed="skip"
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("30m", AT + timedelta(minutes=30)),
        (" 2h ", AT + timedelta(hours=2)),
        ("1d", AT + timedelta(days=1)),
        ("06:00", AT.replace(day=15, hour=6, minute=0)),
        ("23:00", AT.replace(hour=23, minute=0)),
        ("2026-03-20", datetime(2026, 3, 20, tzinfo=UTC)),
        ("2026-03-20 06:15", datetime(2026, 3, 20, 6, 15, tzinfo=UTC)),
    ],
)
def test_an_instant_is_read_as_an_operator_writes_it(text: str, expected: datetime) -> None:
    assert coming(text, MOMENT) == expected


def test_an_instant_is_in_the_zone_that_the_console_writes() -> None:
    moment = Moment(AT, TimeMode.LOCAL, ZoneInfo("Europe/Berlin"))
    assert coming("06:00", moment) == datetime(2026, 3, 15, 5, 0, tzinfo=UTC)
    assert coming("2026-07-01 06:00", moment) == datetime(2026, 7, 1, 4, 0, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "soon", "25:00", "2026-02-30", "2026-03-01", "0m", "9999-01-01", "\x1b[2J"])
def test_what_is_no_coming_instant_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(ValueError, match=r".{10}"):
        coming(text, MOMENT)


def test_schedules_stand_in_the_order_of_the_names_that_are_shown() -> None:
    async def script(stage: Stage) -> None:
        names = [row.name.plain for row in stage.app.screen.query_one(ScheduleTable).held(0, 9)]
        assert names == sorted(names)
        assert len(names) == len(stage.app.gateway.schedules())

    play(script, still_app(start="schedules"))


def test_the_demos_ticks_are_those_of_their_rules() -> None:
    for row in DemoGateway().schedules():
        for run in row.runs:
            if run.tick_at is None:
                assert run.by.plain
            elif row.rule.plain == "*/15 * * * *":
                assert (run.tick_at.minute % 15, run.tick_at.second) == (0, 0)
                assert run.enqueued_at - run.tick_at == timedelta(seconds=run.late_s) > timedelta(0)


def test_the_next_five_and_the_last_runs_are_shown() -> None:
    async def script(stage: Stage) -> None:
        await stage.press("j", "j")
        for tick in ("03:00:00", "04:00:00", "05:00:00", "06:00:00", "07:00:00"):
            assert tick in stage.text
        screen = stage.app.screen
        assert isinstance(screen, SchedulesScreen)
        assert screen.runs.total == 10
        await stage.press("j")
        assert "Huey's own crontab()" in stage.text
        assert "It has not run yet." in stage.text

    play(script, still_app(start="schedules"), (120, 40))


def test_without_schedules_it_says_where_they_come_from() -> None:
    async def script(stage: Stage) -> None:
        assert "No schedule yet." in stage.text
        for key in ("p", "r", "enter", "y"):
            await stage.press(key)
        assert isinstance(stage.app.screen, SchedulesScreen)

    play(script, still_app(DemoGateway(empty=True), start="schedules"))


def test_hostile_schedules_are_drawn_as_text() -> None:
    gateway = HostileGateway(PAYLOADS)

    async def script(stage: Stage) -> None:
        for number in range(len(PAYLOADS)):
            assert hidden_characters(stage.text) == []
            if number < 4:
                await stage.press("p")
                assert hidden_characters(stage.text) == []
                await stage.press("escape")
            await stage.press("j")
        await stage.press("r")
        assert hidden_characters(stage.text) == []
        await stage.press("escape", "y")
        assert hidden_characters(stage.app.clipboard) == []

    play(script, still_app(gateway, start="schedules"), (120, 40))
    assert gateway.acted == []


def _only(gateway: LiveGateway) -> ScheduleRow:
    (found,) = gateway.schedules()
    return found
