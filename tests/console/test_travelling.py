"""Looking at the past: nothing of one instant stands under the name of another, and nothing unknown looks like 0."""

from datetime import timedelta

import pytest

from console import bindings
from console.gateway.demo_past import BEGAN_AT
from console.gateway.demo_records import NOW
from console.screens.base import POLL, DeweyScreen
from console.screens.travelling import TravellingScreen, stepped
from console.widgets.travel_bar import span
from tests.console.gateways import FlakyGateway, HostileGateway
from tests.console.no_history import NoHistoryGateway
from tests.console.payloads import PAYLOADS
from tests.console.stage import Stage, hidden_characters, play, send_key, still_app

SCREENS = ("overview", "queues", "workers", "failures")
LARGE = (160, 60)


def _screen(stage: Stage) -> TravellingScreen:
    screen = stage.app.screen
    assert isinstance(screen, TravellingScreen)
    return screen


def test_steps_are_full_minutes_and_the_last_one_is_now() -> None:
    assert stepped(None, NOW, -1) == NOW.replace(minute=46, second=0, microsecond=0)
    assert stepped(None, NOW, 1) is None
    before = NOW.replace(minute=46, second=0, microsecond=0)
    assert stepped(before, NOW, 1) is None
    assert stepped(before, NOW, 60) is None
    assert stepped(before, NOW, -60) == before - timedelta(hours=1)


@pytest.mark.parametrize(
    ("minutes", "text"),
    [(1, "1 min"), (59, "59 min"), (60, "1 h"), (192, "3 h 12 min"), (2_880, "2 d"), (3_200, "2 d 5 h")],
)
def test_a_span_is_written_in_two_units(minutes: int, text: str) -> None:
    assert span(minutes * 60) == text


@pytest.mark.parametrize("start", SCREENS)
def test_every_screen_that_travels_says_when_and_what_it_can_not_know(start: str) -> None:
    async def script(stage: Stage) -> None:
        now = stage.text.split("\n")[:12]
        await stage.press("<")
        assert "01:47 UTC, 1 h ago: this is not now — esc is now" in stage.text
        unrecorded = _screen(stage).UNRECORDED
        assert (f"can not know: {unrecorded}"[:60] in stage.text) == bool(unrecorded)
        assert "02:47:13 UTC" in stage.text
        assert not stage.app.screen.query(".-stale")
        await stage.press("escape")
        assert stage.text.split("\n")[:12] == now

    play(script, still_app(start=start), LARGE)


def test_all_screens_look_at_the_same_instant_and_those_that_can_not_say_so() -> None:
    async def script(stage: Stage) -> None:
        await stage.press("<", ",")
        for number in ("1", "4", "6", "2"):
            await stage.press(number)
            assert "01:46 UTC, 1 h 1 min ago: this is not now" in stage.text
        for number in ("3", "7", "9"):
            await stage.press(number)
            assert "this screen shows now: 1 2 4 6 look at 01:46 UTC" in stage.text
        await stage.press("2", "escape")
        await stage.press("3")
        assert "this screen shows now" not in stage.text

    play(script, still_app(start="queues"), LARGE)


@pytest.mark.parametrize("start", SCREENS)
def test_nothing_can_be_done_to_the_past_and_the_reason_is_said(start: str) -> None:
    gateway = FlakyGateway()

    async def script(stage: Stage) -> None:
        await stage.press("<")
        screen = _screen(stage)
        acting = [one for one in bindings.KEYS if one.acts and {screen.PLACE, "screen"} & set(one.places)]
        for one in acting:
            reason = screen.why_not(one.action.partition("(")[0])
            expected = ("This is 01:47 UTC, not now: esc goes to now.", "There is no", "Nothing was said")
            assert reason.startswith(expected), one.id
        await stage.press("t", "z")
        assert "This is 01:47 UTC, not now: esc goes to now." in stage.notes
        await stage.press("p", "m", "r", "L", "D", "S")
        assert {"preview", "perform"} & set(gateway.asked) == set()
        assert stage.app.screen is screen

    play(script, still_app(gateway, start=start, write="a test"), LARGE)


