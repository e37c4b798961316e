"""What happens at the broker is in history, once, whatever is read twice, late, or can not be read."""

import json
from collections.abc import Sequence

import pytest

from storage.broker.broker import Broker
from storage.broker.inspector import Inspector
from storage.broker.requests import Bounds
from storage.database.connection import Database, connect
from storage.errors import StoreRefused, StoreUnavailable
from storage.history.recorder import Recorder
from storage.history.rows import JobRow
from tests.storage.history.comparison import differences, measured
from tests.storage.history.lives import Lives


def one(database: Database, query: str) -> tuple[object, ...]:
    with database.session() as session:
        (row,) = session.rows(query)
    return row


def catch_up(recorder: Recorder) -> None:
    while recorder.step():
        pass


def test_every_state_of_a_job_is_recorded(
    recorder: Recorder, lives: Lives, inspector: Inspector, database: Database
) -> None:
    lives.succeed()
    lives.fail()
    lives.fail(state="retrying")
    lives.add(delay_ms=60_000)
    lives.add(blocked=True, chord="c")
    lives.add()
    lives.claim()
    lives.add()
    assert recorder.step() > 0
    assert differences(inspector, database) == []
    assert recorder.step() == 0
    expected = {"enqueued": 7, "started": 4, "succeeded": 1, "failed": 2, "lost": 0, "canceled": 0, "dead": 1}
    assert measured(database) == expected


def test_a_job_is_followed_through_its_life(
    recorder: Recorder, lives: Lives, inspector: Inspector, database: Database, broker: Broker
) -> None:
    job_id = lives.add(retries=3)
    recorder.step()
    for state in ("queued", "queued", "dead"):
        claim = lives.claim()
        recorder.step()
        assert differences(inspector, database) == []
        lives.settle(claim, state, "failed", error_type="E", error="x", fingerprint="f")
        recorder.step()
        assert differences(inspector, database) == []
    broker.requeue(job_id)
    lives.settle(lives.claim(), "succeeded")
    recorder.step()
    assert differences(inspector, database) == []
    assert measured(database)["failed"] == 3
    assert measured(database)["started"] == 4
    assert one(database, "SELECT count(*) FROM attempts") == (4,)


def test_what_is_read_again_changes_nothing(
    recorder: Recorder, lives: Lives, inspector: Inspector, database: Database, broker: Broker
) -> None:
    for _ in range(3):
        lives.succeed()
        lives.fail()
    recorder.step()
    counted = measured(database)
    broker.call("hset", broker.keys.recording, mapping={"cursor": "0-0", "tail": "0-0"})
    assert recorder.step() == 18
    assert differences(inspector, database) == []
    assert measured(database) == counted


def test_an_older_record_never_takes_the_place_of_a_newer_one(
    recorder: Recorder, lives: Lives, inspector: Inspector, database: Database
) -> None:
    lives.add()
    stale = recorder._stream.events("0-0").records
    lives.settle(lives.claim(), "succeeded")
    recorder.step()
    recorder._write([row for one in stale if (row := recorder._batches.row(one)) is not None])
    assert differences(inspector, database) == []
    assert measured(database)["enqueued"] == 1


def test_jobs_from_before_the_first_recorder_are_recorded(
    recorder: Recorder, lives: Lives, inspector: Inspector, database: Database, broker: Broker
) -> None:
    for _ in range(300):
        lives.add()
    lives.succeed()
    broker.call("delete", broker.keys.events)
    recorder.step()
    assert differences(inspector, database) != []
    for _ in range(30):
        recorder.step()
    assert differences(inspector, database) == []
    assert not broker.call("hexists", broker.keys.recording, "walk")


def test_a_job_that_came_again_under_its_id_is_another_one(
    recorder: Recorder, lives: Lives, inspector: Inspector, database: Database, broker: Broker
) -> None:
    lives.succeed(id="a")
    catch_up(recorder)
    Broker(broker.client, broker.namespace, Bounds(succeeded=(0, 0))).retain()
    lives.succeed(id="a")
    catch_up(recorder)
    assert one(database, "SELECT count(*) FROM jobs WHERE id = 'a'") == (2,)
    assert differences(inspector, database) == []


def test_what_is_thrown_away_is_that_job_and_not_its_namesake(
    recorder: Recorder, lives: Lives, database: Database, broker: Broker
) -> None:
    lives.add(id="a", delay_ms=60_000)
    catch_up(recorder)
    broker.call("delete", broker.keys.job("a"), broker.keys.index("default", "scheduled"))  # Redis came back without it
    lives.add(id="a")
    broker.flush(["queued"])
    catch_up(recorder)
    with database.session() as session:
        rows = session.rows("SELECT state FROM jobs WHERE id = 'a'")
    assert rows == [("scheduled",)], "the first one was not thrown away, and the second was never seen"


