"""How lists and texts are walked, as scripts; test_keys.py plays them."""

from console.widgets.log_view import LogView
from console.widgets.page import Scroller
from tests.console.key_scripts import DEAD, jobs_table, key
from tests.console.stage import Stage


@key("move.down", "move.up", "move.top", "move.bottom", "move.page_down", "move.page_up", start="jobs")
async def _the_list_is_walked_with_letters_or_arrows(stage: Stage) -> None:
    table = jobs_table(stage)
    seen = []
    for one in ("j", "down", "k", "up", "G", "g", "end", "home", "pagedown", "ctrl+f", "pageup", "ctrl+b"):
        await stage.press(one)
        seen.append(table.cursor)
    assert seen == [1, 2, 1, 0, 224, 0, 224, 0, 15, 30, 15, 0]


@key("scroll.down", "scroll.up", "scroll.top", "scroll.bottom", "scroll.page_down", "scroll.page_up", start="logs")
async def _the_log_is_walked_with_letters_or_arrows(stage: Stage) -> None:
    view = stage.app.screen.query_one(LogView)
    end, last = view.max_scroll_y, view.line_count - 1
    seen, tops = [], []
    for one in ("k", "up", "j", "g", "down", "pagedown", "pageup", "G"):
        await stage.press(one)
        seen.append(view.cursor)
        tops.append(view.scroll_offset.y)
        assert view.following == (one == "G")
    page = view.size.height - 1
    assert seen[:5] == [last - 1, last - 2, last - 1, 0, 1]
    assert seen[6:] == [1, last]
    assert tops == [end, end, end, 0, 0, page, 0, end]


@key("scroll.down", "scroll.up", "scroll.top", "scroll.bottom", "scroll.page_down", "scroll.page_up", start="jobs")
async def _the_log_of_a_job_is_scrolled_with_letters_or_arrows(stage: Stage) -> None:
    await stage.press("l")
    view = stage.app.screen.query_one(LogView)
    view.add([view.lines[0]] * 100)
    view.flush()
    await stage.settle()
    end = view.max_scroll_y
    seen = []
    for one in ("k", "up", "j", "g", "down", "pagedown", "pageup", "G"):
        await stage.press(one)
        seen.append(view.scroll_offset.y)
    page = view.size.height - 1
    assert seen == [end - 1, end - 2, end - 1, 0, 1, 1 + page, 1, end]
    assert view.following


@key("scroll.right", "scroll.left", start="logs")
async def _the_log_is_scrolled_sideways(stage: Stage) -> None:
    view = stage.app.screen.query_one(LogView)
    await stage.press("right", "right", "left")
    assert view.scroll_offset.x == 8


@key("scroll.down", "scroll.up", "scroll.top", "scroll.bottom", "scroll.page_down", "scroll.page_up", start=DEAD)
async def _the_attempts_are_walked_with_letters(stage: Stage) -> None:
    await stage.press("enter", "right_square_bracket", "right_square_bracket")
    scroller = stage.app.screen.query_one("#attempts", Scroller)
    seen = []
    for one in ("j", "k", "G", "g", "pagedown", "pageup"):
        await stage.press(one)
        seen.append(scroller.scroll_offset.y)
    assert (seen[0], seen[1], seen[3], seen[5]) == (1, 0, 0, 0)
    assert seen[2] == scroller.max_scroll_y > seen[4] > 5
