"""A job among others of its task: the axis means what it says, and the comparison shows no secret."""

import itertools

import pytest
from syrupy.assertion import SnapshotAssertion
from textual.content import Content

from console.gateway import beside
from console.gateway.beside import BesideView, DiffView, RunTimes, diff_view
from console.gateway.demo_records import NOW, job_id
from console.screens.job import JobScreen
from console.widgets.histogram import AXIS, draw
from storage.history.diff import Diff, Difference
from storage.history.entries import Entry
from storage.history.histogram import bucket_of, dense
from storage.redaction import MASK, Redactor
from tests.console.gateways import FlakyGateway, HostileGateway
from tests.console.no_history import NoHistoryGateway
from tests.console.payloads import PAYLOADS
from tests.console.stage import Stage, hidden_characters, play, still_app
from tests.console.test_snapshots import DEAD, SIZES
from tests.console.test_snapshots import draw as picture
from tests.console.test_snapshots import pictures as pictures  # noqa: PLC0414  # a fixture

TO_HISTORY = ("]", "]", "]")
LARGE = (100, 40)


def _counts(**by_ms: int) -> list[int]:
    return dense({bucket_of(int(name.removeprefix("ms"))): number for name, number in by_ms.items()})


@pytest.mark.parametrize("width", [40, 80, 160])
def test_the_mark_stands_under_the_bar_of_its_own_duration(width: int) -> None:
    lines = draw(_counts(ms10=5, ms100=40, ms5000=1), bucket_of(100), width, 5)
    assert all(line.cell_length <= width + 8 for line in lines)
    mark = lines[-1].plain.index("▲")
    assert lines[-1].plain == " " * mark + "▲ this job"
    highest = lines[0].plain.index("█")
    assert highest == mark
    tick = lines[-2].plain.index("╵100 ms")
    assert abs(tick - mark) <= 3


def test_a_mark_beyond_all_others_widens_the_axis() -> None:
    lines = draw(_counts(ms10=5), bucket_of(60_000), 80, 5)
    assert "╵1 min" in lines[-2].plain
    assert lines[-1].plain.index("▲") > lines[0].plain.index("█") > AXIS - 1


def test_without_a_run_there_is_nothing_to_draw() -> None:
    assert draw((), None, 80, 5) == []


def test_how_many_were_shorter_is_counted_by_bucket() -> None:
    times = RunTimes(tuple(_counts(ms10=50, ms100=30, ms9000=20)), 7, 0.1)
    assert (times.total, times.longer_than, times.mine) == (100, 50, bucket_of(100))
    assert RunTimes().longer_than == 0


def _entry(**fields: object) -> Entry:
    names = dict.fromkeys(Entry.__struct_fields__, None) | {"id": "0123456789", "created_at": NOW} | fields
    return Entry(**names)  # type: ignore[arg-type]


def test_a_comparison_masks_secrets_tells_one_from_its_text_and_says_how_many_times() -> None:
    differences = (
        Difference("duration_ms", 12_000, 3_000),
        Difference("wait_ms", None, 20),
        Difference("args.password", "hunter2", "hunter3"),
        Difference("args.id", "1", 1),
        Difference("args.new", True, None, "job"),
        Difference("args.gone", None, "x", "other"),
    )
    found = diff_view(Diff(_entry(), _entry(), True, differences, ("host",)), Redactor())
    said = [(one.name.plain, one.mine.plain, one.other.plain, one.note) for one in found.differences]
    assert said == [
        ("duration", "12 s", "3.0 s", "4.0 times as long"),
        ("waited", "–", "20 ms", ""),
        ("args.password", MASK, MASK, ""),
        ("args.id", '"1"', "1", ""),
        ("args.new", "true", "–", "only here"),
        ("args.gone", "–", "x", "only there"),
    ]