def test_events_of_another_kind_are_as_good_as_unread(
    recorder: Recorder, lives: Lives, inspector: Inspector, database: Database, broker: Broker
) -> None:
    catch_up(recorder)
    lives.succeed(id="before")
    ((_, first), *_) = broker.call("xrange", broker.keys.events)
    assert list(first) == [b"before"]
    broker.call("delete", broker.keys.events)
    for state in ("queued", "running", "succeeded"):  # as they were written once
        fields = {"job": "before", "queue": "default", "state": state, "version": "1", "at": "1"}
        broker.call("xadd", broker.keys.events, fields)
    lives.succeed(id="after")
    catch_up(recorder)
    while broker.call("hexists", broker.keys.recording, "walk"):
        recorder.step()
    assert differences(inspector, database) == []


def test_arguments_and_results_are_kept_as_they_were_described(
    broker: Broker, database: Database, lives: Lives
) -> None:
    class Describer:
        def arguments(self, task: str, payload: bytes) -> object:
            return {"task": task, **json.loads(payload)}

        def result(self, task: str, data: bytes) -> object:
            return {"value": int(data), "password": "x"}

    def redact(value: object) -> object:
        assert isinstance(value, dict)
        return {key: "[redacted]" if key == "password" else item for key, item in value.items()}

    lives.succeed(payload=b'{"user": 7, "password": "hunter2"}')
    Recorder(broker, database, Describer(), redact).step()
    assert one(database, "SELECT args, result FROM jobs") == (
        {"task": "t.work", "user": 7, "password": "[redacted]"},
        {"value": 7, "password": "[redacted]"},
    )


@pytest.mark.parametrize(
    ("payload", "described"),
    [
        (b"\xff\x00 not JSON", ValueError("no")),
        (b"x", {"nul": "a\0b", "surrogate": "\ud800", "nan": float("nan"), "huge": 10**5000, (1, 2): {3}}),
        (b"x", {"long": "y" * 1_000_000}),
        (b"y" * 1_000_000, {"never": "asked"}),
        (b"x", "\\u0000"),
        (b"x", {"deep": json.loads("[" * 500 + "]" * 500)}),
    ],
)
def test_a_payload_that_can_not_be_kept_keeps_nothing_else_from_being_recorded(
    broker: Broker, database: Database, lives: Lives, inspector: Inspector, payload: bytes, described: object
) -> None:
    class Describer:
        def arguments(self, task: str, payload: bytes) -> object:
            if isinstance(described, Exception):
                raise described
            return described

        def result(self, task: str, data: bytes) -> object:
            return described

    lives.succeed(payload=payload)
    lives.succeed()
    Recorder(broker, database, Describer()).step()
    assert differences(inspector, database) == []
    assert one(database, "SELECT count(*) FROM jobs WHERE args IS NULL OR octet_length(args::text) > 300000") == (0,)


def test_errors_of_any_size_and_kind_are_recorded(
    recorder: Recorder, lives: Lives, database: Database, broker: Broker
) -> None:
    job_id = lives.fail(error="a\0b \\ \t \r\n" + "ä" * 50_000)
    broker.call("hset", broker.keys.job(job_id), "reason", b"\xff\xfe")
    broken = broker.call("hget", broker.keys.job(job_id), "a:1").replace(b"here", b"\\ud800 \xff \\u0000 here")
    broker.call("hset", broker.keys.job(job_id), "a:1", broken)
    recorder.step()
    error, reason = one(database, "SELECT error, reason FROM jobs")
    assert str(error).startswith("ab \\ \t \r\nä")
    assert len(str(error)) == 10_000
    assert reason == "\\xff\\xfe"
    assert one(database, "SELECT traceback FROM attempts") == ("Traceback\n   �  here",)
    assert one(database, "SELECT message, sample FROM failure_groups") == ("no such user #", job_id)


