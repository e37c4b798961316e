"""Nothing is rendered to be thrown away, and what waits for a drawing waits until it is on the screen."""

from collections.abc import Callable

import pytest
from textual._compositor import Compositor

from console.widgets import line_table
from console.widgets.line_table import LineTable
from tests.console.stage import Stage, play, still_app
from tests.console.test_live_console import until

SIZE = (120, 40)


def _table(stage: Stage) -> "LineTable[object]":
    return stage.app.screen.query_one(LineTable)


def test_nothing_is_rendered_while_the_application_would_not_show_it(monkeypatch: pytest.MonkeyPatch) -> None:
    rendered: list[object] = []
    render = Compositor.render_update

    def counted(compositor: Compositor, *args: object, **options: object) -> object:
        rendered.append(compositor)
        return render(compositor, *args, **options)  # type: ignore[arg-type]  # as they came

    monkeypatch.setattr(Compositor, "render_update", counted)

    async def script(stage: Stage) -> None:
        with stage.app.batch_update():
            rendered.clear()
            stage.app.screen._refresh_layout()
            await stage.settle()
            assert rendered == []
        stage.app.screen.refresh(layout=True)
        await stage.settle()
        assert rendered

    play(script, still_app(start="queues"), SIZE)


def test_what_waits_for_a_drawing_waits_while_the_application_shows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line_table, "DRAWN_WITHIN_S", 600.0)
    told: list[str] = []

    async def script(stage: Stage) -> None:
        with stage.app.batch_update():
            _table(stage).once_drawn(lambda: told.append("drawn"))
            await stage.settle()
            assert told == []
        _table(stage).refresh()
        await stage.settle()
        assert told == ["drawn"]
        _table(stage).refresh()
        await stage.settle()
        assert told == ["drawn"]

    play(script, still_app(start="queues"), SIZE)


@pytest.mark.parametrize(
    ("hide", "within_s"),
    [
        (lambda table: setattr(table, "display", False), 600.0),
        (lambda table: setattr(table.styles, "height", 0), 0.01),
    ],
    ids=["hidden", "without room"],
)
def test_what_waits_for_a_table_that_is_not_seen_goes_on(
    hide: "Callable[[LineTable[object]], None]", within_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line_table, "DRAWN_WITHIN_S", within_s)
    told: list[str] = []

    async def script(stage: Stage) -> None:
        hide(_table(stage))
        await stage.settle()
        _table(stage).once_drawn(lambda: told.append("undrawn"))
        await until(stage, lambda: told == ["undrawn"], "the word that it is not seen")

    play(script, still_app(start="queues"), SIZE)
