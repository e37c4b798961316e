"""What was thrown away is kept whole, until it is restored or seven days are over."""

import uuid

from storage import trash
from storage.database.connection import Database
from storage.trash import KEPT_S, Whole

RECORD = {b"task": b"shop.pack", b"queue": b"email", b"state": b"dead", b"payload": bytes(range(256)), b"a:1": b"{}"}
JOB = Whole(
    "j1",
    7,
    RECORD,
    ((b"1-0", {b"d": b"[1]"}), (b"2-0", {b"d": b"\xff\x00"})),
    {b"j1": b"result"},
    {b"callback": b"j1"},
    {},
    (b"a b", b"c"),
)


def test_a_job_is_kept_to_the_last_byte(database: Database) -> None:
    act = str(uuid.uuid4())
    trash.put(database, act, [JOB])
    assert trash.take(database, act, ["j1", "j2"]) == {"j1": JOB}
    (row,) = trash.listed(database)
    assert (row.job_id, row.task, row.queue, row.state, row.version) == ("j1", "shop.pack", "email", "dead", 7)
    assert row.left_at is None
    trash.left(database, act, ["j1"])
    assert trash.listed(database)[0].left_at is not None


def test_putting_a_job_again_keeps_what_it_is_now_until_it_has_left(database: Database) -> None:
    act = str(uuid.uuid4())
    newer = Whole("j1", 9, {**RECORD, b"state": b"queued"})
    trash.put(database, act, [JOB])
    trash.put(database, act, [newer])
    assert trash.take(database, act, ["j1"])["j1"] == newer
    trash.left(database, act, ["j1"])
    trash.put(database, act, [JOB])
    assert trash.take(database, act, ["j1"])["j1"] == newer


def test_the_trash_is_listed_by_job_and_queue_for_seven_days(database: Database) -> None:
    act = str(uuid.uuid4())
    trash.put(database, act, [JOB, Whole("k%2", 1, {b"state": b"queued", b"queue": b"sync"})])
    assert [row.job_id for row in trash.listed(database)] == ["k%2", "j1"]
    assert [row.job_id for row in trash.listed(database, queue="email")] == ["j1"]
    assert [row.job_id for row in trash.listed(database, job_id="k%")] == ["k%2"]
    assert trash.remove(database, act, ["j1", "other"]) == 1
    with database.session() as session:
        session.run("UPDATE trash SET trashed_at = trashed_at - %s * interval '1 second'", (KEPT_S + 1,))
    assert trash.listed(database) == ()
