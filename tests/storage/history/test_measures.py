"""Counts and quantiles of any window, exactly once, within their bounds."""

import random
from datetime import UTC, datetime, timedelta

import pytest

from storage.broker.broker import Broker
from storage.database.connection import Database
from storage.history import measures
from storage.history.counting import NEW, Tallies
from storage.history.histogram import ERROR, LAST_BUCKET, bucket_of, dense, quantile, value_of
from storage.history.measures import drain_s
from storage.history.recorder import Recorder
from storage.history.rows import JobRow, Run
from storage.history.writing import Writer
from tests.storage.history.lives import Lives

NOW = datetime.now(UTC).replace(second=0, microsecond=0)


def a_row(
    number: int, *, created: datetime, wait_ms: int, run_ms: int, task: str = "app.t", queue: str = "q"
) -> JobRow:
    created_ms = int(created.timestamp() * 1000)
    run = Run(1, "succeeded", created_ms, created_ms + wait_ms, created_ms + wait_ms + run_ms)
    texts = (f"j{number}", task, "q", "succeeded", "h:1/w", "h:1", "", "", "", "", "", "")
    times = (created_ms, None, run.started_ms, run.finished_ms)
    return JobRow(*texts, created_ms, 3, 0.0, *times, 1, 0, 0, 0, None, None, (run,))


def write(database: Database, rows: list[JobRow]) -> None:
    writer = Writer("test")
    with database.session() as session:
        writer.prepare(session)
        with database.transaction():
            writer.lock(session)
            writer.write(session, rows, {})