@pytest.mark.parametrize("start", SCREENS)
def test_until_the_answer_comes_the_old_rows_are_dimmed_and_the_bar_says_asking(start: str) -> None:
    gateway = FlakyGateway()

    async def script(stage: Stage) -> None:
        gateway.gate.clear()
        await send_key(stage.app, "less_than_sign")
        await stage.pilot.pause(0)
        assert "01:47 UTC, 1 h ago: asking…" in stage.text
        assert stage.app.screen.query(".-stale")
        gateway.gate.set()
        await stage.settle()
        assert "this is not now" in stage.text
        gateway.gate.clear()
        await send_key(stage.app, "escape")
        await stage.pilot.pause(0)
        assert "asking for now; this is still 01:47 UTC" in stage.text
        assert stage.app.screen.query(".-stale")
        gateway.gate.set()
        await stage.settle()
        assert "01:47 UTC" not in stage.text

    play(script, still_app(gateway, start=start), LARGE)


def test_an_answer_about_now_that_comes_late_is_not_shown_as_the_past() -> None:
    gateway = FlakyGateway()

    async def script(stage: Stage) -> None:
        gateway.gate.clear()
        _screen(stage).poll()
        for _ in range(2):
            await send_key(stage.app, "less_than_sign")
            await stage.pilot.pause(0)
        gateway.gate.set()
        await stage.settle()
        shown = _screen(stage).shown_past
        assert shown is not None
        assert shown.at == stage.app.past_at == NOW.replace(hour=0, second=0, microsecond=0)
        assert gateway.asked.count("past") == 1

    play(script, still_app(gateway, start="queues"))


def test_an_answer_about_an_instant_that_is_not_looked_at_any_more_is_dropped() -> None:
    taken: list[str] = []

    async def script(stage: Stage) -> None:
        screen = _screen(stage)
        screen.ask(POLL, lambda: "about now", taken.append)
        stage.app.past_at = NOW - timedelta(hours=1)
        await stage.settle()
        screen.ask(POLL, lambda: "about then", taken.append)
        await stage.settle()

    play(script, still_app(start="queues"))
    assert taken == ["about then"]


def test_what_is_in_sight_of_the_past_is_not_asked_for_again() -> None:
    gateway = FlakyGateway()

    async def script(stage: Stage) -> None:
        await stage.press("<")
        for _ in range(3):
            _screen(stage).poll()
            await stage.settle()
        assert gateway.asked.count("past") == 1
        assert gateway.asked.count("ping") == 3
        gateway.go_away(after_s=5)
        _screen(stage).poll()
        await stage.settle()
        assert "Redis did not answer" in stage.text
        assert "this is not now" in stage.text

    play(script, still_app(gateway, start="workers"))


@pytest.mark.parametrize("start", SCREENS)
def test_while_history_is_away_the_past_says_why_it_can_not_be_known(start: str) -> None:
    async def script(stage: Stage) -> None:
        await stage.press(",")
        assert "can not know: PostgreSQL did not answer: connection refused" in stage.text
        assert "02:46 UTC, 1 min ago: this is not now" in stage.text
        assert "● up" in stage.text
        await stage.press("escape")
        assert "did not answer" not in stage.text.split("\n")[1]

    play(script, still_app(NoHistoryGateway(), start=start))


def test_an_instant_that_nobody_recorded_is_refused_with_what_is_known_around_it() -> None:
    async def script(stage: Stage) -> None:
        stage.app.past_at = NOW.replace(hour=1, minute=15, second=0, microsecond=0)
        _screen(stage).poll()
        await stage.settle()
        assert "the next one of 01:20:00 UTC" in " ".join(stage.text.split())
        stage.app.past_at = BEGAN_AT - timedelta(hours=1)
        _screen(stage).poll()
        await stage.settle()
        assert "what is known begins at 21:00 UTC" in " ".join(stage.text.split())
        await stage.press(">")
        assert "default" in stage.text

    play(script, still_app(start="queues"))


