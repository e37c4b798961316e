"""Acting from the console on real Redis and PostgreSQL: through the layer, with the audit, the trash and undo."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from typing import Literal

import pytest
from huey.registry import Message

from console.app import DeweyApp
from console.gateway.acting import Done, Said
from console.gateway.errors import GatewayRefused
from console.gateway.live import LiveGateway, Opened
from console.screens.revealed import RevealedDialog
from storage import audit
from storage.broker.records import NewJob, Parameter, TaskInfo
from storage.broker.requests import Beat, Settlement
from storage.errors import StoreUnavailable
from storage.history.recorder import Recorder
from storage.redaction import Redactor
from tasks import resources
from tasks.actions.layer import Actions
from tasks.actions.tools import open_tools
from tasks.actions.values import Request
from tasks.engine import registry
from tasks.engine.arguments import decode_call
from tasks.engine.codec import encode
from tasks.engine.describing import Describer
from tasks.operations import Operations
from tests.console.commands.conftest import jobs as jobs  # noqa: PLC0414  # a fixture
from tests.console.commands.conftest import office as office  # noqa: PLC0414  # a fixture
from tests.console.commands.office import Office
from tests.console.stage import Stage, play, still_app
from tests.console.test_workers import FIELDS

PACK = TaskInfo(
    "shop.tasks.pack",
    "default",
    "Pack it.",
    (Parameter("page", "int", "0"), Parameter("password", "str", "''")),
    0,
    1.0,
)
SWEEP = TaskInfo("shop.tasks.sweep", "default", "Sweep.", (), 0, 1.0, "0 3 * * *", "UTC")
Do = Callable[..., Done]


@pytest.fixture
def gateway(office: Office) -> LiveGateway:
    """The console's gateway, with the layer."""
    registry.publish(office.broker, [PACK, SWEEP])
    actions = Actions(open_tools(resources.current(), office.broker))
    return LiveGateway(
        Opened(office.inspector, Operations(office.broker, office.inspector)), "ada", actions=lambda: actions
    )


@pytest.fixture
def do(gateway: LiveGateway) -> Do:
    """Looks and acts at once, armed."""

    def act(action: str, *subjects: str, typed: str = "", **options: object) -> Done:
        look = gateway.preview(Request(action, subjects))
        return gateway.perform(look, Said(gateway.arm("on call"), "", typed, options))

    return act


def _app(gateway: LiveGateway, start: str, write: str = "on call") -> DeweyApp:
    return still_app(gateway, start=start, write=write)


def test_a_failure_is_found_requeued_and_called_back_by_keyboard(gateway: LiveGateway, office: Office) -> None:
    office.run(office.add("a1"))

    async def script(stage: Stage) -> None:
        await stage.press("slash")
        await stage.type("state:dead")
        await stage.press("enter", "r")
        assert "Requeue 1 job?" in stage.text
        assert "ValueError: no such page" in stage.text
        await stage.press("y")
        assert stage.app.clipboard == "dewey requeue a1"
        await stage.press("right", "enter")
        assert "1 job requeued. z undoes it while it waits." in stage.notes
        assert office.inspector.job("a1").state == "queued"
        await stage.press("z", "right", "enter")
        assert office.inspector.job("a1").state == "dead"
        await stage.press("9")
        assert "↶ undone" in stage.text

    play(script, _app(gateway, "jobs"))
    undo, requeue = gateway.audit(None, 10)
    assert (requeue.actor.plain, requeue.reason.plain, requeue.undone_by) == ("ada", "on call", undo.number)
    assert (undo.undoes, undo.outcome) == (requeue.number, "1 done")
    assert gateway.audit(None, 10, "outcome:undone item:a last:1h") == (requeue,)
    assert gateway.audit(requeue.number, 10, "actor:ada") == ()
    with pytest.raises(GatewayRefused, match="did you mean actor"):
        gateway.audit(None, 10, "who:ada")