def test_a_quantile_is_within_its_bound_of_the_true_one() -> None:
    chance = random.Random(7)
    for _ in range(30):
        values = sorted(int(chance.lognormvariate(chance.uniform(1, 12), chance.uniform(0.1, 3))) for _ in range(999))
        counts: dict[int, int] = {}
        for value in values:
            counts[bucket_of(value)] = counts.get(bucket_of(value), 0) + 1
        for share in (0.01, 0.5, 0.95, 0.99, 1.0):
            true = values[max(0, -(-int(share * 1000) * 999 // 1000) - 1)]
            found = quantile(dense(counts), share)
            assert found is not None
            assert abs(found - true) <= max(1.0, ERROR * true * 1.0001), (share, true, found)


def test_buckets_begin_at_nothing_and_end_somewhere() -> None:
    assert [bucket_of(ms) for ms in (-5, 0, 1)] == [0, 0, 0]
    assert bucket_of(2) > 0
    assert bucket_of(10**15) == LAST_BUCKET
    assert quantile([], 0.5) is None
    assert all(bucket_of(round(value_of(bucket))) == bucket for bucket in range(70, LAST_BUCKET))


def test_a_window_of_minutes_and_hours_counts_everything_once(database: Database) -> None:
    start = NOW - timedelta(hours=30)
    rows = [
        a_row(n, created=start + timedelta(minutes=n), wait_ms=10 * n, run_ms=n, task=f"app.t{n % 2}")
        for n in range(1700)
    ]
    write(database, rows)
    found = measures.stats(database, start, NOW)
    assert found.total.succeeded == sum(found.start_at <= row_end(row) < found.end_at for row in rows)
    assert [one.task for one in found.rows] == ["app.t0", "app.t1"]
    assert sum(one.succeeded for one in found.rows) == found.total.succeeded
    assert found.total.run.p50_s == pytest.approx(0.850, rel=ERROR)
    assert found.total.wait.p99_s == pytest.approx(16.83, rel=ERROR)
    some = measures.stats(database, start + timedelta(minutes=5), start + timedelta(minutes=15), task="t1")
    assert some.total.enqueued == 5
    assert measures.stats(database, start, NOW, queue="other").rows == ()
    assert sum(step.succeeded for step in measures.series(database, start, NOW)) == found.total.succeeded


def test_an_old_window_is_of_full_hours(database: Database) -> None:
    start = NOW - timedelta(days=20)
    write(database, [a_row(n, created=start + timedelta(minutes=n), wait_ms=1, run_ms=1) for n in range(120)])
    with database.session() as session:
        session.run("DELETE FROM measures WHERE step_s = 60")
    found = measures.stats(database, start, start + timedelta(minutes=90))
    assert found.start_at.minute == found.end_at.minute == 0
    assert found.start_at <= start
    assert found.total.succeeded >= 90


def lately(database: Database) -> measures.Measured:
    """What was counted in these minutes, whenever this module was read."""
    now = datetime.now(UTC)
    return measures.stats(database, now - timedelta(minutes=5), now + timedelta(minutes=5)).total


def row_end(row: JobRow) -> datetime:
    assert row.finished_ms is not None
    return datetime.fromtimestamp(row.finished_ms / 1000, UTC)


def test_an_attempt_is_counted_when_it_begins_and_when_it_ends(
    recorder: Recorder, lives: Lives, database: Database
) -> None:
    lives.add()
    recorder.step()
    claim = lives.claim()
    recorder.step()
    found = lately(database)
    assert (found.enqueued, found.started, found.succeeded) == (1, 1, 0)
    assert found.failure_share is None
    lives.settle(claim, "dead", "failed")
    recorder.step()
    found = lately(database)
    assert (found.enqueued, found.started, found.failed, found.dead, found.failure_share) == (1, 1, 1, 1, 1.0)


def test_a_released_attempt_costs_one_start(recorder: Recorder, lives: Lives, database: Database) -> None:
    lives.add()
    lives.settle(lives.claim(), "queued", "released", release=True)
    recorder.step()
    lives.settle(lives.claim(), "succeeded")
    recorder.step()
    found = lately(database)
    assert (found.started, found.succeeded, found.failed) == (1, 1, 0)


def test_waits_of_every_attempt_are_counted(
    recorder: Recorder, lives: Lives, database: Database, broker: Broker
) -> None:
    lives.add()
    lives.settle(lives.claim(), "queued", "failed")
    lives.settle(lives.claim(), "succeeded")
    recorder.step()
    with database.session() as session:
        assert session.rows("SELECT sum(n) FROM measures, unnest(wait) AS n WHERE step_s = 0") == [(2,)]
        assert session.rows("SELECT count(*) FROM attempts WHERE wait_ms IS NOT NULL") == [(2,)]


def test_a_canceled_job_is_counted_once(recorder: Recorder, lives: Lives, database: Database, broker: Broker) -> None:
    broker.cancel(lives.add(), "no need")
    recorder.step()
    broker.call("hset", broker.keys.recording, "cursor", "0-0")
    recorder.step()
    assert lately(database).canceled == 1


def test_what_is_counted_is_not_counted_again() -> None:
    row = a_row(1, created=NOW, wait_ms=1, run_ms=1)
    tallies = Tallies()
    starts, ends = tallies.count(row, NEW)
    assert (starts, ends) == (1, 1)
    again = Tallies()
    again.count(row, NEW._replace(version=2, state="succeeded", starts_counted=starts, ends_counted=ends))
    assert [sum(int(str(value)) for value in values[4:11]) for values in again.rows()] == []


@pytest.mark.parametrize(
    ("queued", "minutes", "expected"),
    [
        (0, [], 0.0),
        (60, [(0, 0, 0)], None),
        (60, [(10, 30, 10), (99, 0, 0)], 120.0),
        (60, [(30, 30, 0), (0, 0, 0)], None),
        (60, [(50, 30, 0), (0, 0, 0)], None),
    ],
)
def test_a_queue_is_empty_when_it_shrinks(
    queued: int, minutes: list[tuple[int, int, int]], expected: float | None
) -> None:
    assert drain_s(queued, minutes) == expected


def test_run_times_are_counted_by_bucket_for_one_task(database: Database) -> None:
    rows = [
        a_row(number, created=NOW - timedelta(hours=1), wait_ms=0, run_ms=ms) for number, ms in enumerate((5, 5, 900))
    ]
    write(database, [*rows, a_row(9, created=NOW - timedelta(hours=1), wait_ms=0, run_ms=70, task="app.other")])
    found = measures.run_times(database, NOW - timedelta(hours=2), NOW, task="app.t")
    assert {bucket: count for bucket, count in enumerate(found) if count} == {bucket_of(5): 2, bucket_of(900): 1}
    assert measures.run_times(database, NOW - timedelta(hours=2), NOW, task="app.nothing") == ()
