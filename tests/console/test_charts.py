"""Charts over minutes: axes that end at round numbers, bars, and what can not be known."""

from collections.abc import Sequence

import pytest
from textual.content import Content

from console.gateway.demo import DemoGateway
from console.gateway.glance import Glance
from console.widgets.chart import Chart, draw, nice_count, nice_span, rates, spans
from console.widgets.trends import charts_of
from storage.values import replace

CALM = DemoGateway().glance()
ROW = replace(CALM.queues[0], queued=0, minutes=((1, 1, 0),) * 30, consumers=1, pause=None)
LIVING = tuple(one for one in CALM.fleet if not one.is_silent)


def test_the_first_minute_is_drawn_while_it_is_under_way() -> None:
    before, idle = ((0, 0, 0),) * 29, replace(ROW, minutes=((0, 0, 0),) * 30)
    ended, failed, _ = charts_of(Glance((replace(ROW, minutes=(*before, (9, 5, 2))), idle), LIVING), None)
    assert (ended.values[-1], ended.now.plain) == (7, "7 so far")
    assert (failed.values[-1], failed.now.plain) == (2, "2 so far")
    assert len(ended.values) == 30
    ended, _, _ = charts_of(Glance((replace(ROW, minutes=(*before[1:], (1, 1, 0), (9, 5, 2))),), LIVING), None)
    assert (ended.values[-1], ended.now.plain, len(ended.values)) == (1, "1", 29)
    assert [list(one.values) for one in charts_of(Glance((), LIVING), None)] == [[], [], []]


def test_a_chart_whose_first_answer_is_under_way_says_no_more_than_that() -> None:
    chart = Chart("oldest waits", Content(""), (), "$primary", spans, is_asked=True)
    lines = [line.plain.strip() for line in draw(chart, 40, 5)]
    assert lines == ["oldest waits", "◌ asking…", "", "", ""]


def test_what_failed_in_a_minute_is_a_share_of_what_ended_in_it() -> None:
    row = replace(ROW, minutes=((9, 0, 0), (9, 9, 1), (9, 0, 9)))
    failed = charts_of(Glance((row,), LIVING), None)[1]
    assert failed.now.plain == "1  10%"


@pytest.mark.parametrize(
    ("highest", "top"), [(0, 1), (1, 1), (1.2, 2), (3, 3), (7, 8), (11, 15), (53, 60), (61, 80), (99_000, 1e5)]
)
def test_the_axis_of_counts_ends_at_a_round_number(highest: float, top: float) -> None:
    assert nice_count(highest) == top


@pytest.mark.parametrize(("highest", "top"), [(0, 1), (45, 60), (61, 120), (4_000, 7_200), (200_000, 259_200)])
def test_the_axis_of_spans_ends_at_a_round_span(highest: float, top: float) -> None:
    assert nice_span(highest) == top


def _chart(values: Sequence[float | None]) -> list[str]:
    chart = Chart("ended/min", Content("5"), values, "$primary", rates)
    return [line.plain for line in draw(chart, 26, 7)]


def test_a_chart_has_its_title_its_axes_and_a_bar_per_minute() -> None:
    lines = _chart([0.0, 10.0, 5.0, None, 1.0] * 2)
    assert all(len(line) == 26 for line in lines)
    assert lines[0].startswith("ended/min  5")
    assert [line[:6] for line in lines[1:6]] == ["   10┤", "     │", "    5┤", "     │", "    0┤"]
    assert lines[5][6:16] == "  ████··▄▄"
    assert lines[6].startswith("      −10 min")
    assert lines[6].rstrip().endswith("now")


def test_more_minutes_than_fit_show_the_last_ones() -> None:
    lines = _chart([float(number) for number in range(60)])
    assert lines[6].startswith("      −20 min")


def test_a_chart_that_can_not_be_known_says_why() -> None:
    chart = Chart("oldest waits", Content(""), (), "$primary", spans, Content("PostgreSQL did not answer"))
    lines = [line.plain for line in draw(chart, 40, 7)]
    assert "can not know: PostgreSQL did not answer" in " ".join(line.strip() for line in lines)
    assert len(lines) == 7