def test_a_requeue_that_gives_all_retries_back_adds_to_the_attempts_in_all(
    gateway: LiveGateway, office: Office, do: Do
) -> None:
    office.broker.enqueue(
        [NewJob("a1", "shop.tasks.pack", "default", encode(Message("a1", "t", None, 0, 0)), retries=2)]
    )

    def tries() -> tuple[int, int]:
        row = gateway.job("a1").row
        assert [(row.attempt, row.attempts_max)] == [
            (one.attempt, one.attempts_max) for one in gateway.jobs("", 0, 9).rows
        ]
        return row.attempt, row.attempts_max

    def fail(state: Literal["queued", "dead"], left: int) -> None:
        token = office.start("a1")
        seen.append(tries())
        office.broker.settle(Settlement("a1", token, state, "failed", left))
        seen.append(tries())

    seen = [tries()]
    fail("queued", 1)
    fail("queued", 0)
    fail("dead", 0)
    assert seen == [(0, 3), (1, 3), (1, 3), (2, 3), (2, 3), (3, 3), (3, 3)]
    do("requeue", "a1")
    seen[:] = [tries()]
    fail("queued", 1)
    fail("queued", 0)
    fail("dead", 0)
    assert seen == [(3, 6), (4, 6), (4, 6), (5, 6), (5, 6), (6, 6), (6, 6)]


def test_workers_that_act_at_once_open_the_layer_once(office: Office) -> None:
    layer = Actions(open_tools(resources.current(), office.broker))
    opened, both = list[Actions](), threading.Barrier(2, timeout=0.5)

    def opens() -> Actions:
        with suppress(threading.BrokenBarrierError):
            both.wait()
        opened.append(layer)
        return layer

    gateway = LiveGateway(Opened(office.inspector, Operations(office.broker, office.inspector)), "ada", actions=opens)
    with ThreadPoolExecutor(2) as pool:
        reasons = [armed.reason for armed in pool.map(gateway.arm, ("one", "two"))]
    assert (reasons, len(opened)) == (["one", "two"], 1)


def test_a_console_that_is_not_armed_is_refused_by_the_layer(gateway: LiveGateway, office: Office) -> None:
    office.run(office.add("a1"))
    look = gateway.preview(Request("requeue", ("a1",)))
    with pytest.raises(GatewayRefused, match="writing is not armed"):
        gateway.perform(look, Said(None))
    expired = gateway.arm("a test")
    gateway._ahead_s += timedelta(minutes=16).total_seconds()
    with pytest.raises(GatewayRefused, match="writing is not armed"):
        gateway.perform(look, Said(expired))
    assert office.inspector.job("a1").state == "dead"
    assert gateway.audit(None, 10) == ()


def test_a_job_that_began_while_the_dialog_was_open_is_not_acted_on(gateway: LiveGateway, office: Office) -> None:
    office.add("a1")

    async def script(stage: Stage) -> None:
        await stage.press("x")
        assert "Call off 1 job?" in stage.text
        office.start("a1")
        await stage.press("right", "enter")
        assert "it is running now, look again" in stage.notes

    play(script, _app(gateway, "jobs"))
    assert office.inspector.job("a1").state == "running"
    (entry,) = gateway.audit(None, 10)
    assert entry.outcome == "0 done, 1 not"


def test_what_is_purged_lies_in_the_trash_and_is_restored_by_keyboard(gateway: LiveGateway, office: Office) -> None:
    for name in ("a1", "a2"):
        office.add(name, "a-mail")

    async def script(stage: Stage) -> None:
        await stage.press("D")
        await stage.type("test data")
        await stage.press("enter")
        await stage.type("a-mail")
        await stage.press("enter", "right", "enter")
        assert "2 jobs in the trash." in stage.notes
        await stage.press("9", "]")
        assert "pack" in stage.text
        await stage.press("u", "right", "enter")
        assert "1 job restored." in stage.notes

    play(script, _app(gateway, "queues"))
    (left,) = gateway.trash(None, 10)
    states = {name: bool(gateway.rows([name])) for name in ("a1", "a2")}
    assert sorted(states.values()) == [False, True]
    assert states[left.job_key] is False
    restore, purge = gateway.audit(None, 10)
    assert (purge.action, purge.reason.plain, restore.action) == ("purge", "test data", "restore")
    assert [item.outcome for item in gateway.audit_entry(purge.number).items] == ["done", "done"]


def test_a_queue_is_paused_until_an_instant_limited_and_resumed(gateway: LiveGateway, office: Office, do: Do) -> None:
    office.add("a1", "mail")
    until = (gateway.now() + timedelta(hours=2)).isoformat()
    assert do("pause", "mail", until_at=until).done_keys == ("mail",)
    (row,) = [one for one in gateway.queues() if one.key == "mail"]
    assert row.pause is not None
    assert (row.pause.by.plain, row.pause.reason.plain) == ("ada", "on call")
    do("limit", "mail", rate=[100, 60.0], cap=3)
    look = gateway.preview(Request("limit", ("mail",)))
    assert dict(look.now) == {"rate": "100/60", "cap": "3"}
    do("resume", "mail")
    assert not [one for one in gateway.queues() if one.pause]
    with pytest.raises(GatewayRefused, match="nothing to do"):
        do("resume", "mail")


