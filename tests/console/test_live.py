"""The live gateway and the console over it, on real Redis."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
import redis

from console.gateway.errors import GatewayRefused, GatewayUnavailable
from console.gateway.live import LiveGateway, Opened
from console.gateway.protocol import Gateway
from storage.broker.broker import Broker
from storage.broker.connection import connect
from storage.broker.inspector import Inspector
from storage.broker.records import NewJob, Parameter, TaskInfo
from storage.broker.requests import ClaimRequest, Note, Settlement, job_table
from storage.values import replace
from tasks.actions.values import Request
from tasks.engine import registry
from tasks.operations import Operations
from tests.console.stage import Stage, play, still_app

Trigger = Callable[..., str]
REQUEST = ClaimRequest("host:1", "host:1/Worker-1", 60_000)
PARAMETERS = (Parameter("file_id", "int", None), Parameter("force", "bool", "False"))
INGEST = TaskInfo("tasks.ingestion.ingest_file", "ingestion", "Read a file.\n\nAll of it.", PARAMETERS, 0, 1.0)
TRACE = (
    'Traceback (most recent call last):\n  File "/app/tasks/x.py", line 1, in f\n    f()\nValueError: no such page\n'
)


@pytest.fixture
def broker(redis_client: "redis.Redis", namespace: str) -> Broker:
    broker = Broker(redis_client, namespace)
    registry.publish(broker, [INGEST])
    return broker


@pytest.fixture
def gateway(redis_client: "redis.Redis", namespace: str, broker: Broker) -> LiveGateway:
    inspector = Inspector(redis_client, namespace)
    return LiveGateway(Opened(inspector, Operations(broker, inspector)), "ada@here")


@pytest.fixture
def trigger(redis_client: "redis.Redis", namespace: str, broker: Broker) -> Trigger:
    """Enqueues a job; answers its key."""
    operations = Operations(broker, Inspector(redis_client, namespace))
    return lambda **arguments: operations.trigger(INGEST.name, arguments)


@pytest.fixture
def fail(broker: Broker, trigger: Trigger) -> Callable[..., str]:
    """Trigger a job and let its only attempt fail; answers its key."""

    def _fail(**arguments: object) -> str:
        key = trigger(**arguments)
        claim = broker.take(REQUEST, key)
        assert claim is not None
        line = msgspec.json.encode([1_700_000_000_000, 1, "INFO", "tasks", "page 1 \x1b[2J", INGEST.name, "ingestion"])
        broker.note([Note(key, claim.token, lines=(line,))])
        end = Settlement(key, claim.token, "dead", "failed", 0, error_type="ValueError", error="no such page")
        broker.settle(replace(end, traceback=TRACE))
        return key

    return _fail


def test_it_answers_what_the_screens_ask(gateway: LiveGateway) -> None:
    protocol: Gateway = gateway
    assert protocol.ping() < 5


def test_a_triggered_job_waits_with_its_arguments(gateway: LiveGateway, broker: Broker) -> None:
    operations = Operations(broker, Inspector(broker.client, broker.namespace))
    key = operations.trigger(INGEST.name, {"file_id": 7, "force": True}, priority=3)
    (row,) = gateway.jobs("state:queued queue:ingestion", 0, 10).rows
    assert (row.key, row.state, row.task.plain, row.priority) == (key, "queued", "ingest_file", 3)
    assert row.note.plain == "file_id=7, force=true"
    view = gateway.job(gateway.find(key[:6]))
    assert [(line.label.plain, line.value.plain) for line in view.argument_lines] == [
        ("file_id", "7"),
        ("force", "true"),
    ]
    assert view.task.plain == INGEST.name


def test_a_delayed_job_is_scheduled_in_the_queue_that_was_chosen(gateway: LiveGateway, broker: Broker) -> None:
    operations = Operations(broker, Inspector(broker.client, broker.namespace))
    key = operations.trigger(INGEST.name, {"file_id": 7}, queue="night", delay_s=600)
    view = gateway.job(key)
    assert (view.row.state, view.row.queue.plain) == ("scheduled", "night")
    assert view.run_at is not None
    assert abs(view.run_at - gateway.now() - timedelta(minutes=10)) < timedelta(seconds=20)


def test_a_dead_job_has_its_attempt_its_traceback_and_its_log(gateway: LiveGateway, fail: Callable[..., str]) -> None:
    key = fail(file_id=7)
    view = gateway.job(key)
    assert view.row.note.plain == "ValueError: no such page"
    assert view.row.note_is_error
    (attempt,) = view.attempts
    assert attempt.outcome == "failed"
    assert attempt.traceback[0].frames[0].application
    page = gateway.log(key, "")
    assert [line.message.plain for line in page.lines] == ["page 1 \\x1b[2J"]
    assert gateway.log(key, page.cursor).lines == ()
    assert [line.job_key for line in gateway.tail("").lines] == [key]


def test_a_job_that_is_not_there_is_a_refusal(gateway: LiveGateway) -> None:
    with pytest.raises(GatewayRefused, match="there is no job"):
        gateway.job("no-such-job")


def test_without_the_layer_nothing_can_be_done(gateway: LiveGateway) -> None:
    with pytest.raises(GatewayRefused, match="it only looks"):
        gateway.preview(Request("pause", ("ingestion",)))
    with pytest.raises(GatewayRefused, match="it only looks"):
        gateway.arm("a reason")


def test_what_can_not_be_decoded_is_shown_as_such(gateway: LiveGateway, broker: Broker, trigger: Trigger) -> None:
    key = trigger(file_id=7)
    broker.client.hset(broker.keys.job(key), "payload", b"\x80\x04]\x94.")
    (row,) = gateway.jobs("", 0, 10).rows
    assert row.note.plain.startswith("arguments not readable: ")
    assert gateway.job(key).undecoded


def test_a_redis_that_is_not_there_is_unavailable(namespace: str) -> None:
    client = connect("redis://127.0.0.1:1/0")
    inspector = Inspector(client, namespace)
    gateway = LiveGateway(Opened(inspector, Operations(Broker(client, namespace), inspector)), "ada@here")
    with pytest.raises(GatewayUnavailable, match="did not answer"):
        gateway.queues()


def test_the_clock_is_rediss(redis_client: "redis.Redis", namespace: str, broker: Broker) -> None:
    inspector = Inspector(redis_client, namespace)
    gateway = LiveGateway(Opened(inspector, Operations(broker, inspector)), "ada", wall_s=lambda: 0.0)
    gateway.queues()
    assert abs(gateway.now() - datetime.now(UTC)) < timedelta(seconds=5)


def test_the_tasks_come_with_the_fields_of_their_forms(gateway: LiveGateway) -> None:
    (task,) = gateway.tasks()
    assert (task.key, task.name.plain, task.summary.plain) == (INGEST.name, "ingest_file", "Read a file.")
    assert [(field.key, field.kind, field.required) for field in task.fields] == [
        ("file_id", "integer", True),
        ("force", "flag", False),
    ]


def test_opening_every_screen_changes_nothing_in_redis(
    gateway: LiveGateway, broker: Broker, fail: Callable[..., str]
) -> None:
    key = fail(file_id=7)

    def everything() -> dict[Any, Any]:
        own = sorted(broker.client.keys(f"{broker.keys.prefix}*"))
        return {name: broker.client.dump(name) for name in own}

    before = everything()

    async def script(stage: Stage) -> None:
        await stage.press("3", "enter", "right_square_bracket", "right_square_bracket", "7", "2", "t", "escape")

    play(script, still_app(gateway))
    assert key
    assert everything() == before


def test_a_flow_is_shown_from_its_root_whichever_of_its_jobs_is_asked(broker: Broker, gateway: LiveGateway) -> None:
    rows = [job_table(NewJob(f"m{n}", "t.part", "default", b"{}", member=f"all:{n}:2")) for n in range(2)]
    rows.append(job_table(NewJob("all", "t.whole", "default", b"{}", chord="all", blocked=True)))
    broker.write([("chord", "all", "all", ["m0", "m1"]), *(("enqueue", row) for row in rows)])
    lines = gateway.flow("m1")
    assert [(line.key, line.branch, line.is_asked) for line in lines] == [
        ("all", "", False),
        ("m0", "├─ ", False),
        ("m1", "└─ ", True),
    ]
    with pytest.raises(GatewayRefused, match="no job"):
        gateway.flow("gone")


def test_why_says_what_keeps_a_job_and_which_one_to_look_at(broker: Broker, gateway: LiveGateway) -> None:
    rows = [
        job_table(NewJob("m", "t.part", "default", b"{}", member="all:0:1")),
        job_table(NewJob("all", "t.whole", "default", b"{}", chord="all", blocked=True)),
    ]
    broker.write([("chord", "all", "all", ["m"]), *(("enqueue", row) for row in rows)])
    view = gateway.why("all")
    assert (view.state, view.waits, view.task.plain) == ("blocked", True, "whole")
    assert view.reasons[0].sentence.plain == "It waits for 1 of 1 job: m part is queued."
    assert view.related is not None
    assert view.related[0] == "m"
