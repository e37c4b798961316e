"""Groups of failures on the screen: what is known of them, what can not be, and what they were made of."""

import pytest

from console.formats import Moment
from console.gateway.demo import DemoGateway
from console.gateway.demo_records import NOW
from console.gateway.errors import GatewayRefused
from console.gateway.failures import FailuresView, PlaceView, place_view
from console.screens.failures import TABS, FailuresScreen, in_tab
from console.widgets.failure_table import NARROW, FailureTable
from storage.values import replace
from tests.console.gateways import FlakyGateway, HostileGateway
from tests.console.no_history import NoHistoryGateway
from tests.console.payloads import PAYLOADS
from tests.console.stage import Stage, hidden_characters, play, still_app

LARGE = (160, 60)
SOME = tuple(" ".join(PAYLOADS[start : start + 6]) for start in range(0, len(PAYLOADS), 6))


def _table(stage: Stage) -> FailureTable:
    return stage.app.screen.query_one(FailureTable)


def test_while_history_is_away_what_is_dead_is_listed_and_trends_are_unknown_not_zero() -> None:
    async def script(stage: Stage) -> None:
        assert "SMTPServerDisconnected" in stage.text
        assert "trends and marks can not be known: PostgreSQL did not answer" in stage.text
        assert "trend: can not know" in stage.text
        row = next(line for line in stage.text.split("\n") if "SMTPServerDisconnected" in line)
        assert row.split()[-4:-1] == ["send_email", "7", "?"]
        await stage.press("m")
        assert "History is away: what is said of a group is kept there." in stage.notes
        await stage.press("r")
        assert "Requeue 7 jobs?" in stage.text

    play(script, still_app(NoHistoryGateway(), start="failures", write="a test"), (100, 30))


def test_a_group_whose_record_is_gone_says_so_and_is_not_asked_for_again() -> None:
    gateway = FlakyGateway()

    async def script(stage: Stage) -> None:
        await stage.press("]", "]")
        assert "ZeroDivisionError" in stage.text
        assert "no traceback is kept" in stage.text
        asked = gateway.asked.count("place")
        screen = stage.app.screen
        assert isinstance(screen, FailuresScreen)
        screen.poll()
        await stage.settle()
        assert gateway.asked.count("place") == asked

    play(script, still_app(gateway, start="failures"))


def test_nothing_here_nothing_open_and_can_not_know_are_three_things() -> None:
    class Quiet(DemoGateway):
        def failures(self, anew: bool = False) -> FailuresView:
            del anew
            return FailuresView(tuple(row for row in super().failures().groups if not row.is_live))

    away = FlakyGateway()
    away.go_away()
    for gateway, sentence in (
        (DemoGateway(empty=True), "No job has failed."),
        (Quiet(), "Nothing that broke needs a look."),
        (away, "can not know: Redis did not answer"),
    ):

        async def script(stage: Stage, sentence: str = sentence) -> None:
            assert sentence in stage.text

        play(script, still_app(gateway, start="failures"))


def test_what_was_mended_by_a_retry_is_not_open() -> None:
    async def script(stage: Stage) -> None:
        assert "StoreUnavailable" not in stage.text
        await stage.press("[")
        assert "StoreUnavailable" in stage.text
        assert _table(stage).total == 8

    play(script, still_app(start="failures"))


def test_each_group_is_in_one_tab_and_in_all() -> None:
    groups = DemoGateway().failures().groups
    apart = [row.key for tab, _ in TABS if tab != "all" for row in in_tab(groups, tab)]
    assert sorted(apart) == sorted(row.key for row in in_tab(groups, "all"))

    async def script(stage: Stage) -> None:
        assert "Open 5   Muted 1   Resolved 1   Quiet 1   All 8" in stage.text
        await stage.press("]", "]", "]")
        assert "◌ StoreUnavailable" in stage.text
        assert "◌ quiet" in stage.text
        assert "● " not in stage.text.split("\n", 1)[1]

    play(script, still_app(start="failures"))


