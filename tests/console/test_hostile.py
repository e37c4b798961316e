"""Whatever a job holds: nothing reaches the terminal raw, nothing is read as markup, nothing is done."""

from pathlib import Path

import pytest
from textual.content import Content

from console.app import DeweyApp
from console.formats import safe_text
from console.gateway.demo_records import job_id
from console.screens.action_dialog import ActionDialog
from console.screens.job import JobScreen
from console.screens.jobs import JobsScreen
from console.screens.pick import PickScreen
from console.screens.revealed import RevealedDialog
from console.screens.trigger import TriggerScreen
from console.widgets.filter_bar import FilterBar
from storage.values import replace
from tests.console.gateways import HostileGateway
from tests.console.payloads import ESC, PAYLOADS
from tests.console.stage import Stage, hidden_characters, play, still_app

LARGE = (160, 90)


@pytest.mark.parametrize("payload", PAYLOADS, ids=range(len(PAYLOADS)))
@pytest.mark.parametrize("lines", [False, True], ids=["one line", "lines"])
def test_safe_text_leaves_nothing_hidden(payload: str, lines: bool) -> None:
    text = safe_text(payload, limit=1_000, lines=lines)
    assert isinstance(text, Content)
    assert not text.spans
    assert not hidden_characters(text.plain)
    assert lines or "\n" not in text.plain
    assert len(text.plain) <= 1_000 * 10 + 40


def _assert_clean(stage: Stage) -> None:
    assert hidden_characters(stage.text) == []
    assert stage.app.is_running


TRIPLETS = tuple(" ".join(PAYLOADS[start : start + 3]) for start in range(0, len(PAYLOADS), 3))


def _hostile_app(payloads: tuple[str, ...] = PAYLOADS) -> tuple[DeweyApp, HostileGateway]:
    gateway = HostileGateway(payloads)
    return still_app(gateway, environment=f"{ESC}[2J[/foo]", write=f"{ESC}[2J[/foo] [@click=app.quit]w[/]"), gateway


def test_hostile_texts_on_the_lists_are_drawn_as_text() -> None:
    app, gateway = _hostile_app()

    async def script(stage: Stage) -> None:
        _assert_clean(stage)
        assert "\\x1b[2J" in stage.text
        for _ in PAYLOADS:
            await stage.press("j")
            _assert_clean(stage)
        await stage.press("3")
        _assert_clean(stage)
        assert "[@click=app.quit]free[/]" in stage.text
        await stage.press("7")
        _assert_clean(stage)
        await stage.press("w")
        _assert_clean(stage)
        await stage.press("question_mark")
        _assert_clean(stage)

    play(script, app, LARGE)
    assert gateway.acted == []


def test_hostile_texts_of_each_job_are_drawn_as_text() -> None:
    app, gateway = _hostile_app(TRIPLETS)

    async def script(stage: Stage) -> None:
        for row in gateway._rows():
            app.push_screen(JobScreen(row.key))
            for key in ("]", "]", "]"):
                await stage.settle()
                _assert_clean(stage)
                await stage.press(key)
            app.pop_screen()

    play(script, app)


def test_a_click_on_markup_in_a_job_does_nothing() -> None:
    payload = "[@click=app.quit]" + "Q" * 20 + "[/]"
    gateway = HostileGateway((payload,))
    app = still_app(gateway)

    async def script(stage: Stage) -> None:
        app.push_screen(JobScreen(gateway._rows()[0].key))
        await stage.settle()
        places = [(line.index("QQ"), y) for y, line in enumerate(stage.text.split("\n")) if "QQ" in line]
        assert len(places) > 5
        for place in places:
            await stage.pilot.click(offset=place)
        await stage.settle()
        assert app.is_running
        assert isinstance(app.screen, JobScreen)

    play(script, app)


def test_hostile_texts_in_dialogs_and_notifications_are_drawn_as_text() -> None:
    app, _gateway = _hostile_app()

    async def script(stage: Stage) -> None:
        await stage.press("p")
        _assert_clean(stage)
        await stage.press("escape", "3", "a", "r")
        assert isinstance(app.screen, ActionDialog)
        _assert_clean(stage)
        await stage.press("escape", "escape", "y")
        for payload in PAYLOADS:
            app.notify(payload, title="x")
        await stage.settle()
        _assert_clean(stage)

    play(script, app, LARGE)


