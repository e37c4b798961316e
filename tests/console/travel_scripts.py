"""What the keys of time travel do, as scripts; test_keys.py plays them on an armed console."""

from datetime import timedelta

from console.gateway.demo_records import NOW
from tests.console.key_scripts import key
from tests.console.stage import Stage

THIS_MINUTE = NOW.replace(second=0, microsecond=0)


@key("past.minute", "past.minute.on", start="queues")
async def _comma_and_full_stop_step_a_minute(stage: Stage) -> None:
    await stage.press(".")
    assert stage.app.past_at is None
    assert "This is now: , looks a minute back." in stage.notes
    await stage.press(",", ",", ",")
    assert stage.app.past_at == THIS_MINUTE - timedelta(minutes=3)
    assert "02:44 UTC, 3 min ago: this is not now" in stage.text
    await stage.press(".")
    assert "02:45 UTC, 2 min ago: this is not now" in stage.text
    await stage.press(".", ".")
    assert stage.app.past_at is None
    assert "this is not now" not in stage.text


@key("past.hour", "past.hour.on", "back", start="overview")
async def _less_and_greater_step_an_hour_and_esc_is_now(stage: Stage) -> None:
    await stage.press("<", "<", "<")
    assert stage.app.past_at == THIS_MINUTE - timedelta(hours=3)
    assert "13 Mar 23:47 UTC, 3 h ago: this is not now" in stage.text
    await stage.press(">")
    assert "00:47 UTC, 2 h ago: this is not now" in stage.text
    await stage.press("escape")
    assert stage.app.past_at is None
    assert "this is not now" not in stage.text


@key("past.minute", "past.hour", start="jobs")
async def _a_screen_without_a_past_says_which_have_one(stage: Stage) -> None:
    await stage.press(",")
    assert "This screen has no past: 1 2 4 6 have one" in stage.notes
    assert stage.app.past_at is None
    await stage.press("5", "<")
    assert stage.app.past_at is None


@key("past.hour", start="overview")
async def _the_keys_of_the_past_stay_in_sight_however_long_ago_it_is(stage: Stage) -> None:
    await stage.press(",")
    assert "1 min ago: this is not now — esc is now; , . < >  " in stage.text
    await stage.press("<", "<", "<", "<")
    assert "13 Mar 22:46 UTC: this is not now — esc is now; , . < >  " in stage.text
    assert "✎ 15 min" in stage.text
