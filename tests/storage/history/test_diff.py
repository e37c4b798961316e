"""A job beside the last success of its task."""

import pytest

from storage.database.connection import Database
from storage.errors import JobMissing
from storage.history.diff import Difference, diff
from tests.storage.history.shelf import NOW, Shelf, ago


@pytest.fixture
def shelf(database: Database) -> Shelf:
    return Shelf(database)


def test_what_differs_is_named_path_by_path(shelf: Shelf) -> None:
    good = {"order": {"id": 1, "lines": [1, 2]}, "to": "ada", "gone": None, "same": True, "empty": {}}
    bad = {"order": {"id": "1", "lines": [1, 3, 4]}, "to": "ada", "same": True, "new": 1.5, "empty": {}}
    shelf.job("good", created_at=ago(hours=1), args=good, host="w1", duration_ms=20, consumer_version="1.0")
    shelf.job("bad", state="dead", args=bad, host="w2", duration_ms=20, consumer_version="1.0", attempt=3)
    found = diff(shelf.database, "bad")
    assert (found.job.id, found.other.id, found.is_before, found.is_cut) == ("bad", "good", True, False)
    assert found.differences == (
        Difference("attempt", 3, 1),
        Difference("host", "w2", "w1"),
        Difference("args.new", 1.5, None, "job"),
        Difference("args.order.id", "1", 1),
        Difference("args.order.lines.1", 3, 2),
        Difference("args.order.lines.2", 4, None, "job"),
        Difference("args.gone", None, None, "other"),
    )
    assert {"queue", "duration_ms", "version", "args.to", "args.same", "args.order.lines.0", "args.empty"} <= set(
        found.same
    )


def test_the_success_is_the_last_one_before_the_job(shelf: Shelf) -> None:
    shelf.job("old", created_at=ago(days=5))
    shelf.job("right", created_at=ago(days=2))
    shelf.job("failed", created_at=ago(days=1), state="dead")
    shelf.job("other", created_at=ago(days=1), task="shop.tasks.unpack")
    shelf.job("bad", created_at=ago(hours=5), state="dead")
    shelf.job("later", created_at=NOW)
    assert diff(shelf.database, "bad").other.id == "right"


def test_without_a_success_before_it_a_later_one_serves(shelf: Shelf) -> None:
    shelf.job("bad", created_at=ago(hours=5), state="dead")
    shelf.job("later", created_at=NOW)
    found = diff(shelf.database, "ba")
    assert (found.other.id, found.is_before) == ("later", False)
    with pytest.raises(JobMissing, match=r"no other job of shop\.tasks\.pack has succeeded"):
        diff(shelf.database, "later")
    with pytest.raises(JobMissing, match="there is no job 'zz'"):
        diff(shelf.database, "zz")