def test_it_is_asked_once_and_again_when_the_job_has_gone_on() -> None:
    gateway = FlakyGateway()

    async def script(stage: Stage) -> None:
        await stage.press("enter", *TO_HISTORY)
        assert "beside the last success" in stage.text
        screen = stage.app.screen
        assert isinstance(screen, JobScreen)
        for _ in range(3):
            screen.poll()
            await stage.settle()
        assert gateway.asked.count("beside") == 1
        await stage.press("r", "right", "enter")
        assert gateway.asked.count("beside") == 2
        await stage.press("Y")
        assert stage.app.clipboard == f"dewey diff {screen.key}"

    play(script, still_app(gateway, start=DEAD, write="a test"), LARGE)


def test_while_history_is_away_it_says_so_and_asks_again() -> None:
    async def script(stage: Stage) -> None:
        await stage.press("enter", *TO_HISTORY)
        assert "can not know: PostgreSQL did not answer: connection refused" in stage.text

    play(script, still_app(NoHistoryGateway(), start=DEAD), LARGE)


def test_a_history_that_is_away_is_asked_again_after_a_while_and_not_each_second() -> None:
    gateway = FlakyGateway()
    why = Content("PostgreSQL did not answer")
    asked: list[str] = []

    def away(key: str) -> BesideView:
        asked.append(key)
        return BesideView(key, RunTimes(problem=why), DiffView(problem=why))

    gateway.beside = away  # type: ignore[method-assign]

    async def script(stage: Stage) -> None:
        await stage.press("enter", *TO_HISTORY)
        screen = stage.app.screen
        assert isinstance(screen, JobScreen)
        for later_s, times in ((1, 1), (14, 1), (15, 2), (29, 2), (30, 3)):
            gateway.later_s = later_s
            screen.poll()
            await stage.settle()
            assert len(asked) == times, later_s

    play(script, still_app(gateway, start=DEAD), LARGE)


def test_how_long_a_comparison_takes_is_not_the_backends_latency() -> None:
    gateway = FlakyGateway()
    ticks = itertools.count()

    async def script(stage: Stage) -> None:
        await stage.press("enter")
        took_s = stage.app.health.took_s
        screen = stage.app.screen
        assert isinstance(screen, JobScreen)
        screen.go_to("history")
        await stage.settle()
        assert gateway.asked[-1] == "beside"
        assert stage.app.health.took_s == took_s

    play(script, still_app(gateway, start=DEAD, timer=lambda: next(ticks) ** 2), LARGE)


def test_hostile_comparisons_are_drawn_as_text() -> None:
    gateway = HostileGateway(PAYLOADS)

    async def script(stage: Stage) -> None:
        for row in gateway._rows():
            stage.app.push_screen(JobScreen(row.key, "history"))
            await stage.settle()
            assert "beside the last success" in stage.text
            assert hidden_characters(stage.text) == []
            stage.app.pop_screen()

    play(script, still_app(gateway), LARGE)


@pytest.mark.parametrize("size", SIZES)
def test_history_in_each_size(pictures: SnapshotAssertion, size: str) -> None:
    picture(pictures, still_app(start=DEAD), SIZES[size], ("enter", *TO_HISTORY), in_light=True)


@pytest.mark.parametrize("start", [f"job:{job_id(0)}", "state:queued queue:reports", "state:running queue:ingestion"])
def test_history_of_jobs_that_have_none_or_run(pictures: SnapshotAssertion, start: str) -> None:
    keys = TO_HISTORY if start.startswith("job:") else ("enter", *TO_HISTORY)
    picture(pictures, still_app(start=start), SIZES["80x24"], keys)


def test_history_can_not_be_known(pictures: SnapshotAssertion) -> None:
    picture(pictures, still_app(NoHistoryGateway(), start=DEAD), SIZES["80x24"], ("enter", *TO_HISTORY))


@pytest.mark.parametrize(
    ("mine", "other", "said"),
    [
        (10, 11, ""),
        (None, 5, ""),
        (30, 10, "3.0 times as long"),
        (1, 4, "0.25 times as long"),
        (1, 299, "less than 0.01 times as long"),
    ],
)
def test_a_ratio_is_said_when_it_is_worth_a_word(mine: int | None, other: int | None, said: str) -> None:
    assert beside._ratio(mine, other) == said
