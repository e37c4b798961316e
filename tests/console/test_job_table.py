"""The virtual list of jobs: any length, the cursor on its job, marks by id, few repaints."""

from time import perf_counter

from textual.geometry import Region

from console.app import DeweyApp
from console.gateway.paging import MOST
from console.gateway.views import JobPage
from console.widgets.job_table import JobTable
from console.widgets.line_table import ROWS_LIMIT
from tests.console.gateways import VastGateway
from tests.console.stage import Stage, play, still_app

MILLION = 1_000_000


def _app(total: int) -> tuple[DeweyApp, VastGateway]:
    gateway = VastGateway(total)
    return still_app(gateway, start="jobs"), gateway


def _table(stage: Stage) -> JobTable:
    return stage.app.screen.query_one(JobTable)


def test_a_million_rows_are_there_at_once_and_a_key_goes_to_the_last() -> None:
    app, gateway = _app(MILLION)

    async def script(stage: Stage) -> None:
        assert "1,000,000 jobs" in stage.text
        began = perf_counter()
        await stage.press("G")
        assert perf_counter() - began < 2.0
        assert "00999999" in stage.text
        assert _table(stage).cursor_key == "job-0999999"
        await stage.press("g")
        assert _table(stage).cursor_key == "job-0000000"

    play(script, app)
    assert all(limit < 300 for _, limit in gateway.asked)


def test_only_a_window_of_the_rows_is_held() -> None:
    app, _ = _app(MILLION)

    async def script(stage: Stage) -> None:
        table = _table(stage)
        for place in range(0, 60_000, 4_000):
            table.move_to(place)
            await stage.settle()
        assert len(table._rows) <= ROWS_LIMIT

    play(script, app)


def test_rows_that_are_not_there_yet_are_drawn_as_such_and_asked_for() -> None:
    app, gateway = _app(5_000)

    async def script(stage: Stage) -> None:
        gateway.asked.clear()
        _table(stage).move_to(3_000)
        assert "·" in _table(stage).render_line(10).text
        await stage.settle()
        assert "00003000" in stage.text
        assert len(gateway.asked) == 1

    play(script, app)


def test_the_cursor_stays_on_its_job_while_rows_move() -> None:
    app, gateway = _app(500)

    async def script(stage: Stage) -> None:
        await stage.press("j", "j", "j")
        assert _table(stage).cursor_key == "job-0000003"
        gateway.shift = 7
        app.screen.poll()  # type: ignore[attr-defined]
        await stage.settle()
        assert _table(stage).cursor_key == "job-0000003"
        assert _table(stage).cursor == 10
        gateway.shift = 60
        app.screen.poll()  # type: ignore[attr-defined]
        await stage.settle()
        assert _table(stage).cursor_key == "job-0000003"
        assert "00000003" in stage.text

    play(script, app)


def test_when_the_cursors_job_is_gone_the_cursor_stays_in_its_place() -> None:
    app, gateway = _app(500)

    async def script(stage: Stage) -> None:
        await stage.press("j", "j", "j")
        gateway.shift = -400
        app.screen.poll()  # type: ignore[attr-defined]
        await stage.settle()
        assert _table(stage).cursor == 3
        assert _table(stage).cursor_key == "job-0000403"
        gateway.total = 2
        app.screen.poll()  # type: ignore[attr-defined]
        await stage.settle()
        assert _table(stage).cursor == 1

    play(script, app)


def test_marks_stay_on_their_jobs_while_rows_move() -> None:
    app, gateway = _app(500)

    async def script(stage: Stage) -> None:
        await stage.press("space", "space")
        gateway.shift = 5
        app.screen.poll()  # type: ignore[attr-defined]
        await stage.settle()
        table = _table(stage)
        assert set(table.marks) == {"job-0000000", "job-0000001"}
        lines = [line for line in stage.text.split("\n") if line.startswith("■")]
        assert [line.split()[2] for line in lines] == ["00000000", "00000001"]

    play(script, app)


class Draining(VastGateway):
    """A list that loses jobs at its top with each page that is read of it."""

    def jobs(self, criteria: str, offset: int, limit: int) -> JobPage:
        page = super().jobs(criteria, offset, limit)
        if limit == MOST:
            self.shift, self.total = self.shift - 500, self.total - 500
        return page


def test_where_jobs_go_while_all_are_marked_that_is_said() -> None:
    app = still_app(Draining(5_000), start="jobs")

    async def script(stage: Stage) -> None:
        await stage.press("a")
        assert len(_table(stage).marks) == 3_500
        said = "Jobs came or went meanwhile: 3,500 were read, 5,000 were there to be read at first."
        assert said in stage.notes

    play(script, app)


def test_a_range_beyond_what_is_held_is_marked_whole() -> None:
    app, _ = _app(5_000)

    async def script(stage: Stage) -> None:
        await stage.press("v", "G", "v")
        assert len(_table(stage).marks) == 5_000
        assert "5,000 marked" in stage.text
        assert "meanwhile" not in stage.notes

    play(script, app)


def test_only_changed_rows_are_repainted() -> None:
    app, gateway = _app(500)

    async def script(stage: Stage) -> None:
        table = _table(stage)
        repainted: list[Region] = []
        refresh = table.refresh

        def note(*regions: Region, **options: bool) -> JobTable:
            repainted.extend(regions)
            return refresh(*regions, **options)

        table.refresh = note  # type: ignore[method-assign]
        app.screen.poll()  # type: ignore[attr-defined]
        await stage.settle()
        assert repainted == []
        await stage.press("j")
        assert {region.y for region in repainted} == {1, 2}
        repainted.clear()
        gateway.total = 501
        app.screen.poll()  # type: ignore[attr-defined]
        await stage.settle()
        assert repainted == []

    play(script, app)