def test_what_else_is_said_is_checked_before_anything_is_done(gateway: LiveGateway, office: Office, do: Do) -> None:
    office.add("a1", "mail")
    with pytest.raises(GatewayRefused):
        do("limit", "mail", cap=-1)
    assert gateway.audit(None, 10) == ()
    with pytest.raises(GatewayRefused, match="type 'mail'"):
        do("purge", "mail", typed="male")
    assert gateway.rows(["a1"])


def test_schedules_and_consumers_are_told_by_keyboard(gateway: LiveGateway, office: Office) -> None:
    office.broker.heartbeat(Beat("host:1", 60_000, (), FIELDS, "1"))

    async def on_schedules(stage: Stage) -> None:
        await stage.press("r", "right", "enter")
        assert "sweep runs now." in stage.notes
        await stage.press("p")
        await stage.type("3d")
        await stage.press("tab")
        await stage.type("disk full")
        await stage.press("tab", "tab", "enter")
        assert "‖ paused" in stage.text

    async def on_workers(stage: Stage) -> None:
        await stage.press("p", "right", "enter")
        assert "is told to claim nothing more" in stage.notes
        await stage.press("p", "right", "enter")
        assert "is told to go on" in stage.notes

    play(on_schedules, _app(gateway, "schedules"), (120, 40))
    play(on_workers, _app(gateway, "workers"))
    (row,) = [row for row in gateway.schedules() if row.key == SWEEP.name]
    assert row.hold is not None
    assert row.hold.until_at is not None
    assert (row.hold.by.plain, row.hold.reason.plain, row.by_hand) == ("ada", "disk full", 1)
    assert [entry.action for entry in gateway.audit(None, 10)] == ["wake", "quiet", "pause-schedule", "run"]


def test_a_canary_is_begun_paused_and_ended_by_keyboard(gateway: LiveGateway, office: Office) -> None:
    for number in range(12):
        office.run(office.add(f"a{number}"))

    async def script(stage: Stage) -> None:
        await stage.press("a", "c")
        assert "Canary requeue 12 jobs?" in stage.text
        await stage.press("right", "enter")
        assert "A canary requeues 12 jobs, one by one at first; C shows it." in stage.notes
        assert "canary running" in stage.text

    async def another_operator(stage: Stage) -> None:
        assert "canary running" in stage.text
        await stage.press("C", "p", "right", "enter")
        assert "‖ paused" in stage.text
        await stage.press("p", "right", "enter")
        assert "▶ running" in stage.text
        await stage.press("x", "right", "enter")
        assert "■ aborted" in stage.text

    play(script, _app(gateway, "state:dead"), (120, 40))
    gateway._by = "grace"
    play(another_operator, _app(gateway, "queues"), (120, 40))
    (canary,) = gateway.canaries()
    assert (canary.total, canary.state, canary.by.plain, canary.told_by.plain) == (12, "aborted", "ada", "grace")
    assert [entry.action for entry in gateway.audit(None, 10)] == [
        *("canary-abort", "canary-resume", "canary-pause", "canary"),
    ]


def test_a_job_is_launched_again_with_edited_arguments_and_keeps_its_secret(
    gateway: LiveGateway, office: Office
) -> None:
    office.run(office.add("a1", page=7, password="hunter22"))
    assert dict(gateway.arguments("a1")) == {"page": 7}

    async def script(stage: Stage) -> None:
        await stage.press("R", "ctrl+u")
        await stage.type("8")
        assert "hunter22" not in stage.text
        await stage.press("ctrl+s", "right", "enter")

    play(script, _app(gateway, "state:dead"))
    (waits,) = office.inspector.jobs(("queued",)).jobs
    assert waits.parent == "a1"
    assert decode_call(waits.payload)[1] == {"page": 8, "password": "hunter22"}
    assert gateway.audit(None, 1)[0].command.plain == "requeue a1 --set page=8"


