"""The strip of states above the list of jobs, the order of that list, and the job under the cursor below it."""

from datetime import UTC, datetime

import pytest

from console.gateway.criteria import parsed
from console.gateway.demo import DemoGateway
from console.gateway.errors import GatewayUnavailable
from console.gateway.narrowing import tab_of, with_state
from console.screens.jobs import JobsScreen
from console.widgets.state_strip import StateStrip
from storage.broker.records import FINISHED
from storage.history.filters import Filter
from tests.console.gateways import FlakyGateway
from tests.console.stage import Stage, play, still_app

NOW = datetime(2026, 3, 14, 2, 47, tzinfo=UTC)


def read(text: str) -> Filter:
    return parsed(text, NOW, UTC)


@pytest.mark.parametrize(
    ("text", "tab", "narrowed", "every"),
    [
        ("", "", "state:running", ""),
        ("state:dead", "dead", "state:running", ""),
        ("state:dead queue:email", "dead", "state:running queue:email", "queue:email"),
        ("queue:email state:dead last:1h", "dead", "state:running queue:email last:1h", "queue:email last:1h"),
        ("state:dead,queued x", None, "state:running x", "x"),
        ("a OR b", "", "state:running (a OR b)", "a OR b"),
        ("(a OR b)", "", "state:running (a OR b)", "(a OR b)"),
        ("state:dead (a OR b)", "dead", "state:running (a OR b)", "(a OR b)"),
        ("state:dead OR b", None, "state:running (state:dead OR b)", "state:dead OR b"),
        ("-state:dead", None, "state:running -state:dead", "-state:dead"),
        ("( (state:dead x) )", "dead", "state:running x", "x"),
        ("a AND state:dead AND b", "dead", "state:running a AND b", "a AND b"),
        ('err:"state:dead (" y', "", 'state:running err:"state:dead (" y', 'err:"state:dead (" y'),
        ("NOT state:dead state:queued x", "queued", "state:running NOT state:dead x", "NOT state:dead x"),
        ("state:dead NOT state:dead", "dead", "state:running NOT state:dead", "NOT state:dead"),
        ("STATE:dead x", "dead", "state:running x", "x"),
        ("state:DEAD x", "dead", "state:running x", "x"),
        ('state:"dead" x', "dead", "state:running x", "x"),
        ('state:dead,"queued" x', None, "state:running x", "x"),
        ("last:1h (state:queued)", "queued", "state:running last:1h", "last:1h"),
        ("x AND (y AND (state:dead))", "dead", "state:running x AND (y)", "x AND (y)"),
        ("err:x(state:dead)y", "dead", "state:running err:x y", "err:x y"),
        ("-(state:dead x) state:dead", "dead", "state:running -(state:dead x)", "-(state:dead x)"),
    ],
)
def test_a_filter_is_narrowed_to_another_state_and_else_stays_as_it_was_written(
    text: str, tab: str | None, narrowed: str, every: str
) -> None:
    assert tab_of(read(text)) == tab
    assert with_state(text, NOW, "running", UTC) == narrowed
    assert tab_of(read(narrowed)) in ("running", None)
    assert with_state(text, NOW, None, UTC) == every


def strip(stage: Stage) -> str:
    return stage.text.splitlines()[1]


def test_the_strip_counts_each_state_and_has_all_names_where_there_is_room() -> None:
    async def wide(stage: Stage) -> None:
        assert strip(stage).split("   ")[:3] == [" All 225", "running 5", "retrying 6"]
        assert "succeeded 146" in strip(stage)
        assert strip(stage).rstrip().endswith("what is open first, then newest created  [ ]")

    async def narrow(stage: Stage) -> None:
        assert strip(stage).startswith(" All 225  ● 5  ↻ 6  ○ 41  ◷ 8  ◇ 2  ✗ 15  ⊘ 2  ✓ 146 ")
        assert strip(stage).rstrip().endswith("open first  [ ]")

    play(wide, still_app(start="jobs"), (200, 60))
    play(narrow, still_app(start="jobs"))


