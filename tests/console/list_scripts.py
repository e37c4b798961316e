"""What the keys of lists and logs do, as scripts; test_keys.py plays them."""

from console.screens.job import JobScreen
from console.widgets.log_view import LogView
from tests.console.key_scripts import DEAD, jobs_table, key
from tests.console.stage import Stage


@key("mark", start="jobs")
async def _space_marks_and_goes_on(stage: Stage) -> None:
    await stage.press("space", "space")
    assert len(jobs_table(stage).marks) == 2
    assert jobs_table(stage).cursor == 2
    assert "2 marked" in stage.text
    await stage.press("k", "space")
    assert len(jobs_table(stage).marks) == 1


@key("mark.range", start="jobs")
async def _v_marks_a_range(stage: Stage) -> None:
    await stage.press("j", "v", "j", "j")
    assert "range of 3" in stage.text
    await stage.press("v")
    assert len(jobs_table(stage).marks) == 3


@key("mark.all", start=DEAD)
async def _a_marks_everything_that_matches(stage: Stage) -> None:
    await stage.press("a")
    assert len(jobs_table(stage).marks) == 9


@key("log", start="jobs")
async def _l_shows_the_log(stage: Stage) -> None:
    await stage.press("l")
    assert "started on" in stage.text
    await stage.press("left_square_bracket")
    assert "Arguments" in stage.text
    await stage.press("l")
    assert "started on" in stage.text


@key("follow", "wrap", start="logs")
async def _f_and_w_change_how_the_log_is_read(stage: Stage) -> None:
    view = stage.app.screen.query_one(LogView)
    await stage.press("f", "w")
    assert not view.following
    assert view.wrapping
    await stage.press("f", "w")
    assert view.following
    assert not view.wrapping


@key("follow", "wrap", start="jobs")
async def _f_and_w_work_on_a_jobs_log_and_say_so_elsewhere(stage: Stage) -> None:
    await stage.press("enter", "f", "w")
    assert "That is for the log" in stage.notes
    await stage.press("l", "f", "w")
    view = stage.app.screen.query_one(LogView)
    assert not view.following
    assert view.wrapping


@key("tab.next", "tab.previous", start="jobs")
async def _brackets_change_the_tab(stage: Stage) -> None:
    await stage.press("enter")
    screen = stage.app.screen
    assert isinstance(screen, JobScreen)
    seen = []
    for bracket in ("right_square_bracket", "right_square_bracket", "right_square_bracket", "left_square_bracket"):
        await stage.press(bracket)
        seen.append(screen.tab)
    assert seen == ["log", "attempts", "history", "attempts"]


@key("tab.next", "tab.previous", start="jobs")
async def _brackets_narrow_the_list_of_jobs_to_a_state_and_esc_shows_all_again(stage: Stage) -> None:
    await stage.press("right_square_bracket")
    assert "running 5" in stage.text
    assert "/ state:running" in stage.text
    assert "5 jobs" in stage.text
    await stage.press("right_square_bracket")
    assert "/ state:retrying" in stage.text
    await stage.press("left_square_bracket", "left_square_bracket", "left_square_bracket")
    assert "/ state:succeeded" in stage.text
    assert "146 jobs" in stage.text
    await stage.press("right_square_bracket")
    assert "/ every job" in stage.text
    await stage.press("left_square_bracket", "escape")
    assert "/ every job" in stage.text