def test_a_masked_value_is_revealed_and_the_audit_has_who_and_why(gateway: LiveGateway, office: Office) -> None:
    office.run(office.add("a1", page=7, password="hunter22"))

    async def script(stage: Stage) -> None:
        assert "hunter22" not in stage.text
        await stage.press("enter")
        assert "[redacted]" in stage.text
        assert "hunter22" not in stage.text
        await stage.press("u")
        await stage.type("customer asks")
        await stage.press("enter", "right", "enter")
        assert isinstance(stage.app.screen, RevealedDialog)
        assert "hunter22" in stage.text

    play(script, _app(gateway, "state:dead"), (120, 40))
    (entry,) = gateway.audit(None, 10)
    assert (entry.action, entry.reason.plain, entry.items) == ("reveal", "customer asks", 1)
    assert "hunter22" not in entry.command.plain


def test_postgresql_away_lets_nothing_be_done_and_says_so(
    gateway: LiveGateway, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.run(office.add("a1"))

    def away(*_: object) -> None:
        raise StoreUnavailable("PostgreSQL does not answer")

    monkeypatch.setattr(audit, "begin", away)

    async def script(stage: Stage) -> None:
        await stage.press("r", "right", "enter")
        assert "nothing was done, because the audit could not take it" in stage.notes
        assert "Not done" in stage.notes
        assert "Nobody answered" not in stage.notes

    play(script, _app(gateway, "state:dead"))
    assert office.inspector.job("a1").state == "dead"


def test_a_positional_secret_is_masked_by_the_name_of_its_parameter(gateway: LiveGateway, office: Office) -> None:
    payload = encode(Message("a1", PACK.name, None, 0, 0, args=(7, "hunter22"), kwargs={}))
    office.broker.enqueue([NewJob("a1", PACK.name, "default", payload)])
    (row,) = gateway.rows(["a1"])
    assert row.note.plain == '7, "[redacted]"'
    assert dict(gateway.arguments("a1")) == {"page": 7}


def test_looking_at_the_audit_the_trash_the_canaries_and_every_dialog_changes_nothing(
    gateway: LiveGateway, office: Office
) -> None:
    office.run(office.add("a1"))
    client = office.broker.client

    def everything() -> dict[object, object]:
        return {name: client.dump(name) for name in sorted(client.keys(f"{office.broker.keys.prefix}*"))}

    before = everything()

    async def script(stage: Stage) -> None:
        for keys in (("r",), ("c",), ("d",), ("R",), ("enter", "u")):
            await stage.press(*keys, "escape")
        await stage.press("escape", "2", "L", "escape", "p", "escape", "D", "escape", "9", "]", "C")

    play(script, _app(gateway, "state:dead"))
    assert everything() == before
    assert gateway.audit(None, 10) == ()


def test_the_arguments_of_the_last_success_come_from_history_without_secrets(
    gateway: LiveGateway, office: Office
) -> None:
    with pytest.raises(GatewayRefused, match="no success of this task is recorded yet"):
        gateway.last_arguments(PACK.name)
    for name, page, end in (("a1", 6, "succeeded"), ("a2", 7, "succeeded"), ("a3", 8, "dead")):
        office.add(name, page=page, password="hunter22")
        outcome = "succeeded" if end == "succeeded" else "failed"
        office.run(name, state=end, outcome=outcome, error_type="", error="")
    redactor = Redactor()
    describe = Describer(office.inspector, redactor)
    recorder = Recorder(office.broker, resources.current().database, describe, redactor.redact_value)
    while recorder.step():
        pass
    assert dict(gateway.last_arguments(PACK.name)) == {"page": 7}

    async def script(stage: Stage) -> None:
        await stage.type("pack")
        await stage.press("enter", "ctrl+l")
        assert "1 field as at the last success. 1 field left: not given then, or secret." in stage.notes
        assert "hunter22" not in stage.text

    play(script, _app(gateway, "trigger", ""))


def test_everything_that_matches_a_filter_is_asked_of_history(gateway: LiveGateway, office: Office) -> None:
    for name in ("a1", "a2"):
        office.run(office.add(name))
    office.run(office.add("b1", "mail"))
    recorder = Recorder(office.broker, resources.current().database)
    while recorder.step():
        pass
    look = gateway.preview(Request("requeue", (), "state:dead queue:default"))
    assert sorted(subject.id for subject in look.preview.subjects) == ["a1", "a2"]
    assert "--matching" in look.command
    done = gateway.perform(look, Said(gateway.arm("mail is back")))
    assert sorted(done.done_keys) == ["a1", "a2"]
    assert office.inspector.job("b1").state == "dead"
