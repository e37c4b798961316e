"""The head start: what another process read is shown when it came in time, and nothing else is any different."""

import contextlib
import errno
import gc
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec
import pytest
import redis
from textual.screen import Screen

from console.gateway.demo import DemoGateway
from console.gateway.early import Early, EarlyGateway
from console.gateway.errors import GatewayUnavailable
from console.gateway.glance import Glance
from console.gateway.live import LiveGateway, Opened
from console.head_start import HeadStart, is_wanted
from console.reading_ahead import LATEST_S, Errand, fresh, read
from storage.broker.broker import Broker
from storage.broker.connection import connect
from storage.broker.inspector import Inspector
from storage.broker.requests import Beat, ClaimRequest
from storage.embedded import Endpoints
from storage.settings import Settings
from storage.values import replace
from tasks.engine import registry
from tasks.operations import Operations, new_job
from tasks.resources import Resources
from tests.console.stage import Stage, play, still_app
from tests.console.test_live import INGEST
from tests.console.test_live_console import until
from tests.servers import is_alive, wait_until

SECRET: Final = "hunter22"
LONGEST_S: Final = 20.0
FIELDS: Final = {"host": "host", "pid": "1", "workers": "2", "kind": "thread", "queues": "", "running:1": "one"}
NOWHERE: Final = "redis://127.0.0.1:1/0"


class Closed:
    """Stores that nobody may ask."""

    @property
    def inspector(self) -> Inspector:
        raise AssertionError("the stores were asked")

    operations: Operations = property(lambda _: None)  # type: ignore[assignment]  # nobody acts here


@pytest.fixture
def broker(redis_client: "redis.Redis", namespace: str) -> Broker:
    """Two queues, and a consumer that runs a job with a secret."""
    broker = Broker(redis_client, namespace)
    registry.publish(broker, [INGEST])
    broker.add_queues(["email", "ingestion"])
    broker.enqueue([new_job(INGEST, "one", {"file_id": 7, "password": SECRET}, None)])
    assert broker.take(ClaimRequest("host:1", "host:1/Worker-1", 60_000), "one") is not None
    broker.heartbeat(Beat("host:1", 60_000, (), FIELDS, "1"))
    return broker


@pytest.fixture
def stores(broker: Broker) -> Opened:
    inspector = Inspector(broker.client, broker.namespace)
    return Opened(inspector, Operations(broker, inspector))


@pytest.fixture
def errand(broker: Broker, redis_url: str) -> Errand:
    return Errand("overview", redis_url, broker.namespace)


