"""A task is picked, its form is filled in, and exactly what was meant is sent."""

from collections.abc import Mapping
from typing import cast

from console.gateway.acting import Done, Look, Said
from console.gateway.demo import DemoGateway
from console.gateway.errors import GatewayRefused
from console.gateway.protocol import Order
from console.screens.action_dialog import ActionDialog
from console.screens.job import JobScreen
from console.screens.pick import matching
from console.screens.queues import QueuesScreen
from console.screens.trigger import TriggerScreen
from tests.console.gateways import FlakyGateway
from tests.console.stage import Stage, play, still_app


class NotingGateway(DemoGateway):
    """The demo, with a note of what was ordered."""

    def __init__(self) -> None:
        super().__init__()
        self.orders: list[Order] = []

    def perform(self, look: Look, said: Said) -> Done:
        """Note the order, and answer as the demo does."""
        given = dict(look.preview.request.options)
        kwargs = cast(Mapping[str, object], given.pop("kwargs"))
        self.orders.append(Order(look.preview.request.subjects[0], kwargs, **given))  # type: ignore[arg-type]
        return super().perform(look, said)


async def _open(stage: Stage, letters: str) -> None:
    await stage.press("t")
    await stage.type(letters)
    await stage.press("enter")
    assert isinstance(stage.app.screen, TriggerScreen)


def test_a_job_is_triggered_by_keyboard_with_typed_arguments() -> None:
    gateway = NotingGateway()

    async def script(stage: Stage) -> None:
        await _open(stage, "bldrep")
        await stage.type("42")
        await stage.press("tab", "enter", "down", "down", "enter", "tab")
        await stage.type("2.5")
        await stage.press("tab", "enter", "down", "enter", "tab")
        await stage.type('["a", "b"]')
        await stage.press("tab")
        await stage.type('{"deep": {"x": null}}')
        await stage.press("tab", "tab")
        await stage.type("7")
        await stage.press("tab")
        await stage.type("5m")
        await stage.press("ctrl+s")
        assert isinstance(stage.app.screen, ActionDialog)
        assert "due in 5 m 00, priority 7" in stage.text
        assert gateway.orders == [], "nothing is sent before it is confirmed"
        await stage.press("right", "enter")
        assert isinstance(stage.app.screen, JobScreen)
        assert "◷ scheduled" in stage.text
        await stage.press("escape")
        assert isinstance(stage.app.screen, QueuesScreen)

    play(script, still_app(gateway, write="a test"))
    (order,) = gateway.orders
    arguments = {"account_id": 42, "form": "csv", "scale": 2.5, "draft": True, "sections": ["a", "b"]}
    arguments["options"] = {"deep": {"x": None}}
    assert order == Order("tasks.reports.build_report", arguments, None, 7.0, 300.0)


def test_fields_left_alone_are_not_sent() -> None:
    gateway = NotingGateway()

    async def script(stage: Stage) -> None:
        await _open(stage, "ingest")
        await stage.type("9")
        await stage.press("ctrl+s", "right", "enter")

    play(script, still_app(gateway, write="a test"))
    assert gateway.orders == [Order("tasks.ingestion.ingest_file", {"file_id": 9})]


def test_errors_stand_beside_their_fields_before_anything_is_sent() -> None:
    gateway = NotingGateway()

    async def script(stage: Stage) -> None:
        await _open(stage, "bldrep")
        await stage.type("4x")
        await stage.press("tab", "tab", "tab", "tab")
        await stage.type("[")
        await stage.press("tab", "tab", "tab")
        await stage.type("9999999")
        await stage.press("tab")
        await stage.type("soon")
        await stage.press("ctrl+s")
        assert isinstance(stage.app.screen, TriggerScreen)
        lines = stage.text.split("\n")
        for name, error in (
            ("account_id", "expected a whole number"),
            ("sections", "not JSON (line 1, column 2)"),
            ("priority", "expected a number from -4,000 to 4,000"),
            ("delay", "expected a time"),
        ):
            place = next(index for index, line in enumerate(lines) if line.strip(" *").startswith(name))
            assert error in lines[place + 1], name
        focused = stage.app.focused
        assert focused is not None
        assert focused.value == "4x"  # type: ignore[attr-defined]
        await stage.press("backspace")
        assert "expected a whole number" not in stage.text

    play(script, still_app(gateway, write="a test"), (80, 40))
    assert gateway.orders == []


def test_a_refusal_keeps_the_form_and_says_why() -> None:
    gateway = FlakyGateway()

    async def script(stage: Stage) -> None:
        await _open(stage, "ingest")
        await stage.type("9")
        gateway.error = GatewayRefused("no consumer knows it any more")
        await stage.press("ctrl+s", "right", "enter")
        assert isinstance(stage.app.screen, TriggerScreen)
        assert "no consumer knows it any more" in stage.notes
        gateway.error = None
        await stage.press("ctrl+s", "right", "enter")
        assert isinstance(stage.app.screen, JobScreen)

    play(script, still_app(gateway, write="a test"))


def test_esc_leaves_the_form_and_then_the_list() -> None:
    async def script(stage: Stage) -> None:
        await _open(stage, "ingest")
        await stage.press("escape", "escape")
        assert isinstance(stage.app.screen, QueuesScreen)

    play(script)


def test_tasks_are_found_by_some_of_their_letters() -> None:
    tasks = DemoGateway().tasks()
    assert [task.name.plain for task in matching(tasks, "wlc")] == ["send_welcome_email"]
    assert matching(tasks, "sync")[0].name.plain == "sync_contacts"
    assert [task.name.plain for task in matching(tasks, "mainten")] == ["clean_abandoned_files", "clean_expired_tokens"]
    assert matching(tasks, "zzz") == []
    assert matching(tasks, " ") == list(tasks)


def test_the_three_ways_to_have_no_tasks_look_different() -> None:
    async def nothing(stage: Stage) -> None:
        await stage.press("t")
        assert "No consumer has published a task" in stage.text

    async def no_match(stage: Stage) -> None:
        await stage.press("t")
        await stage.type("zzzz")
        assert "nothing matches" in stage.text

    play(nothing, still_app(DemoGateway(empty=True)))
    play(no_match)