def test_a_tab_lives_together_with_the_written_filter() -> None:
    async def script(stage: Stage) -> None:
        await stage.press("slash", *"queue:email", "space", *"last:1d", "enter")
        assert "✗ " in strip(stage)
        await stage.press("left_square_bracket", "left_square_bracket", "left_square_bracket")
        screen = stage.app.screen
        assert isinstance(screen, JobsScreen)
        assert screen.criteria == "state:dead queue:email last:1d"
        assert "dead 9" in strip(stage)
        assert "9 jobs" in stage.text
        await stage.press("slash")
        await stage.type("err:SMTP")
        await stage.press("enter")
        assert screen.criteria == "state:dead queue:email last:1d err:SMTP"
        assert "dead 7" in strip(stage)
        await stage.press("escape")
        assert screen.criteria == ""
        assert "All 225" in strip(stage)

    play(script, still_app(start="jobs"))


def test_counts_are_of_the_filters_queue_and_none_is_shown_that_would_cost_a_search() -> None:
    gateway = DemoGateway()
    assert {state: tally.value for state, tally in gateway.states("state:dead queue:email").items()} == {
        state: gateway.count(f"queue:email state:{state}").value for state in gateway.states("")
    }
    assert gateway.states("err:SMTP") == {}

    async def script(stage: Stage) -> None:
        assert "dead 7 " in strip(stage)
        assert "● 5" not in strip(stage)
        assert "newest created" in strip(stage)

    play(script, still_app(start="state:dead err:SMTP"))


def test_a_click_on_a_state_shows_it() -> None:
    async def script(stage: Stage) -> None:
        await stage.pilot.click(StateStrip, (strip(stage).index("✗"), 0))
        await stage.settle()
        screen = stage.app.screen
        assert isinstance(screen, JobsScreen)
        assert screen.criteria == "state:dead"

    play(script, still_app(start="jobs"))


def test_no_tab_is_chosen_where_the_filter_names_several_states() -> None:
    async def script(stage: Stage) -> None:
        assert stage.app.screen.query_one(StateStrip).chosen is None
        assert "queue by queue" in strip(stage)
        await stage.press("right_square_bracket")
        screen = stage.app.screen
        assert isinstance(screen, JobsScreen)
        assert screen.criteria == ""

    play(script, still_app(start="state:queued,running"), (160, 40))


def test_a_filter_that_has_no_room_for_a_state_stays_as_it_is_and_says_so() -> None:
    full = " ".join(["send_email"] * 100)

    async def script(stage: Stage) -> None:
        await stage.press("right_square_bracket")
        screen = stage.app.screen
        assert isinstance(screen, JobsScreen)
        assert screen.criteria == full
        assert stage.notes.strip() == "Nothing is changed: this filter can not be narrowed by state here."

    play(script, still_app(start=full))


def test_what_has_ended_is_in_one_line_over_all_queues_created_last_first() -> None:
    rows = DemoGateway().jobs("state:dead,canceled", 0, 100).rows
    assert {row.queue_key for row in rows} >= {"email", "default", "ingestion", "reports"}
    assert [row.created_at for row in rows] == sorted((row.created_at for row in rows), reverse=True)
    everything = DemoGateway().jobs("", 0, 1_000).rows
    states = [row.state in FINISHED for row in everything]
    assert states == sorted(states)


def test_the_whole_error_queue_and_worker_of_the_job_under_the_cursor_stand_below_the_list() -> None:
    async def script(stage: Stage) -> None:
        pane = stage.text.splitlines()[-4:-1]
        assert pane[0].startswith(" dead send_email · in email · on w2:887/1 · died 02:35:58 · created 02:32:4")
        said = " ".join(" ".join(pane[1:]).split())
        assert said == "SMTPServerDisconnected: Connection unexpectedly closed: mail.example.org:587 after 30.0 s"
        await stage.press("G")
        assert stage.text.splitlines()[-4] != pane[0]

    play(script, still_app(start="state:dead err:SMTP"))


def test_the_pane_follows_what_time_is_called() -> None:
    async def script(stage: Stage) -> None:
        await stage.press("T", "T")
        assert "died 11m ago" in stage.text.splitlines()[-4]

    play(script, still_app(start="state:dead err:SMTP"))


def test_states_that_can_not_be_counted_leave_the_list_as_it_is() -> None:
    gateway = FlakyGateway()

    async def script(stage: Stage) -> None:
        gateway.error = GatewayUnavailable("Redis did not answer")
        screen = stage.app.screen
        assert isinstance(screen, JobsScreen)
        screen.ask_states()
        await stage.settle()
        assert "225 jobs" in stage.text
        assert not stage.notes

    play(script, still_app(gateway, start="jobs"))
