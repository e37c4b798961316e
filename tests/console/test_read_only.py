"""Read-only at the start: nothing is done before writing is armed, and everything says so where it stands."""

import inspect
import re
from datetime import timedelta
from pathlib import Path

import pytest
from textual.widgets import Button, Input

from console import bindings
from console.gateway.acting import Said
from console.gateway.errors import GatewayRefused
from console.screens import action_words
from console.screens.action_dialog import ActionDialog
from console.screens.base import DeweyScreen
from console.screens.help import KeysPage
from console.screens.write import WriteDialog
from tasks.actions import registry
from tasks.actions.values import Request
from tests.console.gateways import FlakyGateway
from tests.console.stage import Stage, play, send_key, still_app

PLACES: dict[bindings.Place, tuple[str, tuple[str, ...]]] = {
    "queues": ("queues", ()),
    "jobs": ("state:dead", ()),
    "job": ("state:dead", ("enter",)),
    "workers": ("workers", ("j",)),
    "schedules": ("schedules", ()),
    "form": ("trigger", ("enter",)),
    "audit": ("audit", ()),
    "canaries": ("queues", ("C",)),
    "failures": ("failures", ()),
}
"""Where a place of the table of keys is in sight."""


def test_every_action_of_the_layer_has_a_key_or_says_where_it_is_instead() -> None:
    offered = {action for key in bindings.KEYS for action in key.acts}
    assert set(registry.ACTIONS) - offered - set(bindings.ELSEWHERE) == set()
    assert (offered | set(bindings.ELSEWHERE)) - set(registry.ACTIONS) == set(), "no key leads to an unknown action"


def test_every_action_of_the_layer_has_words_of_its_own() -> None:
    assert set(registry.ACTIONS) <= set(action_words.WORDS)
    assert {action.scope for action in registry.ACTIONS.values()} <= set(action_words.NOUNS)


def _dimmed(stage: Stage, key: bindings.Key) -> str:
    """Why the key of that entry can not be used now; "" when it can."""
    screen = stage.app.screen
    assert isinstance(screen, DeweyScreen)
    action = key.action.partition("(")[0]
    assert screen.check_action(action, ()) is not True, key.id
    return screen.why_not(action)


@pytest.mark.parametrize("place", PLACES)
def test_what_changes_something_is_dimmed_with_a_sentence_until_writing_is_armed(place: bindings.Place) -> None:
    start, keys = PLACES[place]
    subjects = [key for key in bindings.KEYS if key.acts and {place, "screen"} & set(key.places)]
    assert subjects
    subjects = [key for key in subjects if key.id != "form.send"]  # it asks for the reason by itself: see below

    async def script(stage: Stage) -> None:
        await stage.press(*keys)
        screen = stage.app.screen
        assert isinstance(screen, DeweyScreen)
        assert place == screen.PLACE
        reasons = {key.id: _dimmed(stage, key) for key in subjects}
        assert all(reasons.values()), reasons
        assert any(reason == "read-only: W arms writing." for reason in reasons.values()), reasons
        stage.app.arm("a test")
        await stage.settle()
        for key in subjects:
            assert "read-only" not in screen.why_not(key.action.partition("(")[0]), key.id

    play(script, still_app(start=start), (120, 40))


def test_a_form_asks_for_the_reason_before_it_is_sent_and_keeps_what_was_typed() -> None:
    gateway = FlakyGateway()

    async def script(stage: Stage) -> None:
        await stage.press(*"ingest", "enter", "7")
        form = stage.app.screen
        assert "Arm writing, then trigger…" in stage.text
        await stage.press("ctrl+s")
        assert isinstance(stage.app.screen, WriteDialog)
        assert "preview" not in gateway.asked
        await stage.press("escape")
        assert (stage.app.screen, stage.app.armed) == (form, None)
        assert "preview" not in gateway.asked
        await stage.press("ctrl+s", *"by hand", "enter")
        assert isinstance(stage.app.screen, ActionDialog)
        assert "file_id  7" in stage.text
        await stage.press("escape")
        assert "Trigger…" in stage.text
        assert "Arm writing" not in stage.text
        assert "7" in form.query_one("#argument-0 Input", Input).value

    play(script, still_app(gateway, start="trigger"))


def test_the_form_of_a_console_that_only_looks_has_no_button_that_does_nothing() -> None:
    async def script(stage: Stage) -> None:
        stage.app.is_read_only = True
        await stage.press(*"ingest", "enter", "7", "ctrl+s")
        assert "this console only looks" in stage.notes
        assert stage.app.screen.query_one("#trigger-send", Button).disabled
        assert not isinstance(stage.app.screen, WriteDialog)

    play(script, still_app(start="trigger"))


def test_a_dimmed_key_says_why_and_asks_nothing() -> None:
    gateway = FlakyGateway()

    async def script(stage: Stage) -> None:
        await stage.press("r")
        assert "read-only: W arms writing." in stage.notes
        await stage.press("z", "x", "d", "c")
        assert {"preview", "perform"} & set(gateway.asked) == set()

    play(script, still_app(gateway, start="state:dead"))