@pytest.fixture(autouse=True)
def _free_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is one, however busy the machine is that the tests run on."""
    monkeypatch.setattr("console.head_start._running", lambda: 0.0)


@pytest.fixture
def head_start() -> Iterator[HeadStart]:
    """Leaves neither a process nor a descriptor behind, whatever became of it."""
    gc.collect()
    before = os.listdir("/proc/self/fd")
    with HeadStart(is_wanted=True) as started:
        pid = started._pid
        assert pid
        yield started
    assert not Path(f"/proc/{pid}").exists(), "a process was left behind"
    assert len(os.listdir("/proc/self/fd")) == len(before), "a descriptor was left behind"


def test_what_was_read_ahead_is_shown_and_the_stores_are_not_opened(
    head_start: HeadStart, errand: Errand, stores: Opened
) -> None:
    head_start.tell(errand)
    assert head_start.answer(LONGEST_S) is not None
    early = EarlyGateway(head_start, Closed(), "ada").glance()
    now = LiveGateway(stores, "ada").glance()
    assert [row.key for row in early.queues] == ["email", "ingestion"]
    assert early.queues == now.queues
    (ours,), (theirs,) = early.fleet, now.fleet
    assert ours.runs[0].job.note.plain == 'file_id=7, password="[redacted]"'
    assert ours.runs[0].job.seconds == pytest.approx(theirs.runs[0].job.seconds, abs=LONGEST_S)
    assert (ours.key, ours.host, ours.beat_at, ours.started_at) == (
        *(theirs.key, theirs.host, theirs.beat_at, theirs.started_at),
    )


def test_the_queues_are_read_ahead_too_and_nothing_else(head_start: HeadStart, errand: Errand, stores: Opened) -> None:
    head_start.tell(Errand("queues", errand.redis_url, errand.namespace))
    found = head_start.answer(LONGEST_S)
    assert found is not None
    assert (found.consumers, found.jobs, found.tasks) == (None, None, None)
    assert EarlyGateway(head_start, Closed(), "ada").queues() == LiveGateway(stores, "ada").queues()


def test_what_was_read_ahead_is_shown_once(
    head_start: HeadStart, errand: Errand, stores: Opened, broker: Broker
) -> None:
    head_start.tell(errand)
    assert head_start.answer(LONGEST_S) is not None
    broker.add_queues(["new"])
    gateway = EarlyGateway(head_start, stores, "ada")
    assert "new" not in [row.key for row in gateway.queues()]
    assert "new" in [row.key for row in gateway.queues()]
    assert "new" in [row.key for row in gateway.glance().queues]


def test_secrets_do_not_leave_the_process_that_reads(errand: Errand) -> None:
    found = read(errand)
    assert found.jobs is not None
    assert [job.id for job in found.jobs] == ["one"]
    assert SECRET.encode() not in found.jobs[0].payload


def test_what_is_read_can_not_be_seen_from_outside(head_start: HeadStart) -> None:
    head_start.tell(Errand("overview", f"redis://:{SECRET}@127.0.0.1:1/0", "dewey"))
    for shown in ("cmdline", "environ"):
        assert SECRET.encode() not in Path(f"/proc/{head_start._pid}/{shown}").read_bytes()


def test_a_process_that_died_is_not_missed(head_start: HeadStart, errand: Errand, stores: Opened) -> None:
    os.kill(head_start._pid, signal.SIGKILL)
    wait_until(lambda: "Z" in Path(f"/proc/{head_start._pid}/stat").read_text().split()[2], "it died")
    assert not head_start.tell(errand)
    assert EarlyGateway(head_start, stores, "ada").queues() == LiveGateway(stores, "ada").queues()


def test_a_process_that_hangs_is_not_waited_for(head_start: HeadStart, errand: Errand, stores: Opened) -> None:
    head_start.tell(errand)
    os.kill(head_start._pid, signal.SIGSTOP)
    begun_s = time.monotonic()
    assert EarlyGateway(head_start, stores, "ada").queues() == LiveGateway(stores, "ada").queues()
    assert time.monotonic() - begun_s < LATEST_S / 2


def test_a_process_that_was_told_nothing_has_no_answer(head_start: HeadStart, stores: Opened) -> None:
    assert EarlyGateway(head_start, stores, "ada").queues() == LiveGateway(stores, "ada").queues()


def test_a_store_that_is_away_is_away_in_the_same_words(head_start: HeadStart, broker: Broker) -> None:
    gone = Broker(connect(NOWHERE), broker.namespace)
    inspector = Inspector(gone.client, gone.namespace)
    stores = Opened(inspector, Operations(gone, inspector))
    head_start.tell(Errand("overview", NOWHERE, broker.namespace))
    said = []
    for gateway in (EarlyGateway(head_start, stores, "ada"), LiveGateway(stores, "ada")):
        with pytest.raises(GatewayUnavailable) as caught:
            gateway.glance()
        said.append(caught.value.sentence.plain)
    assert said[0] == said[1]


def test_an_old_answer_is_none(errand: Errand, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = msgspec.msgpack.encode(read(errand))
    assert fresh(answer) is not None
    assert fresh(answer[:-1]) is None
    assert fresh(b"") is None
    monkeypatch.setattr("console.reading_ahead.FRESH_S", 0.0)
    assert fresh(answer) is None


def test_an_answer_that_is_at_hand_stays_so_until_it_is_taken(
    head_start: HeadStart, errand: Errand, monkeypatch: pytest.MonkeyPatch
) -> None:
    head_start.tell(errand)
    assert head_start.answer(LONGEST_S) is not None
    gateway = EarlyGateway(head_start, Closed(), "ada")
    assert gateway.is_at_hand()
    monkeypatch.setattr("console.reading_ahead.FRESH_S", 0.0)
    assert gateway.is_at_hand()
    assert [row.key for row in gateway.glance().queues] == ["email", "ingestion"]
    assert not gateway.is_at_hand()


def test_the_clock_of_redis_goes_on_after_it_was_read(errand: Errand) -> None:
    found = read(errand)
    a_minute_ago = replace(found, read_at_s=found.read_at_s - 60)
    assert Early(a_minute_ago, Closed()).clock_ms() == pytest.approx(found.clock_ms + 60_000, abs=5_000)


@pytest.mark.parametrize(
    ("start", "url", "screen"),
    [
        ("", "redis://h/0", "overview"),
        ("overview", "unix:///run/redis.sock?db=3", "overview"),
        (" queues ", "rediss://:pass@h:6380/1", "queues"),
        ("jobs", "redis://h/0", None),
        ("queue email", "redis://h/0", None),
        ("err:Timeout", "redis://h/0", None),
        ("", "redis://h/0?socket_timeout=soon", None),
    ],
)
def test_only_what_a_first_screen_surely_shows_is_read_ahead(start: str, url: str, screen: str | None) -> None:
    held = Resources(Settings(redis_url=url), Endpoints(url, "postgresql://h/d", None, frozenset()))
    errand = Errand.of(held, start)
    assert (None if errand is None else errand.screen) == screen


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("console", True),
        ("--profile prod console", True),
        ("console overview", True),
        ("console --read-only queues", True),
        ("console --write jobs --environment mine", True),
        ("console jobs", False),
        ("console --read-only state:dead", False),
        ("--profile console console", True),
        ("--profile console ingest --wait", False),
        ("ingest --wait console", False),
        ("queues", False),
        ("", False),
    ],
)
def test_a_process_is_started_for_a_console_on_a_screen_that_is_read_ahead(words: str, expected: bool) -> None:
    assert is_wanted(words.split()) is expected


@pytest.mark.parametrize(("cores", "running"), [(1, 1.0), (2, 2.0), (2, 7.0)])
def test_where_no_processor_is_free_there_is_no_other_process(
    monkeypatch: pytest.MonkeyPatch, cores: int, running: float
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(cores)))
    monkeypatch.setattr("console.head_start._running", lambda: running)
    with HeadStart(is_wanted=True) as head_start:
        assert head_start._pid == 0
        assert not head_start.tell(Errand("overview", NOWHERE, "dewey"))
        assert head_start.answer(LONGEST_S) is None


def test_where_no_process_can_be_started_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    before = len(os.listdir("/proc/self/fd"))
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with HeadStart(is_wanted=True) as head_start:
        assert head_start._pid == 0
    assert len(os.listdir("/proc/self/fd")) == before


def test_without_descriptors_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    before = len(os.listdir("/proc/self/fd"))
    made = iter([os.pipe()])

    def pipe() -> tuple[int, int]:
        for pair in made:
            return pair
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(os, "pipe", pipe)
    with HeadStart(is_wanted=True) as head_start:
        assert head_start._pid == 0
    assert len(os.listdir("/proc/self/fd")) == before


KILLED: Final = """
import sys, time
from console.head_start import HeadStart, is_wanted
from console.reading_ahead import Errand
head_start = HeadStart(is_wanted=True)
if len(sys.argv) > 1:
    head_start.tell(Errand("overview", sys.argv[1], "dewey"))
