"""What a job logs and says about itself: captured by attempt, bounded, and never a burden to it."""

import logging
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from storage.broker.broker import Broker
from storage.broker.requests import Note
from storage.errors import StoreUnavailable
from tasks.engine import context, logcapture
from tasks.engine.context import LINES_WAITING, RunningJob, current_job, progress
from tasks.engine.logcapture import MESSAGE_CHARS, JobLogHandler, Shipper
from tests.tasks.engine.conftest import Shop, attempt

logger = logging.getLogger("shop")


@pytest.fixture(autouse=True)
def _capturing() -> Iterator[None]:
    """The root logger as a consumer sets it."""
    root = logging.getLogger()
    level, before = root.level, list(root.handlers)
    logcapture.install()
    yield
    root.setLevel(level)
    for handler in root.handlers[:]:
        if handler not in before:
            root.removeHandler(handler)


@pytest.fixture
def shipper(shop: Shop) -> Shipper:
    return Shipper(shop.huey.broker, shop.huey.held.running)


def messages(shop: Shop, job_id: str) -> list[str]:
    return [line.message for line in shop.inspector.log(job_id).lines]


def test_lines_belong_to_their_job_and_attempt(shop: Shop) -> None:
    @shop.huey.task(retries=1, queue="mail")
    def work(name: str) -> None:
        logger.info("%s begins", name)
        logging.getLogger("shop.db").warning("slow")
        logger.debug("not at this level")
        if attempt() == 1:
            raise ValueError("no")

    handles = [work("a"), work("b")]
    shop.run_all()
    for name, handle in zip("ab", handles, strict=True):
        lines = [line for line in shop.inspector.log(handle.id).lines if not line.logger.startswith("huey")]
        assert [(line.attempt, line.level, line.logger, line.message) for line in lines if "shop" in line.logger] == [
            (1, "INFO", "shop", f"{name} begins"),
            (1, "WARNING", "shop.db", "slow"),
            (2, "INFO", "shop", f"{name} begins"),
            (2, "WARNING", "shop.db", "slow"),
        ]
        assert {(line.queue, line.task) for line in lines} == {("mail", shop.job(handle).task)}
    assert {line.job for line in shop.inspector.tail().lines} == {handle.id for handle in handles}


def test_hueys_chatter_stays_out_but_its_error_is_there(shop: Shop) -> None:
    @shop.huey.task()
    def fail() -> None:
        raise ValueError("no")

    handle = fail()
    shop.run_one()
    lines = [line for line in shop.inspector.log(handle.id).lines if line.logger.startswith("huey")]
    assert [(line.level, line.message) for line in lines] == [
        ("ERROR", f"Unhandled exception in task {handle.id}. (ValueError: no)")
    ]


