"""How things stood at an instant, and clear words when nobody saw it."""

from datetime import UTC, datetime, timedelta

import pytest

from storage.broker.broker import Broker
from storage.broker.inspector import Inspector
from storage.broker.records import Limits
from storage.broker.requests import Beat
from storage.database.connection import Database
from storage.errors import Refused
from storage.history import past
from storage.history.lag import lag
from storage.history.recorder import Recorder
from storage.history.sampling import Sampler
from tests.servers import wait_until
from tests.storage.history.lives import Lives


def now_of(broker: Broker) -> datetime:
    seconds, micros = broker.call("time")
    return datetime.fromtimestamp(seconds + micros / 1e6, UTC)


def beat(broker: Broker, *running: str) -> None:
    fields = {"host": "host", "pid": "1", "kind": "thread", "workers": "2", "version": "1.2", "queues": "default"}
    fields |= {"running:1": ",".join(running), "memory:1": "4096", "started": datetime.now(UTC).isoformat()}
    broker.heartbeat(Beat("host:1", 60_000, (), fields, "1"))


def test_queues_consumers_and_running_jobs_stand_as_they_stood(
    recorder: Recorder, lives: Lives, broker: Broker, database: Database
) -> None:
    lives.add(), lives.add()
    claim = lives.claim()
    broker.pause("default", '{"by": "ada", "reason": "a look"}')
    broker.limit("default", Limits(rate=(100, 60), cap=7, keep={"dead": (60, 5)}))
    beat(broker, claim.id)
    broker.order("host:1", "quiet")
    recorder.step()
    with database.session() as session:
        assert Sampler(broker, "me").sample(session)
        assert not Sampler(broker, "me").sample(session)
    then = now_of(broker)
    broker.resume("default")
    # The broker keeps whole milliseconds: what ends within this one has ended by then.
    wait_until(lambda: now_of(broker) > then + timedelta(milliseconds=1), "the next millisecond")
    lives.settle(claim, "succeeded")
    later = lives.claim()
    recorder.step()
    found = past.at(database, then)
    (queue,) = found.queues
    assert (queue.name, queue.counts["queued"], queue.counts["running"], queue.paused_by) == ("default", 1, 1, "ada")
    (consumer,) = found.consumers
    assert queue.limits == Limits(rate=(100, 60), cap=7)
    assert queue.paused_at is not None
    assert timedelta() <= then - queue.paused_at < timedelta(minutes=1)
    assert (consumer.order, consumer.is_silent) == ("quiet", False)
    assert (consumer.id, consumer.version, consumer.memory_bytes) == ("host:1", "1.2", 4096)
    assert (consumer.queues, consumer.running) == (("default",), (claim.id,))
    (run,) = found.running
    assert (run.job_id, run.outcome) == (claim.id, "succeeded")
    assert {one.job_id for one in past.at(database, now_of(broker)).running} == {later.id}


def test_a_job_that_has_run_for_hours_is_found_by_who_ran_it(
    recorder: Recorder, lives: Lives, broker: Broker, database: Database
) -> None:
    lives.add()
    claim = lives.claim()
    long_ago = int(now_of(broker).timestamp() * 1000) - 7_200_000
    broker.call(
        "hset", broker.keys.job(claim.id), mapping={"started": long_ago, "queued": long_ago, "created": long_ago}
    )
    beat(broker, claim.id)
    recorder.step()
    with database.session() as session:
        Sampler(broker, "me").sample(session)
    assert [one.job_id for one in past.at(database, now_of(broker)).running] == [claim.id]


def test_an_instant_that_nobody_saw_is_said_to_be_unknown(
    recorder: Recorder, broker: Broker, database: Database
) -> None:
    instant = now_of(broker)
    with pytest.raises(Refused, match="nor at any time"):
        past.at(database, instant)
    with database.session() as session:
        Sampler(broker, "me").sample(session, now_s=instant.timestamp() - 3600)
        Sampler(broker, "me").sample(session, now_s=instant.timestamp() + 3600)
    with pytest.raises(Refused, match="the last sample before it"):
        past.at(database, instant)
    with pytest.raises(Refused, match="begins at"):
        past.at(database, instant - timedelta(days=1))
    with pytest.raises(Refused, match="ends at"):
        past.at(database, instant + timedelta(days=1))


def test_how_far_history_is_behind_is_known(
    recorder: Recorder, lives: Lives, broker: Broker, inspector: Inspector
) -> None:
    lives.succeed()
    before = lag(inspector)
    assert (before.exists, before.leader) == (False, "")
    recorder.step()
    for _ in range(7):
        lives.add()
    behind = lag(broker.client, broker.namespace)
    assert (behind.events_behind, behind.recorded_events, behind.leader) == (7, 3, recorder.name)
    assert 0 <= behind.seconds_behind < 60
    recorder.step()
    assert (lag(inspector).events_behind, lag(inspector).seconds_behind) == (0, 0.0)
    recorder._stream.leave()
    assert lag(inspector).leader == ""


def test_rates_are_of_the_minutes_that_were_sampled_without_a_gap(database: Database) -> None:
    last_at = datetime(2026, 11, 22, 3, 30, tzinfo=UTC)
    minutes = [last_at + timedelta(minutes=one) for one in (1, 0, -1, -2, -4, -5)]
    with database.session() as session:
        for number, at in enumerate(minutes):
            session.run("INSERT INTO sampled_minutes VALUES (%s, 'me', 0, 0)", (at,))
            values = (at, "default", number + 1, number, 1)
            session.run(
                "INSERT INTO samples (at, queue, enqueued_per_minute, succeeded_per_minute, failed_per_minute, "
                "blocked, scheduled, queued, running, retrying, succeeded, dead, canceled, oldest_waiting_s, "
                "consumers, paused_by, paused_reason) "
                "VALUES (%s, %s, %s, %s, %s, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, '', '')",
                values,
            )
        session.run("UPDATE samples SET queue = 'late' WHERE at = %s", (minutes[2],))
    found = past.rates(database, last_at)
    assert found["default"] == ((4, 3, 1), (0, 0, 0), (2, 1, 1), (1, 0, 1))
    assert found["late"] == ((0, 0, 0), (3, 2, 1), (0, 0, 0), (0, 0, 0))
    assert past.rates(database, last_at, minutes=2)["default"] == ((2, 1, 1), (1, 0, 1))
    assert past.rates(database, last_at + timedelta(minutes=1)) == {"default": (), "late": ()}
