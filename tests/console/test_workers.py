"""The screen of consumers: what it says of each, when there are none, and on live consumers."""

from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from textual.content import Content

from console.formats import size
from console.gateway.demo import DemoGateway
from console.gateway.fleet import ConsumerView
from console.gateway.live import LiveGateway
from console.screens.workers import WorkersScreen
from storage.broker.broker import Broker
from storage.broker.inspector import Inspector
from storage.broker.requests import Beat
from storage.embedded import Endpoints
from storage.settings import Settings
from storage.values import replace
from tasks.operations import Operations
from tasks.resources import Resources
from tests.console.gateways import FlakyGateway, HostileGateway
from tests.console.payloads import PAYLOADS
from tests.console.stage import Stage, hidden_characters, play, still_app
from tests.console.test_live import INGEST, REQUEST
from tests.console.test_live import broker as broker  # noqa: PLC0414  # a fixture
from tests.console.test_live import gateway as gateway  # noqa: PLC0414  # a fixture

FIELDS = {"host": "host", "pid": "1", "workers": "2", "kind": "thread", "queues": "", "version": "2.0"}


@pytest.mark.parametrize(
    ("size_bytes", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1_000, "1.0 kB"),
        (2**20 * 131, "131 MB"),
        (2**30, "1.0 GB"),
        (2**20 * 1_000, "1.0 GB"),
    ],
)
def test_bytes_are_said_in_seven_cells(size_bytes: int, text: str) -> None:
    assert size(size_bytes) == text
    assert len(text) <= 7


def test_a_job_that_runs_longer_than_usual_is_marked() -> None:
    async def script(stage: Stage) -> None:
        lines = stage.text.split("\n")
        (slow,) = [line for line in lines if "sync_contacts" in line]
        assert "▲ 24 s" in slow
        (quick,) = [line for line in lines if "7c6e8c1c" in line]
        assert "41 s" in quick
        assert "▲" not in quick

    play(script, still_app(start="workers"), (120, 40))


def test_since_when_a_consumer_lives_is_said_and_of_one_that_does_not_beat_since_when() -> None:
    class Fleet(DemoGateway):
        def fleet(self) -> tuple[ConsumerView, ...]:
            (one, *_), now = super().fleet(), self.now()
            told = replace(one, runs=(), is_silent=False, started_at=now - timedelta(minutes=14, seconds=2))
            return (
                replace(told, key="a", name=Content("idle:1"), beat_at=now),
                replace(told, key="b", name=Content("late:1"), beat_at=now - timedelta(seconds=7)),
                replace(told, key="c", name=Content("gone:1"), beat_at=now - timedelta(minutes=3), is_silent=True),
            )

    async def script(stage: Stage) -> None:
        rows = stage.text.partition("───")[0].split("\n")
        said = {line.strip().partition(":")[0]: line.split() for line in rows}
        assert said["idle"][6] == "14m"
        assert said["late"][6:8] == ["beat", "7s"]
        assert said["gone"][1:5] == ["✗", "silent", "3m", "ago"]

    play(script, still_app(Fleet(), start="workers"))


def test_a_consumer_that_is_alone_is_one() -> None:
    class Alone(DemoGateway):
        def fleet(self) -> tuple[ConsumerView, ...]:
            return super().fleet()[:1]

    async def script(stage: Stage) -> None:
        assert " 1 consumer " in stage.text

    play(script, still_app(Alone(), start="workers"), (120, 40))


def test_a_consumer_tells_what_it_runs_where_there_are_rows_to_spare() -> None:
    async def tall(stage: Stage) -> None:
        await stage.press("j")
        lines = stage.text.split("\n")
        assert any(line.startswith(" Runs ──") for line in lines)
        (slow,) = [line for line in lines if "684131a4  sync_contacts" in line and "p95," in line]
        assert "1 m 10" in slow
        assert "▲ longer than the p95, 24 s" in slow

    async def small(stage: Stage) -> None:
        assert "no goodbye: its jobs go back to their queues." in stage.text
        await stage.press("j")
        assert "Runs ──" not in stage.text

    play(tall, still_app(start="workers"), (120, 40))
    play(small, still_app(start="workers"))