def test_a_record_that_can_not_be_formatted_is_kept_and_says_so(shop: Shop) -> None:
    class Mute(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no words")

    @shop.huey.task()
    def work() -> None:
        logger.info("%d files", "three")
        logger.info(*("%s %s", "one"))
        logger.error("with an error", exc_info=Mute())
        logger.info("bad \udcff name")
        logger.info("nul \x00 and escape \x1b[31m are kept as they are")

    handle = work()
    logging.raiseExceptions, before = False, logging.raiseExceptions  # other handlers would print their failure
    try:
        shop.run_one()
    finally:
        logging.raiseExceptions = before
    assert messages(shop, handle.id) == [
        "'%d files' (this record can not be formatted: TypeError)",
        "'%s %s' (this record can not be formatted: TypeError)",
        "'with an error' (this record can not be formatted: RuntimeError)",
        "bad \\udcff name",
        "nul \x00 and escape \x1b[31m are kept as they are",
    ]


def test_a_huge_line_is_cut_and_says_how_long_it_was(shop: Shop) -> None:
    @shop.huey.task()
    def work() -> None:
        logger.info("x" * 1_000_000)

    handle = work()
    shop.run_one()
    (message,) = messages(shop, handle.id)
    assert message == f"{'x' * MESSAGE_CHARS}… (1000000 characters in all)"


def test_lines_of_other_threads_are_not_captured(shop: Shop) -> None:
    @shop.huey.task()
    def work() -> None:
        other = threading.Thread(target=lambda: logger.info("from elsewhere"))
        other.start()
        other.join()
        logger.info("from here")

    handle = work()
    shop.run_one()
    logger.info("after the job")
    assert messages(shop, handle.id) == ["from here"]


def test_lines_and_progress_are_read_while_the_job_runs(shop: Shop, shipper: Shipper) -> None:
    seen: list[tuple[list[str], object]] = []

    @shop.huey.task()
    def work() -> None:
        for done in range(1, 4):
            logger.info("step %s", done)
            progress(done, 3, "steps")
        job = current_job()
        assert job is not None
        shipper.ship()
        seen.append((messages(shop, job.id), shop.job(job.id).progress))
        logger.info("the end")

    handle = work()
    shop.run_one()
    ((lines, said),) = seen
    assert lines == ["step 1", "step 2", "step 3"]
    shown = shop.job(handle).progress
    assert said == shown
    assert shown is not None
    assert (shown.done, shown.total, shown.note) == (3, 3, "steps")  # only the latest word is kept
    assert messages(shop, handle.id) == ["step 1", "step 2", "step 3", "the end"]


def test_progress_takes_what_tasks_say(shop: Shop) -> None:
    @shop.huey.task()
    def work() -> None:
        progress(1, 2, "bad \udcff " + "x" * 500)
        with pytest.raises(ValueError, match="NaN"):
            progress(float("nan"))  # type: ignore[arg-type]  # what a task might do

    handle = work()
    shop.run_one()
    shown = shop.job(handle).progress
    assert shown is not None
    assert (shown.done, shown.note[:10]) == (1, "bad \\udcff"[:10])
    assert len(shown.note) <= 220
    progress(1, 2)  # outside of a job nobody listens


def test_a_retried_job_begins_without_the_progress_of_its_last_attempt(shop: Shop) -> None:
    @shop.huey.task(retries=1)
    def work() -> None:
        if attempt() == 1:
            progress(7, 8)
            raise ValueError("no")

    handle = work()
    shop.run_one()
    assert shop.job(handle).progress is not None
    shop.run_one()
    assert shop.job(handle).progress is None


def test_a_redis_that_is_away_never_slows_a_job_and_the_dropped_lines_are_counted(
    shop: Shop, shipper: Shipper, monkeypatch: pytest.MonkeyPatch
) -> None:
    surplus = 1_234
    times: list[float] = []
    real: Callable[..., list[str]] = Broker.note

    def away(self: Broker, notes: list[Note]) -> list[str]:
        raise StoreUnavailable("away")

    @shop.huey.task()
    def work() -> None:
        monkeypatch.setattr(Broker, "note", away)
        start = time.perf_counter()
        for number in range(LINES_WAITING + surplus):
            logger.info("line %s", number)
            if number % 1_000 == 0:
                shipper.ship()
        times.append(time.perf_counter() - start)
        shipper.ship()
        shipper.ship()
        monkeypatch.setattr(Broker, "note", real)
        shipper.ship()
        logger.info("back")

    shop.huey.broker.bounds = type(shop.huey.broker.bounds)(log_lines=100_000)
    handle = work()
    shop.run_one()
    found = [line.message for line in shop.inspector.log(handle.id, limit=100_000).lines]
    assert found[:LINES_WAITING] == [f"line {number}" for number in range(LINES_WAITING)]
    assert found[LINES_WAITING:] == [
        f"{surplus} log lines were dropped here: they came faster than Redis took them",
        "back",
    ]
    assert times[0] < 10


def test_lines_on_their_way_arrive_before_the_settlement_that_ends_the_right_to_write(
    shop: Shop, shipper: Shipper, monkeypatch: pytest.MonkeyPatch
) -> None:
    real: Callable[..., list[str]] = Broker.note
    under_way, arrive = threading.Event(), threading.Event()

    def slow(self: Broker, notes: list[Note]) -> list[str]:
        under_way.set()
        assert arrive.wait(20)
        return real(self, notes)

    @shop.huey.task()
    def work() -> None:
        logger.info("the last words")
        monkeypatch.setattr(Broker, "note", slow)
        shipping.start()
        assert under_way.wait(20)

    shipping = threading.Thread(target=shipper.ship)
    handle = work()
    unit, task = shop.huey.open(shop.claim())
    shop.huey.perform(unit, task)
    settling = threading.Thread(target=lambda: shop.huey.settle(unit))
    settling.start()
    arrive.set()
    settling.join(20)
    shipping.join(20)
    assert messages(shop, handle.id) == ["the last words"]
    assert shop.job(handle).state == "succeeded"


def test_a_worker_that_lost_its_lease_can_not_log(shop: Shop, shipper: Shipper) -> None:
    @shop.huey.task()
    def work() -> None:
        logger.info("who am I")
        job = current_job()
        assert job is not None
        shop.huey.broker.client.hset(shop.huey.broker.keys.job(job.id), "token", "another")
        progress(1)
        shipper.ship()
        assert job.lost

    handle = work()
    shop.run_one()
    assert messages(shop, handle.id) == []
    assert shop.job(handle).progress is None


def test_the_shipper_survives_whatever_happens_in_it(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []

    def running() -> list[RunningJob]:
        calls.append(1)
        raise RuntimeError("odd")

    shipper = Shipper(shop.huey.broker, running)
    shipper.start()
    deadline = time.monotonic() + 10
    while len(calls) < 3:
        assert time.monotonic() < deadline
    assert shipper.is_alive()
    shipper.stop()
    shipper.join(10)
    assert not shipper.is_alive()


def test_a_warning_outside_of_any_job_is_still_shown_once(capsys: pytest.CaptureFixture[str]) -> None:
    root, shown = logging.getLogger(), logging.getLogger("shown.elsewhere")
    before, root.handlers[:] = root.handlers[:], []
    other = logging.NullHandler()
    logging.getLogger("shown").addHandler(other)
    try:
        logcapture.install()
        logger.warning("look here")
        logger.info("not this")
        shown.warning("its own handler has shown this")
    finally:
        root.handlers[:] = before
        logging.getLogger("shown").removeHandler(other)
    assert capsys.readouterr().err == "look here\n"


def test_capture_is_installed_once_and_leaves_a_chosen_level_alone() -> None:
    root = logging.getLogger()
    root.setLevel(logging.ERROR)
    logcapture.install()
    logcapture.install()
    assert sum(isinstance(handler, JobLogHandler) for handler in root.handlers) == 1
    assert root.level == logging.ERROR
    assert context.current_job() is None
