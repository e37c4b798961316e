"""Dialogs: how wide they are, what stays in sight, how sentences are written, and what production looks like."""

from pathlib import Path
from typing import Any

import pytest
from textual.color import Color
from textual.widgets import Input

from console.gateway.sentences import as_sentence, with_keys
from console.screens.action_dialog import ActionDialog
from tasks.actions.registry import ACTIONS
from tests.console.stage import Stage, play, send_key, settle, still_app

MAIL = "mail is down"


@pytest.mark.parametrize(("size", "width"), [((80, 24), 76), ((120, 40), 110), ((200, 60), 110)])
def test_a_dialog_is_as_wide_as_the_terminal_lets_it_and_reads_well(size: tuple[int, int], width: int) -> None:
    async def look(stage: Stage) -> None:
        await stage.press("a", "c")
        assert stage.app.screen.query_one(".box").outer_size.width == width

    play(look, still_app(start="jobs", write=MAIL), size)


def test_why_something_is_left_out_is_never_cut() -> None:
    async def look(stage: Stage) -> None:
        await stage.press("a", "c", "down", "down")
        said = " ".join(stage.text.replace("│", " ").split())
        assert "684131a4 and 4 more: it is running: only dead, canceled and" in said
        assert "684131a46" not in said

    play(look, still_app(start="jobs", write=MAIL))


@pytest.mark.parametrize("height", range(16, 41, 4))
def test_how_it_is_undone_and_both_buttons_are_in_sight_at_every_height(height: int) -> None:
    async def look(stage: Stage) -> None:
        await stage.press("a", "c")
        assert "afterwards: C, then x, ends it; what it has requeued by then goes on." in stage.text
        assert "Cancel" in stage.text
        assert "Stop when failed, per cent" in stage.text
        assert stage.text.count("Canary requeue") == 2

    play(look, still_app(start="jobs", write=MAIL), (80, height))


def test_a_field_is_seen_before_it_has_the_focus() -> None:
    async def look(stage: Stage) -> None:
        await stage.press("L")
        dialog = stage.app.screen
        fields = [field for field in dialog.query(Input) if not field.has_focus]
        assert len(fields) == 3
        box = dialog.query_one(".box").styles.background
        assert all(field.styles.background != box for field in fields)
        assert "Running at once at most        any number" in stage.text

    play(look, still_app(start="queues", write=MAIL))


@pytest.mark.parametrize(
    ("options", "title", "border"),
    [
        ({"environment": "production"}, "Discard 1 job on production?", "error"),
        ({"environment": "prod", "colour": "blue"}, "Discard 1 job on prod?", "error"),
        ({"environment": "staging", "colour": "orange"}, "Discard 1 job on staging?", "#d0803f"),
        ({"environment": "staging", "colour": "green"}, "Discard 1 job on staging?", "success"),
        ({"environment": "staging"}, "Discard 1 job?", "border"),
    ],
)
def test_a_dialog_wears_the_colour_of_its_environment(options: dict[str, Any], title: str, border: str) -> None:
    async def look(stage: Stage) -> None:
        await stage.press("d")
        dialog = stage.app.screen
        assert isinstance(dialog, ActionDialog)
        assert title in stage.text
        colour = stage.app.theme_variables.get(border, border)
        assert dialog.query_one(".box").styles.border_top[1].hex == Color.parse(colour).hex

    play(look, still_app(start="state:dead", write=MAIL, **options))


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ("undo action 109: take back the requeue by you", "Take back the requeue by you."),
        ("throw away the jobs of email that are queued", "Throw away the jobs of email that are queued."),
        ("Stop the claims of a queue.", "Stop the claims of a queue."),
        ("free the unique key", "Free the unique key."),
        ("", ""),
    ],
)
def test_what_the_layer_says_is_a_sentence_in_a_dialog(said: str, sentence: str) -> None:
    assert as_sentence(said) == sentence


def test_how_an_action_is_undone_is_said_with_keys_and_no_command_line() -> None:
    for action in ACTIONS.values():
        said = action.undo if isinstance(action.undo, str) else action.undo.sentence
        assert "`" not in with_keys(said), action.name


@pytest.mark.parametrize(
    ("start", "write", "keys"),
    [("jobs", "", ("W", "w", "h", "y")), ("jobs", "", ("e",)), ("failures", MAIL, ("4", "r", "tab", "tab"))],
    ids=["write", "export", "action"],
)
def test_enter_twice_answers_once_and_closes_nothing_below(
    start: str, write: str, keys: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    async def answer(stage: Stage) -> None:
        below = stage.app.screen
        await stage.press(*keys)
        assert stage.app.screen is not below
        for key in ("enter", "enter"):  # both before the dialog has closed
            await send_key(stage.app, key)
        await settle(stage.pilot)
        assert stage.app.screen is below

    play(answer, still_app(start=start, write=write))