def test_a_small_screen_says_the_task_and_which_way_it_goes() -> None:
    async def script(stage: Stage) -> None:
        row = next(line for line in stage.text.split("\n") if line.startswith(" ● TransientError"))
        assert row.split()[-5:] == ["ingest_file", "2", "55", "↑", "02:47:04"]

    async def wider(stage: Stage) -> None:
        row = next(line for line in stage.text.split("\n") if "TransientError" in line)
        assert "ingest_file" in row

    play(script, still_app(start="failures"))
    play(wider, still_app(start="failures"), (109, 40))
    play(wider, still_app(start="failures"), (120, 40))


@pytest.mark.parametrize(("three_hours", "way"), [(0, "↓"), (1, "↓"), (2, "→"), (4, "→"), (5, "↑"), (24, "↑")])
def test_a_trend_is_the_last_three_hours_beside_an_even_share_of_the_day(three_hours: int, way: str) -> None:
    (row, *_) = DemoGateway().failures().groups
    assert row.trend is not None
    trend = replace(row.trend, hour=0, three_hours=three_hours, day=24)
    column = next(one for one in NARROW if one.title == "24h")
    cell = column.draw(replace(row, trend=trend), Moment(NOW))
    assert cell.text == f"24 {way}"


def test_the_title_is_what_the_last_job_said_and_how_it_is_grouped_stands_below() -> None:
    async def script(stage: Stage) -> None:
        await stage.press("j", "j")
        assert "TransientError: 429 RESOURCE_EXHAUSTED from gemini-embedding-001" in stage.text
        assert "grouped as # RESOURCE_EXHAUSTED from gemini-embedding-#" in stage.text

    play(script, still_app(start="failures"), LARGE)


def test_the_cursor_stays_on_its_group_while_others_come_before_it() -> None:
    gateway = FlakyGateway()

    async def script(stage: Stage) -> None:
        await stage.press("j", "j")
        key = _table(stage).cursor_key
        await stage.press("[")
        await stage.press("]")
        await stage.press("j", "j")
        assert _table(stage).cursor_key == key
        screen = stage.app.screen
        assert isinstance(screen, FailuresScreen)
        screen.poll()
        await stage.settle()
        assert _table(stage).cursor_key == key

    play(script, still_app(gateway, start="failures"))


@pytest.mark.parametrize("payload", SOME, ids=range(len(SOME)))
def test_a_hostile_group_is_drawn_as_text(payload: str) -> None:
    gateway = HostileGateway((payload, payload))

    async def script(stage: Stage) -> None:
        for key in ("j", "]", "m", "escape", "r", "y", "escape", "escape"):
            assert hidden_characters(stage.text) == []
            await stage.press(key)
        assert hidden_characters(stage.text) == []
        assert gateway.acted == []
        assert stage.app.is_running

    play(script, still_app(gateway, start="failures", write="a test"), LARGE)


def test_a_place_is_the_innermost_own_frame_or_a_librarys() -> None:
    own = '  File "/app/tasks/mail.py", line 7, in send\n    deliver()\n'
    foreign = '  File "/usr/lib/python3.11/smtplib.py", line 9, in getreply\n    raise Gone()\n'
    head = "Traceback (most recent call last):\n"
    chosen = place_view("k", head + own + foreign + "Gone: away\n")
    assert isinstance(chosen, PlaceView)
    assert chosen.frame is not None
    assert chosen.frame.text.plain.startswith('File "/app/tasks/mail.py", line 7')
    assert chosen.exception.plain == "Gone: away"
    library = place_view("k", head + foreign + "Gone: away\n")
    assert library.frame is not None
    assert "smtplib" in library.frame.text.plain
    assert place_view("k", "").frame is None


def test_a_job_that_is_no_more_is_refused_in_words() -> None:
    with pytest.raises(GatewayRefused, match="its record is gone"):
        DemoGateway().place("nothing")
