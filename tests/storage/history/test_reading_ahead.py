"""What comes next is read while what came before is written, and what was read ahead never counts twice."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable

import pytest

from storage.broker.broker import Broker
from storage.broker.connection import connect
from storage.broker.inspector import Inspector
from storage.broker.scripts import Question
from storage.database.connection import Database, Session
from storage.errors import StoreUnavailable
from storage.history import batches, stream, writing
from storage.history import recorder as recording
from storage.history.counting import Old
from storage.history.recorder import Recorder
from storage.history.writing import Writer
from tests.servers import wait_until
from tests.storage.history.comparison import differences, measured
from tests.storage.history.lives import Lives


@pytest.fixture(autouse=True)
def small_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many batches of few events."""
    monkeypatch.setattr(stream, "EVENTS_AT_ONCE", 6)
    monkeypatch.setattr(batches, "READS_AT_ONCE", 2)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The ids that history was asked for while jobs were written."""
    found: list[str] = []
    original = Writer._known

    def known(self: Writer, session: Session, keys: Iterable[tuple[int, str]]) -> dict[tuple[int, str], Old]:
        keys = list(keys)
        found.extend(job_id for _, job_id in keys)
        return original(self, session, keys)

    monkeypatch.setattr(writing.Writer, "_known", known)
    return found


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> "Counter[str]":
    """How often the recorder asked Redis for what is not an event."""
    found: Counter[str] = Counter()

    def counted(name: str) -> Callable[..., object]:
        original = getattr(stream.Stream, name)

        def ask(*args: object) -> object:
            found[name] += 1
            return original(*args)

        return ask

    for name in ("lead", "lines", "recorded"):
        monkeypatch.setattr(stream.Stream, name, counted(name))
    return found


def record_all(recorder: Recorder, broker: Broker) -> None:
    while recorder.step() or broker.call("hexists", broker.keys.recording, "walk"):
        pass


def test_jobs_that_waited_while_nobody_recorded_are_not_looked_up(
    recorder: Recorder, broker: Broker, lives: Lives, inspector: Inspector, database: Database, asked: list[str]
) -> None:
    record_all(recorder, broker)
    for _ in range(30):
        lives.add()
    for _ in range(30):
        lives.settle(lives.claim(), "succeeded", result=b"7")
    record_all(recorder, broker)
    assert differences(inspector, database) == []
    assert measured(database)["enqueued"] == measured(database)["succeeded"] == 30
    assert asked == []


def test_jobs_that_history_knows_are_looked_up(
    recorder: Recorder, broker: Broker, lives: Lives, inspector: Inspector, database: Database, asked: list[str]
) -> None:
    record_all(recorder, broker)
    for _ in range(7):
        lives.add()
    record_all(recorder, broker)
    for _ in range(7):
        lives.settle(lives.claim(), "succeeded", result=b"7")
    record_all(recorder, broker)
    assert differences(inspector, database) == []
    assert sorted(set(asked)) == [f"job-{number}" for number in range(1, 8)]


def test_a_job_that_was_taken_for_new_and_is_not_is_found_out(
    recorder: Recorder, broker: Broker, lives: Lives, inspector: Inspector, database: Database
) -> None:
    record_all(recorder, broker)
    job_id = lives.add()
    record_all(recorder, broker)
    recorder._batches._pass((job_id,))
    lives.settle(lives.claim(), "succeeded", result=b"7")
    record_all(recorder, broker)
    assert differences(inspector, database) == []
    assert measured(database)["enqueued"] == measured(database)["succeeded"] == 1


def test_what_was_read_ahead_of_a_failure_is_read_again(
    recorder: Recorder,
    broker: Broker,
    lives: Lives,
    inspector: Inspector,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    record_all(recorder, broker)
    for _ in range(30):
        lives.add()
    for _ in range(15):
        lives.settle(lives.claim(), "succeeded", result=b"7")
    write, calls = Writer.write, []

    def fails_at_times(self: Writer, *args: object, **options: object) -> object:
        calls.append(args)
        if len(calls) % 2:
            raise StoreUnavailable("the connection is gone")
        return write(self, *args, **options)  # type: ignore[arg-type]  # as they came

    monkeypatch.setattr(Writer, "write", fails_at_times)
    hindered = 0
    for _ in range(100):
        try:
            if not recorder.step():
                break
        except StoreUnavailable as error:
            recorder._hindered(error)
            hindered += 1
        if inspector.count(["queued"]):
            lives.settle(lives.claim(), "succeeded", result=b"7")
    assert hindered > 3
    monkeypatch.setattr(Writer, "write", write)
    while inspector.count(["queued"]):
        lives.settle(lives.claim(), "succeeded", result=b"7")
    record_all(recorder, broker)
    assert differences(inspector, database) == []
    assert measured(database)["enqueued"] == measured(database)["succeeded"] == 30


def test_while_it_catches_up_it_asks_for_nothing_but_events(
    recorder: Recorder,
    broker: Broker,
    lives: Lives,
    inspector: Inspector,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    answers: "Counter[str]",
) -> None:
    monkeypatch.setattr(recording, "LOOK_S", 600.0)
    record_all(recorder, broker)
    recorder.step()
    for _ in range(31):
        lives.succeed()
    answers.clear()
    record_all(recorder, broker)
    assert answers["recorded"] > 6
    assert answers["lead"] == answers["lines"] == 2, "for the first batch, and when there is no full one any more"
    assert differences(inspector, database) == []


def test_while_it_catches_up_it_records_what_was_logged(
    recorder: Recorder,
    broker: Broker,
    lives: Lives,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(stream, "LINES_AT_ONCE", 5)
    record_all(recorder, broker)
    for number in range(30):
        lives.add()
        claim = lives.claim()
        lives.log(claim, line_of(number))
        lives.settle(claim, "succeeded", result=b"7")
    for steps in range(1, 7):
        monkeypatch.setattr(recording, "LOOK_S", 0.0 if steps == 1 else 600.0)
        assert recorder.step() == (6 if steps == 1 else 12), "there are more batches than the lines need"
        with database.session() as session:
            assert session.rows("SELECT count(*) FROM logs") == [(5 * steps,)]


def test_what_nobody_read_ahead_is_written_after_one_read(recorder: Recorder, broker: Broker, lives: Lives) -> None:
    record_all(recorder, broker)
    for _ in range(10):
        lives.succeed()
    assert [recorder.step() for _ in range(4)] == [6, 12, 12, 0]
    lives.succeed()
    assert recorder.step() == 3


def test_who_lost_the_lead_while_it_caught_up_does_not_go_on(
    recorder: Recorder,
    broker: Broker,
    lives: Lives,
    inspector: Inspector,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(recording, "LOOK_S", 600.0)
    record_all(recorder, broker)
    for _ in range(30):
        lives.succeed()
    assert recorder.step()
    assert recorder.step()
    recorder._stream.leave()
    other = Recorder(broker, database)
    assert other.step()
    recorder.step()  # it does not know yet
    assert recorder.step() == 0
    record_all(other, broker)
    assert differences(inspector, database) == []
    assert measured(database)["succeeded"] == 30


def test_no_record_is_read_in_vain_of_jobs_that_failed_and_are_tried_again(
    broker: Broker, lives: Lives, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "EVENTS_AT_ONCE", 30)
    for job_id in [lives.fail() for _ in range(10)]:
        broker.requeue(job_id)
    follower = stream.Stream(broker, "a", 1_000_000)
    before = broker.call("info", "commandstats")["cmdstat_hmget"]["calls"]
    events = follower.events("0-0")
    assert (events.count, events.records) == (30, ())
    rest = follower.events(events.last_id)
    assert len(rest.records) == 10
    after = broker.call("info", "commandstats")["cmdstat_hmget"]["calls"]
    assert after == before + 2 * 10, "of each job its record and its attempts, once"


def test_redis_works_on_the_next_read_while_this_one_is_looked_at(
    broker: Broker, lives: Lives, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    ask = broker.ask

    def noted(script: str, after: str, *others: int) -> object:
        asked.append(after)
        return ask(script, after, *others)

    monkeypatch.setattr(broker, "ask", noted)
    for _ in range(5):
        lives.succeed()
    follower = stream.Stream(broker, "a", 1_000_000)
    reads = [follower.events("0-0")]
    assert asked == ["0-0", reads[0].last_id], "the next read is under way"
    reads.append(follower.events(reads[0].last_id))
    reads.append(follower.events(reads[1].last_id))
    assert [(one.count, one.is_last) for one in reads] == [(6, False), (6, False), (3, True)]
    assert asked == ["0-0", reads[0].last_id, reads[1].last_id], "nothing is asked twice, or when there is no more"


@pytest.mark.parametrize("forgets", [False, True])
def test_what_was_asked_ahead_and_forgotten_is_asked_again(broker: Broker, lives: Lives, *, forgets: bool) -> None:
    for _ in range(7):
        lives.add()
    follower = stream.Stream(broker, "a", 1_000_000)
    first = follower.events("0-0")
    assert follower._asked is not None
    wait_until(follower._asked[1]._connection.can_read, "the answer to be there")
    lives.add()
    if forgets:
        follower.forget()
    assert follower.events(first.last_id).count == (2 if forgets else 1)
    assert follower.events("0-0").last_id == first.last_id, "another position is asked for by itself"


def test_what_is_asked_ahead_by_who_does_not_know_yet_that_it_is_forgotten_is_dropped(
    broker: Broker, lives: Lives, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(7):
        lives.add()
    follower = stream.Stream(broker, "a", 1_000_000)
    question, dropped = follower._question, []

    def forgotten_meanwhile(after: str) -> Question:
        asked = question(after)
        if after != "0-0":
            monkeypatch.setattr(asked, "drop", lambda: dropped.append(after))
            follower.forget()
        return asked

    monkeypatch.setattr(follower, "_question", forgotten_meanwhile)
    first = follower.events("0-0")
    assert (follower._asked, dropped) == (None, [first.last_id])


@pytest.mark.parametrize("connections", [1, 2])
def test_the_only_connection_is_not_kept_for_what_is_asked_ahead(
    redis_url: str, namespace: str, lives: Lives, connections: int
) -> None:
    for _ in range(3):
        lives.succeed()
    client = connect(redis_url)
    client.connection_pool.max_connections = connections
    try:
        narrow = Broker(client, namespace)
        follower = stream.Stream(narrow, "a", 1_000_000)
        assert not follower.events("0-0").is_last
        assert (follower._asked is None) == (connections == 1)
        assert narrow.call("ping")
    finally:
        client.close()


def line_of(number: int) -> bytes:
    return b'[1770000000000, 1, "INFO", "app", "line %d", "t.work", "default"]' % number


class Slow:
    """Describes a job's arguments, slowly, as those of many megabytes are."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def arguments(self, task: str, payload: bytes) -> object:
        time.sleep(self.seconds)  # the work itself
        return {}

    def result(self, task: str, data: bytes) -> object:
        return {}


def test_who_makes_a_batch_for_longer_than_a_lease_leads_on(
    broker: Broker, database: Database, lives: Lives, inspector: Inspector, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (stream, recording):
        monkeypatch.setattr(module, "LEASE_MS", 600)
    monkeypatch.setattr(stream, "EVENTS_AT_ONCE", 1_000)
    for _ in range(40):
        lives.add()
    slow, standby = Recorder(broker, database, Slow(0.05)), Recorder(broker, database)
    answers: list[int] = []
    busy = threading.Thread(target=lambda: answers.append(slow.step()))
    busy.start()
    wait_until(lambda: bool(broker.call("hexists", broker.keys.recording, "leader")), "somebody to lead")
    stood_by = 0
    while busy.is_alive():
        assert standby.step() == 0, "the other one makes a batch"
        stood_by += 1
    busy.join()
    assert stood_by
    assert answers == [40]
    record_all(slow, broker)
    assert differences(inspector, database) == []