def test_armed_writing_ends_by_itself_after_its_time() -> None:
    gateway = FlakyGateway()

    async def script(stage: Stage) -> None:
        assert "armed for 15 minutes: mail is down" in stage.text
        gateway.later_s += 14 * 60 + 30
        stage.app._tick()
        await stage.settle()
        assert "armed for 1 minute" in stage.text
        gateway.later_s += 60
        stage.app._tick()
        await stage.settle()
        assert stage.app.armed is None
        assert "writing is armed" not in stage.text
        assert "The time is over: read-only." in stage.notes

    play(script, still_app(gateway, write="mail is down"))


def test_a_wallboard_can_not_be_armed() -> None:
    app = still_app()
    app.is_read_only = True

    async def script(stage: Stage) -> None:
        await stage.press("W")
        assert stage.app.armed is None
        assert "it was started with --read-only" in stage.notes
        await stage.press("p")
        assert "read-only: this console only looks." in stage.notes

    play(script, app)


@pytest.mark.parametrize("start", ["queues", "jobs", "state:dead", "logs"])
def test_a_wallboard_does_not_offer_to_write(start: str) -> None:
    app = still_app(start=start)
    app.is_read_only = True

    async def script(stage: Stage) -> None:
        await stage.press("enter")
        assert "W write" not in stage.text
        await stage.press("question_mark")
        assert "read-only: this console only looks." in stage.text
        page = stage.app.screen.query_one(KeysPage)
        (write,) = [one for one in page.entries if one.keys == "W"]
        assert write.why_not == "This console only looks: it was started with --read-only."

    async def may(stage: Stage) -> None:
        assert "W write" in stage.text

    play(script, app)
    play(may, still_app(start=start))


def test_whoever_is_not_armed_is_refused_whatever_the_screen_says() -> None:
    gateway = FlakyGateway()
    look = gateway.preview(Request("pause", ("default",)))
    with pytest.raises(GatewayRefused, match="writing is not armed"):
        gateway.perform(look, Said(None, "because"))
    armed = gateway.arm("a test")
    gateway.later_s = timedelta(minutes=16).total_seconds()
    with pytest.raises(GatewayRefused, match="writing is not armed"):
        gateway.perform(look, Said(armed, "because"))
    with pytest.raises(GatewayRefused, match="for a reason"):
        gateway.arm("  ")
    assert gateway.queues()[0].pause is None


def test_nothing_in_the_console_acts_but_through_the_layer() -> None:
    console = Path(inspect.getfile(bindings)).parent
    acts = re.compile(r"_operations\.(?!find_task)\w+\(|\.(enqueue|requeue_group|run_now|pause_schedule)\(")
    sources = [path for folder in ("gateway", "screens", "widgets") for path in (console / folder).glob("*.py")]
    assert not [path.name for path in sources if acts.search(path.read_text())]


def test_production_asks_for_its_name_before_what_is_dangerous() -> None:
    async def script(stage: Stage) -> None:
        await stage.press("d")
        assert "Type production to say that you mean it" in stage.text
        await stage.type("prod")
        await stage.press("enter", "right", "enter")
        assert "That is not the name" in stage.text
        await stage.press("ctrl+u")
        await stage.type("production")
        await stage.press("enter", "right", "enter")
        assert "1 job in the trash." in stage.notes
        await stage.press("r")
        assert "Type production" not in stage.text

    play(script, still_app(start="state:dead", environment="production", write="a test"))


def test_what_changed_since_it_was_shown_is_refused_with_the_word_to_look_again() -> None:
    gateway = FlakyGateway()

    async def script(stage: Stage) -> None:
        await stage.press("r")
        (subject,) = stage.app.screen.look.preview.subjects  # type: ignore[attr-defined]
        armed = gateway.arm("somebody else")
        gateway.perform(gateway.preview(Request("requeue", (subject.id,))), Said(armed))
        await stage.press("right", "enter")
        assert "it has changed since it was shown: it is queued now, look again" in stage.notes

    play(script, still_app(gateway, start="state:dead", write="a test"))


def test_the_same_look_is_performed_once() -> None:
    gateway = FlakyGateway()
    look = gateway.preview(Request("trigger", ("tasks.email.send_welcome_email",), "", {"kwargs": {"user_id": 1}}))
    said = Said(gateway.arm("a test"))
    first, again = gateway.perform(look, said), gateway.perform(look, said)
    assert (first.made, first.audit_id) == (again.made, again.audit_id)
    assert again.is_repeat


def test_an_action_waits_for_marks_that_are_on_their_way() -> None:
    gateway = FlakyGateway()

    async def script(stage: Stage) -> None:
        gateway.gate.clear()
        for key in ("a", "d"):
            await send_key(stage.app, key)
            await stage.pilot.pause(0)
        assert "The marks are being set" in stage.notes
        gateway.gate.set()
        await stage.settle()
        await stage.press("d")
        assert "Discard 14 jobs?" in stage.text or "Discard 15 jobs?" in stage.text

    play(script, still_app(gateway, start="state:dead", write="a test"))


def test_a_key_that_is_pressed_twice_asks_once() -> None:
    gateway = FlakyGateway()

    async def script(stage: Stage) -> None:
        gateway.gate.clear()
        for _ in range(3):
            await send_key(stage.app, "r")
            await stage.pilot.pause(0)
        gateway.gate.set()
        await stage.settle()
        assert "Requeue 1 job?" in stage.text
        await stage.press("escape")
        assert isinstance(stage.app.screen, DeweyScreen)
        assert gateway.asked.count("preview") == 1

    play(script, still_app(gateway, start="state:dead", write="a test"))