def test_a_row_that_postgresql_refuses_goes_without_its_contents(
    recorder: Recorder, lives: Lives, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = lives.succeed(payload=b"bad")
    good = [lives.succeed() for _ in range(5)]
    monkeypatch.setattr(
        recorder._batches, "_shown", lambda task, payload, _: ("{" if payload == b"bad" else "{}", None)
    )
    recorder.step()
    with database.session() as session:
        rows = dict(session.rows("SELECT id, args ? 'unrecorded' FROM jobs"))
    assert rows == {bad: True, **dict.fromkeys(good, False)}


def test_a_record_that_is_none_of_ours_is_left_out(
    recorder: Recorder, lives: Lives, database: Database, broker: Broker
) -> None:
    broker.call("hset", broker.keys.job(lives.add()), "created", "")
    lives.add()
    assert recorder.step() == 2
    assert one(database, "SELECT count(*) FROM jobs") == (1,)


def test_log_lines_are_recorded_once(recorder: Recorder, lives: Lives, database: Database, broker: Broker) -> None:
    lives.add()
    claim = lives.claim()
    now_ms = broker.call("time")[0] * 1000
    said = [now_ms, 1, "INFO", "app", "a\\u0000b\\n", "t.work", "default"]
    lives.log(claim, json.dumps(said).encode(), b"\xff no JSON")
    recorder.step()
    broker.call("hset", broker.keys.recording, "tail", "0-0")
    recorder.step()
    with database.session() as session:
        rows = session.rows("SELECT job_id, attempt, level, message FROM logs ORDER BY position")
    assert rows == [(claim.id, 1, "INFO", "a\\u0000b\\n"), (claim.id, 0, "", "\\xff no JSON")]


def test_log_lines_that_left_the_tail_are_read_from_their_jobs(
    recorder: Recorder, lives: Lives, database: Database, broker: Broker
) -> None:
    lives.add()
    claim = lives.claim()
    now_ms = broker.call("time")[0] * 1000
    text = [json.dumps([now_ms, 1, "INFO", "app", f"line {n}", "t.work", "default"]).encode() for n in range(200)]
    lives.log(claim, *text[:2])
    recorder.step()
    lives.log(claim, *text[2:])
    broker.call("xtrim", broker.keys.tail, maxlen=10, approximate=False)
    for _ in range(20):
        recorder.step()
    assert one(database, "SELECT count(*), count(DISTINCT message) FROM logs") == (200, 200)


def test_jobs_that_were_thrown_away_while_they_waited_are_canceled(
    recorder: Recorder, lives: Lives, database: Database, broker: Broker
) -> None:
    lives.add()
    recorder.step()
    broker.flush(["queued"])
    recorder.step()
    assert one(database, "SELECT state, reason FROM jobs") == ("canceled", "thrown away")


def test_a_redis_that_lost_its_last_second_is_believed(
    recorder: Recorder, lives: Lives, inspector: Inspector, database: Database, broker: Broker, redis_client: object
) -> None:
    """As after a crash with an append-only file that was synced a second before."""
    lives.succeed()
    kept = {name: broker.client.dump(name) or b"" for name in broker.client.keys(f"{broker.keys.prefix}*")}
    gone = lives.add()
    lives.settle(lives.claim(), "dead", "failed")
    lives.add(id="again")
    recorder.step()
    for name in broker.client.keys(f"{broker.keys.prefix}*"):
        broker.client.delete(name)
    for name, value in kept.items():
        broker.client.restore(name, 0, value)
    lives.add(id="again")
    broker.call("hset", broker.keys.recording, "server", "another")
    recorder._look_at_the_server()
    for _ in range(60):
        recorder.step()
    assert differences(inspector, database) == []
    assert one(database, f"SELECT state FROM jobs WHERE id = '{gone}'") in [("dead",), ("canceled",)]


def test_two_recorders_take_turns(broker: Broker, database: Database, lives: Lives, inspector: Inspector) -> None:
    first, second = Recorder(broker, database), Recorder(broker, database)
    lives.succeed()
    assert first.step() == 3
    lives.succeed()
    assert second.step() == 0
    first._stream.leave()
    assert second.step() == 3
    assert differences(inspector, database) == []


def test_a_recorder_that_lost_the_lead_does_not_move_the_cursor(
    broker: Broker, database: Database, lives: Lives
) -> None:
    first, second = Recorder(broker, database), Recorder(broker, database)
    lives.succeed()
    assert first._stream.lead() is not None
    events = first._stream.events("0-0")
    first._stream.leave()
    assert second.step() == 3
    cursor = broker.call("hget", broker.keys.recording, "cursor")
    assert not first._stream.recorded(events, events.count)
    assert broker.call("hget", broker.keys.recording, "cursor") == cursor


def test_who_was_frozen_on_its_walk_takes_nothing_back(
    broker: Broker, database: Database, lives: Lives, inspector: Inspector, monkeypatch: pytest.MonkeyPatch
) -> None:
    frozen, other = Recorder(broker, database), Recorder(broker, database)

    def record_all(recorder: Recorder) -> None:
        while recorder.step() or broker.call("hexists", broker.keys.recording, "walk"):
            pass

    record_all(frozen)
    lives.add()
    claim = lives.claim()
    frozen.step()
    frozen._stream.must_walk()
    write = frozen._write

    def write_late(rows: Sequence[JobRow], *, again: bool = False) -> None:
        if again and rows:  # its lease runs out; another one leads, and finishes the walk
            broker.call("hset", broker.keys.recording, "until", 0)
            lives.settle(claim, "succeeded", result=b"7")
            record_all(other)
            assert differences(inspector, database) == []
        write(rows, again=again)

    monkeypatch.setattr(frozen, "_write", write_late)

    def walk() -> None:
        while frozen.step() or broker.call("hexists", broker.keys.recording, "walk"):
            pass

    with pytest.raises(StoreUnavailable, match="another recorder has led"):
        walk()
    assert differences(inspector, database) == []


def test_two_that_write_at_once_do_not(recorder: Recorder, broker: Broker, database: Database, lives: Lives) -> None:
    lives.succeed()
    writer = recorder._writer
    with database.transaction() as session:
        writer.lock(session)
        other = Database(database._parameters)
        with pytest.raises(StoreUnavailable, match="another recorder"):
            Recorder(broker, other).step()


def test_without_the_tables_nothing_is_lost(
    broker: Broker, blank_database_url: str, lives: Lives, database: Database, inspector: Inspector
) -> None:
    lives.succeed()
    early = Recorder(broker, connect(blank_database_url))
    with pytest.raises(StoreRefused, match="dewey migrate"):
        early.step()
    early._stream.leave()
    Recorder(broker, database).step()
    assert differences(inspector, database) == []
