"""What is too old goes, and what is not recorded yet stays, up to its bound."""

from datetime import UTC, date, datetime, timedelta

from storage.broker.broker import Broker
from storage.broker.inspector import Inspector
from storage.broker.requests import Bounds
from storage.database.connection import Database
from storage.history import partitions, retention
from storage.history.ages import Ages
from storage.history.lag import lag
from storage.history.recorder import Recorder
from storage.history.retention import Retention
from storage.history.writing import Writer
from tests.storage.history.comparison import differences
from tests.storage.history.lives import Lives

NOW = datetime(2026, 6, 30, 12, tzinfo=UTC)


def test_days_go_whole_when_they_are_too_old(database: Database) -> None:
    days = [date(2026, 6, day) for day in (1, 15, 16, 17, 30)]
    with database.session() as session:
        partitions.ensure(session, partitions.PARTITIONED, days)
        Retention(Ages(jobs=14, logs=2)).work(session, Writer("n"), now_at=NOW)
        assert [day.day for day in partitions.days_of(session, "jobs")] == [16, 17, 30]
        assert [day.day for day in partitions.days_of(session, "attempts")] == [16, 17, 30]
        assert [day.day for day in partitions.days_of(session, "logs")] == [30]


def test_a_day_that_somebody_reads_is_dropped_another_time(database: Database) -> None:
    other = Database(database._parameters)
    with database.session() as session:
        partitions.ensure(session, ["jobs"], [date(2026, 1, 1)])
        with other.transaction() as reading:
            reading.rows("SELECT * FROM jobs")
            Retention(Ages()).work(session, Writer("n"), now_at=NOW)
            assert len(partitions.days_of(session, "jobs")) == 1
        Retention(Ages()).work(session, Writer("n"), now_at=NOW)
        assert partitions.days_of(session, "jobs") == ()


def test_rows_go_in_small_batches(database: Database, monkeypatch: object) -> None:
    with database.session() as session:
        session.run(
            "INSERT INTO measures (step_s, at, queue, task) "
            "SELECT step, %s::timestamptz - n * interval '1 hour', 'q', 't' FROM generate_series(0, 2399) n, "
            "unnest(ARRAY[60, 3600, 0]) step",
            (NOW,),
        )
        worker = Retention(Ages())
        gone = [worker.work(session, Writer("n"), now_at=NOW) for _ in range(3)]
        assert max(gone) <= 2 * retention.ROWS_AT_ONCE
        left = dict(session.rows("SELECT step_s, count(*) FROM measures GROUP BY 1"))
    assert left == {60: 49, 3600: 92 * 24 + 1, 0: 2400}


def test_audit_and_trash_go_by_their_own_ages(database: Database) -> None:
    with database.session() as session:
        for age in (1, 10, 400):
            at = NOW - timedelta(days=age)
            session.run(
                "INSERT INTO audit (key, at, actor, host, action, permission, scope) "
                "VALUES (gen_random_uuid(), %s, 'ada', 'h', 'requeue', 'write', 'jobs')",
                (at,),
            )
            session.run(
                "INSERT INTO trash (act, job_id, task, queue, state, version, content, trashed_at) "
                "VALUES (gen_random_uuid(), 'j', 't', 'q', 'dead', 1, '', %s)",
                (at,),
            )
        Retention(Ages(audit=365, trash=7)).work(session, Writer("n"), now_at=NOW)
        assert session.rows("SELECT count(*) FROM audit") == [(2,)]
        assert session.rows("SELECT count(*) FROM trash") == [(1,)]


def keeping_nothing(broker: Broker) -> Broker:
    return Broker(broker.client, broker.namespace, Bounds(succeeded=(0, 0), dead=(0, 0), canceled=(0, 0)))


def test_an_ended_job_stays_until_it_is_recorded(
    recorder: Recorder, lives: Lives, broker: Broker, inspector: Inspector, database: Database
) -> None:
    recorder.step()
    job_ids = [lives.succeed() for _ in range(3)] + [lives.fail()]
    assert keeping_nothing(broker).retain() == 0
    recorder.step()
    assert differences(inspector, database) == []
    assert keeping_nothing(broker).retain() == len(job_ids)
    assert inspector.count() == 0
    with database.session() as session:
        assert session.rows("SELECT count(*) FROM jobs") == [(4,)]


def test_without_a_recorder_jobs_are_forgotten_as_ever(lives: Lives, broker: Broker, inspector: Inspector) -> None:
    lives.succeed()
    assert keeping_nothing(broker).retain() == 1


def test_beyond_the_bound_the_oldest_go_and_are_counted(
    broker: Broker, database: Database, lives: Lives, inspector: Inspector
) -> None:
    """Events of six jobs wait for a recorder that may keep ten events; the state of the waiting ones is never lost."""
    recorder = Recorder(broker, database, events_waiting=10)
    recorder.step()
    waiting = lives.add(delay_ms=3_600_000)
    for _ in range(6):
        lives.succeed()
    ended = broker.call("zrange", broker.keys.index("default", "succeeded"), 0, -1)
    for job_id in ended[:3]:  # they ended long before the events that are left
        broker.call("zincrby", broker.keys.index("default", "succeeded"), -5_000, job_id)
    broker.call("hset", broker.keys.recording, "through", 1)
    assert keeping_nothing(broker).retain() == 3
    found = lag(inspector)
    assert found.dropped_events == 9
    assert found.dropped_jobs == 3
    assert inspector.job(waiting).state == "scheduled"
    for _ in range(30):
        recorder.step()
    assert differences(inspector, database) == []
    assert lag(inspector).events_behind == 0


def test_events_that_were_read_go_but_for_the_last_ones(
    recorder: Recorder, lives: Lives, broker: Broker, inspector: Inspector
) -> None:
    with broker.client.pipeline(transaction=False) as pipe:
        for number in range(11_500):
            pipe.xadd(broker.keys.events, {f"gone-{number}": "1 queued "})
        pipe.execute()
    while recorder.step():
        pass
    assert broker.call("xlen", broker.keys.events) < 11_500
    lives.add()
    assert lag(inspector).events_behind == 1
    broker.call("delete", broker.keys.events)
    lives.add()
    recorder.step()
    assert lag(inspector).events_behind == 0
