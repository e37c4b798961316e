"""That history is late is in sight on every screen, in few letters, and never in the way of health and clock."""

import re
import time

import pytest
import redis

from console.app import DeweyApp
from console.gateway.demo import DemoGateway
from console.gateway.errors import GatewayUnavailable
from console.gateway.glance import Lateness
from console.gateway.live import LiveGateway, Opened
from console.gateway.protocol import Gateway
from storage.broker.broker import Broker
from storage.broker.inspector import Inspector
from tasks.operations import Operations
from tests.console.stage import Stage, play, still_app

NUMBERED = ("overview", "queues", "jobs", "failures", "schedules", "workers", "logs", "files", "audit")
LATE = r"history (−2m|2m behind)  "
"""As long as there is room for."""


class Late(DemoGateway):
    """A demo whose history is behind, and that counts how often it is asked."""

    def __init__(self, lateness: Lateness) -> None:
        super().__init__()
        self.told = lateness
        self.asked = 0
        self.is_gone = False

    def lateness(self) -> Lateness:
        """Say so."""
        self.asked += 1
        if self.is_gone:
            raise GatewayUnavailable("Redis did not answer")
        return self.told


def header_of(lateness: Lateness, size: tuple[int, int], **options: str) -> str:
    """The first line of a console."""
    lines: list[str] = []

    async def script(stage: Stage) -> None:
        lines.append(stage.text.splitlines()[0])

    play(script, still_app(Late(lateness), **options), size)
    return lines[0]


@pytest.mark.parametrize("start", NUMBERED)
@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
def test_a_late_history_is_in_the_header(start: str, size: tuple[int, int]) -> None:
    line = header_of(Lateness(134), size, start=start)
    assert "history 2m behind  ● up" in line or (size == (80, 24) and "history −2m  ● up" in line)
    assert "02:47:13 UTC" in line


@pytest.mark.parametrize(("size", "words"), [((80, 24), "no history  ● up"), ((120, 40), "history stopped  ● up")])
def test_that_nobody_writes_history_is_in_the_header(size: tuple[int, int], words: str) -> None:
    assert words in header_of(Lateness(0, is_written=False), size)


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
@pytest.mark.parametrize("environment", ["local", "production-eu-west-1", "a"])
def test_health_and_clock_stay_whatever_the_environment_is_called(size: tuple[int, int], environment: str) -> None:
    line = header_of(Lateness(86_400 * 12), size, environment=environment)
    assert "02:47:13 UTC" in line
    assert "● up" in line
    assert environment in line


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
def test_nothing_is_said_of_a_history_that_is_in_time(size: tuple[int, int]) -> None:
    assert "hist" not in header_of(Lateness(9.9), size)


def test_it_is_asked_at_most_every_few_seconds_and_goes_when_it_is_over() -> None:
    gateway = Late(Lateness(134))

    async def script(stage: Stage) -> None:
        assert re.search(LATE, stage.text)
        assert gateway.asked == 1
        for mode in ("jobs", "logs", "queues"):
            stage.app.switch_mode(mode)
            await stage.settle()
            assert re.search(LATE, stage.text)
        assert gateway.asked == 1
        gateway.told = Lateness(1)
        stage.app._lateness_at = None
        stage.app.screen.poll()  # type: ignore[attr-defined]  # a screen of ours
        await stage.settle()
        assert gateway.asked == 2
        assert "hist" not in stage.text

    play(script, still_app(gateway))


def test_what_was_known_stays_while_nobody_answers() -> None:
    gateway = Late(Lateness(134))

    async def script(stage: Stage) -> None:
        gateway.is_gone = True
        stage.app._lateness_at = None
        stage.app.screen.poll()  # type: ignore[attr-defined]  # a screen of ours
        await stage.settle()
        assert re.search(LATE, stage.text)
        assert "✗ away" in stage.text

    play(script, still_app(gateway))


def test_the_live_console_reads_it_from_the_broker(redis_client: "redis.Redis", namespace: str) -> None:
    broker, inspector = Broker(redis_client, namespace), Inspector(redis_client, namespace)
    gateway: Gateway = LiveGateway(Opened(inspector, Operations(broker, inspector)), "ada")
    assert gateway.lateness() == Lateness(0, is_written=True), "there is none, and it is not late"
    recording, events = broker.keys.recording, broker.keys.events
    now_ms = int(time.time() * 1000)
    assert broker.run("lead", "me", 10_000, 1000, "")[0] == 1
    assert gateway.lateness() == Lateness(0, is_written=True)
    broker.call("xadd", events, {"x": "1 queued "}, f"{now_ms - 90_000}-1")
    late = gateway.lateness()
    assert late.is_written
    assert 85 < late.seconds < 130
    broker.call("hset", recording, mapping={"until": 1, "beat": now_ms - 60_000})
    assert not gateway.lateness().is_written


def test_the_console_has_no_word_for_it_before_it_asked() -> None:
    assert DeweyApp(DemoGateway()).lateness == Lateness()