print(head_start._pid, flush=True)
time.sleep(60)
"""


def _mumble(server: socket.socket, is_over: threading.Event) -> None:
    """Say a byte now and then that is no answer: whoever reads is never silent for long, and never done."""
    with contextlib.suppress(OSError):
        connection, _ = server.accept()
        with connection:
            while not is_over.wait(0.1):
                connection.sendall(b"x")


@pytest.mark.parametrize("is_told", [False, True])
def test_a_console_that_is_killed_leaves_no_process_behind(is_told: bool) -> None:
    is_over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:
        mumbling = threading.Thread(target=_mumble, args=(server, is_over), daemon=True)
        mumbling.start()
        url = f"redis://127.0.0.1:{server.getsockname()[1]}/0"
        command = [sys.executable, "-c", KILLED, *([url] if is_told else [])]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        pid = int(process.stdout.readline())
        process.kill()
        process.wait()
        process.stdout.close()
        wait_until(lambda: not is_alive(pid), "it ends", timeout_s=LONGEST_S)
        is_over.set()


class AtHand(DemoGateway):
    """Answers the first poll at once, in one way or another."""

    def __init__(self, error: Exception | None = None) -> None:
        super().__init__()
        self.error = error
        self.asked_in: list[threading.Thread] = []

    def is_at_hand(self) -> bool:
        return not self.asked_in

    def glance(self) -> Glance:
        is_first = not self.asked_in
        self.asked_in.append(threading.current_thread())
        if self.error is not None and is_first:
            raise self.error
        return super().glance()


def test_an_answer_that_is_at_hand_is_in_the_first_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    gateway = AtHand()
    app = still_app(gateway, start="overview")
    painted: list[bool] = []
    paint = Screen._compositor_refresh

    def watched(screen: Screen[object]) -> None:
        painted.append(screen.query_one("#overview-queues").size.height > 0)
        paint(screen)

    monkeypatch.setattr(Screen, "_compositor_refresh", watched)

    async def script(stage: Stage) -> None:
        assert "ingestion" in stage.text
        assert painted[0]
        assert gateway.asked_in[0] is threading.main_thread()

    play(script, app, (120, 40))


@pytest.mark.parametrize("error", [GatewayUnavailable("nobody is there"), RuntimeError("a bug")])
def test_an_answer_at_hand_that_is_none_ends_nothing(error: Exception) -> None:
    gateway = AtHand(error)
    app = still_app(gateway, start="overview")
    app.refresh_s = 0.01

    async def script(stage: Stage) -> None:
        await until(stage, lambda: "ingestion" in stage.text, "it is asked again")
        assert app.bugs == ([] if isinstance(error, GatewayUnavailable) else [error])
        assert gateway.asked_in[1] is not threading.main_thread()
        app.bugs.clear()

    play(script, app, (120, 40))
