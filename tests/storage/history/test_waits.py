"""How long the oldest job waited, over time."""

from datetime import UTC, datetime, timedelta

from storage.broker.broker import Broker
from storage.database.connection import Database
from storage.history.sampling import Sampler
from storage.history.waits import waits
from tests.storage.history.lives import Lives

MINUTE = timedelta(minutes=1)
_SEEN = "INSERT INTO sampled_minutes VALUES (%s, 'me', 0, 0)"


def test_each_sampled_minute_has_the_oldest_wait_of_all_queues(
    lives: Lives, broker: Broker, database: Database
) -> None:
    lives.add()
    with database.session() as session:
        assert Sampler(broker, "me").sample(session)
        (at,) = session.rows("SELECT at FROM sampled_minutes")[0]
        session.run("UPDATE samples SET oldest_waiting_s = 90.5")
        session.run(
            "INSERT INTO samples SELECT at, 'other', blocked, scheduled, queued, running, retrying, succeeded, dead, "
            "canceled, 7, consumers, paused_by, paused_reason, enqueued_per_minute, succeeded_per_minute, "
            "failed_per_minute FROM samples"
        )
        session.run(_SEEN, (at - 2 * MINUTE,))
        session.run(_SEEN, (at - 60 * MINUTE,))
    found = waits(database, at - 30 * MINUTE, datetime.now(UTC))
    assert [(one.at, one.oldest_waiting_s) for one in found] == [(at - 2 * MINUTE, 0), (at, 90.5)]
    assert found[0].at.tzinfo is UTC
