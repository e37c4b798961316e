"""The queues: limits with who set them, waits and runs with their quantiles; the books never hold a screen up."""

from collections.abc import Mapping
from datetime import datetime, timedelta

import pytest
from textual.content import Content

from console.formats import Moment
from console.gateway.demo import DemoGateway
from console.gateway.demo_records import NOW
from console.gateway.live import LiveGateway, Opened
from console.gateway.measured import Measures, with_measures
from console.gateway.views import LimitView, PauseView, QueueRow
from console.screens.base import DeweyScreen
from console.widgets.queue_detail import QueueDetail, _notes, _words, forecast
from console.widgets.queue_table import failing, per_minute, status
from storage.audit import standing
from storage.broker.records import Limits
from storage.history.recorder import Recorder
from storage.values import replace
from tasks import resources
from tasks.actions.layer import Actions
from tasks.actions.tools import open_tools
from tasks.operations import Operations
from tasks.resources import Resources
from tests.console.commands.conftest import jobs as jobs  # noqa: PLC0414  # a fixture
from tests.console.commands.conftest import office as office  # noqa: PLC0414  # a fixture
from tests.console.commands.office import Office
from tests.console.gateways import FlakyGateway
from tests.console.stage import Stage, play, still_app

WIDE = (200, 60)
ROWS = {row.key: row for row in DemoGateway().queues()}
EMAIL, REPORTS = ROWS["email"], ROWS["reports"]
LIMIT = LimitView("at most 100 starts in any 60 s")