@pytest.mark.parametrize(
    ("start", "uncounted"),
    [("workers", " Consumers"), ("failures", " Open   Muted   Resolved ")],
)
def test_what_was_never_recorded_is_not_said_to_be_asked_for_again_and_is_not_counted(
    start: str, uncounted: str
) -> None:
    async def never(stage: Stage) -> None:
        stage.app.past_at = BEGAN_AT - timedelta(hours=1)
        _screen(stage).poll()
        await stage.settle()
        assert "what is known begins at 21:00 UTC" in " ".join(stage.text.split())
        assert "asking again will not help: esc goes to now" in stage.text
        assert "asked again by itself" not in stage.text
        assert stage.text.split("\n")[2].startswith(f"{uncounted} ")

    async def away(stage: Stage) -> None:
        await stage.press(",")
        assert "asked again by itself, until it answers" in stage.text

    play(never, still_app(start=start))
    play(away, still_app(NoHistoryGateway(), start=start))


@pytest.mark.parametrize("start", SCREENS)
def test_the_key_that_goes_to_now_says_so_while_one_looks_back(start: str) -> None:
    async def script(stage: Stage) -> None:
        assert "esc back" in stage.text.split("\n")[-1]
        await stage.press(",")
        assert "esc now" in stage.text.split("\n")[-1]
        await stage.press("7")
        assert "esc back" in stage.text.split("\n")[-1]
        await stage.press("6")
        assert "esc now" in stage.text.split("\n")[-1]
        await stage.press("escape")
        assert "esc back" in stage.text.split("\n")[-1]

    play(script, still_app(start=start))


def test_what_nobody_records_is_a_question_mark_and_no_zero() -> None:
    async def script(stage: Stage) -> None:
        await stage.press("4", "<")
        row = next(line for line in stage.text.split("\n") if "SMTPServerDisconnected" in line)
        assert "?" in row
        assert "can not be known" in stage.text
        await stage.press("1")
        assert "◌ Redis" in stage.text

    play(script, still_app(start="queues"), (120, 40))


def test_ages_are_those_of_then() -> None:
    async def script(stage: Stage) -> None:
        before = stage.text
        await stage.press("<")
        assert "w2:887" in stage.text
        assert "0s ago" in stage.text
        assert stage.text != before

    play(script, still_app(start="workers"))


def test_a_row_that_was_there_then_too_keeps_the_cursor() -> None:
    async def script(stage: Stage) -> None:
        await stage.press("j", "j", "<")
        assert _screen(stage).query_one("#queues-table").cursor_key == "ingestion"  # type: ignore[attr-defined]

    play(script, still_app(start="queues"))


@pytest.mark.parametrize("start", SCREENS)
def test_hostile_texts_of_the_past_are_drawn_as_text(start: str) -> None:
    async def script(stage: Stage) -> None:
        for key in (",", ",", "j", "<", "escape"):
            await stage.press(key)
            assert hidden_characters(stage.text) == []
        assert isinstance(stage.app.screen, DeweyScreen)

    play(script, still_app(HostileGateway(PAYLOADS), start=start), LARGE)


def test_no_way_leads_from_the_past_to_the_form_of_a_job() -> None:
    async def script(stage: Stage) -> None:
        await stage.press("<", "colon", *"trigger", "enter")
        assert "This is 01:47 UTC, not now: esc goes to now." in stage.notes
        assert isinstance(stage.app.screen, TravellingScreen)

    play(script, still_app(start="queues", write="a test"))


def test_a_look_that_comes_when_one_has_gone_to_the_past_opens_no_dialog() -> None:
    gateway = FlakyGateway()

    async def script(stage: Stage) -> None:
        gateway.gate.clear()
        await send_key(stage.app, "p")
        await stage.pilot.pause(0)
        await send_key(stage.app, "comma")
        await stage.pilot.pause(0)
        gateway.gate.set()
        await stage.settle()
        assert "preview" in gateway.asked
        assert isinstance(stage.app.screen, TravellingScreen)
        assert "not now: esc goes to now." in stage.notes

    play(script, still_app(gateway, start="queues", write="a test"))


def test_nothing_can_be_done_while_rows_of_the_past_are_still_in_sight() -> None:
    gateway = FlakyGateway()

    async def script(stage: Stage) -> None:
        await stage.press("<")
        gateway.gate.clear()
        await send_key(stage.app, "escape")
        await stage.pilot.pause(0)
        assert stage.app.past_at is None
        assert "still: what is now is being asked for" in _screen(stage).why_not("pause")
        gateway.gate.set()
        await stage.settle()
        assert _screen(stage).why_not("pause") == ""

    play(script, still_app(gateway, start="queues", write="a test"))
