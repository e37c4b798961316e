"""Log lines: filtered, walked with a cursor, opened, searched."""

from datetime import timedelta

import pytest
from textual.content import Content

from console import lines
from console.completion import complete
from console.gateway.demo_records import NOW
from console.gateway.views import LogLineView
from console.screens.job import JobScreen
from console.screens.logs import LogsScreen
from console.widgets.filter_bar import FilterBar
from console.widgets.log_view import LINES_LIMIT, LogView
from storage.errors import FilterError
from storage.values import replace
from tests.console.gateways import FlakyGateway
from tests.console.stage import Stage, play, still_app

LINE = LogLineView(
    NOW, "WARNING", "3f2a99", Content("3f2a99"), Content("ingest_file"), Content("ingestion"), 2,
    Content("tasks.services.embedding"), Content("429: waiting 1.5 s"),
)  # fmt: skip


@pytest.mark.parametrize(
    ("text", "is_shown"),
    [
        ("", True),
        ("level:warning", True),
        ("level:WARNING,ERROR", True),
        ("level:ERROR", False),
        ("level:>=info", True),
        ("level:>=ERROR", False),
        ("queue:ingest*", True),
        ("queue:email", False),
        ("task:INGEST", True),
        ("task:send", False),
        ("id:3f2a", True),
        ("id:4", False),
        ("attempt:>=2", True),
        ("attempt:1", False),
        ("logger:embedding", True),
        ("logger:*mail", False),
        ("WAITING", True),
        ("ingest_f", True),
        ("nothing", False),
        ("-nothing (queue:email OR 429)", True),
        ("NOT waiting", False),
    ],
)
def test_a_line_is_filtered_by_what_it_has(text: str, is_shown: bool) -> None:
    assert lines.matches(lines.read(text), LINE) is is_shown


@pytest.mark.parametrize(
    ("text", "says", "marked", "suggestion"),
    [
        ("level:zzz", "“zzz” is no level; the levels are DEBUG INFO", "zzz", ""),
        ("level:warn", r"no level: did you mean WARNING\? The levels are DEBUG", "warn", "WARNING"),
        ("queue:a level:>=loud", "“loud” is no level; the levels are DEBUG", "loud", ""),
        ("state:dead", "the fields are level queue", "state", ""),
        ("lvl:INFO", "did you mean level", "lvl", "level"),
        ("err:x", "is no field", "err", ""),
        ("args.x:1", "is no field", "args.x", ""),
    ],
)
def test_what_a_line_does_not_have_is_a_mistake_at_its_place(
    text: str, says: str, marked: str, suggestion: str
) -> None:
    with pytest.raises(FilterError, match=says) as caught:
        lines.read(text)
    error = caught.value
    assert text[error.position : error.position + error.length] == marked
    assert error.suggestion == suggestion


def test_what_is_completed_for_lines_is_understood() -> None:
    values = lines.words({"queue": ("email",), "task": ("send_email",), "err": ("X",)})
    assert complete("e", 1, lines.FIELDS, values).options == ()
    options = complete("level:", 6, lines.FIELDS, values).options
    assert options[0] == ">=WARNING"
    for option in options:
        lines.read(f"level:{option}")


def _view(stage: Stage) -> LogView:
    return stage.app.screen.query_one(LogView)


def test_a_filter_hides_lines_also_those_that_come_and_esc_brings_them_back() -> None:
    gateway = FlakyGateway()

    async def script(stage: Stage) -> None:
        screen = stage.app.screen
        assert isinstance(screen, LogsScreen)
        everything = _view(stage).line_count
        await stage.press("slash")
        await stage.type("level:>=WARNING")
        expected = sum(1 for line in _view(stage).lines if line.level in ("WARNING", "ERROR", "CRITICAL"))
        assert f"→ {expected} lines" in stage.text
        await stage.press("enter")
        assert _view(stage).line_count == expected
        assert f"{expected} of {everything:,} lines" in stage.text
        gateway.later_s = 40
        screen.poll()
        await stage.settle()
        assert {line.level for line in _view(stage).lines} <= {"WARNING", "ERROR", "CRITICAL"}
        held = len(screen._held)
        assert held > everything
        await stage.press("escape")
        assert _view(stage).line_count == held
        assert "what every job logs" in stage.text

    play(script, still_app(gateway, start="logs"))


def test_a_filter_that_nothing_matches_says_so_and_the_next_line_that_does_is_shown() -> None:
    async def script(stage: Stage) -> None:
        await stage.press("slash")
        await stage.type("nosuchword")
        await stage.press("enter")
        assert "nothing matches  nosuchword" in stage.text
        screen = stage.app.screen
        assert isinstance(screen, LogsScreen)
        screen._draw((replace(LINE, message=Content("here is nosuchword"), at=NOW + timedelta(seconds=1)),))
        screen._arrange()
        await stage.settle()
        assert "here is nosuchword" in stage.text

    play(script, still_app(start="logs"))


def test_a_mistake_is_said_under_the_bar_of_the_log_too() -> None:
    async def script(stage: Stage) -> None:
        await stage.press("slash")
        await stage.type("level:warn")
        await stage.press("enter")
        assert "did you mean WARNING?" in stage.text
        await stage.press("tab", "enter")
        assert stage.app.screen.query_one(FilterBar).criteria == "level:WARNING"

    play(script, still_app(start="logs"))


def test_the_cursor_stays_on_its_line_while_others_come_and_go() -> None:
    async def script(stage: Stage) -> None:
        view = _view(stage)
        await stage.press("k", "k", "k")
        line = view.line
        assert line is not None
        view.add([replace(LINE, message=Content(f"new {number}")) for number in range(500)])
        view.flush()
        await stage.settle()
        assert view.line is line
        await stage.press("f")
        assert view.line is not None
        assert view.line.message.plain == "new 499"
        await stage.press("g")
        view.add([replace(LINE, message=Content(f"flood {number}")) for number in range(LINES_LIMIT)])
        view.flush()
        await stage.settle()
        assert view.line is view.lines[0], "its line has gone: it is on the oldest that is left"

    play(script, still_app(start="logs"))


def test_a_line_is_opened_by_the_mouse() -> None:
    async def script(stage: Stage) -> None:
        view = _view(stage)
        line = view.lines[-3]
        await stage.pilot.click(LogView, offset=(10, view.size.height - 3), times=2)
        await stage.settle()
        assert isinstance(stage.app.screen, JobScreen)
        assert stage.app.screen.key == line.job_key

    play(script, still_app(start="logs"))


def test_a_place_in_the_log_is_gone_to_with_its_filter() -> None:
    async def script(stage: Stage) -> None:
        assert isinstance(stage.app.screen, LogsScreen)
        assert {line.level for line in _view(stage).lines} == {"ERROR"}
        assert "level:ERROR" in stage.text

    play(script, still_app(start="logs level:ERROR"))
