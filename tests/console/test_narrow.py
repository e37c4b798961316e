"""Terminals narrower than 80 columns: what a row is about stays, and numbers go from the right."""

import pytest

from console.formats import Moment
from console.gateway.demo import DemoGateway
from console.gateway.demo_records import NOW
from console.widgets.line_table import LEAST, Cell, Column, fitting
from console.widgets.queue_detail import QueueDetail
from tests.console.stage import Stage, play, still_app


def _column(title: str, width: int) -> Column[int]:
    return Column(title, width, lambda row, moment: Cell(f"{row}{moment}"))


@pytest.mark.parametrize(
    ("width", "kept"), [(100, "name a b c"), (37, "name a b c"), (36, "name a b"), (20, "name a"), (3, "name")]
)
def test_columns_go_from_the_right_as_long_as_the_widest_has_too_little(width: int, kept: str) -> None:
    columns = (_column("name", 0), _column("a", 8), _column("b", 7), _column("c", 8))
    assert " ".join(column.title for column in fitting(columns, width, 1)) == kept


def test_a_column_that_takes_what_is_left_stays_where_it_is_the_last() -> None:
    columns = (_column("state", 8), _column("id", 8), _column("note", 0))
    assert [column.title for column in fitting(columns, 9 + LEAST + 1, 1)] == ["state", "note"]


@pytest.mark.parametrize(("start", "name"), [("overview", "default"), ("queues", "default"), ("workers", "w5:12901")])
@pytest.mark.parametrize("width", [40, 60])
def test_a_row_keeps_its_name(start: str, name: str, width: int) -> None:
    async def script(stage: Stage) -> None:
        assert any(line.startswith(f" {name}") for line in stage.text.split("\n"))

    play(script, still_app(start=start), (width, 20))


def test_charts_that_leave_no_room_for_words_are_left_out() -> None:
    async def script(stage: Stage) -> None:
        detail = stage.app.screen.query_one(QueueDetail)
        detail.show(DemoGateway().queues()[1], Moment(NOW))
        await stage.settle()
        assert "empty in about 2 m 11" in stage.text
        assert "−30 min" not in stage.text

    play(script, size=(60, 24))


def test_no_line_of_numbers_ends_in_a_mark_of_something_cut() -> None:
    async def script(stage: Stage) -> None:
        await stage.press("j")
        lines = [
            line for line in stage.text.split("\n") if line.strip().startswith(("queued  ", "running  ", "dead  "))
        ]
        assert len(lines) == 3
        assert not any("…" in line for line in lines)

    play(script)


@pytest.mark.parametrize(("start", "name"), [("overview", "default"), ("schedules", "refresh")])
def test_numbers_stand_near_their_names_on_a_wide_terminal(start: str, name: str) -> None:
    async def script(stage: Stage) -> None:
        (line,) = [line for line in stage.text.split("\n") if line.startswith(f" {name} ")]
        rest = line[len(name) + 1 :]
        assert len(rest) - len(rest.lstrip()) < 40

    play(script, still_app(start=start), (200, 60))