def test_hostile_tasks_make_forms_that_are_text() -> None:
    app, gateway = _hostile_app(TRIPLETS)

    async def script(stage: Stage) -> None:
        app.push_screen(PickScreen())
        await stage.settle()
        for _ in TRIPLETS:
            await stage.press("down")
            _assert_clean(stage)
        tasks = gateway.tasks()
        fields = tuple(task.fields[number % 3] for number, task in enumerate(tasks))
        app.push_screen(TriggerScreen(replace(tasks[0], fields=fields)))
        await stage.settle()
        _assert_clean(stage)
        await stage.press("ctrl+s")
        _assert_clean(stage)

    play(script, app, (100, 2 * len(TRIPLETS) + 40))


def test_a_hostile_queue_name_makes_a_filter_that_is_text() -> None:
    app, _gateway = _hostile_app()

    async def script(stage: Stage) -> None:
        for _ in range(5):
            await stage.press("j")
        await stage.press("enter")
        assert isinstance(app.screen, JobsScreen)
        _assert_clean(stage)
        await stage.press("slash")
        _assert_clean(stage)
        await stage.press("enter")
        _assert_clean(stage)

    play(script, app)


def test_the_demos_hostile_job_is_copied_without_its_controls() -> None:
    async def script(stage: Stage) -> None:
        stage.app.open_job(job_id(0))
        await stage.settle()
        assert "\\x1b]52;c;" in stage.text
        await stage.press("y")
        assert not hidden_characters(stage.app.clipboard)

    play(script)


def test_hostile_texts_of_the_audit_the_trash_and_the_canaries_are_drawn_as_text() -> None:
    app, gateway = _hostile_app()

    async def script(stage: Stage) -> None:
        await stage.press("9")
        assert "[@click=app.quit]free[/]" in stage.text
        for keys in (
            ("j",) * 5,
            ("enter", "j", "y"),
            ("escape", "]", "j"),
            ("y",),
            ("C", "j"),
            ("p",),
            ("escape", "x"),
        ):
            await stage.press(*keys)
            _assert_clean(stage)
            assert not hidden_characters(app.clipboard)
        await stage.press("y")
        assert not hidden_characters(app.clipboard)

    play(script, app, LARGE)
    assert gateway.acted == []


def test_hostile_outcomes_and_revealed_values_are_drawn_as_text() -> None:
    app, gateway = _hostile_app(TRIPLETS)

    async def script(stage: Stage) -> None:
        app.push_screen(JobScreen(gateway._rows()[0].key))
        await stage.settle()
        await stage.press("u")
        await stage.type("why")
        await stage.press("enter", "right", "enter")
        assert isinstance(app.screen, RevealedDialog)
        _assert_clean(stage)
        await stage.press("escape", "r", "right", "enter")
        _assert_clean(stage)
        assert "not requeued" in stage.notes

    play(script, app, LARGE)
    assert gateway.acted == ["reveal", "requeue"]


def test_hostile_values_are_completed_only_when_they_are_what_they_look_like() -> None:
    async def script(stage: Stage) -> None:
        await stage.press("3", "slash")
        for text in ("queue:", "err:", "args."):
            await stage.press("end", "ctrl+u")
            await stage.type(text)
            assert not hidden_characters(stage.text)
            await stage.press("tab", "tab", "tab")
            assert not hidden_characters(stage.app.screen.query_one(FilterBar).field.value)
        await stage.press("escape", "colon")
        await stage.type("queue ")
        assert not hidden_characters(stage.text)
        await stage.press("tab", "tab", "escape", "e")
        assert not hidden_characters(stage.text)
        await stage.press("escape", "7", "slash")
        await stage.type("-nothing")
        await stage.press("enter", "k", "k")
        assert not hidden_characters(stage.text)

    play(script, still_app(HostileGateway(PAYLOADS)))


def test_hostile_exports_have_nothing_for_a_terminal_in_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    async def script(stage: Stage) -> None:
        for mode in ("2", "3", "4", "5", "6", "7", "9"):
            await stage.press(mode, "e", "enter")
        await stage.press("3", "enter", "e", "enter")
        assert not hidden_characters(stage.notes)

    play(script, still_app(HostileGateway(PAYLOADS)))
    written = list(tmp_path.iterdir())
    assert len(written) == 8
    for path in written:
        assert not hidden_characters(path.name)
        assert not hidden_characters(path.read_text())