def test_the_elapsed_time_goes_on_between_two_answers() -> None:
    gateway = FlakyGateway()

    async def script(stage: Stage) -> None:
        assert "1 m 10" in stage.text
        gateway.later_s = 60
        screen = stage.app.screen
        assert isinstance(screen, WorkersScreen)
        screen.refresh_frame()
        await stage.settle()
        assert "2 m 10" in stage.text

    play(script, still_app(gateway, start="workers"))


def test_numbers_of_workers_end_below_each_other() -> None:
    class Crowded(DemoGateway):
        def fleet(self) -> tuple[ConsumerView, ...]:
            busy = next(one for one in super().fleet() if len(one.runs) > 1)
            named = (replace(busy.runs[0], worker=Content("9")), replace(busy.runs[1], worker=Content("11")))
            return (replace(busy, runs=named),)

    async def script(stage: Stage) -> None:
        assert "├  9  " in stage.text
        assert "└ 11  " in stage.text

    play(script, still_app(Crowded(), start="workers"))


def test_without_consumers_it_says_how_to_start_one() -> None:
    async def script(stage: Stage) -> None:
        assert "No consumer lives: jobs wait." in stage.text
        assert "dewey up" in stage.text
        for key in ("p", "S", "enter", "y"):
            await stage.press(key)
        assert isinstance(stage.app.screen, WorkersScreen)

    play(script, still_app(DemoGateway(empty=True), start="workers"))


def test_hostile_consumers_are_drawn_as_text() -> None:
    gateway = HostileGateway(PAYLOADS)

    async def script(stage: Stage) -> None:
        for _ in range(2 * len(PAYLOADS)):
            assert hidden_characters(stage.text) == []
            await stage.press("j")
        await stage.press("p")
        assert hidden_characters(stage.text) == []
        await stage.press("escape", "y")
        assert hidden_characters(stage.app.clipboard) == []

    play(script, still_app(gateway, start="workers"), (200, 30))
    assert gateway.acted == []


def _beat(broker: Broker, running: str = "") -> None:
    broker.heartbeat(Beat("host:1", 60_000, (), {**FIELDS, "running:1": running, "memory:1": "2097152"}, "1"))


def trigger(broker: Broker) -> str:
    """Enqueue a job; answers its key."""
    return Operations(broker, Inspector(broker.client, broker.namespace)).trigger(INGEST.name, {"file_id": 7})


def _only(gateway: LiveGateway) -> ConsumerView:
    (found,) = gateway.fleet()
    return found


def test_a_live_consumer_has_the_jobs_that_its_workers_run(gateway: LiveGateway, broker: Broker) -> None:
    key = trigger(broker)
    claim = broker.take(replace(REQUEST, worker="host:1/Worker-2"), key)
    assert claim is not None
    _beat(broker, f"{key},gone-by-now")
    consumer = _only(gateway)
    assert (consumer.name.plain, consumer.host.plain, consumer.pid, consumer.workers) == ("host:1", "host", 1, 2)
    assert (consumer.queues, consumer.memory_bytes, consumer.version.plain) == ((), 2_097_152, "2.0")
    (run,) = consumer.runs
    assert (run.key, run.worker.plain, run.job.task.plain, run.p95_s) == (key, "2", "ingest_file", None)


def test_the_first_answer_waits_for_no_history_and_the_next_one_knows_what_is_usual(
    gateway: LiveGateway, broker: Broker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []

    def stats(database: object, *_: object, **__: object) -> SimpleNamespace:
        asked.append(database)
        return SimpleNamespace(rows=[SimpleNamespace(task=INGEST.name, run=SimpleNamespace(p95_s=8.2))])

    monkeypatch.setattr("storage.history.measures.stats", stats)
    endpoints = Endpoints("redis://127.0.0.1:1/0", "postgresql://127.0.0.1:1/none", tmp_path, frozenset())
    gateway._held = Resources(Settings(dewey_home=tmp_path), endpoints)
    _beat(broker)
    assert (_only(gateway).runs, _only(gateway).runs, asked) == ((), (), []), "where nothing runs, nothing is asked"
    key = trigger(broker)
    assert broker.take(replace(REQUEST, worker="host:1/Worker-2"), key) is not None
    _beat(broker, key)
    assert [_only(gateway).runs[0].p95_s for _ in range(3)] == [None, 8.2, 8.2]
    assert asked == [gateway._held.database], "and not again within a minute"