class NoBooks(DemoGateway):
    """Redis answers, PostgreSQL does not; counts how often it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.times = 0

    def measures(self, limited: Mapping[str, str], at: datetime | None = None) -> Measures:
        """Say why nothing is known."""
        del limited, at
        self.times += 1
        return Measures(problem=Content("PostgreSQL did not answer: connection refused"))


def _line(stage: Stage, start: str) -> str:
    return next(line for line in stage.text.split("\n") if line.strip().startswith(start))


async def _poll(stage: Stage) -> None:
    screen = stage.app.screen
    assert isinstance(screen, DeweyScreen)
    screen.poll()
    await stage.settle()


def test_what_stops_a_queue_stands_in_its_row() -> None:
    paused = PauseView(Content("ada"), Content(""), None)
    assert status(EMAIL).text == "● served"
    assert status(replace(EMAIL, limit=LIMIT)) == ("◆ limited", "warning")
    assert status(replace(EMAIL, limit=LIMIT, queued=0)) == ("◆ limited", "text")
    assert status(replace(EMAIL, consumers=0, limit=LIMIT)) == ("✗ unserved", "error")
    assert status(replace(EMAIL, pause=paused)) == ("‖ paused", "warning")
    assert status(replace(EMAIL, pause=paused, consumers=0)) == ("‖✗ paused", "error")


def test_in_the_first_minute_of_a_queue_its_rates_are_what_came_and_went_so_far() -> None:
    first = replace(EMAIL, minutes=((0, 0, 0),) * 29 + ((9, 3, 1),))
    assert (per_minute(first, 0), per_minute(first, 1)) == (9, 4)
    later = replace(EMAIL, minutes=((0, 0, 0),) * 27 + ((9, 3, 1), (0, 0, 0), (5, 5, 5)))
    assert (per_minute(later, 0), per_minute(later, 1)) == (0, 0)


def test_what_failed_is_a_share_of_what_ended() -> None:
    assert failing(replace(EMAIL, minutes=((9, 3, 1), (9, 6, 0)))) == 0.1
    assert failing(replace(EMAIL, minutes=((9, 0, 0),))) is None


@pytest.mark.parametrize("queued", [0, 4])
def test_a_queue_that_nobody_serves_has_no_outlook_but_says_so(queued: int) -> None:
    async def script(stage: Stage) -> None:
        detail = stage.app.screen.query_one(QueueDetail)
        detail.show(replace(EMAIL, consumers=0, queued=queued), Moment(NOW))
        await stage.settle()
        assert "email  ✗ nobody serves it" in stage.text
        assert "outlook" not in stage.text

    play(script)
    assert forecast(replace(EMAIL, queued=0)) == "nothing waits"


def test_a_limit_is_seen_from_the_moment_it_is_set_with_who_set_it() -> None:
    async def script(stage: Stage) -> None:
        await stage.press("j")
        assert "limited" not in _line(stage, "email ")
        await stage.press("L")
        await stage.type("100/60")
        await stage.press("enter")
        await stage.type("4")
        await stage.press("enter", "enter", "enter", "right", "enter")
        assert "Queue email has at most 100 starts in any 60 s, at most 4 running. z undoes it." in stage.notes
        assert "◆ limited" in _line(stage, "email ")
        assert "◆ limited by you 0s ago" in stage.text
        assert "at most 100 starts in any 60 s" in stage.text
        await stage.press("z", "right", "enter")
        assert "◆ limited" not in stage.text

    play(script, still_app(write="on call"))


def test_the_last_hour_stands_in_the_detail_and_in_columns_where_there_is_room() -> None:
    async def small(stage: Stage) -> None:
        await stage.press("j")
        assert "p95" not in stage.text.split("\n")[1]
        assert "wait      12 s    5 m 40  21 m 00" in stage.text
        assert "run       600 ms  8.2 s   30 s" in stage.text
        assert "6.9% of 1,235 failed in 30 min" in stage.text

    async def wide(stage: Stage) -> None:
        head = stage.text.split("\n")[1]
        for title in ("failing", "wait p50", "run p50", "p95", "p99"):
            assert title in head
        line = _line(stage, "email ")
        assert " 6.9%      12 s   5 m 40  21 m 00    600 ms    8.2 s     30 s" in line
        assert "● 2 consumers" in line

    play(small)
    play(wide, size=WIDE)


def test_books_that_are_away_leave_the_rest_and_are_not_asked_at_each_poll() -> None:
    gateway = NoBooks()

    async def script(stage: Stage) -> None:
        assert "can not know: PostgreSQL did not answer" in stage.text
        assert " ?  " in _line(stage, "email ")
        assert "● 2 consumers" in _line(stage, "email ")
        for _ in range(3):
            await _poll(stage)
        assert gateway.times == 1
        assert "up" in stage.text.split("\n")[0]

    play(script, still_app(gateway, refresh_s=60), WIDE)


def test_how_long_the_books_take_is_not_how_long_redis_takes() -> None:
    class Slow(DemoGateway):
        def measures(self, limited: Mapping[str, str], at: datetime | None = None) -> Measures:
            ticks.extend([0.0, 3.0])
            return super().measures(limited, at)

    ticks: list[float] = []

    def timer() -> float:
        return ticks.pop() if ticks else 0.0

    async def script(stage: Stage) -> None:
        assert "<1 ms" in stage.text.split("\n")[0]

    play(script, still_app(Slow(), timer=timer))


@pytest.mark.parametrize("key", sorted(ROWS))
def test_no_line_of_words_ends_in_blanks_that_would_be_marked_as_cut(key: str) -> None:
    for line in [*_words(ROWS[key]), *_notes(ROWS[key], Moment(NOW), 40)]:
        assert line.plain == line.plain.rstrip()


def test_nothing_is_asked_of_the_books_while_nobody_answers() -> None:
    gateway = FlakyGateway()
    gateway.go_away()

    async def script(stage: Stage) -> None:
        assert "measures" not in gateway.asked
        gateway.come_back()
        await _poll(stage)
        await _poll(stage)
        assert gateway.asked.count("measures") == 1

    play(script, still_app(gateway))


def test_the_hour_before_then_is_asked_for_when_the_past_is_looked_at() -> None:
    asked: list[datetime | None] = []

    class Remembering(DemoGateway):
        def measures(self, limited: Mapping[str, str], at: datetime | None = None) -> Measures:
            asked.append(at)
            return super().measures(limited, at)

    async def script(stage: Stage) -> None:
        await stage.press("comma")
        assert "this is not now" in stage.text
        assert "wait      " in stage.text
        await stage.press("G")
        assert "◆ limited by grace 2d ago" in stage.text

    play(script, still_app(Remembering()))
    now, then = asked
    assert now is None
    assert then == NOW.replace(minute=46, second=0, microsecond=0)


# On real Redis and PostgreSQL.


def _gateway(office: Office, held: Resources | None = None) -> LiveGateway:
    actions = Actions(open_tools(resources.current(), office.broker))
    operations = Operations(office.broker, office.inspector)
    held = held or resources.current()
    return LiveGateway(Opened(office.inspector, operations), "ada", held=held, actions=lambda: actions)


def _measured(gateway: LiveGateway) -> QueueRow:
    rows = gateway.queues()
    limited = {row.key: row.limit.words for row in rows if row.limit is not None}
    (row,) = with_measures(rows, gateway.measures(limited))
    return row


def test_a_live_limit_is_shown_with_who_set_it_as_long_as_that_is_so(office: Office) -> None:
    office.add("a1")
    gateway = _gateway(office)
    assert _measured(gateway).limit is None

    async def script(stage: Stage) -> None:
        await stage.press("L")
        await stage.type("100/60")
        await stage.press("enter", "enter", "enter", "enter", "right", "enter")
        assert "Queue default has at most 100 starts in any 60 s." in stage.notes
        assert "◆ limited by ada 0s ago" in stage.text

    play(script, still_app(gateway, write="on call"))
    limit = _measured(gateway).limit
    assert limit is not None
    assert limit.words == "at most 100 starts in any 60 s"
    assert limit.setter is not None
    assert limit.setter.by.plain == "ada"

    limited = {"default": limit.words}
    assert gateway.measures(limited, limit.setter.at - timedelta(seconds=1)).limited == {}
    assert gateway.measures(limited, limit.setter.at).limited == {"default": limit.setter}

    office.broker.limit("default", Limits(cap=7))
    limit = _measured(gateway).limit
    assert limit is not None
    assert (limit.words, limit.setter) == ("at most 7 running", None)
    office.broker.limit("default", Limits(keep={"succeeded": (60.0, 5)}))
    assert _measured(gateway).limit is None


def test_a_limit_that_was_undone_is_nobodys(office: Office) -> None:
    office.add("a1")
    gateway = _gateway(office)
    database = resources.current().database

    async def script(stage: Stage) -> None:
        await stage.press("L")
        await stage.type("5/1")
        await stage.press("enter", "enter", "enter", "enter", "right", "enter")
        first = standing(database, "limit", "default")
        assert first is not None
        await stage.press("L", "ctrl+u")
        await stage.type("9/1")
        await stage.press("enter", "enter", "enter", "enter", "right", "enter", "z", "right", "enter")
        assert "at most 5 starts in any 1 s" in stage.text
        assert standing(database, "limit", "default") == first
        assert standing(database, "limit", "other") is None

    play(script, still_app(gateway, write="on call"))


def test_live_waits_and_runs_are_measured_by_queue(office: Office) -> None:
    for number in range(3):
        office.run(office.add(f"a{number}"), state="succeeded", outcome="succeeded")
    office.add("b1", "email")
    gateway = _gateway(office)
    Recorder(office.broker, resources.current().database).step()
    found = gateway.measures({})
    assert found.problem.plain == ""
    spans = found.queues["default"]
    assert spans.wait is not None
    assert spans.run is not None
    assert 0 <= spans.wait.p50_s <= spans.wait.p99_s < 60
    rows = {row.key: row.measured for row in with_measures(gateway.queues(), found)}
    assert rows["default"] == spans
    assert rows["email"] is not None
    assert (rows["email"].wait, rows["email"].run) == (None, None)


def test_live_books_that_are_away_or_untold_are_an_answer(office: Office) -> None:
    office.add("a1")
    here = resources.current()
    gone = replace(here.endpoints, database_url="postgresql://nobody@127.0.0.1:1/none")
    away = _gateway(office, Resources(here.settings, gone)).measures({"default": "at most 1 running"})
    assert "127.0.0.1" in away.problem.plain
    operations = Operations(office.broker, office.inspector)
    untold = LiveGateway(Opened(office.inspector, operations), "ada").measures({})
    assert "was not told" in untold.problem.plain


def test_on_a_tall_terminal_the_detail_begins_right_below_the_last_row() -> None:
    async def script(stage: Stage) -> None:
        lines = stage.text.split("\n")
        last = next(index for index, line in enumerate(lines) if line.startswith(" reports"))
        assert set(lines[last + 1].strip()) == {"─"}
        assert lines[last + 2].startswith(" default  2 consumers")
        await stage.pilot.resize_terminal(80, 24)
        await stage.settle()
        lines = stage.text.split("\n")
        assert set(lines[11].strip()) == {"─"}

    play(script, size=(120, 40))


def test_a_very_tall_terminal_tells_what_runs_of_the_queue() -> None:
    async def script(stage: Stage) -> None:
        await stage.press("j")
        assert "Runs now  2 jobs, the longest first" in stage.text
        assert "0c0a3f08  send_email on w2:887" in stage.text
        assert "ingest_file" not in stage.text
        await stage.press("G")
        assert "Runs now  nothing" in stage.text
        await stage.press("k", "k", "comma")
        assert "Ran then  1 job" in stage.text
        await stage.pilot.resize_terminal(120, 40)
        await stage.settle()
        assert "Ran then" not in stage.text

    play(script, size=WIDE)
